"""Parses the statements of a script with DuckDB before any of them runs."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from sqlprov.sql import Explain, Query, Statement
from sqlprov.sql.syntax_errors import explain_syntax_error


def check_syntax(duck: duckdb.DuckDBPyConnection, statements: Sequence[Statement]) -> None:
    """Raise MalformedSQL or NotSupportedError for the first statement that DuckDB cannot parse."""
    for statement in statements:
        inner = statement.inner if isinstance(statement, Explain) else statement
        if not isinstance(inner, Query):
            continue
        if inner.verb == "LOAD":
            break  # what follows may use the syntax of the extension
        try:
            duck.extract_statements(inner.text)
        except duckdb.ParserException as raised:
            error = explain_syntax_error(str(raised), inner.text)
            problem, newline, place = str(error).partition("\n")
            error.args = (f"{problem} Nothing of the script has run.{newline}{place}",)
            error.offset = statement.offset
            raise error from None
