"""A place and words in, those that match what was typed out; and what a column is, in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlprov.frontends.completion.place import Place

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlprov.catalog.table import Column, Table

LONGEST_TYPE = 40


@dataclass(frozen=True)
class Candidate:
    """A word that may stand at the cursor.

    Attributes:
        text: what replaces what was typed.
        start: offset of what it replaces.
        about: what it is, such as `VARCHAR, ListModels`.
        shown: as lists show it, if that is not `text`.
    """

    text: str
    start: int
    about: str = ""
    shown: str = ""


def described(table: Table, column: Column) -> str:
    """Type of a column and the call that fills it: `VARCHAR, DescribeModel a row`."""
    call = filled(table, column)
    return f"{short(column.type)}, {call}" if call else short(column.type)


def filled(table: Table, column: Column) -> str:
    """The call that fills a column: `ListModels`, `DescribeModel a row`; empty if none does."""
    from sqlprov.catalog.table import ColumnSource
    from sqlprov.sql.describe import find_call

    call = find_call(table, column.source)
    return f"{call} a row" if column.source in (ColumnSource.DESCRIBE, ColumnSource.TAGS) else call


def short(kind: pa.DataType) -> str:
    """DuckDB's name of a type, of a nested one only the outermost."""
    from sqlprov.sql.duckdb_types import format_duckdb_type

    whole = format_duckdb_type(kind)
    if len(whole) <= LONGEST_TYPE:
        return whole
    return f"{whole.partition('(')[0]}(…){'[]' if whole.endswith('[]') else ''}"


def column_of(table: Table, name: str) -> Column | None:
    """A column under any of its names: `RoleArn`, `role_arn`, `data__RoleArn`."""
    plain = name.lower().removeprefix("data__").replace("_", "")
    return next((one for one in table.columns if one.name.lower().replace("_", "") == plain), None)


def inside(kind: pa.DataType, path: Iterable[str]) -> list[tuple[str, str]]:
    """Name and type of the members of a structure, or of one within it."""
    import pyarrow as pa

    for name in path:
        within = {each.name.lower(): each.type for each in kind} if pa.types.is_struct(kind) else {}
        if name.lower() not in within:
            return []
        kind = within[name.lower()]
    return [(each.name, short(each.type)) for each in kind] if pa.types.is_struct(kind) else []


def matching(here: Place, words: Iterable[tuple[str, str]], within: bool = False) -> Iterator[Candidate]:
    """The words that begin with what was typed, then those that hold it `within`."""
    typed = here.typed.lower()
    later = []
    for word, about in words:
        if word.lower().startswith(typed):
            yield Candidate(word, here.start, about)
        elif within and typed in word.lower():
            later.append(Candidate(word, here.start, about))
    yield from later
