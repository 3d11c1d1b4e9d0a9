"""Finds where a statement needs AWS's JSON, or the text in it, and DuckDB would use something else.

The serialized plan has each cast, also those that DuckDB adds, with both types: where a nested value becomes JSON or
text, where a text is read as JSON, and where a value in JSON becomes text with its quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlprov.duck.explain_plan import Node
from sqlprov.sql.lexer import quote_text

_WRITTEN_CAST = re.compile(r"::|(?:TRY_)?CAST\b", re.IGNORECASE)
_REFERENCE = re.compile(r'[\w."]+')
_BARE = re.compile(r"\s*(?:-?\d[\d.eE+-]*|true|false|null)\s*")
"""JSON without quotes or brackets."""
_VALUES = frozenset({"json_extract", "json_value"})
"""Functions whose JSON may be a text."""
_DOCUMENTS = frozenset({"to_json", "json_object", "json_array"})
_ROWS = frozenset({"json_each", "json_tree"})
_ROW_VALUES = frozenset({"value", "atom"})
"""Columns of the rows of json_each whose JSON may be a text."""
_SEARCHES = frozenset({"contains", "regexp_matches"})
_LIKES = frozenset({"~~", "!~~", "~~*", "!~~*"})
_QUOTES = "This is JSON, in which a text has quotes"
_REFERENCES = ("BOUND_REF", "BOUND_COLUMN_REF")
LONGEST = 40
"""Characters of an expression that a message repeats."""
_CTES = ("LOGICAL_MATERIALIZED_CTE", "LOGICAL_RECURSIVE_CTE")


class PlanColumn(NamedTuple):
    """A column that a step of a plan returns: its name, and whether it is JSON that may be a text."""

    name: str
    is_value: bool


Columns = Sequence[PlanColumn]


class JsonCasts:
    """The casts of a statement's plan.

    Args:
        roots: the serialized plans of `text`, in which each function of JSON converts its own arguments.
        text: the statement.
        texts_are_meant: whether a cast that `text` does not show is meant, as in a view that casts to text.
    """

    def __init__(self, roots: Sequence[Node], text: str, *, texts_are_meant: bool) -> None:
        self._text, self._texts_are_meant = text, texts_are_meant
        self._steps = [step for root in roots for step in _list_steps(root)]
        self._ctes = {
            step["table_index"]: step["children"][0] for step in self._steps if step["type"] in _CTES
        }
        self._has_rows = any(_name_function(step) in _ROWS for step in self._steps)

    def find(self) -> tuple[str, int] | None:
        """Why the statement is refused, and the place; `None` if it is not."""
        for step in self._steps:
            columns = [self._list_columns(child) for child in step["children"]]
            below = [*chain(*columns)]
            for condition in step.get(
                "conditions", ()
            ):  # whose right side counts the columns of its own side
                for node, _ in _list_expressions(condition["right"], None):
                    if node["type"] == "BOUND_REF":
                        node["index"] += len(columns[0])
            own = [value for name, value in step.items() if name != "children"]
            for node, parent in _list_expressions(own, None):
                reason = self._check(node, parent, below)
                if reason:
                    return reason, self._find_place(parent or node, below)
        return None

    def _check(self, node: Node, parent: Node | None, below: Columns) -> str:
        """Why an expression is refused; empty if it is not."""
        if not is_cast(node):
            return self._check_comparison(node, below)
        (operand,) = node["children"]
        source, target = _read_type(operand), node["return_type"]
        pairs = set(_list_conversions(source, target))
        is_written = self._is_written(node)
        name = self._name(node, below)
        if ("NESTED", "JSON") in pairs:
            return explain_json(name)
        if ("NESTED", "VARCHAR") in pairs and not is_written:
            return (
                f"{name} would become DuckDB's text here, which is not JSON. Write to_json({name}), "
                f"or {name}::VARCHAR if you mean that text."
            )
        if ("VARCHAR", "JSON") in pairs and parent is not None and not is_written:
            sides = [each for each in _list_operands(parent) if each is not node]
            value = next((each for each in sides if self._is_value(each, below)), None)
            if value and not _has_json(operand, may_be_bare=not _is_comparison(parent)):
                return (
                    f"{_QUOTES}, so it cannot be compared with {name}. "
                    f"Write {_write_text(value, below)}, which is text."
                )
        is_text = ("JSON", "VARCHAR") in pairs and not is_written and self._is_value(operand, below)
        if is_text and (parent is None or not _searches(parent)):
            return (
                f"{_QUOTES}, but it is used as text. Write {_write_text(operand, below)}, which is text; "
                "or cast to VARCHAR or JSON if you mean the JSON."
            )
        return ""

    def _check_comparison(self, node: Node, below: Columns) -> str:
        """Why `json::VARCHAR = 'text'` is refused, or the same with a function whose text has the quotes."""
        sides = _list_operands(node) if _is_comparison(node) else []
        texts = [each for each in sides if name_type(_read_type(each)) == "VARCHAR"]
        values = [each for each in texts if self._is_value(each, below)]
        for other in map(_strip, texts if values else ()):
            if other["type"] == "VALUE_CONSTANT" and not _has_json(other, may_be_bare=True):
                return (
                    f"{_QUOTES}, so it cannot be compared with {_write(other, below)}. "
                    f"Write {_write_text(values[0], below)}, which is text."
                )
        return ""

    def _read_text(self, node: Node) -> str:
        """An expression as the statement has it; empty if it has it not, or in a view."""
        start = node.get("query_location")
        return "" if start is None else self._text[start : start + node["query_location_length"]]

    def _name(self, cast: Node, below: Columns) -> str:
        """The operand of a cast as a message names it."""
        written = self._read_text(cast)
        is_whole = re.search(rf"(?<![\w.]){re.escape(written)}(?!\w)", self._text)  # not a place in a macro
        if written and len(written) <= LONGEST and is_whole and not self._is_written(cast):
            return written
        columns = (each for each, _ in _list_expressions(cast, None) if each["type"] in _REFERENCES)
        names = (_find_column(each, below).name or _write(each, below) for each in columns)
        return next(names, _write(cast["children"][0], below))

    def _is_written(self, cast: Node) -> bool:
        """Whether the statement itself has this cast: DuckDB gives its own the place of their operand."""
        written = self._read_text(cast)
        return bool(_WRITTEN_CAST.match(written)) or (
            self._texts_are_meant and not _REFERENCE.fullmatch(written)
        )

    def _find_place(self, node: Node, below: Columns) -> int:
        """The offset of a literal or a column of an expression in the text; the other places may be in a macro."""
        places, names = [], []
        for each, _ in _list_expressions(node, None):
            if self._read_text(each).strip() and self._read_text(each) == _write(each, below):
                places.append(each["query_location"])
            if each["type"] in _REFERENCES:
                names.append(_find_column(each, below).name or _write(each, below))
        found = [
            match.start() for name in names if (match := re.search(rf"(?i)\b{re.escape(name)}", self._text))
        ]
        return min(places or found, default=0)

    def _list_columns(self, step: Node) -> list[PlanColumn]:
        """The columns that a step returns, as far as they can be known."""
        kind = step["type"]
        children = [self._list_columns(child) for child in step["children"]]
        below = [*chain(*children)]

        def read(expressions: Sequence[Node]) -> list[PlanColumn]:
            return [PlanColumn(_write(each, below), self._is_value(each, below)) for each in expressions]

        if kind == "LOGICAL_EXPRESSION_GET":
            return [_join(columns) for columns in zip(*map(read, step["expressions"]), strict=True)]
        own = read(step.get("expressions", ()))
        if kind == "LOGICAL_PROJECTION":
            return own
        if kind == "LOGICAL_AGGREGATE_AND_GROUP_BY":
            return read(step["groups"]) + own
        if kind == "LOGICAL_CTE_REF":
            cte = self._ctes.get(step["cte_index"])
            return self._list_columns(cte) if cte else []
        if kind in _CTES:
            return children[-1]
        if kind in ("LOGICAL_UNION", "LOGICAL_EXCEPT", "LOGICAL_INTERSECT"):
            return [_join(columns) for columns in zip(*children, strict=False)]
        if kind == "LOGICAL_GET":
            names = step.get("names", [])
            places = [each.get("index") or 0 for each in step.get("column_indexes", ())]
            is_rows = _name_function(step) in _ROWS
            found = (names[at] if at < len(names) else "" for at in places)
            return [PlanColumn(name, is_rows and name in _ROW_VALUES) for name in found]
        return below + (own if kind in ("LOGICAL_WINDOW", "LOGICAL_UNNEST") else [])

    def _is_value(self, node: Node, below: Columns) -> bool:
        """Whether an expression is JSON, or the text of JSON, that may be a text with its quotes."""
        if node["type"] in _REFERENCES:
            column = _find_column(node, below)
            is_row = self._has_rows and node.get("alias") in _ROW_VALUES
            return column.is_value or (is_row and name_type(node["return_type"]) == "JSON")
        name = _name_function(node)
        if name in _VALUES:
            return True
        keeps = is_cast(node) or "JSON" in str(node.get("return_type"))
        return (
            keeps
            and name not in _DOCUMENTS
            and any(self._is_value(each, below) for each in _list_operands(node))
        )


def _join(columns: Columns) -> PlanColumn:
    """The column of a UNION or a VALUES list."""
    return PlanColumn(columns[0].name, any(each.is_value for each in columns))


def _find_column(node: Node, below: Columns) -> PlanColumn:
    """The column that an expression is, among those of the steps below."""
    at = node.get("index", len(below)) if node["type"] == "BOUND_REF" else len(below)
    return below[at] if at < len(below) else PlanColumn("", False)


def is_cast(node: Node) -> bool:
    """Whether an expression of a plan is a cast."""
    return _name_function(node) == "__cast"


def explain_json(name: str) -> str:
    """Why a nested value may not become DuckDB's JSON, and what to write."""
    return f"{name} would become DuckDB's JSON here, in which what AWS did not send is null. Write to_json({name})."


