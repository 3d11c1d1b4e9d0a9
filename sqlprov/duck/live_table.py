"""The objects that DuckDB scans: a resource type, and the tables that report on statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from sqlprov.catalog.table import Table
from sqlprov.duck.view_columns import project

if TYPE_CHECKING:
    import pyarrow.compute as pc

BatchSource = Callable[[], Iterator[pa.RecordBatch]]
OpenScan: TypeAlias = (
    "Callable[[LiveTable, tuple[str, ...], pc.Expression | None], tuple[BatchSource, pc.Expression | None]]"
)


class LiveTable:
    """A resource type as DuckDB scans it.

    The key is the first column, because DuckDB requests the first column if it needs none, as in `count(*)`.

    Args:
        table: the resource type.
        open_scan: plans a scan; returns the function that starts fetching, and the remaining filter.

    Attributes:
        carrier: the hidden column whose filter carries the statement's id into each scan.
    """

    def __init__(self, table: Table, open_scan: OpenScan) -> None:
        self.table = table
        self.carrier = f"__ctx_{table.service}__{table.name}"
        self._open_scan = open_scan
        public = {column.name: column.type for column in table.columns}
        key = {name: public[name] for name in table.key}
        self._schema = pa.schema({**key, self.carrier: pa.string(), **public})

    @property
    def schema(self) -> pa.Schema:
        """Every column, the hidden one included."""
        return self._schema

    @property
    def view(self) -> str:
        """The select list of the public view, in the documented order."""
        return project(self.table.visible_columns)

    def add_carrier(self, batch: pa.RecordBatch, id_: str) -> pa.RecordBatch:
        """`batch` with the hidden column, which holds the statement's id."""
        return batch.append_column(self.carrier, pa.repeat(pa.scalar(id_), batch.num_rows))

    def scanner(
        self, columns: list[str] | None = None, filter: pc.Expression | None = None, **_: object
    ) -> LazyScanner:
        """One scan; DuckDB calls this for each reference to the table."""
        names = tuple(self._schema.names if columns is None else columns)
        start, left = self._open_scan(self, names, filter)
        return LazyScanner(self._schema, names, left, start)


class StatusTable:
    """A table whose rows sqlprov knows without a call, such as sqlprov.errors.

    Args:
        name: its name.
        columns: their names and types.
        rows: returns the rows for a filter.
        carrier: as of LiveTable; empty if the rows are the same for every statement.
    """

    def __init__(
        self,
        name: str,
        columns: pa.Schema,
        rows: Callable[[StatusTable, pc.Expression | None], pa.Table],
        carrier: str | None = None,
    ) -> None:
        self.carrier = f"__ctx_sqlprov_{name}" if carrier is None else carrier
        self.view = ", ".join(f'"{column}"' for column in columns.names)
        self._schema = columns.append(pa.field(self.carrier, pa.string())) if self.carrier else columns
        self._rows = rows

    @property
    def schema(self) -> pa.Schema:
        """Every column, the hidden one included."""
        return self._schema

    def scanner(
        self, columns: list[str] | None = None, filter: pc.Expression | None = None, **_: object
    ) -> LazyScanner:
        """One scan."""
        names = tuple(self._schema.names if columns is None else columns)
        return LazyScanner(self._schema, names, filter, lambda: iter(self._rows(self, filter).to_batches()))


class FilterProbe(StatusTable):
    """A table without rows.

    Attributes:
        filter: the filter that DuckDB passed with the last scan; `None` if there was none.
    """

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__("probe", schema, self._note_filter, carrier="")
        self.filter: pc.Expression | None = None

    def _note_filter(self, _: StatusTable, filter: pc.Expression | None) -> pa.Table:
        self.filter = filter
        return self.schema.empty_table()


class LazyScanner:
    """One scan, ready to be fetched.

    Not a `pyarrow.dataset.Scanner`, which reads ahead: LIMIT 5 would pull every page.
    """

    def __init__(
        self, schema: pa.Schema, names: tuple[str, ...], filter_: pc.Expression | None, start: BatchSource
    ) -> None:
        self.projected_schema = pa.schema([schema.field(name) for name in names])
        self._names, self._filter, self._start = names, filter_, start

    def to_reader(self) -> pa.RecordBatchReader:
        """Start fetching; batches are then pulled one by one."""
        return pa.RecordBatchReader.from_batches(self.projected_schema, self._read(self._start()))

    def _read(self, batches: Iterator[Any]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if self._filter is None:
                yield batch.select(self._names)
                continue
            table = pa.Table.from_batches([batch]).filter(self._filter)
            if table.num_rows:
                yield from table.select(self._names).to_batches()
