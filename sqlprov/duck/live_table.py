"""A demand of DuckDB in, filtered record batches out: the objects that DuckDB scans."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from sqlprov.catalog.table import Table

BatchSource = Callable[[], Iterator[pa.RecordBatch]]
Fetch = tuple[BatchSource, pc.Expression | None]
Demanded = Callable[["LiveTable", tuple[str, ...], pc.Expression | None], Fetch]


def carrier(table: Table) -> str:
    """Name of the hidden column whose filter carries the statement's id into each demand."""
    return f"__ctx_{table.service}_{table.name}"


class LiveTable(ds.Dataset):  # type: ignore[misc]  # pyarrow.dataset has no types
    """A resource type as DuckDB sees it.

    The key comes first, because DuckDB asks for the first column when it needs none, as in `count(*)`.

    Args:
        table: the resource type.
        demanded: plans a demand; gives the function that starts to fetch it, and the filter that is left for us to
            apply to what it fetches.
    """

    def __init__(self, table: Table, demanded: Demanded) -> None:
        # Dataset's own constructor refuses to be called; nothing of it is used.
        self.table = table
        self.carrier = carrier(table)
        self._demanded = demanded
        public = {column.name: column.type for column in table.columns}
        key = {name: public[name] for name in table.key}
        self._schema = pa.schema({**key, self.carrier: pa.string(), **public})

    @property
    def schema(self) -> pa.Schema:
        """Every column, hidden one included."""
        return self._schema

    @property
    def view(self) -> str:
        """The select list of the public view, in the documented order."""
        return ", ".join(f'"{column.name}"' for column in self.table.columns)

    def carried(self, batch: pa.RecordBatch, id_: str) -> pa.RecordBatch:
        """`batch` with the hidden column, which holds the statement's id."""
        return batch.append_column(self.carrier, pa.repeat(pa.scalar(id_), batch.num_rows))

    def scanner(
        self, columns: list[str] | None = None, filter: pc.Expression | None = None, **_: object
    ) -> Scan:
        """What DuckDB calls for each reference to the table: a demand."""
        names = tuple(self._schema.names if columns is None else columns)
        start, left = self._demanded(self, names, filter)
        return Scan(self, names, left, start)


class OwnTable(ds.Dataset):  # type: ignore[misc]
    """A table of `sqlprov.*`: what is known of the statement before, such as sqlprov.errors.

    Args:
        name: its name within the catalog `sqlprov`.
        columns: their names and types.
        rows: gives the rows for the filter that carries the statement's id.
    """

    def __init__(
        self, name: str, columns: pa.Schema, rows: Callable[[OwnTable, pc.Expression | None], pa.Table]
    ) -> None:
        self.carrier = f"__ctx_sqlprov_{name}"
        self.view = ", ".join(f'"{column}"' for column in columns.names)
        self._schema = columns.append(pa.field(self.carrier, pa.string()))
        self._rows = rows

    @property
    def schema(self) -> pa.Schema:
        """Every column, hidden one included."""
        return self._schema

    def scanner(
        self, columns: list[str] | None = None, filter: pc.Expression | None = None, **_: object
    ) -> Scan:
        """What DuckDB calls for each reference to the table."""
        names = tuple(self._schema.names if columns is None else columns)
        return Scan(self, names, filter, lambda: iter(self._rows(self, filter).to_batches()))


class Scan:
    """One demand, ready to be fetched.

    Not a `pyarrow.dataset.Scanner`: that one reads ahead, and LIMIT 5 would pull every page.
    """

    def __init__(
        self,
        live: LiveTable | OwnTable,
        names: tuple[str, ...],
        filter_: pc.Expression | None,
        start: BatchSource,
    ) -> None:
        self.projected_schema = pa.schema([live.schema.field(name) for name in names])
        self._live, self._names, self._filter, self._start = live, names, filter_, start

    def to_reader(self) -> pa.RecordBatchReader:
        """Start fetching; batches are then pulled one by one."""
        return pa.RecordBatchReader.from_batches(self.projected_schema, self._filtered(self._start()))

    def _filtered(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if self._filter is None:
                yield batch.select(self._names)
                continue
            table = pa.Table.from_batches([batch]).filter(self._filter)
            if table.num_rows:
                yield from table.select(self._names).to_batches()
