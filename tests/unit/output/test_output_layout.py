"""Layout: headers, NULL, folding, blocks, control characters."""

from __future__ import annotations

import importlib
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from query_rows import QueryRows, write_bytes, write_text
from rich.cells import cell_len

import sqlprov
from sqlprov.output import FORMATS, write
from sqlprov.output.values import to_json_values

NONE = "SELECT 1 AS a, 'x' AS b WHERE false"


def test_every_format_is_a_module_with_a_writer() -> None:
    for format in FORMATS:
        assert callable(importlib.import_module(f"sqlprov.output.{format}").write)


def test_without_rows_there_is_a_header_or_an_empty_array() -> None:
    assert write_text(NONE, "csv") == "a,b\n"
    assert write_text(NONE, "table") == "a  b\n-  -\n"
    assert write_text(NONE, "table", width=2) == "a  b\n-  -\n"
    assert write_text(NONE, "json") == "[]\n"
    assert write_text(NONE, "jsonl") == ""
    assert write_text(NONE, "markdown") == "| a   | b   |\n| --- | --- |\n"
    assert pa.ipc.open_stream(write_bytes(NONE, "arrow")).read_all().column_names == ["a", "b"]
    assert pq.read_table(io.BytesIO(write_bytes(NONE, "parquet"))).column_names == ["a", "b"]


def test_a_table_aligns_text_left_and_numbers_right() -> None:
    assert write_text("SELECT * FROM (VALUES ('alpha', 7), (NULL, 12345)) AS t(name, n)", "table") == (
        "name       n\n-----  -----\nalpha      7\nNULL   12345\n"
    )


def test_nested_values_print_as_json() -> None:
    time = "TIMESTAMPTZ '2025-01-31 12:00:00+00'"
    sql = f"SELECT {{'a': 1, 'b': [true, NULL]}} AS s, MAP {{'k': 1.5}} AS m, {{'x': {time}}} AS t"
    assert write_text(sql, "table").splitlines()[2].split() == [
        '{"a":1,"b":[true,null]}',
        '{"k":1.5}',
        '{"x":"2025-01-31T12:00:00Z"}',
    ]
    assert json.loads(write_text(sql, "json")) == [
        {"s": {"a": 1, "b": [True, None]}, "m": {"k": 1.5}, "t": {"x": "2025-01-31T12:00:00Z"}}
    ]


def test_a_structure_without_members_is_an_empty_object() -> None:
    assert to_json_values(pa.array([{}, None], pa.struct([]))) == [{}, None]


def test_wide_values_fold_and_lose_nothing() -> None:
    sql = "SELECT 1 AS i, repeat('abcdefghij', 12) AS long, 'x' AS z"
    lines = write_text(sql, "table", width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert "".join(line[3:57].strip() for line in lines[2:]) == "abcdefghij" * 12
    assert lines[2].endswith("  x")


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("several words of one text", ["several words of", "one text"]),
        ('{"Key":"team","Value":"a b c"}', ['{"Key":"team",', '"Value":"a b c"}']),
        ('["' + "long " * 5 + '",1]', ['["long long long', 'long long ",1]']),
        ("arn:aws:iam::1234567890:role/a", ["arn:aws:iam::", "1234567890:role/a"]),
        ("x" * 20, ["x" * 17, "xxx"]),
    ],
)
def test_values_fold_between_words_and_tokens(value: str, lines: list[str]) -> None:
    shown = write_text(f"SELECT '{value}' AS a, 1 AS b", "table", width=20).splitlines()[2:]
    assert [line[:17].strip() for line in shown] == lines


def test_names_stay_whole_where_sentences_fold() -> None:
    sql = "SELECT 'approximate_number_of_messages' AS name, repeat('several words ', 4) AS about, 'BIGINT' AS type"
    shown = write_text(sql, "table", width=60).splitlines()[2:]
    assert shown[0].startswith("approximate_number_of_messages  several words")
    assert len(shown) == 4


def test_the_text_null_has_quotes_and_null_has_none() -> None:
    sql = "SELECT unnest(['NULL', '''NULL''', 'null', NULL]) AS a"
    assert write_text(sql, "table").split()[2:] == ["'NULL'", "''NULL''", "null", "NULL"]
    assert "| 'NULL'   |" in write_text(sql, "markdown")


