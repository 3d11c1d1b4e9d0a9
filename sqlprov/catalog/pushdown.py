"""Parses the `filters:` and `sort:` of a list: the conditions and orders that can be pushed down to the API."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from .column import Column
from .filter_lists import FILTER_TYPES, FilterList, derive_filters, find_filter_lists, get_most
from .nouns import flatten, strip_noun
from .read_calls import FilterOperator, ListFilter, Sort
from .service_model import TIMESTAMP, get_members, read_constraint, to_arrow_type, to_snake_case
from .yaml_nodes import Node

_CONDITION = r"(?i)(\w+)\s*(?:\sLIKE\s+'(%?)\?%'|(=|>|<)\s*\?)"
# AWS's naming rule. A parameter with another ending is not checked by its name.
_ENDINGS = {
    "Contains": FilterOperator.CONTAINS,
    "Equals": FilterOperator.EQUAL,
    "After": FilterOperator.AFTER,
    "Before": FilterOperator.BEFORE,
}
_PREFIX = re.compile(r"(?:Prefix|BeginsWith)$")
_PLURAL = r"(?<=s)es$|s$"
_BEFORE = FilterOperator.BEFORE
_BY = re.compile(r"^[Bb]y(?=[A-Z])")
_TIME_WORDS = {"at", "date", "last", "on", "time", "timestamp"}
_EVENTS = {
    **dict.fromkeys(("create", "created"), "creation"),
    **dict.fromkeys(("complete", "completed"), "completion"),
    **dict.fromkeys(("submitted", "submission"), "submit"),
    **{"ended": "end", "started": "start", "updated": "update", "modified": "modification"},
}
_ORDER = {
    FilterOperator.CONTAINS: 0,
    FilterOperator.PREFIX: 0,
    FilterOperator.EQUAL: 1,
    FilterOperator.AFTER: 2,
    FilterOperator.BEFORE: 2,
}


def parse_filters(
    node: Node | None,
    operation: Any,
    item: Any,
    columns: Mapping[str, Column],
    nouns: Sequence[str],
    sent: Collection[str],
) -> tuple[ListFilter, ...]:
    """The filters of a list: those that `filters:` writes, and those that follow from the names.

    Args:
        node: `filters:`; `~` removes a filter that follows from its name. A key is a parameter, or a name in a list of
            filters.
        item: shape of a row of the list.
        columns: the list's columns.
        nouns: of the table, as `list_nouns` returns them.
        sent: parameters that have a value already.
    """
    inputs = get_members(operation.input_shape)
    free = {name: shape for name, shape in inputs.items() if name not in sent}
    lists = find_filter_lists(free)
    in_lists = {name: each for each in lists for name in each.names}
    known = [*inputs, *in_lists]
    written: dict[str, ListFilter | None] = {}
    for parameter, value in (node.read_pairs() if node else {}).items():
        value.check(f"parameter of {operation.name}", parameter, known)
        if value.value in ("", "~", "null"):
            written[parameter] = None
            continue
        match = re.fullmatch(_CONDITION, value.read_text().strip())
        if match is None:
            raise value.fail(
                f"cannot read the condition {value.read_text()!r} of {parameter}; expected "
                "`column = ?`, `column > ?`, `column < ?`, `column LIKE '?%'` or `column LIKE '%?%'`"
            )
        column = columns[value.check("column", match[1], columns)]
        pattern = FilterOperator.CONTAINS if match[2] else FilterOperator.PREFIX
        operator = FilterOperator(match[3]) if match[3] else pattern
        if parameter in inputs:
            _check_filter(value, parameter, inputs[parameter], operator, column, item)
            constraint = read_constraint(inputs[parameter])
            per_second = 0 if inputs[parameter].type_name == "timestamp" else column.per_second
            written[parameter] = ListFilter(
                parameter, column.name, operator, constraint, per_second=per_second
            )
        else:
            written[parameter] = _make_filter(value, parameter, in_lists[parameter], operator, column)
    derived = {name: _derive_filter(name, shape, columns, nouns) for name, shape in free.items()}
    if operation.service_model.resolved_protocol == "ec2":
        derived |= {each.name: each for each in derive_filters(lists, item, columns)}
    filters = [each for name in known if (each := written.get(name, derived.get(name)))]
    columns_in_order = list(dict.fromkeys(each.column for each in filters))
    return tuple(
        sorted(
            filters,
            key=lambda each: (_ORDER[each.op], columns_in_order.index(each.column), each.op is _BEFORE),
        )
    )


def _make_filter(
    node: Node, name: str, list_: FilterList, operator: FilterOperator, column: Column
) -> ListFilter:
    """A filter in a list of filters."""
    if operator is not FilterOperator.EQUAL or column.type not in FILTER_TYPES:
        raise node.fail(
            f"{name} of {list_.parameter} takes values as text, and {column.name!r} is {column.type}; expected "
            "`column = ?` with a string, an integer or a boolean"
        )
    return list_.make_filter(name, column.name)


def _derive_filter(
    parameter: str, shape: Any, columns: Mapping[str, Column], nouns: Sequence[str]
) -> ListFilter | None:
    """The filter that a parameter's name says: by its ending, or the name and the enum of a column."""
    if shape.type_name == "list":
        return _derive_choice(parameter, shape, columns)
    constraint, type = read_constraint(shape), to_arrow_type(shape)
    operator, subject = _split_name(parameter)
    if not subject:
        return None
    right = TIMESTAMP if operator in (FilterOperator.AFTER, FilterOperator.BEFORE) else pa.string()
    if type != right:
        return None
    alike = _find_alike(subject, columns, nouns)
    if not alike and right == TIMESTAMP and (event := _find_event(subject, nouns)):
        times = (name for name, column in columns.items() if column.type == TIMESTAMP)
        alike = [name for name in times if _find_event(name, nouns) == event]
    if len(alike) != 1 or columns[alike[0]].type != right:
        return None
    column = columns[alike[0]]
    if operator is None:
        is_by = _BY.match(parameter) and not (constraint.enum or column.constraint.enum)
        is_enum = constraint.enum and set(constraint.enum) == set(column.constraint.enum)
        if not (is_by or is_enum):
            return None
    return ListFilter(parameter, column.name, operator or FilterOperator.EQUAL, constraint)


