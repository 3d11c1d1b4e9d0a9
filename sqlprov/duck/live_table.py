"""The tables that DuckDB scans: a resource type, and the tables that report on statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from sqlprov.aws.read.matching import select_matches
from sqlprov.catalog.table import Table
from sqlprov.duck.table_source import TableSource
from sqlprov.duck.view_columns import project
from sqlprov.plan.read.predicate import TRUE, Predicate


class LiveTable(TableSource):
    """A resource type as DuckDB scans it.

    The key is the first column, because DuckDB requests the first column if it needs none, as in `count(*)`.

    Args:
        table: the resource type.
        open_scan: begins the scan of these columns of the rows that meet a predicate.

    Attributes:
        carrier: the hidden column whose filter carries the statement's id into each scan.
    """

    def __init__(
        self,
        table: Table,
        open_scan: Callable[[LiveTable, tuple[str, ...], Predicate], Iterator[pa.RecordBatch]],
    ) -> None:
        self.table = table
        self.carrier = f"__ctx_{table.provider}__{table.service}__{table.name}"
        self._open_scan = open_scan
        public = {column.name: column.type for column in table.columns}
        key = {name: public[name] for name in table.key}
        super().__init__(pa.schema({**key, self.carrier: pa.string(), **public}))

    @property
    def view(self) -> str:
        """The select list of the public view, in the documented order."""
        return project(self.table.visible_columns)

    def scan(self, names: tuple[str, ...], where: Predicate) -> Iterator[pa.RecordBatch]:
        return self._open_scan(self, names, where)

    def select(
        self, batches: Iterator[pa.RecordBatch], names: tuple[str, ...], where: Predicate, id_: str
    ) -> Iterator[pa.RecordBatch]:
        """What DuckDB asked for: the columns `names` of the rows that meet `where`, not over the hidden column."""
        for batch in batches:
            rows = select_matches(batch, where)
            if self.carrier in names:
                rows = rows.append_column(self.carrier, pa.repeat(pa.scalar(id_), rows.num_rows))
            if rows.num_rows:
                yield rows.select(names)


class StatusTable(TableSource):
    """A table whose rows sqlprov knows without a call, such as sqlprov.errors.

    Args:
        name: its name.
        columns: their names and types.
        list_rows: returns the rows; the predicate may carry the statement's id.
        carrier: as of LiveTable; empty if the rows are the same for every statement.
    """

    def __init__(
        self,
        name: str,
        columns: pa.Schema,
        list_rows: Callable[[StatusTable, Predicate], pa.Table],
        carrier: str | None = None,
    ) -> None:
        self.carrier = f"__ctx_sqlprov_{name}" if carrier is None else carrier
        self.view = ", ".join(f'"{column}"' for column in columns.names)
        super().__init__(columns.append(pa.field(self.carrier, pa.string())) if self.carrier else columns)
        self._list_rows = list_rows

    def scan(self, names: tuple[str, ...], where: Predicate) -> Iterator[pa.RecordBatch]:
        rows = self._list_rows(
            self, where
        )  # here, not in the generator: its error would show frames of DuckDB's
        return (select_matches(batch, where).select(names) for batch in rows.to_batches())


class FilterProbe(TableSource):
    """A table without rows.

    Attributes:
        where: the conditions that DuckDB passed with the last scan.
    """

    where: Predicate = TRUE

    def scan(self, names: tuple[str, ...], where: Predicate) -> Iterator[pa.RecordBatch]:
        self.where = where
        return iter(())
