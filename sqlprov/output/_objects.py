"""A Result in, its rows as JSON objects out, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from sqlprov.output._values import distinct, pieces, values

if TYPE_CHECKING:
    from sqlprov.output import Result


def objects(result: Result) -> Iterator[list[bytes]]:
    """Lists, none of them empty, of rows as JSON text. Equal column names are numbered, as DuckDB does."""
    names = distinct(result.schema.names)
    for batch in pieces(result):
        rows = zip(*(values(column) for column in batch.columns), strict=True)
        yield [orjson.dumps(dict(zip(names, row, strict=True))) for row in rows]
