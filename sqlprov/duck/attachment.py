"""Attaches live tables to an existing DuckDB connection. Each scan counts as its own statement."""

from __future__ import annotations

import atexit
import contextlib
import uuid
import warnings
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection as DuckDBPyConnection

from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.call_log import CallRecord
from sqlprov.aws.transport.run import Run
from sqlprov.catalog import Catalog
from sqlprov.catalog.regions import find_partition, list_regions
from sqlprov.catalog.table import Table
from sqlprov.duck.errors import translate
from sqlprov.duck.interrupts import on_interrupt
from sqlprov.duck.live_table import LiveTable
from sqlprov.duck.planner import Planner
from sqlprov.duck.region_finder import ALL
from sqlprov.duck.status_tables import build_regions_table
from sqlprov.errors import (
    Cancelled,
    Error,
    InterfaceError,
    NotSupportedError,
    RegionError,
    ResourceFileError,
    UnknownName,
    suggest,
)
from sqlprov.settings import Settings
from sqlprov.sql.lexer import quote_identifier
from sqlprov.sql.names import TableName, explain_unknown, has_service

if TYPE_CHECKING:
    from sqlprov.plan.read import ReadPlan
    from sqlprov.plan.read.predicate import Predicate

MARK = "sqlprov_attachment"
"""Name of the macro that identifies the attachment of a database."""
REMEMBERED = 100
"""Number of scans whose calls are kept."""
_attachments: weakref.WeakValueDictionary[str, Attachment] = weakref.WeakValueDictionary()


@atexit.register
def _detach_all() -> None:
    # DuckDB prints errors on stderr for Python objects that outlive the interpreter.
    for attachment in list(_attachments.values()):
        if (duck := attachment.duck()) is not None:
            with contextlib.suppress(duckdb.Error, Error):
                detach(duck, attachment.name)


def _cancel_all() -> None:
    for attachment in list(_attachments.values()):
        attachment.cancel()


class Attachment:
    """Live tables in a DuckDB connection; made by `sqlprov.attach`.

    It lives until its database is detached or DuckDB is closed.

    Attributes:
        name: name of the database.
        tables: full names of the tables.
        regions: the regions whose rows they hold; ("all",) for every region of the account.
    """

    def __init__(
        self,
        duck: DuckDBPyConnection,
        catalog: Catalog,
        accounts: AccountFinder,
        services: Sequence[str],
        regions: Sequence[str],
        name: str,
        settings: Settings,
    ) -> None:
        _check_connection(duck)
        if settings.on_error == "warn":
            raise NotSupportedError(
                "sqlprov_on_error = 'warn': a result of plain DuckDB cannot say that rows are missing. Attach with "
                "'fail', or read through sqlprov.connect()."
            )
        self.name, self.duck = name, weakref.ref(duck)
        self._id = uuid.uuid4().hex
        self._accounts, self._settings = accounts, settings
        accounts.guard.read_only = True
        self._runs: deque[Run] = deque(maxlen=REMEMBERED)
        self.regions = _check_regions(regions)
        tables = _load_tables(catalog, services)
        self._planner = Planner(accounts, self.regions)
        self.tables = tuple(f"{name}.{table.service}.{table.name}" for table in tables)
        detach(duck, name)
        _attachments[self._id] = self
        on_interrupt(_cancel_all)
        try:
            self._create(duck, tables)
        except BaseException:
            detach(duck, name)
            raise
        weakref.finalize(self, _end, self._runs, accounts)

    def __repr__(self) -> str:
        return f"<{self.name}: {', '.join(self.tables)} in {', '.join(self.regions)}>"

    @property
    def calls(self) -> list[CallRecord]:
        """The API calls of the last 100 reads of a table, in the order the reads began. Any thread may read it."""
        return [call for run in list(self._runs) for call in list(run.log.calls)]

    def cancel(self) -> None:
        """Cancel the current reads and their calls, from any thread. DuckDB raises an error for each."""
        for run in list(self._runs):
            run.cancel()

    def _create(self, duck: DuckDBPyConnection, tables: list[Table]) -> None:
        """Attach the database and create its views, on another cursor: the caller's may be in a transaction."""
        base = quote_identifier(self.name)
        with _open_cursor(duck) as own:
            own.execute(f"ATTACH ':memory:' AS {base} (READ_WRITE)")
            own.execute(f"CREATE MACRO {base}.main.{MARK}() AS '{self._id}'")
            own.execute(f"USE {base}.main")
            own.from_arrow(build_regions_table(self._accounts.own)).create_view("regions")
            for table in tables:
                own.execute(f"CREATE SCHEMA IF NOT EXISTS {base}.{quote_identifier(table.service)}")
                own.execute(f"USE {base}.{quote_identifier(table.service)}")
                self._accounts.guard.allow_reads(table)
                live = LiveTable(table, self._open_scan)
                own.from_arrow(live).project(live.view).create_view(table.name)

    # Scans, which DuckDB may start on its own threads

    def _open_scan(
        self, live: LiveTable, names: tuple[str, ...], where: Predicate
    ) -> Iterator[pa.RecordBatch]:
        on_interrupt(_cancel_all)
        self._accounts.renew()
        run = Run(self._settings)
        plan = self._planner.plan(live.table, names, where, run)
        self._runs.append(run)
        batches = self._batches(plan, run)
        next(batches)  # raises the first call's error here, without a traceback
        return live.select(batches, names, where, "")

    def _batches(self, plan: ReadPlan, run: Run) -> Iterator[Any]:
        """`None` after the first reply, then the rows."""
        # Imported on first use, as above: where pandas is installed, they import it, which takes 0.2 s.
        from sqlprov.aws.read.scan import TableScan

        try:
            scan = TableScan(plan, run, self._accounts.choose(run))
            scan.start()
            yield None
            yield from scan.read_batches()
        except KeyboardInterrupt:
            raise Cancelled("The statement was interrupted.") from None
        except Error as error:
            # Arrow would append the traceback and the causes to the message that DuckDB shows.
            raise error.with_traceback(None) from None
        finally:
            run.cancel()


