"""Catalog and Cloud in, a DuckDB instance with live tables out; shared by all cursors of a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from sqlprov.aws.read.prefetch import Prefetches
from sqlprov.aws.run import Run
from sqlprov.catalog.regions import COLUMNS as REGION_COLUMNS
from sqlprov.catalog.regions import EVERYWHERE
from sqlprov.errors import InterfaceError, ProgrammingError, suggest

# Planning and reading are imported where a live table is used: most statements' start would go into them.
if TYPE_CHECKING:
    import pyarrow.compute as pc

    from sqlprov.aws.read.prefetch import Prefetch
    from sqlprov.aws.read.scan import TableScan
    from sqlprov.aws.transport.clients import Cloud
    from sqlprov.catalog import Catalog
    from sqlprov.duck.live_table import Fetch, LiveTable, OwnTable
    from sqlprov.plan.read import Predicate, ReadPlan, Regions

VARIABLE = "sqlprov_ctx"
OWN = "sqlprov"
DEFAULT_PARTITION = "aws"
RowsOf = Callable[[Run], list[dict[str, Any]]]


def _texts(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


def _missing(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "table": gap.table,
            "region": gap.region,
            "operation": gap.error.operation,
            "code": gap.error.code,
            "message": str(gap.error),
            "request_id": gap.error.request_id,
            "permission": gap.error.permission,
        }
        for gap in run.missing
    ]


def _outcomes(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "row": outcome.row,
            "table": outcome.table,
            "region": outcome.region,
            "key": outcome.key,
            "status": outcome.status.value,
            "operations": list(outcome.operations),
            "reason": outcome.reason,
        }
        for outcome in run.outcomes
    ]


OWN_TABLES: dict[str, tuple[pa.Schema, RowsOf]] = {
    "errors": (
        _texts("table", "region", "operation", "code", "message", "request_id", "permission"),
        _missing,
    ),
    "outcomes": (
        pa.schema([("row", pa.int64()), *_texts("table", "region", "key", "status")])
        .append(pa.field("operations", pa.list_(pa.string())))
        .append(pa.field("reason", pa.string())),
        _outcomes,
    ),
}
"""Name -> columns, and what they hold of a statement."""


class Session:
    """One DuckDB instance.

    Args:
        catalog: what exists.
        cloud: the account it is read from.
        database: DuckDB's database: ":memory:" or a file.
        read_only: open that file read-only.

    Raises:
        ProgrammingError: the database is called like a provider, or cannot be opened.
    """

    def __init__(self, catalog: Catalog, cloud: Cloud, database: str, read_only: bool) -> None:
        self.catalog, self.cloud = catalog, cloud
        # What each cursor is at, by the cursor's id.
        self.runs: dict[str, Run] = {}
        self._prefetches = Prefetches()
        # Counts the statements that may have made or dropped a view or a macro.
        self.changes = 0
        self.in_memory = database == ":memory:"
        self._live: dict[tuple[str, str, str], LiveTable] = {}
        self._schemas: set[tuple[str, str]] = set()
        self._extra: set[str] = set()
        # Regions that SET names -> all that may be named.
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._lock = threading.RLock()
        try:
            self.duck = duckdb.connect(database, read_only=read_only)
        except duckdb.Error as error:
            raise ProgrammingError(f"Cannot open {database!r}: {error}") from None
        self._own = self.duck.cursor()
        # Variables of the caller are found by Connection, in the caller's frame; DuckDB would look in ours.
        self.duck.execute("SET GLOBAL python_enable_replacements = false")
        found = self.duck.execute("SELECT current_setting('threads')").fetchone()
        if found is not None and found[0] < 2:
            # With a single thread DuckDB hands no row on before it has them all, and LIMIT stops no call.
            self.duck.execute("SET GLOBAL threads = 2")
        self._attach(*catalog.list_providers(), OWN)

    def _attach(self, *names: str) -> None:
        for name in names:
            try:
                self._own.execute(f"ATTACH ':memory:' AS {quoted(name)} (READ_WRITE)")
            except duckdb.Error as error:
                self.duck.close()
                raise ProgrammingError(
                    f"The database is itself called {name!r}, the name that sqlprov's own tables need: "
                    f"rename the file. ({error})"
                ) from None

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection of its own to the same instance, in UTC."""
        cursor = self.duck.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        # DuckDB's own choice, 976 KB, would have thousands of rows described for the first one that is read.
        cursor.execute("SET streaming_buffer_size = '1KB'")
        return cursor

    # Registration

    def register(self, words: Iterable[str]) -> bool:
        """Make every table that one of `words` names exist in DuckDB; whether any was new.

        Naming too many is harmless, so the words need not be understood.
        """
        words = frozenset(words)
        with self._lock:
            new = OWN in words and self._own_tables()
            for provider in self.catalog.list_providers():
                if provider in words:
                    new |= self._regions(provider) if "regions" in words else False
                for service in self.catalog.list_services(provider):
                    if service in words:
                        new |= self._schema(provider, service)
            for name in words & self.catalog.services_by_table.keys():
                for provider, service in self.catalog.services_by_table[name]:
                    new |= self._table(provider, service, name)
            return new

    def register_all(self) -> None:
        """Make every table exist: for a transaction, which does not see what is made after it began."""
        with self._lock:
            for provider in self.catalog.list_providers():
                self._regions(provider)
                for service in self.catalog.list_services(provider):
                    for name in self.catalog.list_tables(provider, service):
                        self._table(provider, service, name)

    def _schema(self, provider: str, service: str) -> bool:
        if (provider, service) in self._schemas:
            return False
        self._own.execute(f"CREATE SCHEMA {quoted(provider)}.{quoted(service)}")
        self._schemas.add((provider, service))
        return True

    def _table(self, provider: str, service: str, name: str) -> bool:
        if (provider, service, name) in self._live:
            return False
        # pyarrow.dataset alone takes 150 ms.
        from sqlprov.duck.live_table import LiveTable

        table = self.catalog.get_table(provider, service, name)
        live = LiveTable(table, self._demanded)
        self.cloud.allow_reads(table)
        self._schema(provider, service)
        self._view(f"{quoted(provider)}.{quoted(service)}", name, live)
        self._live[provider, service, name] = live
        return True

    def _view(self, schema: str, name: str, live: LiveTable | OwnTable) -> None:
        """The public view: the hidden column's filter is what DuckDB hands on with every demand."""
        self._own.execute(f"USE {schema}")
        condition = f"{quoted(live.carrier)} = coalesce(getvariable('{VARIABLE}'), '')"
        self._own.from_arrow(live).filter(condition).project(live.view).create_view(name)

    def _own_tables(self) -> bool:
        """The tables sqlprov.errors and sqlprov.outcomes, about the statement before."""
        if OWN in self._extra:
            return False
        from sqlprov.duck.live_table import OwnTable

        for name, (columns, rows) in OWN_TABLES.items():
            self._view(f"{OWN}.main", name, OwnTable(name, columns, self._about_the_one_before(rows)))
        self._extra.add(OWN)
        return True

    def _about_the_one_before(self, rows: RowsOf) -> Callable[[OwnTable, pc.Expression | None], pa.Table]:
        def read(live: OwnTable, filter_: pc.Expression | None) -> pa.Table:
            from sqlprov.duck.filters import predicate

            run = self._run(live, predicate(filter_, live.schema))
            found = rows(run.before) if run.before else []
            return pa.Table.from_pylist([{**row, live.carrier: run.id} for row in found], schema=live.schema)

        return read

    def _regions(self, provider: str) -> bool:
        """The table `<provider>.regions`."""
        if provider in self._extra:
            return False
        self._own.execute(f"USE {quoted(provider)}.main")
        self._own.from_arrow(regions_table(self.catalog)).create_view("regions")
        self._extra.add(provider)
        return True

    # Demands

    def plan(self, live: LiveTable, names: Iterable[str], where: Predicate, run: Run) -> ReadPlan:
        """The calls for the columns `names` of the rows that meet `where`.

        Raises:
            RegionError: see `plan.scope`.
        """
        from sqlprov.plan.read import Demand, plan_read
        from sqlprov.plan.read.domain import without
        from sqlprov.plan.read.scope import bounded, excluded, scope
        from sqlprov.sql.regions_unmet import unmet

        table = live.table
        pages = {
            region: count for (name, region), count in self.cloud.pages.items() if name == table.full_name
        }
        columns = tuple(name for name in names if name != live.carrier)
        hints = run.hints
        top = hints.top[1] if hints and hints.top and hints.top[0] == table.full_name else None
        demand = Demand(
            table,
            columns,
            without(where, live.carrier),
            run.settings.pushdown,
            hints.contained.get(table.full_name, ()) if hints else (),
            top,
            run.settings.split,
        )
        regions = self.regions(table.client, run)
        for name in set(excluded(where)) - set(regions.known):
            near = suggest(name, regions.known)
            run.warn(f"No region is called {name!r}, so that the condition on region leaves none out.{near}")
        plan = plan_read(demand, regions, pages, self.cloud.account_id is not None)
        limits = "" if plan.steps else bounded(demand.where)
        if limits and not scope(demand.where, regions, table.full_name):
            run.warn(unmet(limits, {}, regions.known))
        return plan

    def live(self, carrier: str) -> LiveTable | None:
        """The table whose hidden column is called `carrier`."""
        return next((live for live in self._live.values() if live.carrier == carrier), None)

    def prefetch(self, plan: ReadPlan, run: Run) -> None:
        """Begin to read what DuckDB will demand and read to its end."""
        self._prefetches.begin(plan, run, self.cloud)

    def regions(self, client: str, run: Run) -> Regions:
        """What plans may know about regions."""
        from sqlprov.plan.read import Regions

        chosen = run.settings.region_names()
        own = None if chosen and chosen != ("all",) else self.cloud.find_region()
        home = own or next((name for name in chosen if name != "all"), None)
        partition = (self.catalog.find_partition(home) if home else None) or DEFAULT_PARTITION
        every = self.catalog.list_service_regions(client, partition)
        default = every if "all" in chosen else chosen or ((own,) if own else ())
        known, default = self.regions_known(run), tuple(sorted(default))
        botocore = self._with_known(())
        for name in default:
            # A region may be newer than botocore; a slip of the keyboard would silently hold no rows.
            if name not in botocore:
                run.warn(f"botocore does not know the region {name!r}.{suggest(name, botocore)}")
        if "all" in chosen:  # whatever the statement limits region by, DuckDB finds every row
            return Regions(known, every, default)
        return Regions(known, every, default, run.unresolved, run.relied)

    def regions_known(self, run: Run) -> tuple[str, ...]:
        """Every region that a condition may name, in every partition."""
        return self._with_known(tuple(name for name in run.settings.region_names() if name != "all"))

    def _with_known(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """`chosen`, and every region that botocore knows."""
        if chosen not in self._known:
            botocore = (region.region for region in self.catalog.list_regions())
            self._known[chosen] = tuple(sorted({*botocore, *chosen}))
        return self._known[chosen]

    def regions_open(self, run: Run) -> tuple[str, ...]:
        """The regions that an open condition such as LIKE may mean: those of the session's partition."""
        found = self.regions(EVERYWHERE, run)
        return tuple(sorted({*found.every, *found.default}))

    def is_live(self, provider: str, service: str, name: str) -> bool:
        """Whether there is such a live table; names in lower case."""
        return (provider, service) in self.catalog.services_by_table.get(name, ())

    def _demanded(self, live: LiveTable, names: tuple[str, ...], filter_: pc.Expression | None) -> Fetch:
        from sqlprov.duck.filters import predicate
        from sqlprov.plan.read.domain import conjuncts
        from sqlprov.plan.read.predicate import Compare

        where = predicate(filter_, live.schema)
        run = self._run(live, where)
        try:
            plan = self.plan(live, names, where, run)
        except BaseException as error:
            run.error = run.error or error
            raise
        # Where every row passes, the filter and the column for it would take a tenth of a long list's time.
        carried = Compare(live.carrier, "=", run.id)
        passes = live.carrier not in names and all(part == carried for part in conjuncts(where))
        left = None if passes else filter_
        return lambda: self._batches(live, plan, run, left), left

    def _run(self, live: LiveTable | OwnTable, where: Predicate) -> Run:
        from sqlprov.plan.read.domain import conjuncts
        from sqlprov.plan.read.predicate import Compare

        for part in conjuncts(where):
            match part:
                case Compare(name, "=", id_) if name == live.carrier and id_ in self.runs:
                    return self.runs[id_]
        raise InterfaceError(
            "A live table is read through a sqlprov connection, and DuckDB must push filters down to it: if this is "
            "one, RESET disabled_optimizers and default_collation."
        )

    def _batches(
        self, live: LiveTable, plan: ReadPlan, run: Run, filter_: pc.Expression | None
    ) -> Iterator[pa.RecordBatch]:
        from sqlprov.aws.read.scan import TableScan

        def kept(batch: pa.RecordBatch) -> list[int]:
            if filter_ is None:
                return list(range(batch.num_rows))
            rows = live.carried(batch, run.id).append_column("__row", pa.array(range(batch.num_rows)))
            found: list[int] = pa.Table.from_batches([rows]).filter(filter_).column("__row").to_pylist()
            return found

        reading = self._prefetches.take(plan, run) or TableScan(plan, run, self.cloud, kept)
        try:
            # Here, not in the generator: DuckDB then tells the error as plain text.
            reading.start()
        except BaseException as error:
            run.error = run.error or error
            raise
        return self._carried(None if filter_ is None else live, reading, run)

    def _carried(
        self, live: LiveTable | None, reading: TableScan | Prefetch, run: Run
    ) -> Iterator[pa.RecordBatch]:
        try:
            for batch in reading.read_batches():
                yield batch if live is None else live.carried(batch, run.id)
        except GeneratorExit:
            raise
        except BaseException as error:
            run.error = run.error or error
            raise

    def close(self) -> None:
        """Stop what is under way and let DuckDB and the connections go."""
        for run in list(self.runs.values()):
            run.cancel()
        self._live.clear()
        self._own.close()
        self.duck.close()
        self.cloud.close()


def regions_table(catalog: Catalog) -> pa.Table:
    """The rows of `<provider>.regions`."""
    rows = [asdict(region) for region in catalog.list_regions()]
    return pa.Table.from_pylist(rows, _texts(*REGION_COLUMNS))


def quoted(name: str) -> str:
    """`name` as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'