def name_type(kind: Node) -> str:
    """The name of a type of a plan."""
    return str((kind.get("type_info") or {}).get("alias") or kind["id"])


def _name_function(node: Node) -> str:
    path = (node.get("qname") or {}).get("path") or [""]
    return str(path[-1])


def _strip(node: Node) -> Node:
    """An expression without the casts around it."""
    return _strip(node["children"][0]) if is_cast(node) else node


def _read_type(node: Node) -> Node:
    kind: Node = node.get("return_type") or node["value"]["type"]
    return kind


def _list_conversions(source: Node, target: Node) -> Iterator[tuple[str, str]]:
    """What becomes what in a cast between types that hold JSON, text or nested values."""
    before, after = name_type(source), name_type(target)
    if after in ("JSON", "VARCHAR") and before != after:
        is_nested = _has_members(source) if after == "JSON" else bool(_list_parts(source))
        yield ("NESTED" if is_nested else before), after
    else:
        parts, targets = _list_parts(source), _list_parts(target)
        if any(name for name, _ in parts):
            pairs = [(dict(parts)[name], part) for name, part in targets if name in dict(parts)]
        else:  # items, or the values of row(a, b)
            pairs = [(part, other) for (_, part), (_, other) in zip(parts, targets, strict=False)]
        for part, other in pairs:
            yield from _list_conversions(part, other)