def _derive_choice(parameter: str, shape: Any, columns: Mapping[str, Column]) -> ListFilter | None:
    """The filter of a parameter that takes several values of the enum of one column, such as `jobStatuses`."""
    constraint, subject = read_constraint(shape.member), flatten(_split_name(parameter)[1])
    alike = [name for name, each in columns.items() if set(each.constraint.enum) == set(constraint.enum)]
    spellings = subject, re.sub(_PLURAL, "", subject)
    if not constraint.enum or len(alike) != 1 or not any(s.endswith(flatten(alike[0])) for s in spellings):
        return None
    return ListFilter(parameter, alike[0], FilterOperator.EQUAL, constraint, get_most(shape))


def _split_name(parameter: str) -> tuple[FilterOperator | None, str]:
    """The operator that a parameter's name says, if any, and what it narrows."""
    name = _BY.sub("", parameter)
    for ending, operator in _ENDINGS.items():
        if name.endswith(ending):
            return operator, name.removesuffix(ending)
        if right := re.fullmatch(rf"{ending}([A-Z].*)", name[:1].upper() + name[1:]):
            return operator, right[1]
    if _PREFIX.search(name):
        return FilterOperator.PREFIX, _PREFIX.sub("", name)
    return None, name.removesuffix("Filter")


def _find_alike(subject: str, columns: Iterable[str], nouns: Sequence[str]) -> list[str]:
    """The columns of this name, with or without the table's noun."""
    flat = flatten(subject)
    return [name for name in columns if flatten(name) == flat] or [
        name for name in columns if strip_noun(name, nouns) == flat
    ]


def _find_event(name: str, nouns: Sequence[str]) -> str:
    """What happens at a time: `CreatedAfter` and `creation_date` are about the creation."""
    words = to_snake_case(name).split("_")
    while len(words) > 1 and "".join(words[:1]) in nouns:
        words = words[1:]
    return "_".join(_EVENTS.get(word, word) for word in words if word not in _TIME_WORDS)


def _check_filter(
    node: Node, parameter: str, shape: Any, operator: FilterOperator, column: Column, item: Any
) -> None:
    """Refuses a parameter whose type, operator or column differs from the condition."""
    is_bound = operator in (FilterOperator.AFTER, FilterOperator.BEFORE)
    expected = TIMESTAMP if is_bound else column.type
    if operator in (FilterOperator.CONTAINS, FilterOperator.PREFIX):
        expected = pa.string()
    takes_number = is_bound and column.is_time_as_number and to_arrow_type(shape) == column.json_type
    if not (to_arrow_type(shape) == expected or takes_number) or column.type != expected:
        raise node.fail(
            f"{parameter} takes {to_arrow_type(shape)} and {column.name!r} is {column.type}; "
            f"expected {expected} for both"
        )
    for ending, right in _ENDINGS.items():
        if not parameter.endswith(ending):
            continue
        if operator is not right:
            raise node.fail(f"{parameter} is written with {operator.value!r}; expected {right.value!r}")
        subject = parameter.removesuffix(ending)
        narrowed = [member for member in get_members(item) if member.endswith(subject)]
        if narrowed and column.path[-1] not in narrowed:
            columns = " or ".join(repr(to_snake_case(member)) for member in narrowed)
            raise node.fail(f"{parameter} narrows {columns}, not {column.name!r}")


def parse_sort(node: Node | None, operation: Any, item: Any, columns: Mapping[str, Column]) -> Sort | None:
    """The `sort:` of a list; `item` is the shape of a row of the list."""
    if node is None:
        return None
    inputs, pairs = get_members(operation.input_shape), node.read_pairs()
    for parameter, value in pairs.items():
        value.check(f"parameter of {operation.name}", parameter, inputs)
    if len(pairs) != 2:
        raise node.fail("expected two parameters, `SortBy: {column: Value}` and `SortOrder: [up, down]`")
    (by, order), (direction, both) = pairs.items()
    directions = both.read_strings()
    if len(directions) != 2:
        raise both.fail(f"expected the ascending and the descending value, found {', '.join(directions)}")
    names: dict[str, str] = {}
    for name, value in order.read_pairs().items():
        if columns[value.check("column", name, columns)].type == pa.string():
            raise value.fail(
                f"{name!r} is text, and the service's collation is unknown; expected a number or a time"
            )
        names[name] = _check_enum(value, value.read_text(), inputs[by])
    for text in directions:
        _check_enum(both, text, inputs[direction])
    always = frozenset(name for name in names if columns[name].path[0] in item.required_members)
    return Sort(by, names, direction, *directions, always)


def _check_enum(node: Node, written: str, shape: Any) -> str:
    """`written`, which must be in the shape's enum if it has one."""
    known = shape.metadata.get("enum", ())
    return node.check(f"value of {shape.name}", written, known) if known else written
