"""Writes the select list of a live table's view: DuckDB types and columns that the scan itself does not have."""

from __future__ import annotations

from collections.abc import Iterable

from sqlprov.catalog.column import TAG_MAP, Column
from sqlprov.sql.lexer import quote_identifier

_UNIQUE_TAGS = (
    "list_filter(tags, lambda tag, place: tag.Key IS NOT NULL AND list_position("
    "list_transform(tags, lambda each: each.Key), tag.Key) = place)"
)
"""The keys of a MAP are unique: of tags with one key, which some services return, the first counts."""


def project(columns: Iterable[Column]) -> str:
    """The select list for columns as a user sees them, over columns as a scan or a write returns them."""
    return ", ".join(map(_project, columns))


def _project(column: Column) -> str:
    name = quote_identifier(column.name)
    if column.is_json:
        return f"{name}::JSON AS {name}"
    return f"map_from_entries({_UNIQUE_TAGS}) AS {name}" if column.name == TAG_MAP else name
