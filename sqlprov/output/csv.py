"""Writes CSV (RFC 4180, with LF as line ending).

NULL is an empty field, and empty text is `""`: DuckDB reads both back with `read_csv(…, allow_quoted_nulls = false)`.
Nested values are JSON, blobs are base64.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from sqlprov.arrow_functions import compute, has_match, join_texts, replace_text
from sqlprov.output.values import make_unique, start_slices, to_text

if TYPE_CHECKING:
    from sqlprov.output import RowStream

# A CSV file that ends after a row is valid. So an incomplete one ends in an open quote and, because some
# readers accept that, in a byte that is not valid UTF-8.
BROKEN = b'"incomplete: the statement failed here\xff\n'

# Other delimiters too, because a reader may guess the delimiter.
_NEEDS_QUOTES = r"""^$|^\s|\s$|^#|[",;|\t\r\n']"""


def write(rows: RowStream, stream: BinaryIO, width: int | None = None) -> int:
    batches = start_slices(rows)
    names = pa.array(make_unique(rows.schema.names), pa.string())
    stream.write(",".join(_quote(names).to_pylist()).encode() + b"\n")
    count = 0
    try:
        for batch in batches:
            fields = [_quote(to_text(column)) for column in batch.columns]
            lines = join_texts(*fields, separator=",")
            stream.write("\n".join(lines.to_pylist()).encode() + b"\n")
            count += batch.num_rows
    except BaseException:
        with contextlib.suppress(OSError):
            stream.write(BROKEN)
        raise
    return count


def _quote(fields: pa.Array) -> pa.Array:
    wrapped = join_texts('"', replace_text(fields, '"', '""'), '"')
    return compute("if_else", has_match(fields, _NEEDS_QUOTES), wrapped, fields)
