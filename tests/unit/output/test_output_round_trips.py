"""DuckDB reads csv, json and jsonl back to the same values, with automatic detection."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from query_rows import QueryRows, write_bytes, write_text

READERS = {
    "csv": "read_csv('{}', allow_quoted_nulls = false)",
    "json": "read_json('{}')",
    "jsonl": "read_json('{}')",
}

# The reader detects the type.
PLAIN = {
    "BIGINT": "9223372036854775807, -9223372036854775808, 0, NULL",
    "UBIGINT": "18446744073709551615, 1, NULL",
    "BOOLEAN": "true, false, NULL",
    "DOUBLE": "0.1, 1e300, -2.5, 1e-7, 0.3333333333333333, NULL",
    "DATE": "'2025-01-31', '0001-01-01', '9999-12-31', NULL",
    "TIME": "'12:00:00', '23:59:59.123456', NULL",
    "TIMESTAMP": "'2025-01-31 12:00:00.123456', '1969-12-31 23:59:59', NULL",
    "TIMESTAMPTZ": "'2025-01-31 12:00:00.123456+00', '2025-01-31 12:00:00+05:30', '2025-01-31 12:00:00.5+00', NULL",
}
TEXTS = {
    "quotes": """'say "hi"', '"', 'it''s', '""', NULL""",
    "newlines": "e'two\\nlines', e'\\n', e'two\\r\\nlines', e'tab\\there', NULL",
    "commas": "'a,b', ',', 'a;b', 'a|b', NULL",
    "unicode": "'中文', 'é', '🎉', 'Ελλάς', NULL",
    "leading zeros": "'007', '0012', NULL",
    "spaces": "' before', 'after ', '  ', 'x', NULL",
    "null and empty": "'', NULL, 'NULL', 'null'",
    "backslashes": "'\\', '\\n', 'C:\\dir\\', '#no comment', NULL",
    "one empty": "'', 'x'",
    "json": """'{"a": 1}', '[1,', NULL""",
}
# The reader detects another type, and a cast restores the values.
CAST = {
    "DOUBLE": "'NaN', 'Infinity', '-Infinity', 1.5, NULL",
    "FLOAT": "0.1, 'NaN', 3, NULL",
    "HUGEINT": "170141183460469231731687303715884105727, 1, NULL",
    "DECIMAL(38,2)": "'123456789012345678901234567890.12', '-0.01', 1, NULL",
    "DECIMAL(10,8)": "'0.00000001', '1.5', NULL",
    "DECIMAL(18,3)": "'999999999999.999', '0.1', NULL",
    "TIMESTAMP_NS": "'2025-01-31 12:00:00.123456789', NULL",
    "TIMESTAMPTZ": "'infinity', '-infinity', '2025-01-31 12:00:00+00', NULL",
    "UUID": "'00112233-4455-6677-8899-aabbccddeeff', NULL",
    "ENUM ('on', 'off')": "'on', 'off', NULL",
    "INTERVAL": "'14 months 3 days 04:05:06.789', '-1 year', '1 day', '-00:00:01', '0 days', '-13 months 1 day', NULL",
}
NESTED = {
    "INTEGER[]": "[1, NULL, 3], [], NULL",
    "INTEGER[2]": "[1, 2], NULL, [NULL, 4]",
    "VARCHAR[][]": "[['a', ''], NULL, []], [], NULL",
    "STRUCT(a INTEGER, b VARCHAR)": """{'a': 1, 'b': 'say "hi"'}, {'a': NULL, 'b': ''}, NULL""",
    "STRUCT(name VARCHAR, t TIMESTAMPTZ)[]": "[{'name': 'x', 't': '2025-01-31 12:00:00.5+00'}, NULL], [], NULL",
    "MAP(VARCHAR, INTEGER)": "MAP {'a': 1, 'b': NULL}, MAP {'a': 3, 'b': 4}, NULL",
    "MAP(INTEGER, STRUCT(x DECIMAL(4,2))[])": "MAP {1: [{'x': 1.25}]}, NULL",
    "STRUCT(d DOUBLE, b BOOLEAN)": "{'d': 'NaN', 'b': true}, {'d': 1.0, 'b': NULL}, NULL",
}
# The cast of JSON to a structure needs every member; CSV has text, and NULL members are absent.
STRUCTURES = {
    "STRUCT(a INTEGER, b VARCHAR)": '{"a": "INTEGER", "b": "VARCHAR"}',
    "STRUCT(d DOUBLE, b BOOLEAN)": '{"d": "DOUBLE", "b": "BOOLEAN"}',
}


def build_query(kind: str, values: str) -> str:
    rows = (
        f"SELECT {number} AS i, CAST({value} AS {kind}) AS v"
        for number, value in enumerate(_split_values(values))
    )
    return f"FROM ({' UNION ALL '.join(rows)}) ORDER BY i"


def _split_values(values: str) -> list[str]:
    """Split at the commas outside quotes and brackets."""
    parts, depth, quoted = [""], 0, False
    for char in values:
        quoted ^= char == "'"
        depth += (char in "[{(") - (char in "]})") if not quoted else 0
        if char == "," and not quoted and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def read_values(sql: str) -> list[Any]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return [str(row[0]) if row[0] is not None else None for row in connection.sql(sql).fetchall()]


def read_back(folder: Path, format: str, sql: str, value: str = "v") -> list[Any]:
    file = folder / f"rows.{format}"
    file.write_bytes(write_bytes(sql, format))
    return read_values(f"SELECT {value} FROM {READERS[format].format(file)} ORDER BY i")


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("kind", PLAIN)
def test_plain_values_come_back_equal_without_a_cast(kind: str, format: str, tmp_path: Path) -> None:
    sql = build_query(kind, PLAIN[kind])
    assert read_back(tmp_path, format, sql) == read_values(f"SELECT v FROM ({sql})")


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("name", TEXTS)
def test_text_comes_back_unchanged(name: str, format: str, tmp_path: Path) -> None:
    sql = build_query("VARCHAR", TEXTS[name])
    assert read_back(tmp_path, format, sql) == read_values(f"SELECT v FROM ({sql})")


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("kind", CAST)
def test_other_values_come_back_equal_after_a_cast(kind: str, format: str, tmp_path: Path) -> None:
    sql = build_query(kind, CAST[kind])
    assert read_back(tmp_path, format, sql, f"CAST(v AS {kind})") == read_values(f"SELECT v FROM ({sql})")


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("kind", NESTED)
def test_nested_values_come_back_equal_through_json(kind: str, format: str, tmp_path: Path) -> None:
    sql = build_query(kind, NESTED[kind])
    value = f"CAST(CAST(v AS JSON) AS {kind})"
    if format == "csv" and kind in STRUCTURES:
        value = f"json_transform(v, '{STRUCTURES[kind]}')"
    assert read_back(tmp_path, format, sql, value) == read_values(f"SELECT v FROM ({sql})")


@pytest.mark.parametrize("format", READERS)
def test_blobs_come_back_equal_from_base64(format: str, tmp_path: Path) -> None:
    sql = build_query("BLOB", r"'\x00\xFF', '', 'text', NULL")
    assert read_back(tmp_path, format, sql, "from_base64(v)") == read_values(f"SELECT v FROM ({sql})")


@pytest.mark.parametrize("format", READERS)
def test_equal_column_names_are_numbered_as_duckdb_does(format: str, tmp_path: Path) -> None:
    file = tmp_path / f"rows.{format}"
    file.write_bytes(write_bytes("SELECT 1 AS a, 2 AS a, 3 AS A, 4 AS a_1", format))
    with duckdb.connect() as connection:
        relation = connection.sql(f"FROM {READERS[format].format(file)}")
        assert relation.columns == ["a", "a_2", "A_3", "a_1"]
        assert relation.fetchall() == [(1, 2, 3, 4)]


@pytest.mark.parametrize("format", READERS)
def test_a_single_column_of_nulls_and_empty_texts_keeps_every_row(format: str, tmp_path: Path) -> None:
    file = tmp_path / f"rows.{format}"
    file.write_bytes(write_bytes("SELECT unnest([NULL, '', 'x', NULL, '']) AS v", format))
    assert read_values(f"SELECT v FROM {READERS[format].format(file)}") == [None, "", "x", None, ""]


def test_arrow_and_parquet_keep_schema_and_rows() -> None:
    rows = QueryRows(
        "SELECT i, now() AS t, {'x': [i]} AS s, MAP {'k': 1.5} AS m, 'a' AS a FROM range(2500) AS r(i)"
    )
    arrow = pa.ipc.open_stream(write_bytes(rows, "arrow")).read_all()
    parquet = pq.read_table(io.BytesIO(write_bytes(rows, "parquet")))
    assert arrow.equals(rows.table)
    assert parquet.cast(rows.schema).equals(rows.table)


def test_parquet_holds_intervals_and_unions_as_text() -> None:
    sql = "SELECT INTERVAL '1 day' AS i, [INTERVAL '2 days'] AS l, union_value(k := 1.5) AS u, 1 AS i"
    table = pq.read_table(io.BytesIO(write_bytes(sql, "parquet")))
    assert table.to_pylist() == [{"i": "1 day", "l": '["2 days"]', "u": "1.5", "i_1": 1}]


def test_infinite_dates_are_words_that_duckdb_can_cast() -> None:
    assert write_text(
        "SELECT DATE 'infinity' AS a, DATE '-infinity' AS b, DATE '2025-01-31' AS c", "csv"
    ) == ("a,b,c\ninfinity,-infinity,2025-01-31\n")


def test_timestamps_keep_the_zone_of_the_session() -> None:
    rows = QueryRows("SELECT TIMESTAMPTZ '2025-07-31 12:00:00+00' AS a")
    kind = pa.timestamp("us", "Europe/Berlin")
    rows.table = rows.table.cast(pa.schema([("a", kind)]))
    assert write_bytes(rows, "csv") == b"a\n2025-07-31T14:00:00+02:00\n"
