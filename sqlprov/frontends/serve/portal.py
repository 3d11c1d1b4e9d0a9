"""The rows of one statement on their way to the client."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from sqlprov.frontends.messages import format_warnings
from sqlprov.frontends.serve.messages import pack_int16, pack_int32, pack_text
from sqlprov.frontends.serve.types import SIZES, ColumnType, find_catalog_type, find_type, name_type
from sqlprov.records import dataclass

if TYPE_CHECKING:
    from sqlprov.api.result import Result
    from sqlprov.frontends.serve.copy_out import CopyFormat


class ResultColumn(NamedTuple):
    """A column of a RowDescription."""

    name: str
    type: ColumnType


@dataclass
class Portal:
    """A statement that runs, or has run.

    Attributes:
        tag: of CommandComplete; `{}` stands for the number of rows.
        columns: `None` if the statement returns no rows.
        batches: the rows that are not sent yet.
        result: where warnings come from; `None` if there is none.
        copy: the format of COPY … TO STDOUT; `None` for rows.
        rows: how many were sent.
        is_done: whether all were sent.
        is_catalog: whether the rows are those of PostgreSQL's catalogs.
    """

    tag: str
    columns: tuple[ResultColumn, ...] | None = None
    batches: Iterator[pa.RecordBatch] = field(default_factory=lambda: iter(()))
    result: Result | None = None
    copy: CopyFormat | None = None
    rows: int = 0
    is_done: bool = False
    is_catalog: bool = False

    @property
    def oids(self) -> list[int]:
        """The types of the columns."""
        return [column.type.oid for column in self.columns or ()]

    def pull(self, limit: int = 0) -> Iterator[pa.RecordBatch]:
        """The next rows: all, or at most `limit`."""
        left = limit
        for batch in self.batches:
            if limit and batch.num_rows >= left:
                if rest := batch.num_rows - left:
                    self.batches = chain([batch.slice(left, rest)], self.batches)
                self.rows += left
                yield batch.slice(0, left)
                return
            left -= batch.num_rows
            self.rows += batch.num_rows
            yield batch
        self.is_done = True

    def buffer(self) -> None:
        """Read the remaining rows into memory: another statement is about to end the result."""
        self.batches = iter(list(self.batches))

    def close(self) -> None:
        """Stop the statement."""
        self.is_done, self.batches = True, iter(())
        if self.result is not None:
            self.result.close()

    def list_notices(self) -> list[str]:
        """Warnings and incomplete answers, so far."""
        if self.result is None or self.is_catalog:  # whose relations DuckDB takes for its own listings
            return []
        return [line.removeprefix("Warning: ") for line in format_warnings(self.result)]

    def format_tag(self) -> str:
        """What CommandComplete says."""
        changed = self.result.rowcount if self.result is not None else -1
        return self.tag.replace("{}", str(self.rows if changed < 0 else changed))


def build_portal(result: Result, tag: str) -> Portal:
    """The portal of a result."""
    if not result.has_rows:
        return Portal(tag, result=result)
    return Portal(tag, list_columns(result.schema, result.types), result.batches(), result)


def build_text_portal(names: Sequence[str], rows: Sequence[Sequence[str]], tag: str) -> Portal:
    """A portal of texts that are in memory."""
    values = [[row[index] for row in rows] for index in range(len(names))]
    batch = pa.record_batch([pa.array(each, pa.string()) for each in values], names=list(names))
    return Portal(tag, list_columns(batch.schema, ["VARCHAR"] * len(names)), iter([batch]))


def list_columns(
    schema: pa.Schema, types: Sequence[str], text: str = "", is_catalog: bool = False
) -> tuple[ResultColumn, ...]:
    """The columns of a result.

    Args:
        schema: Arrow's.
        types: DuckDB's names of the types; empty if the rows are not DuckDB's.
        text: the statement.
        is_catalog: whether the rows are those of PostgreSQL's catalogs, with its arrays and OIDs.
    """
    find = find_catalog_type if is_catalog else find_type
    kinds = map(find, types or [name_type(kind) for kind in schema.types])
    names = (_name_call(name) if f'"{name}"' not in text else name for name in schema.names)
    return tuple(map(ResultColumn, names, kinds))


def _name_call(name: str) -> str:
    """PostgreSQL's name of a column without one: `max` for DuckDB's `max(x)`."""
    call = re.fullmatch(r"(\w+)\(.*\)", name, re.DOTALL)
    return call[1].removesuffix("_star").lower() if call else name


def describe_columns(columns: Sequence[ResultColumn], formats: Sequence[int]) -> bytes:
    """The content of a RowDescription."""
    parts = [pack_int16(len(columns))]
    for (name, (oid, modifier)), binary in zip(columns, formats, strict=True):
        size = SIZES.get(oid, -1)
        parts += [pack_text(name), pack_int32(0), pack_int16(0), pack_int32(oid), pack_int16(size)]
        parts += [pack_int32(modifier), pack_int16(binary)]
    return b"".join(parts)


def spread_formats(codes: Sequence[int], count: int) -> list[int]:
    """A format for each of `count` values: none means text, and one counts for all."""
    return list(codes) if len(codes) == count else list(codes or [0])[:1] * count
