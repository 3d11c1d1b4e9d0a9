"""Finds the filters of a parameter that takes a list of them, such as `Filters: [{Name: vpc-id, Values: [vpc-1]}]`.

Their names and values are in the parameter's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass

from .column import Column
from .read_calls import FilterOperator, ListFilter
from .service_model import get_members, read_constraint, to_snake_case
from .shapes import Constraint

MOST_VALUES = 200
"""Values that a parameter takes if the model does not say it, as EC2 allows for all filters of a call."""
FILTER_TYPES = (pa.string(), pa.bool_(), pa.int32(), pa.int64())
"""Types of columns whose values have one spelling as text."""
_ITEM = r"(?s)<li>\s*<p>\s*<code>([^<]+)</code>(.*?)</p>"
_CHOICE = r"<code>[^<]*</code>(?:\s*\|\s*<code>[^<]*</code>)+"
_CODE = r"<code>([^<]*)</code>"
_WORD = r"\b[a-z]+(?:-[a-z]+)+\b"


@dataclass(frozen=True)
class FilterList:
    """A parameter that takes a list of filters.

    Attributes:
        parameter: such as `Filters`.
        members: those of a filter that hold its name and its values.
        values: shape of a filter's values.
        names: name -> the values that its documentation lists; none if it lists no values.
    """

    parameter: str
    members: tuple[str, str]
    values: Any
    names: Mapping[str, tuple[str, ...]]

    def make_filter(self, name: str, column: str) -> ListFilter:
        """The filter of this name, whose values are those of a column."""
        own = read_constraint(self.values.member)
        constraint = Constraint(self.names.get(name) or own.enum, own.pattern, own.min or 1, own.max)
        most = get_most(self.values)
        return ListFilter(self.parameter, column, FilterOperator.EQUAL, constraint, most, name, self.members)


def get_most(values: Any) -> int:
    """How many values a parameter takes."""
    return min(int(values.metadata.get("max", MOST_VALUES)), MOST_VALUES)


def find_filter_lists(inputs: Mapping[str, Any]) -> list[FilterList]:
    """Those among the parameters of an operation."""
    lists = []
    for parameter, shape in inputs.items():
        inner = get_members(shape.member) if shape.type_name == "list" else {}
        by_name = {name.lower(): (name, member) for name, member in inner.items()}
        if by_name.keys() in ({"name", "values"}, {"key", "values"}):
            (name, key), (values, value) = by_name.get("name") or by_name["key"], by_name["values"]
            names = dict.fromkeys(read_constraint(key).enum, ()) or _read_names(shape.documentation)
            if value.type_name == "list" and value.member.type_name == "string":
                lists.append(FilterList(parameter, (name, values), value, names))
    return lists


def _read_names(documentation: str) -> dict[str, tuple[str, ...]]:
    """The documented names and their values; of a text without a list of filters, all words with a hyphen."""
    items = {name: _read_values(text) for name, text in re.findall(_ITEM, documentation)}
    return items or dict.fromkeys(re.findall(_WORD, documentation), ())


def _read_values(text: str) -> tuple[str, ...]:
    """The values of a filter that its documentation lists as `(<code>a</code> | <code>b</code>)`."""
    choice = re.search(_CHOICE, text)
    return tuple(value.strip() for value in re.findall(_CODE, choice[0])) if choice else ()


def derive_filters(lists: Iterable[FilterList], item: Any, columns: Mapping[str, Column]) -> list[ListFilter]:
    """The filters of EC2's lists. Each is named after a member of the row, as it is or as XML has it.

    Args:
        item: shape of a row of the list.
    """
    by_name: dict[str, list[str]] = {}
    members = get_members(item)
    for column in columns.values():
        if column.type in FILTER_TYPES and len(column.path) == 1 and column.path[0] in members:
            spellings = {column.path[0], members[column.path[0]].serialization.get("name", column.path[0])}
            for name in {to_snake_case(spelling).replace("_", "-") for spelling in spellings}:
                by_name.setdefault(name, []).append(column.name)
    pairs = ((each, name, by_name.get(name, ())) for each in lists for name in each.names)
    return [
        each.make_filter(name, columns_[0])
        for each, name, columns_ in pairs
        if len(columns_) == 1 and _is_alike(each.names[name], columns[columns_[0]])
    ]


def _is_alike(values: Sequence[str], column: Column) -> bool:
    """Whether some of the documented values of a filter are values of the column, as far as both are known."""
    enum = column.constraint.enum
    return not (values and enum) or not set(values).isdisjoint(enum)
