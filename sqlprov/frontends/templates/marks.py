"""A template and variables in; what Jinja makes of them, with a mark where each value belongs, out."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from traceback import walk_tb
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.filters import do_float, do_int
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sqlprov.errors import DataError, MalformedSQL, ProgrammingError, UnknownName, show_caret, suggest

# What these make is a text in which nobody can find the values any more.
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.AssignBlock: "set",
    nodes.Block: "block",
    nodes.Extends: "extends",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from",
    nodes.ScopedEvalContextModifier: "autoescape",
}
_INSTEAD = {"set": " Write {% set name = … %}.", "filter": " Write {{ name | filter }}."}
_VALUE = " value"  # the name of a filter that no template can write


@dataclass(frozen=True)
class Value:
    """What belongs in one place.

    Attributes:
        value: a variable's, or what an expression made of some.
        start: offset in the template of its placeholder.
    """

    value: Any
    start: int


@dataclass(frozen=True)
class Marked:
    """What Jinja made.

    Attributes:
        template: what it was made of.
        text: with one `mark` for each of `values`, in their order.
        lines: offsets in `text`, and the template's line of what begins there.
        names: the variables that the template uses.
    """

    template: str
    text: str
    mark: str
    values: tuple[Value, ...]
    lines: tuple[tuple[int, int], ...]
    names: frozenset[str]

    def line(self, offset: int) -> int:
        """The template's line, from 1, behind a place of `text`."""
        at = bisect_right(self.lines, offset, key=lambda pair: pair[0]) - 1
        start, line = self.lines[at] if at >= 0 else (0, 1)
        return line + self.text.count("\n", start, offset)

    def refused(self, value: Value, why: str) -> DataError:
        """The error for a value that cannot stand in its place; `why` says what it does there."""
        name = re.compile(r"\{\{.*?\}\}").match(self.template, value.start)
        what = f"The value of {name.group()}" if name else "A value"
        return DataError(f"{what} {why}.\n{show_caret(self.template, value.start)}")

    def malformed(self, error: MalformedSQL) -> MalformedSQL:
        """The error about `text`, told of the template."""
        said, _, place = str(error).partition("\n")
        number = re.match(r"LINE (\d+)", place)
        before = self.text.split("\n")[: int(number[1]) - 1] if number else []
        line = self.line(sum(len(each) + 1 for each in before))
        return MalformedSQL(f"{said}\n{show_caret(self.template, _line_start(self.template, line))}")