def test_wide_characters_count_as_two() -> None:
    sql = "SELECT repeat('中', 50) AS a, 'é' AS b"
    lines = write_text(sql, "table", width=40).splitlines()
    assert max(cell_len(line) for line in lines) <= 40
    assert write_text(sql, "table").count("中") == sum(line.count("中") for line in lines) == 50


def test_a_narrow_terminal_gets_one_block_for_each_row() -> None:
    columns = ", ".join(f"'value {number} of the row' AS column_{number}" for number in range(6))
    lines = write_text(f"SELECT {columns} FROM range(2)", "table", width=50).splitlines()
    assert lines[0].startswith("-- row 1 ---")
    assert lines[1] == "column_0  value 0 of the row"
    assert lines[7].startswith("-- row 2 ---")
    assert max(map(len, lines)) <= 50


def test_blocks_fold_too() -> None:
    columns = ", ".join(f"repeat('{number}', 100) AS column_{number}" for number in range(6))
    lines = write_text(f"SELECT {columns}", "table", width=50).splitlines()
    assert max(map(len, lines)) <= 50
    assert sum(line[10:].count("3") for line in lines[1:]) == 100


def test_without_a_terminal_a_table_is_as_wide_as_its_values_and_has_no_escapes() -> None:
    table = write_text("SELECT repeat('x', 500) AS a, 1 AS b", "table")
    assert len(table.splitlines()) == 3
    assert "\x1b" not in table


def test_control_characters_of_values_do_not_reach_the_terminal() -> None:
    table = write_text("SELECT 'red' || chr(27) || '[31m' || chr(7) || chr(155) AS a", "table")
    assert table.splitlines()[2] == r"red\x1b[31m\x07\x9b"


def test_lines_of_a_value_are_below_each_other() -> None:
    assert write_text(r"SELECT e'one\ntwo' AS a, 1 AS b", "table").splitlines()[2:] == ["one  1", "two"]


class FakeTerminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_cuts_the_types_of_describe() -> None:
    def describe(format: str, stream: io.BytesIO) -> str:
        with sqlprov.connect() as con:
            write(con.sql("DESCRIBE EXTENDED aws.ec2.instances"), format, stream)
        return stream.getvalue().decode()

    last = "PublicDnsName VARCHAR"  # deep in the type of the network interfaces
    assert last in describe("table", io.BytesIO()) and last in describe("json", FakeTerminal())
    shown = describe("table", FakeTerminal())
    assert last not in shown and "…" in shown and "DescribeInstances" in shown


def test_a_terminal_gets_its_own_width_and_a_bold_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = FakeTerminal()
    write(QueryRows("SELECT repeat('x', 60) AS a, 1 AS b"), "table", stream)
    lines = stream.getvalue().decode().splitlines()
    assert lines[0].startswith("\x1b[1ma ")
    assert lines[2] == "x" * 37 + "  1"
    monkeypatch.setenv("NO_COLOR", "1")
    stream = FakeTerminal()
    write(QueryRows("SELECT 1 AS a"), "table", stream)
    assert b"\x1b" not in stream.getvalue()


def test_markdown_cells_cannot_break_the_table() -> None:
    lines = write_text(r"SELECT e'a|b\nc' AS a, '<b>' AS b, NULL AS c", "markdown").splitlines()
    assert lines == [
        "| a         | b      | c    |",
        "| --------- | ------ | ---- |",
        r"| a\|b<br>c | &lt;b> | NULL |",
    ]


def test_csv_quotes_only_what_needs_it() -> None:
    assert write_text("SELECT 'plain' AS a, 'say \"hi\"' AS b, '' AS c, NULL AS d, 1 AS \"e,f\"", "csv") == (
        'a,b,c,d,"e,f"\nplain,"say ""hi""","",,1\n'
    )


def test_json_has_one_object_per_line() -> None:
    assert write_text("SELECT i FROM range(3) AS r(i)", "jsonl") == '{"i":0}\n{"i":1}\n{"i":2}\n'
    assert write_text("SELECT i FROM range(3) AS r(i)", "json") == '[\n{"i":0},\n{"i":1},\n{"i":2}\n]\n'


def test_big_numbers_are_text_if_readers_would_lose_digits() -> None:
    sql = (
        "SELECT 18446744073709551615::UBIGINT AS a, 1.25 AS b, sum(2) AS c, (10::HUGEINT ** 20)::HUGEINT AS d"
    )
    assert (
        write_text(sql, "jsonl") == '{"a":18446744073709551615,"b":1.25,"c":2,"d":"100000000000000000000"}\n'
    )
