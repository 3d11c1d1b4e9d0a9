"""Has DuckDB serialize the plan of a statement, in which each expression has its types and each column its place.

DuckDB serializes no scan of a Python object. So it plans the statement once more, with functions in place of such
tables, in a transaction that is rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import duckdb
import orjson

from sqlprov.catalog.column import Column
from sqlprov.catalog.table import Table
from sqlprov.duck.explain_plan import Node
from sqlprov.duck.session import Session
from sqlprov.duck.vocabulary import read_keywords
from sqlprov.sql.duckdb_types import format_duckdb_type
from sqlprov.sql.lexer import quote_identifier, quote_path

UNNAMED = "STRUCT(unnamed TIMESTAMPTZ)"
"""The type of a nested column that the statement does not name: whole types would take most of the time."""


def serialize_plan(
    session: Session, duck: duckdb.DuckDBPyConnection, text: str, stubs: Sequence[str], *, optimize: bool
) -> list[Node]:
    """The plans of the statements in `text`, with the definitions in `stubs` in place of the session's.

    Raises:
        duckdb.Error: DuckDB does not bind it, or a step cannot be serialized.
    """
    with session.replacing:
        duck.execute("BEGIN TRANSACTION")
        try:
            duck.execute(";".join(stubs))
            # DuckDB serializes no plan with a BIGNUM, a whole number of more than 38 digits.
            text = re.sub(
                r"(?<![\w.])\d{39,}+(?![eE.])", lambda number: f"{1:0<{len(number[0]) - 2}}e0", text
            )
            query = f"SELECT json_serialize_plan($text::VARCHAR, optimize := {optimize})"
            ((plan,),) = duck.execute(query, {"text": text}).fetchall()
        finally:
            duck.execute("ROLLBACK")
    if not plan:
        raise duckdb.NotSupportedError("DuckDB does not serialize the plan.")
    answer = orjson.loads(plan)
    if answer["error"]:
        is_missing = answer["error_type"] == "catalog"
        raise (duckdb.CatalogException if is_missing else duckdb.BinderException)(answer["error_message"])
    roots: list[Node] = answer["plans"]
    return roots


def write_table_stub(table: Table, words: Collection[str]) -> str:
    """The statement that replaces a live table by a function whose first argument names it.

    Args:
        table: the table.
        words: those of the statement, in lower case.
    """

    def write_type(column: Column) -> str:
        if column.is_json:
            return "JSON"
        kind = format_duckdb_type(column.type, read_keywords() if column.name in words else ())
        return UNNAMED if "STRUCT" in kind and column.name not in words else kind

    columns = table.visible_columns
    types = [write_type(column) for column in columns]
    return write_stub(table.full_name.split("."), [column.name for column in columns], types)


def write_stub(path: Sequence[str], names: Sequence[str], types: Sequence[str], *, kind: str = "") -> str:
    """The statement that replaces a view by a function with the same columns; `kind` is TEMP for a temporary one."""
    columns = (f"column{at} AS {quote_identifier(name)}" for at, name in enumerate(names, 1))
    values = ", ".join(f"NULL::{each}" for each in types)
    # DuckDB has no statistics of this function, and must not conclude from the number of its rows.
    rows = f"repeat_row('{'.'.join(path)}', {values}, num_rows := 1000000000)"
    return f"CREATE OR REPLACE {kind} VIEW {quote_path(*path)} AS SELECT {', '.join(columns)} FROM {rows}"
