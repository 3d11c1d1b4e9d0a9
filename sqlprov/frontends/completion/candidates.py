"""Candidates for completion, with descriptions of tables and columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sqlprov.frontends.completion.context import SqlContext
from sqlprov.records import dataclass

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlprov.catalog.column import Column
    from sqlprov.catalog.table import Table

MAX_TYPE = 40
"""Longest type that is shown in full, in characters."""


@dataclass(frozen=True)
class Candidate:
    """A word for the cursor.

    Attributes:
        text: replaces the typed part of the word.
        start: offset of the typed part.
        about: a description, such as `VARCHAR, ListModels`.
        label: the word in a menu, if it differs from `text`.
    """

    text: str
    start: int
    about: str = ""
    label: str = ""


def describe_column(table: Table, column: Column) -> str:
    """Type of a column and the call that fills it: `VARCHAR, DescribeModel a row`."""
    return ", ".join(filter(None, (shorten_type(column.type, column.is_json), describe_call(table, column))))


def describe_call(table: Table, column: Column) -> str:
    """The call that fills a column: `ListModels`, `DescribeModel a row`; empty if there is none."""
    from sqlprov.catalog.column import ColumnSource
    from sqlprov.sql.describe import find_call

    call = find_call(table, column.source)
    return f"{call} a row" if column.source in (ColumnSource.DESCRIBE, ColumnSource.TAGS) else call


def shorten_type(kind: pa.DataType, is_json: bool = False) -> str:
    """DuckDB's name of a type; for a long nested type, only the outermost part."""
    from sqlprov.sql.duckdb_types import format_duckdb_type

    whole = "JSON" if is_json else format_duckdb_type(kind)
    if len(whole) <= MAX_TYPE:
        return whole
    return f"{whole.partition('(')[0]}(…){'[]' if whole.endswith('[]') else ''}"


def find_column(table: Table, name: str) -> Column | None:
    """A column under any of its names: `RoleArn`, `role_arn`, `data__RoleArn`."""
    plain = name.lower().removeprefix("data__").replace("_", "")
    return next((one for one in table.visible_columns if one.name.lower().replace("_", "") == plain), None)


def list_members(kind: pa.DataType, path: Iterable[str]) -> list[tuple[str, str]]:
    """Name and type of the members of a struct, or of the struct at `path` in it."""
    import pyarrow as pa

    for name in path:
        within = {each.name.lower(): each.type for each in kind} if pa.types.is_struct(kind) else {}
        if name.lower() not in within:
            return []
        kind = within[name.lower()]
    return [(each.name, shorten_type(each.type)) for each in kind] if pa.types.is_struct(kind) else []


def match_words(
    context: SqlContext, words: Iterable[tuple[str, str]], anywhere: bool = False
) -> Iterator[Candidate]:
    """The words that begin with the typed part; then, with `anywhere`, those that contain it."""
    typed = context.typed.lower()
    later = []
    for word, about in words:
        if word.lower().startswith(typed):
            yield Candidate(word, context.start, about)
        elif anywhere and typed in word.lower():
            later.append(Candidate(word, context.start, about))
    yield from later