def _load_tables(catalog: Catalog, services: Sequence[str]) -> list[Table]:
    """The tables of `services`; a table of a service whose resource file is wrong is left out with a warning."""
    if not services:
        raise InterfaceError(
            "Name the services whose tables are attached, or single tables, as in attach(con, ['ec2', 'iam.roles'], "
            "regions='us-east-1'). SHOW SERVICES IN aws lists them."
        )
    # Full name -> whether it was named itself.
    chosen: dict[TableName, bool] = {}
    for written in services:
        for name in _find_names(catalog, written):
            chosen[name] = chosen.get(name, False) or "." in written
    tables = []
    for name, is_named in chosen.items():
        try:
            tables.append(catalog.get_table(*name))
        except ResourceFileError as error:
            if is_named:
                raise
            warnings.warn(f"{'.'.join(name)} is not attached: {error}", stacklevel=6)
    return tables


def _find_names(catalog: Catalog, written: str) -> list[TableName]:
    """The tables that a name such as "iam" or "iam.roles", with or without the provider, stands for."""
    catalog.reveal(written)
    providers = catalog.list_providers()
    first, _, rest = written.strip().lower().partition(".")
    named, (service, _, table) = (
        ((first,), rest.partition(".")) if first in providers and rest else (providers, (first, "", rest))
    )
    provider = next((each for each in named if has_service(catalog, each, service)), named[0])
    if problem := explain_unknown(catalog, provider, service, table):
        raise UnknownName(problem)
    return [
        (provider, service, each) for each in catalog.list_tables(provider, service) if table in ("", each)
    ]


def _check_regions(regions: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(region.strip().lower() for region in regions))
    if not chosen or (chosen != ALL and "all" in chosen):
        raise RegionError(f"regions = {list(regions)!r}: expected one or more regions, or 'all'.")
    known = {region.region for region in list_regions()}
    for region in chosen:
        if region not in known and chosen != ALL:
            near = suggest(region, known)
            if find_partition(region) is None:
                raise RegionError(f"Unknown region {region!r}.{near}")
            # It may be newer than botocore.
            warnings.warn(f"botocore does not know the region {region!r}.{near}", stacklevel=5)
    return chosen


def _end(runs: deque[Run], accounts: AccountFinder) -> None:
    for run in list(runs):
        run.cancel()
    accounts.close()


def detach(duck: DuckDBPyConnection, name: str) -> None:
    """Remove an attachment, if there is one.

    Raises:
        InterfaceError: the database of that name is not an attachment, or is a cursor's default database.
    """
    with _open_cursor(duck) as own:
        databases = "SELECT 1 FROM duckdb_databases() WHERE lower(database_name) = lower(?)"
        if own.execute(databases, [name]).fetchone() is None:
            return
        mark = (
            "SELECT trim(macro_definition, '''') FROM duckdb_functions() "
            "WHERE lower(database_name) = lower(?) AND function_name = ?"
        )
        row = own.execute(mark, [name, MARK]).fetchone()
        if row is None or row[0] not in _attachments:
            raise InterfaceError(
                f"The connection already has a database {name!r}. Give the live tables another name, "
                "as in attach(…, as_='cloud')."
            )
        own.execute(f"DETACH {quote_identifier(name)}")


@contextlib.contextmanager
def _open_cursor(duck: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    """Another cursor of the connection; DuckDB's errors become errors of sqlprov."""
    _check_connection(duck)
    try:
        with duck.cursor() as own:
            yield own
    except duckdb.Error as error:
        raise translate(error, "", tuple) from None


def _check_connection(duck: DuckDBPyConnection) -> None:
    if not isinstance(duck, DuckDBPyConnection):
        raise InterfaceError(
            f"Expected a DuckDB connection, as from duckdb.connect(), not {type(duck).__name__}. "
            "The connection of duckdb.sql() is duckdb.default_connection()."
        )