def json_text(value: Any) -> str:
    """`value` as JSON; raises TypeError or ValueError if JSON cannot write it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def marked(template: str, variables: Mapping[str, Any]) -> Marked:
    """What Jinja makes of a template; raises as `render` does."""
    mark = next(char for char in map(chr, range(0xE000, 0xF8FF)) if char not in template)
    found: list[Value | int] = []  # an int is the line of what follows

    def put(what: Value | int) -> str:
        found.append(what)
        return f"{mark}{len(found) - 1}{mark}"

    def value(written: Any, start: int) -> str:
        if isinstance(written, StrictUndefined):
            str(written)  # raises
        if isinstance(written, Undefined):
            return ""  # {{ x if y }} without an else
        return put(Value(written, start))

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        newline_sequence="\r\n" if "\r\n" in template else "\n",
    )
    environment.filters |= {_VALUE: value, "tojson": json_text, "int": _int, "float": _float}
    try:
        tree = environment.parse(template)
        _refuse(tree, template)
        names = frozenset(meta.find_undeclared_variables(tree))
        _mark(tree, template, put)
        rendered = environment.from_string(tree).render(variables)
    except MalformedSQL:
        raise
    except Exception as error:
        raise _told(error, template, variables) from None
    text, values, lines = _read(rendered, mark, found)
    return Marked(template, text, mark, values, lines, names)


def _refuse(tree: nodes.Template, template: str) -> None:
    kinds: tuple[type[nodes.Node], ...] = (*_REFUSED, nodes.For)
    for node in tree.find_all(kinds):
        if isinstance(node, nodes.For) and not node.recursive:
            continue
        word = _REFUSED.get(type(node), "for … recursive")
        place = show_caret(template, _line_start(template, node.lineno))
        raise MalformedSQL(
            f"{{% {word} %}} is not supported in a template of SQL.{_INSTEAD.get(word, '')}\n{place}"
        )


def _mark(tree: nodes.Template, template: str, put: Callable[[int], str]) -> None:
    """Put a mark before each text and value, that tells the line, and make each value a mark of its own."""
    starts: dict[int, list[int]] = {}  # of each line, what opens a placeholder
    for opening in re.finditer(r"\{\{", template):
        starts.setdefault(template.count("\n", 0, opening.start()) + 1, []).append(opening.start())
    for output in tree.find_all(nodes.Output):
        parts: list[nodes.Expr] = []
        for part in output.nodes:
            parts.append(nodes.TemplateData(put(part.lineno), lineno=part.lineno))
            if not isinstance(part, nodes.TemplateData):
                opened = starts.get(part.lineno)
                start = nodes.Const(opened.pop(0) if opened else _line_start(template, part.lineno))
                if not _is_own_text(part):
                    part = nodes.Filter(part, _VALUE, [start], [], None, None, lineno=part.lineno)
            parts.append(part)
        output.nodes = parts


def _is_own_text(part: nodes.Expr | None) -> bool:
    """Whether an expression gives nothing but texts of the template, as in {{ "," if not loop.last }}."""
    if isinstance(part, nodes.CondExpr):
        return _is_own_text(part.expr1) and (part.expr2 is None or _is_own_text(part.expr2))
    return isinstance(part, nodes.Const) and isinstance(part.value, str)


def _read(
    rendered: str, mark: str, found: Sequence[Value | int]
) -> tuple[str, tuple[Value, ...], tuple[tuple[int, int], ...]]:
    """The rendered text with one mark for each value and none for lines; the values; the lines by offset."""
    text: list[str] = []
    values: list[Value] = []
    lines: list[tuple[int, int]] = []
    length = 0
    for at, piece in enumerate(rendered.split(mark)):
        what = found[int(piece)] if at % 2 else None
        if isinstance(what, int):
            lines.append((length, what))
            continue
        if what is not None:
            values.append(what)
            piece = mark
        text.append(piece)
        length += len(piece)
    return "".join(text), tuple(values), tuple(lines)


# Jinja's own filters make 0 of what is no number, without a word.
def _int(value: Any, default: Any = None, base: int = 10) -> Any:
    return _number(do_int(value, default, base), value, "a whole number")


def _float(value: Any, default: Any = None) -> Any:
    return _number(do_float(value, default), value, "a number")


def _number(found: Any, value: Any, what: str) -> Any:
    if found is None:
        raise ValueError(f"{value!r} is not {what}")
    return found


def _told(error: Exception, template: str, variables: Mapping[str, Any]) -> ProgrammingError:
    """The error for what Jinja met, with the line of the template."""
    if isinstance(error, TemplateSyntaxError):
        said, offset = error.message or "", _line_start(template, error.lineno)
        return MalformedSQL(f"{_sentence(said)}\n{show_caret(template, offset)}")
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    offset = _line_start(template, lines[-1] if lines else 1)
    unknown = re.match(r"'(\w+)' is undefined", str(error)) if isinstance(error, UndefinedError) else None
    if unknown is None:
        return ProgrammingError(f"{_sentence(str(error))}\n{show_caret(template, offset)}")
    name = unknown[1]
    used = re.compile(rf"[^\n]*?\b({name})\b").match(template, offset)
    place = show_caret(template, used.start(1) if used else offset)
    advice = suggest(name, variables) or f" Add --var {name}=…, or a --var-file."
    return UnknownName(f"The variable {name!r} is not given.{advice}\n{place}")


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."


def _line_start(template: str, number: int) -> int:
    """Offset of the first letter of a line."""
    lines = template.split("\n")
    line = lines[number - 1] if number <= len(lines) else ""
    return sum(len(each) + 1 for each in lines[: number - 1]) + len(line) - len(line.lstrip())
