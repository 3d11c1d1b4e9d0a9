"""A column of a table: its type, and the call that fills it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from enum import Enum
from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass

from .sensitive import Path
from .shapes import Constraint

TAG_MAP = "tag_map"
"""The column that DuckDB makes of `tags`: key -> value."""
_OF_STRINGS = (pa.string(), pa.binary())


def get_path(item: Any, path: Sequence[str]) -> Any:
    """The value at a column's path in the item of a reply; `None` where a member is absent."""
    for member in path:
        if not isinstance(item, dict):  # as every reply is; to ask for a Mapping takes ten times as long
            return None
        item = item.get(member)
    return item


class ColumnSource(Enum):
    """The call that fills a column."""

    LIST = "list"  # the List call, one for each page
    DESCRIBE = "describe"  # one Describe call for each row, or for several
    EXTRA = "extra"  # one further call for each row
    PARENT = "parent"  # the value for which the List call was made
    TAGS = "tags"  # one tag call for each row; needs the arn
    REGION = "region"  # the region of the call
    ACCOUNT = "account"  # the name of the account that the call reads
    ACCOUNT_ID = "account_id"  # the arn, or one STS call for each account of the session
    KEY = "key"  # data__Identifier: the key's value


@dataclass(frozen=True)
class TagSpelling:
    """How a service spells tags.

    Attributes:
        key, value: members of each element of the list; both empty if the tags are a map.
    """

    key: str = ""
    value: str = ""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: snake_case name, as SELECT writes it.
        type: Arrow type (timestamps are `timestamp[us, UTC]`, structures STRUCT, maps MAP).
        json_type: Arrow type of the JSON reply before conversion: a timestamp is float64 seconds, a blob base64 text,
            what `columns:` gives another type is a string or a number, and everything else is as in `type`.
        description: plain text from the model, one paragraph.
        source: the call that fills it.
        path: members from the item of that call to the value, such as ("EndpointMetadata", "EndpointName").
        shape: name of botocore's shape; empty for region, account_id, account and data__Identifier.
        constraint: the service's constraints (strings only). They describe; they never decide an answer.
        extra: name of the further call that fills it, a key of `Table.extras`; empty for other sources.
        tags: how the reply spells tags, if the column is `tags`; its values become a list of {Key, Value}.
        sensitive: paths within a value to text that is hidden unless `sqlprov_show_sensitive` is on.
        per_second: of a time that the reply has as a number: 1000 if it counts milliseconds.
        is_json: whether the text is JSON; DuckDB's type is then JSON.
    """

    name: str
    type: pa.DataType
    json_type: pa.DataType
    description: str
    source: ColumnSource
    path: tuple[str, ...] = ()
    shape: str = ""
    constraint: Constraint = field(default_factory=Constraint)
    extra: str = ""
    tags: TagSpelling | None = None
    sensitive: tuple[Path, ...] = ()
    per_second: int = 1
    is_json: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it holds times."""
        return bool(pa.types.is_timestamp(self.type))

    @property
    def is_time_as_number(self) -> bool:
        """Whether the catalog, and not the model, says that a number is a time."""
        is_number = not pa.types.is_string(self.json_type)
        return self.is_time and is_number and bool(self.json_type != pa.float64() or self.per_second != 1)

    @property
    def has_other_type(self) -> bool:
        """Whether the catalog says that a string holds another type."""
        return self.is_json or bool(pa.types.is_string(self.json_type) and self.type not in _OF_STRINGS)
