"""A cell of IPython and a cursor in; the words that may stand there out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)
from IPython.core.interactiveshell import InteractiveShell

from sqlprov.errors import Error
from sqlprov.frontends.completion import Completion
from sqlprov.frontends.notebook.asked import FLAGS, VALUES

_LINE = re.compile(r"(?:.*=)?[ \t]*%sqlprov[ \t]+")
_CELL = re.compile(r"\s*%%sqlprov\b[^\n]*")
_OPTION = re.compile(r"(?:^|\s)(--[\w-]*)$")
_OPTIONS = re.compile(
    rf"(?:\s*--(?:(?:{'|'.join(FLAGS)})|(?:{'|'.join(VALUES)})(?:\s*=\s*|\s+)\S+)(?=\s))*\s*"
)
_BEFORE_SQL = re.compile(rf"{_OPTIONS.pattern}(?:[^\W\d]\w*\s*<<)?")


def add_completion(shell: InteractiveShell, completion: Callable[[], Completion]) -> None:
    """Have `shell` complete the SQL in the magics; `completion` is asked at every key."""

    @context_matcher(identifier="sqlprov")  # type: ignore[untyped-decorator]
    def sqlprov_matcher(context: CompletionContext) -> SimpleMatcherResult:
        before = context.full_text.split("\n")[: context.cursor_line]
        at = sum(len(line) + 1 for line in before) + context.cursor_position
        sql = _sql(context.full_text, at)
        if sql is None:
            return {"completions": []}
        return _matches(*sql, completion)

    shell.Completer.custom_matchers.append(sqlprov_matcher)


def _sql(text: str, at: int) -> tuple[str, int] | None:
    """What follows the magic's name, and the cursor in it; `None` outside a magic."""
    if found := _CELL.match(text):
        head = text.index("%%sqlprov") + len("%%sqlprov")
        return (text[head:], at - head) if at > head and found else None
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)]
    if (found := _LINE.match(line)) and at - start >= found.end():
        return line[found.end() :], at - start - found.end()
    return None


def _matches(text: str, at: int, completion: Callable[[], Completion]) -> SimpleMatcherResult:
    option = _OPTION.search(text[:at])
    if option and _OPTIONS.fullmatch(text[: option.start(1)]):
        names = [f"--{name}" for name in (*FLAGS, *VALUES)]
        return _result([name for name in names if name.startswith(option[1])], option[1])
    begins = _BEFORE_SQL.match(text).end()  # type: ignore[union-attr]  # it may be empty
    try:
        found = completion().candidates(text[begins:], at - begins)
    except Error:
        return {"completions": []}  # it will be told when the cell is run
    if not found:
        return {"completions": []}
    start = found[0].start
    return _result([each.text for each in found if each.start == start], text[begins + start : at])


def _result(texts: list[str], fragment: str) -> SimpleMatcherResult:
    result: dict[str, Any] = {
        "completions": [SimpleCompletion(text=text, type="sql") for text in texts],
        "matched_fragment": fragment,
        "ordered": True,
        "suppress": True,
    }
    return result
