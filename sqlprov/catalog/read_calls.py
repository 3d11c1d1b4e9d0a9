"""The calls that read the rows of a table, except the list, which refers to other tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import Enum
from typing import Any

from sqlprov.records import dataclass

from .column import TagSpelling
from .shapes import Constraint, Shape

PLACEHOLDER = re.compile(r"\{(\w+)\}")
"""A column in an ARN that is made of columns."""


@dataclass(frozen=True)
class ErrorRule:
    """An error code, or `*` and the end of one, and text that the message must contain if the code is ambiguous."""

    code: str
    text: str = ""


class FilterOperator(Enum):
    """How an API parameter narrows a list."""

    EQUAL = "="
    CONTAINS = "like"
    PREFIX = "prefix"
    AFTER = ">"
    BEFORE = "<"


@dataclass(frozen=True)
class ListFilter:
    """An API parameter and the SQL condition that it applies (`StatusEquals: status = ?`).

    Attributes:
        parameter, column, op: the condition.
        constraint: the values that may be sent.
        most: of a parameter that takes a list of values, of which a row has one, how many it takes; otherwise 0.
        name: for a parameter that takes a list of filters, such as `Filters: [{Name: vpc-id, Values: [vpc-1]}]`, the
            name of this one; otherwise empty.
        members: the members of such a filter that hold its name and its values.
        per_second: of a bound that is a number: 1000 if it counts milliseconds; otherwise 0.
    """

    parameter: str
    column: str
    op: FilterOperator
    constraint: Constraint = field(default_factory=Constraint)
    most: int = 0
    name: str = ""
    members: tuple[str, str] = ("Name", "Values")
    per_second: int = 0

    @property
    def label(self) -> str:
        """The parameter, with the name of a filter in a list of filters: `Filters.vpc-id`."""
        return f"{self.parameter}.{self.name}" if self.name else self.parameter


@dataclass(frozen=True)
class Sort:
    """How a list is ordered by the service.

    Attributes:
        by: parameter that takes the order's name (`SortBy`).
        columns: column -> value of `by`; only columns whose order is the same in DuckDB.
        direction: parameter that takes the direction (`SortOrder`).
        ascending, descending: its two values.
        always: the columns that every row has. For rows without a value, their position in the order and the
            effect of a bound are unknown.
    """

    by: str
    columns: dict[str, str]
    direction: str
    ascending: str
    descending: str
    always: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PageToken:
    """A page token.

    Attributes:
        parameter: the parameter that takes it.
        expression: JMESPath from the reply to it; botocore's paginators need more than names.
        is_text: whether the parameter takes a text.
    """

    parameter: str
    expression: str
    is_text: bool = True


@dataclass(frozen=True)
class DescribeCall:
    """The Describe operation: one call for each row or key, or for `batch` of them.

    Attributes:
        call: operation, such as `DescribeInferenceExperiment`.
        arguments: parameter -> column that fills it: a key column, or another column that the list fills. In a batch,
            the first parameter takes a list of values.
        item: members from the reply to the resource, or to the list of resources of a batch; empty if the reply is
            the resource.
        paths: column -> members from the item, for every column it returns. These include list columns, which a
            lookup by key reads without List.
        batch: how many rows one call may describe; 0 if it describes one.
        send: parameters of every call.
        pairs: whether the item is a map from names to strings, as SQS and SNS have it.
        optional: the arguments that are left out of the call for a row without a value: an app belongs to a user
            profile or to a space. None of them is filled by a column of the key.
        tokens: the page tokens, if one reply does not hold all of a list or map; the resource is then the reply.
        paged: the member that holds that list or map.
        beside: members of the reply that belong to the resource and are not in `item`; `paths` has them, too.
        opens: as that of the list.
    """

    call: str
    arguments: Mapping[str, str]
    item: tuple[str, ...]
    paths: Mapping[str, tuple[str, ...]]
    batch: int = 0
    send: Mapping[str, Any] = field(default_factory=dict)
    pairs: bool = False
    optional: frozenset[str] = frozenset()
    tokens: tuple[PageToken, ...] = ()
    paged: str = ""
    beside: tuple[str, ...] = ()
    opens: str = ""


@dataclass(frozen=True)
class ExtraCall:
    """A further call for each row, made only for its own columns (`also:`).

    Attributes:
        call: operation, such as `GetBucketPolicy`.
        arguments: parameter -> column that fills it.
        send: parameters of every call.
        absent: errors that mean that the columns are NULL.
        lists: parameters that take a list, which holds the value of the row alone.
    """

    call: str
    arguments: Mapping[str, str]
    send: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[ErrorRule, ...] = ()
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TagsCall:
    """The tag operations of one resource.

    Attributes:
        call: operation that reads them, paged, such as `ListTags`; empty if a member of the row holds them.
        argument: parameter that takes the value of `column`.
        items: output member that holds the tags.
        added: parameter of `add` that takes tags.
        token_in, token_out: parameter and output member of the page token; empty if the call is not paged.
        add, remove: operations that add tags and remove them; empty if the file does not name them.
        keys: parameter of `remove` that takes the keys, or tags without values.
        column: the column that fills `argument`, or an ARN made of columns
            (`arn:aws:glue:{region}:{account_id}:job/{name}`); empty for the table's ARN.
        spelling: how the reply spells tags.
        removes_tags: whether `keys` takes tags.
        takes_list: whether `argument` takes a list of values. The reply then has a list on the way to the tags.
        shape: of the tags that `add` takes, or none; `None` if there is no `add`.
        missing: the errors that mean that the service does not know the resource.
    """

    call: str
    argument: str
    items: str
    token_in: str
    token_out: str
    add: str = ""
    remove: str = ""
    keys: str = ""
    added: str = ""
    removes_tags: bool = False
    column: str = ""
    spelling: TagSpelling = field(default_factory=lambda: TagSpelling("Key", "Value"))
    takes_list: bool = False
    shape: Shape | None = field(default=None, repr=False, compare=False)
    missing: tuple[ErrorRule, ...] = ()

    def list_columns(self, arn: str) -> list[str]:
        """The columns that fill `argument`; `arn` is the table's."""
        return PLACEHOLDER.findall(self.column) or [self.column or arn]

    def fill(self, arn: str, get_value: Callable[[str], Any]) -> Any:
        """The value of `argument` for one resource, whose columns `get_value` returns; `None` if one is NULL."""
        values = {name: get_value(name) for name in self.list_columns(arn)}
        if None in values.values():
            return None
        is_made = PLACEHOLDER.search(self.column)
        return self.column.format(**values) if is_made else next(iter(values.values()))

    def build_parameters(self, value: Any) -> dict[str, Any]:
        """The parameters of the call for one resource."""
        return {self.argument: [value] if self.takes_list else value}

    def build_keys(self, keys: Iterable[str]) -> dict[str, Any]:
        """The parameter of `remove` for the keys of tags."""
        return {self.keys: [{self.spelling.key: key} for key in keys] if self.removes_tags else list(keys)}

    def read_keys(self, parameters: Mapping[str, Any]) -> list[str]:
        """The keys in the parameters of `remove`."""
        keys = parameters[self.keys]
        return [key[self.spelling.key] for key in keys] if self.removes_tags else list(keys)
