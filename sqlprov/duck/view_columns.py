"""Writes the select list of a live table's view: DuckDB types and columns that the scan itself does not have."""

from __future__ import annotations

from collections.abc import Iterable

from sqlprov.catalog.table import TAG_MAP, Column
from sqlprov.sql.lexer import quote_identifier


def project(columns: Iterable[Column]) -> str:
    """The select list for columns as a user sees them, over columns as a scan or a write returns them."""
    return ", ".join(map(_project, columns))


def _project(column: Column) -> str:
    name = quote_identifier(column.name)
    if column.is_json:
        return f"{name}::JSON AS {name}"
    return f"map_from_entries(tags) AS {name}" if column.name == TAG_MAP else name
