"""Answers DuckDB's scans of live tables, and an engine's: finds the statement, plans the calls, streams the batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from sqlprov.aws.read.prefetch import Prefetches
from sqlprov.duck.planner import Planner
from sqlprov.errors import CredentialsError, Error, InterfaceError, OperationalError
from sqlprov.settings import OFF

# Planning and reading are imported when a live table is used: they would take most of the startup time.
if TYPE_CHECKING:
    from sqlprov.aws.read.engine_scan import EngineScan
    from sqlprov.aws.read.prefetch import Prefetch
    from sqlprov.aws.read.scan import TableScan
    from sqlprov.aws.transport.engine import TaskReport
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table
    from sqlprov.duck.accounts_table import AccountsTable
    from sqlprov.duck.live_table import LiveTable, StatusTable
    from sqlprov.plan.read import Predicate, ReadPlan
    from sqlprov.plan.read.scan_task import ScanTask


class Scans:
    """The scans of all statements of a session."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        # Cursor's id -> the statement that it runs.
        self.runs: dict[str, Run] = {}
        self._accounts = planner.accounts
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
        self._prefetches.begin(plans, run, self._accounts.choose(run))

    def open(self, live: LiveTable, names: tuple[str, ...], where: Predicate) -> Iterator[pa.RecordBatch]:
        """Begin the scan of the columns `names` of the rows that meet `where`."""
        from sqlprov.plan.read.domain import drop_column

        run = self.find_run(live, where)
        where = drop_column(where, live.carrier)
        try:
            scan = self._start(self.plan(live, names, where, run), where, run)
        except BaseException as error:
            run.error = run.error or error
            raise
        return live.select(self._read(scan, run), names, where, run.id)

    def find_run(self, live: LiveTable | StatusTable | AccountsTable, where: Predicate) -> Run:
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

    def _start(self, plan: ReadPlan, where: Predicate, run: Run) -> TableScan | Prefetch | EngineScan:
        if run.engine is not None:
            from sqlprov.aws.read.engine_scan import EngineScan

            remote = EngineScan(plan, run, run.engine, self._make_task(plan, run))
            remote.start()
            return remote
        from sqlprov.aws.read.matching import find_matches
        from sqlprov.aws.read.scan import TableScan

        checks = plan.top.checks if plan.top else ""

        def find_kept(batch: pa.RecordBatch) -> list[int]:
            kept = find_matches(batch, where)
            if not checks:
                return kept
            rows = pa.Table.from_batches([batch.append_column("__row", pa.array(range(batch.num_rows)))])
            with duckdb.connect() as own:  # this session's is waiting for the rows
                checked = own.from_arrow(rows.take(kept)).filter(checks).to_arrow_table()
            return list(checked.column("__row").to_pylist())

        scan: TableScan | Prefetch | None = self._prefetches.take(plan, run)
        if scan is None:
            accounts = self._accounts.choose(run)
            plan = self._prefetches.limit(plan, run)
            scan = TableScan(plan, run, accounts, find_kept)
        scan.start()
        return scan

    def _make_task(self, plan: ReadPlan, run: Run) -> ScanTask:
        """The whole scan of a plan as data."""
        from sqlprov.duck.account_scope import read_ids
        from sqlprov.plan.read.scan_task import ScanTask
        from sqlprov.plan.read.steps import ACCOUNT, REGION

        own, request, accounts = self._accounts.own, plan.request, self._accounts.choose(run)
        places = plan.steps.places
        read = {name: accounts.get(name) for name in places.accounts}
        ids = {name: each.account_id for name, each in read_ids(run, plan.table.full_name, read).items()}
        return ScanTask(
            plan.table.full_name,
            request.columns,
            request.where,
            tuple((place[ACCOUNT], place[REGION]) for place in places if place[ACCOUNT] in ids),
            replace(run.settings, cache=OFF),
            request.contained,
            ids,
            own.profile,
            own.endpoint_url,
        )

    def read_task(self, table: Table, task: ScanTask) -> Iterator[pa.RecordBatch | TaskReport]:
        """The rows of a task, with the columns of its plan; at the end, or after an error, its report."""
        from sqlprov.aws.read.matching import select_matches
        from sqlprov.aws.read.scan import TableScan
        from sqlprov.aws.transport.engine import TaskReport
        from sqlprov.aws.transport.run import Run
        from sqlprov.plan.read.hints import Hints
        from sqlprov.plan.read.steps import ACCOUNT, REGION

        failure: Error | None = None
        returned = 0
        hints = Hints(contained={task.table: task.contained})
        run = Run(task.settings, hints=hints, within=frozenset(task.pairs))
        try:
            self._check_accounts(task, run)
            plan = self.planner.plan(table, task.columns, task.where, run)
            if {(place[ACCOUNT], place[REGION]) for place in plan.steps.places} != {*task.pairs}:
                raise OperationalError(
                    f"The worker does not know every region in which {task.table} is read. Install the versions of "
                    "sqlprov and botocore there that the process has that plans the statement."
                )
            scan = TableScan(plan, run, self._accounts.choose(run))
            scan.start()
            for batch in scan.read_batches():
                rows = select_matches(batch, task.where)
                returned += rows.num_rows
                yield rows
        except Error as error:
            failure = error
        finally:
            run.finish()
        log = run.log
        noted = tuple(log.calls), run.counted, tuple(log.missing), tuple(run.warnings)
        yield TaskReport(task.pairs, returned, *noted, failure)

    def _check_accounts(self, task: ScanTask, run: Run) -> None:
        """Check that the names of a task's accounts mean the same here as where it was made.

        Raises:
            UnknownName: there is no such account.
            CredentialsError: they mean another one.
        """
        from sqlprov.aws.transport.calls import read_account_id

        accounts = self._accounts.choose(run)
        accounts.check_names(task.account_ids)
        for name, expected in task.account_ids.items():
            account = accounts.get(name)
            here = account.account_id or read_account_id(run, account.cloud)
            if here != expected:
                raise CredentialsError(
                    f"The account {name!r} is {expected} where the statement runs, and {here} on the worker. Give the "
                    "workers the same profiles, or credentials of the same account."
                )

    def _read(self, scan: TableScan | Prefetch | EngineScan, run: Run) -> Iterator[pa.RecordBatch]:
        try:
            yield from scan.read_batches()
        except GeneratorExit:
            raise
        except BaseException as error:
            run.error = run.error or error
            raise

    def close(self) -> None:
        """Cancel the statements that are running."""
        for run in list(self.runs.values()):
            run.cancel()
