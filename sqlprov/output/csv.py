"""A Result in, CSV (RFC 4180, lines ending in LF) out.

DuckDB reads it back with `read_csv(…, allow_quoted_nulls = false)`: NULL is an empty field, the empty text is `""`.
Nested values are JSON, blobs base64.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from sqlprov.output._values import distinct, pieces, texts

if TYPE_CHECKING:
    from sqlprov.output import Result

# Any beginning of a CSV file is one. So an incomplete one ends in a quote left open and, because some readers
# forgive that, in a byte that no UTF-8 text holds.
BROKEN = b'"incomplete: the statement failed here\xff\n'

# Other delimiters count too: a reader that guesses may take one for its own.
_NEEDS_QUOTES = r"""^$|^\s|\s$|^#|[",;|\t\r\n']"""


def write(result: Result, stream: BinaryIO, width: int | None = None) -> int:
    batches = pieces(result)
    names = pa.array(distinct(result.schema.names), pa.string())
    stream.write(",".join(_quoted(names).to_pylist()).encode() + b"\n")
    rows = 0
    try:
        for batch in batches:
            fields = [_quoted(texts(column)) for column in batch.columns]
            lines = pc.binary_join_element_wise(*fields, ",", null_handling="replace", null_replacement="")
            stream.write("\n".join(lines.to_pylist()).encode() + b"\n")
            rows += batch.num_rows
    except BaseException:
        with contextlib.suppress(OSError):
            stream.write(BROKEN)
        raise
    return rows


def _quoted(fields: pa.Array) -> pa.Array:
    wrapped = pc.binary_join_element_wise('"', pc.replace_substring(fields, '"', '""'), '"', "")
    return pc.if_else(pc.match_substring_regex(fields, _NEEDS_QUOTES), wrapped, fields)
