"""Expands a template with Jinja, leaving a marker in place of each value."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from traceback import walk_tb
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.filters import do_float, do_int
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sqlprov.errors import DataError, MalformedSQL, ProgrammingError, UnknownName, show_caret, suggest
from sqlprov.records import dataclass

# Their output is plain text, in which the values could no longer be recognized.
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
_VALUE = " value"  # a filter name that a template cannot use
Filters = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Placeholder:
    """A `{{ … }}` with its value.

    Attributes:
        value: of a variable or an expression.
        start: its offset in the template.
    """

    value: Any
    start: int


@dataclass(frozen=True)
class Expansion:
    """A template after Jinja.

    Attributes:
        template: the text before Jinja.
        text: the text after Jinja, with one `marker` for each of `placeholders`, in order.
        lines: offsets in `text`, each with the template's line of the text that begins there.
        names: the variables that the template uses.
        text_is_sql: as for `render`.
    """

    template: str
    text: str
    marker: str
    placeholders: tuple[Placeholder, ...]
    lines: tuple[tuple[int, int], ...]
    names: frozenset[str]
    text_is_sql: bool

    def line(self, offset: int) -> int:
        """The template's line, from 1, of an offset in `text`."""
        at = bisect_right(self.lines, offset, key=lambda pair: pair[0]) - 1
        start, line = self.lines[at] if at >= 0 else (0, 1)
        return line + self.text.count("\n", start, offset)

    def build_error(self, placeholder: Placeholder, problem: str) -> DataError:
        """The error for a value that does not fit its place; `problem` completes the sentence."""
        source = re.compile(r"\{\{.*?\}\}").match(self.template, placeholder.start)
        subject = f"The value of {source.group()}" if source else "A value"
        return DataError(f"{subject} {problem}.\n{show_caret(self.template, placeholder.start)}")

    def relocate(self, error: MalformedSQL) -> MalformedSQL:
        """`error` about `text`, with its place in the template."""
        message, _, place = str(error).partition("\n")
        number = re.match(r"LINE (\d+)", place)
        before = self.text.split("\n")[: int(number[1]) - 1] if number else []
        line = self.line(sum(len(each) + 1 for each in before))
        return MalformedSQL(f"{message}\n{_point_at_line(self.template, line)}")


