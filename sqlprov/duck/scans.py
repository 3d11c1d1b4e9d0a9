"""Answers DuckDB's scans of live tables: finds the statement, plans the calls, streams the batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from sqlprov.aws.read.prefetch import Prefetches
from sqlprov.duck.planner import Planner
from sqlprov.errors import InterfaceError

# Planning and reading are imported when a live table is used: they would take most of the startup time.
if TYPE_CHECKING:
    import pyarrow.compute as pc

    from sqlprov.aws.read.prefetch import Prefetch
    from sqlprov.aws.read.scan import TableScan
    from sqlprov.aws.transport.run import Run
    from sqlprov.duck.live_table import BatchSource, LiveTable, StatusTable
    from sqlprov.plan.read import Predicate, ReadPlan


class Scans:
    """The scans of all statements of a session."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        # Cursor's id -> the statement that it runs.
        self.runs: dict[str, Run] = {}
        self._cloud = planner.cloud
        self._prefetches = Prefetches()

    def plan(
        self, live: LiveTable, names: Iterable[str], where: Predicate, run: Run, *, may_call: bool = True
    ) -> ReadPlan:
        """The calls for the columns `names` of the rows that meet `where`; raises what `Planner.plan` does."""
        from sqlprov.plan.read.domain import drop_column

        columns = (name for name in names if name != live.carrier)
        return self.planner.plan(
            live.table, columns, drop_column(where, live.carrier), run, may_call=may_call
        )

    def prefetch(self, plans: Sequence[ReadPlan], run: Run) -> None:
        """Start reading plans that DuckDB will scan completely."""
        self._prefetches.begin(plans, run, self._cloud)

    def open(
        self, live: LiveTable, names: tuple[str, ...], filter_: pc.Expression | None
    ) -> tuple[BatchSource, pc.Expression | None]:
        """The function that starts fetching a scan, and the filter to apply to its batches."""
        from sqlprov.duck.filters import read_filter
        from sqlprov.plan.read.domain import list_conjuncts
        from sqlprov.plan.read.predicate import Compare

        where = read_filter(filter_, live.schema)
        run = self.find_run(live, where)
        try:
            plan = self.plan(live, names, where, run)
        except BaseException as error:
            run.error = run.error or error
            raise
        # If every row passes, the filter and its column would waste a tenth of a long list's time.
        carried = Compare(live.carrier, "=", run.id)
        passes = live.carrier not in names and all(part == carried for part in list_conjuncts(where))
        left = None if passes else filter_
        return lambda: self._start(live, plan, run, left), left

    def find_run(self, live: LiveTable | StatusTable, where: Predicate) -> Run:
        """The statement whose cursor's id the filter carries.

        Raises:
            InterfaceError: the filter carries none.
        """
        from sqlprov.plan.read.domain import list_conjuncts
        from sqlprov.plan.read.predicate import Compare

        for part in list_conjuncts(where):
            match part:
                case Compare(name, "=", id_) if name == live.carrier and id_ in self.runs:
                    return self.runs[id_]
        raise InterfaceError(
            "A live table can only be read through a sqlprov connection, where DuckDB must push filters down to it. "
            "If this is one, RESET disabled_optimizers and default_collation."
        )

    def _start(
        self, live: LiveTable, plan: ReadPlan, run: Run, filter_: pc.Expression | None
    ) -> Iterator[pa.RecordBatch]:
        from sqlprov.aws.read.scan import TableScan

        checks = plan.top.checks if plan.top else ""

        def find_kept(batch: pa.RecordBatch) -> list[int]:
            if filter_ is None and not checks:
                return list(range(batch.num_rows))
            batch = live.add_carrier(batch, run.id).append_column("__row", pa.array(range(batch.num_rows)))
            rows = pa.Table.from_batches([batch])
            rows = rows if filter_ is None else rows.filter(filter_)
            if checks:  # in a DuckDB of its own, because this one is waiting for the rows
                with duckdb.connect() as own:
                    rows = own.from_arrow(rows).filter(checks).to_arrow_table()
            kept: list[int] = rows.column("__row").to_pylist()
            return kept

        scan: TableScan | Prefetch | None = self._prefetches.take(plan, run)
        if scan is None:
            plan = self._prefetches.limit(plan, run, self._cloud)
            scan = TableScan(plan, run, self._cloud, find_kept)
        try:
            # Here, not in the generator: DuckDB then reports the error as plain text.
            scan.start()
        except BaseException as error:
            run.error = run.error or error
            raise
        return self._read(None if filter_ is None else live, scan, run)

    def _read(self, live: LiveTable | None, scan: TableScan | Prefetch, run: Run) -> Iterator[pa.RecordBatch]:
        try:
            for batch in scan.read_batches():
                yield batch if live is None else live.add_carrier(batch, run.id)
        except GeneratorExit:
            raise
        except BaseException as error:
            run.error = run.error or error
            raise

    def close(self) -> None:
        """Cancel the statements that are running."""
        for run in list(self.runs.values()):
            run.cancel()
