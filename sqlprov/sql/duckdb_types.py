"""Spells Arrow types as DuckDB does."""

from __future__ import annotations

import re
from collections.abc import Collection

import pyarrow as pa

from sqlprov.sql.lexer import quote_identifier

_NAMES = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "large_string": "VARCHAR",
    "binary": "BLOB",
    "large_binary": "BLOB",
    "date32[day]": "DATE",
    "timestamp[s]": "TIMESTAMP_S",
    "timestamp[ms]": "TIMESTAMP_MS",
    "timestamp[us]": "TIMESTAMP",
    "timestamp[ns]": "TIMESTAMP_NS",
}


def format_duckdb_type(kind: pa.DataType, keywords: Collection[str] = ()) -> str:
    """An Arrow type as DuckDB's DESCRIBE spells it.

    Args:
        kind: the type.
        keywords: DuckDB's, in lower case. DuckDB quotes a field with such a name, even if it need not.
    """
    if pa.types.is_struct(kind):
        fields = (f"{_quote(each.name, keywords)} {format_duckdb_type(each.type, keywords)}" for each in kind)
        return f"STRUCT({', '.join(fields)})" if kind.num_fields else "STRUCT"
    if pa.types.is_map(kind):
        key, value = (format_duckdb_type(each, keywords) for each in (kind.key_type, kind.item_type))
        return f"MAP({key}, {value})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"{format_duckdb_type(kind.value_type, keywords)}[]"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind) and kind.tz:
        return "TIMESTAMP WITH TIME ZONE"
    return _NAMES.get(str(kind)) or str(kind).upper()


def _quote(name: str, keywords: Collection[str]) -> str:
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in keywords
    return name if is_plain else quote_identifier(name)