def to_json(value: Any) -> str:
    """`value` as JSON; raises TypeError or ValueError if JSON has no such value."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def expand(
    template: str,
    variables: Mapping[str, Any],
    filters: Filters,
    text_is_sql: bool,
    prepare: Callable[[nodes.Template], None],
) -> Expansion:
    """Expand a template with Jinja; arguments and errors are those of `render`."""
    marker = next(char for char in map(chr, range(0xE000, 0xF8FF)) if char not in template)
    marks: list[Placeholder | int] = []  # an int is the line of the following text

    def put(mark: Placeholder | int) -> str:
        marks.append(mark)
        return f"{marker}{len(marks) - 1}{marker}"

    def put_value(value: Any, start: int) -> str:
        if isinstance(value, StrictUndefined):
            str(value)  # raises
        if isinstance(value, Undefined):
            return ""  # {{ x if y }} without an else
        return put(Placeholder(value, start))

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        newline_sequence="\r\n" if "\r\n" in template else "\n",
    )
    environment.filters |= {
        **filters,
        _VALUE: put_value,
        "tojson": to_json,
        "int": _to_int,
        "float": _to_float,
    }
    try:
        tree = environment.parse(template)
        _refuse_blocks(tree, template)
        names = frozenset(meta.find_undeclared_variables(tree))
        prepare(tree)
        _insert_markers(tree, template, put)
        text = environment.from_string(tree).render(variables)
    except MalformedSQL:
        raise
    except Exception as error:
        raise _translate(error, template, variables) from None
    return Expansion(template, *_collect(text, marker, marks), names, text_is_sql)


def _refuse_blocks(tree: nodes.Template, template: str) -> None:
    kinds: tuple[type[nodes.Node], ...] = (*_REFUSED, nodes.For)
    for node in tree.find_all(kinds):
        if isinstance(node, nodes.For) and not node.recursive:
            continue
        word = _REFUSED.get(type(node), "for … recursive")
        place = _point_at_line(template, node.lineno)
        raise MalformedSQL(
            f"{{% {word} %}} is not supported in a SQL template.{_INSTEAD.get(word, '')}\n{place}"
        )


def _insert_markers(tree: nodes.Template, template: str, put: Callable[[int], str]) -> None:
    """Put a marker with the line before each text and value, and replace each value with a marker."""
    starts: dict[int, list[int]] = {}  # line -> the offsets of its placeholders
    for opening in re.finditer(r"\{\{", template):
        starts.setdefault(template.count("\n", 0, opening.start()) + 1, []).append(opening.start())
    for output in tree.find_all(nodes.Output):
        parts: list[nodes.Expr] = []
        for part in output.nodes:
            parts.append(nodes.TemplateData(put(part.lineno), lineno=part.lineno))
            if not isinstance(part, nodes.TemplateData):
                offsets = starts.get(part.lineno)
                start = nodes.Const(offsets.pop(0) if offsets else _find_line_start(template, part.lineno))
                if not _is_template_text(part):
                    part = nodes.Filter(part, _VALUE, [start], [], None, None, lineno=part.lineno)
            parts.append(part)
        output.nodes = parts


def _is_template_text(part: nodes.Expr | None) -> bool:
    """Whether an expression only returns text of the template, as in {{ "," if not loop.last }}."""
    if isinstance(part, nodes.CondExpr):
        return _is_template_text(part.expr1) and (part.expr2 is None or _is_template_text(part.expr2))
    return isinstance(part, nodes.Const) and isinstance(part.value, str)


def _collect(
    text: str, marker: str, marks: Sequence[Placeholder | int]
) -> tuple[str, str, tuple[Placeholder, ...], tuple[tuple[int, int], ...]]:
    """Leave one marker for each placeholder and none for lines; list the placeholders, and the lines by offset."""
    parts: list[str] = []
    placeholders: list[Placeholder] = []
    lines: list[tuple[int, int]] = []
    length = 0
    for at, part in enumerate(text.split(marker)):
        if at % 2:
            mark = marks[int(part)]
            if isinstance(mark, int):
                lines.append((length, mark))
                continue
            placeholders.append(mark)
            part = marker
        parts.append(part)
        length += len(part)
    return "".join(parts), marker, tuple(placeholders), tuple(lines)


# Jinja's own filters turn a value that is not a number into 0.
def _to_int(value: Any, default: Any = None, base: int = 10) -> Any:
    return _require(do_int(value, default, base), value, "a whole number")


def _to_float(value: Any, default: Any = None) -> Any:
    return _require(do_float(value, default), value, "a number")


def _require(number: Any, value: Any, kind: str) -> Any:
    if number is None:
        raise ValueError(f"{value!r} is not {kind}")
    return number


def _translate(error: Exception, template: str, variables: Mapping[str, Any]) -> ProgrammingError:
    """Jinja's error as ours, with the line of the template."""
    if isinstance(error, TemplateSyntaxError):
        return MalformedSQL(f"{_to_sentence(error.message or '')}\n{_point_at_line(template, error.lineno)}")
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    line = lines[-1] if lines else 1
    unknown = re.match(r"'(\w+)' is undefined", str(error)) if isinstance(error, UndefinedError) else None
    if unknown is None:
        return ProgrammingError(f"{_to_sentence(str(error))}\n{_point_at_line(template, line)}")
    name = unknown[1]
    offset = _find_line_start(template, line)
    use = re.compile(rf"[^\n]*?\b({name})\b").match(template, offset)
    place = show_caret(template, use.start(1) if use else offset)
    advice = suggest(name, variables) or f" Add --var {name}=…, or a --var-file."
    return UnknownName(f"The variable {name!r} has no value.{advice}\n{place}")


def _to_sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."


def _point_at_line(template: str, number: int) -> str:
    return show_caret(template, _find_line_start(template, number))


def _find_line_start(template: str, number: int) -> int:
    """Offset of a line's first character that is not a space."""
    lines = template.split("\n")
    line = lines[number - 1] if number <= len(lines) else ""
    return sum(len(each) + 1 for each in lines[: number - 1]) + len(line) - len(line.lstrip())
