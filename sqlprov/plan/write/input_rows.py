"""What a statement's query gave, as every step of a write reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class InputRows:
    """Values as DuckDB gave them.

    Attributes:
        names: columns as the statement writes them.
        types: Arrow type of each.
        json: whether each is of DuckDB's type JSON.
        rows: their values.
        zone: time zone of times that name none.
    """

    names: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    json: tuple[bool, ...]
    rows: tuple[tuple[Any, ...], ...]
    zone: str
