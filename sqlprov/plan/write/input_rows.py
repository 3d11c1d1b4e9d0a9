"""Rows of a statement's query, as every step of a write reads them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass


@dataclass(frozen=True)
class InputRows:
    """Input rows, with values as DuckDB returns them.

    Attributes:
        names: columns as the statement writes them.
        types: Arrow type of each column.
        json: whether each column has DuckDB's type JSON.
        rows: the values.
        zone: time zone of times without one.
    """

    names: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    json: tuple[bool, ...]
    rows: tuple[tuple[Any, ...], ...]
    zone: str
