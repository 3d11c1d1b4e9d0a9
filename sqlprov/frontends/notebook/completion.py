"""Completes the options and the SQL of the magics in IPython."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from sqlprov.errors import Error
from sqlprov.frontends.completion.completer import SqlCompleter
from sqlprov.frontends.notebook.arguments import FLAGS, VALUES

_LINE = re.compile(r"(?:.*=)?[ \t]*%sqlprov[ \t]+")
_CELL = re.compile(r"\s*%%sqlprov\b[^\n]*")
_OPTION = re.compile(r"(?:^|\s)(--[\w-]*)$")
_OPTIONS = re.compile(
    rf"(?:\s*--(?:(?:{'|'.join(FLAGS)})|(?:{'|'.join(VALUES)})(?:\s*=\s*|\s+)\S+)(?=\s))*\s*"
)
_BEFORE_SQL = re.compile(rf"{_OPTIONS.pattern}(?:[^\W\d]\w*\s*<<)?")


def add_completion(shell: InteractiveShell, completion: Callable[[], SqlCompleter]) -> None:
    """Complete the magics in `shell`; each completion calls `completion`."""

    @context_matcher(identifier="sqlprov")  # type: ignore[untyped-decorator]
    def sqlprov_matcher(context: CompletionContext) -> SimpleMatcherResult:
        before = context.full_text.split("\n")[: context.cursor_line]
        at = sum(len(line) + 1 for line in before) + context.cursor_position
        argument = _find_argument(context.full_text, at)
        return _complete(*argument, completion) if argument else {"completions": []}

    shell.Completer.custom_matchers.append(sqlprov_matcher)


def _find_argument(text: str, at: int) -> tuple[str, int] | None:
    """The text after the magic's name, and the offset of the cursor in it; `None` outside a magic."""
    if _CELL.match(text):
        head = text.index("%%sqlprov") + len("%%sqlprov")
        return (text[head:], at - head) if at > head else None
    start = text.rfind("\n", 0, at) + 1
    line = text[start:].partition("\n")[0]
    if (magic := _LINE.match(line)) and at - start >= magic.end():
        return line[magic.end() :], at - start - magic.end()
    return None


def _complete(text: str, at: int, completion: Callable[[], SqlCompleter]) -> SimpleMatcherResult:
    option = _OPTION.search(text[:at])
    if option and _OPTIONS.fullmatch(text[: option.start(1)]):
        names = [f"--{name}" for name in (*FLAGS, *VALUES)]
        return _build_result([name for name in names if name.startswith(option[1])], option[1])
    sql = _BEFORE_SQL.match(text).end()  # type: ignore[union-attr]  # it can match the empty string
    try:
        candidates = completion().complete(text[sql:], at - sql)
    except Error:
        candidates = []  # running the cell raises the error
    if not candidates:
        return {"completions": []}
    start = candidates[0].start
    texts = [candidate.text for candidate in candidates if candidate.start == start]
    return _build_result(texts, text[sql + start : at])


def _build_result(texts: list[str], fragment: str) -> SimpleMatcherResult:
    result: dict[str, Any] = {
        "completions": [SimpleCompletion(text=text, type="sql") for text in texts],
        "matched_fragment": fragment,
        "ordered": True,
        "suppress": True,
    }
    return result
