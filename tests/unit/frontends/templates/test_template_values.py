"""Every value arrives unchanged, and cannot change the SQL around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from sqlprov.errors import Error
from sqlprov.frontends.templates import render
from sqlprov.sql.lexer import TokenKind, tokenize

NASTY = (
    "'",
    '"',
    "`",
    "\\",
    "$$",
    "$t$",
    "$",
    "--",
    "/*",
    "*/",
    ";",
    "\n",
    "\r",
    "\0",
    "{{ x }}",
    "{%",
    "E'",
    " ",
)
TEXTS = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=4)), max_size=6).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
LITERALS = (
    *("'{{ x }}'", "'''{{ x }}'''", r"E'\'{{ x }}\\'", r"E'\{{ x }}'", r"E'\x{{ x }}'"),
    *("$${{ x }}$$", "$$a'{{ x }}$ $$", "$t${{ x }}$t$", "{{ x }}"),
)
INNER = st.lists(
    st.sampled_from(("{{ x }}", "{{ y }}", "a", "\\", "$", "*", "/", "-", " ", "1")), max_size=4
).map("".join)
QUOTES = (
    *(("'", "'"), ("E'", "'"), ("$$", "$$"), ("$t$", "$t$"), ('"', '"'), ("`", "`")),
    *(("/*", "*/"), ("--", "\n"), ("", "")),
)
FRAGMENTS = st.tuples(st.sampled_from(QUOTES), INNER).map(lambda parts: parts[1].join(parts[0]))
TEMPLATES = st.lists(FRAGMENTS | st.sampled_from((" ", ".", ",", "U&", "[")), max_size=5).map("".join)


without_deadline = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def fetch_row(duck: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    (row,) = duck.sql(sql).fetchall()
    return tuple(row)


@without_deadline
@given(TEXTS)
@example("'; DROP TABLE t; --")
def test_text_arrives_unchanged_in_every_kind_of_literal(duck: duckdb.DuckDBPyConnection, x: str) -> None:
    row = fetch_row(duck, render(f"SELECT {', '.join(LITERALS)}", {"x": x}).text)
    assert row == (x, f"'{x}'", f"'{x}\\", x, f"x{x}", x, f"a'{x}$ ", x, x)


@without_deadline
@given(TEXTS.filter(bool))
def test_text_arrives_unchanged_in_quoted_and_dotted_names(duck: duckdb.DuckDBPyConnection, x: str) -> None:
    sql = render('SELECT t.{{ x }} AS "{{ x }}" FROM (SELECT 1 AS "{{ x }}") AS t', {"x": x}).text
    assert duck.sql(sql).columns == [x]


@without_deadline
@given(VALUES)
def test_lists_and_objects_arrive_as_json(duck: duckdb.DuckDBPyConnection, x: Any) -> None:
    assume(x is not None)
    (text,) = fetch_row(duck, render("SELECT '{{ x }}'", {"x": x}).text)
    assert text == x if isinstance(x, str) else json.loads(text) == x


@without_deadline
@given(TEXTS, VALUES)
def test_a_literal_of_json_stays_json(duck: duckdb.DuckDBPyConnection, x: str, y: Any) -> None:
    assume(y is not None and not isinstance(y, str))
    template = """SELECT '{"a": "<{{ x }}>", "b": [{{ y }}, "{{ x }}"]}'"""
    (text,) = fetch_row(duck, render(template, {"x": x, "y": y}).text)
    assert json.loads(text) == {"a": f"<{x}>", "b": [y, x]}


@without_deadline
@given(st.lists(TEXTS | st.none() | st.booleans() | st.integers(-(2**62), 2**62), max_size=4))
def test_a_list_outside_a_literal_is_a_duckdb_list(duck: duckdb.DuckDBPyConnection, x: list[Any]) -> None:
    kinds = {type(each) for each in x if each is not None}
    assume(len(kinds) <= 1)
    assert fetch_row(duck, render("SELECT {{ x }}", {"x": x}).text) == (x,)


def token_shapes(sql: str) -> list[tuple[TokenKind, str | None]]:
    """The kinds of the tokens, and the strings of those that can hold no value."""
    holds = (TokenKind.STRING, TokenKind.QUOTED, TokenKind.COMMENT, TokenKind.WORD)
    return [
        (token.kind, None if token.kind in holds else token.text) for token in tokenize(sql, comments=True)
    ]


@without_deadline
@given(TEMPLATES, TEXTS, TEXTS)
@example("/*{{ x }}/", "*", "")
@example("{{ x }}'a'", "b", "")
@example("a{{ x }}", " b", "")
@example("$a{{ x }}$ $a$", "b", "")
def test_no_value_changes_the_sql_around_it(template: str, x: str, y: str) -> None:
    try:
        harmless = render(template, {"x": "a", "y": "b"}).text
        rendered = render(template, {"x": x, "y": y}).text
    except Error:
        return
    assert token_shapes(rendered) == token_shapes(harmless)