def _has_members(kind: Node) -> bool:
    """Whether the JSON of a type is not AWS's."""
    is_own = kind["id"] in ("STRUCT", "TIMESTAMP WITH TIME ZONE")
    return is_own or any(_has_members(part) for _, part in _list_parts(kind))


def _list_parts(kind: Node) -> list[tuple[str, Node]]:
    """The members of a structure, key and value of a map, or the items of a list: name in lower case, and type."""
    info = kind.get("type_info") or {}
    if kind["id"] == "MAP":
        info = info["child_type"]["type_info"]
    if "child_types" in info:
        return [(str(each["first"]).lower(), each["second"]) for each in info["child_types"]]
    return [("", info["child_type"])] if "child_type" in info else []


def _is_comparison(node: Node) -> bool:
    return str(node.get("type", "")).startswith("COMPARE_") or "comparison" in node


def _searches(node: Node) -> bool:
    """Whether it finds a text anywhere in another, where quotes do not count."""
    patterns = [
        str(each["value"]["value"])
        for part in _list_operands(node)
        for each, _ in _list_expressions(part, None)
        if each["type"] == "VALUE_CONSTANT" and each["value"].get("value") is not None
    ]
    pattern = patterns[-1] if patterns else ""
    if _name_function(node) in _LIKES:
        return pattern.startswith('"') or (pattern.startswith("%") and pattern.endswith("%"))
    return _name_function(node) in _SEARCHES and pattern[:1] != "^" and pattern[-1:] != "$"


def _has_json(node: Node, *, may_be_bare: bool) -> bool:
    """Whether a text is JSON, as far as its literals say; one such as `2026` may be meant as a text."""
    texts = [
        each["value"].get("value")
        for each, _ in _list_expressions(node, None)
        if each["type"] == "VALUE_CONSTANT"
    ]
    if node["type"] == "VALUE_CONSTANT" and isinstance(texts[0], str) and _BARE.fullmatch(texts[0]):
        return may_be_bare
    if node["type"] == "VALUE_CONSTANT" and texts[0] is None:
        return True
    return any(isinstance(each, str) and each.lstrip()[:1] in ('"', "{", "[") and each for each in texts)


def _list_steps(step: Node) -> Iterator[Node]:
    yield step
    for child in step["children"]:
        yield from _list_steps(child)


def _list_expressions(part: Any, parent: Node | None) -> Iterator[tuple[dict[str, Any], Node | None]]:
    """Every expression in a part of a plan before its operands, and the expression or join of which it is one."""
    if isinstance(part, dict):
        if "expression_class" in part:
            yield part, parent
            parent = part
        elif "comparison" in part:  # of a join
            parent = part
        for each in part.values():
            yield from _list_expressions(each, parent)
    elif isinstance(part, list):
        for each in part:
            yield from _list_expressions(each, parent)


def _list_operands(node: Node) -> list[Node]:
    """The operands of an expression or of a condition of a join."""
    return [each for each, parent in _list_expressions([*node.values()], node) if parent is node]


def _write(node: Node, below: Columns) -> str:
    """An expression as a message names it: a column, a literal, or its first operand."""
    if node["type"] == "VALUE_CONSTANT":
        value = node["value"].get("value")
        return quote_text(value) if isinstance(value, str) else str(value)
    name = node.get("alias") or _find_column(node, below).name
    operands = (_write(each, below) for each in _list_operands(node))
    return str(name or next(operands, "text"))


def _write_text(node: Node, below: Columns) -> str:
    """What to write for the text of JSON."""
    if _name_function(node) in _VALUES:
        document, path = _list_operands(node)
        return f"{_write(document, below)}->>{_write(path, below)}"
    name = _write(node, below)
    if node["type"] in _REFERENCES and "(" not in name:
        return f"{name}->>'$'"
    return next(
        (_write_text(each, below) for each in _list_operands(node)), "->> in place of -> or json_extract"
    )
