"""One DuckDB instance with live tables, shared by all cursors of a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from sqlprov.catalog.column import TAG_MAP
from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.provider_tables import ACCOUNTS, REGIONS
from sqlprov.duck.database import MEMORY
from sqlprov.duck.file_access import open_sandbox, protect_files
from sqlprov.duck.planner import Planner
from sqlprov.duck.scans import Scans
from sqlprov.duck.status_tables import (
    STATUS_TABLES,
    TABLES,
    RowsOf,
    build_regions_table,
    build_tables_table,
)
from sqlprov.errors import ProgrammingError, ResourceFileError
from sqlprov.sql.lexer import quote_identifier, quote_path
from sqlprov.sql.names import TableName, find_mentions, find_tag_views, find_tagged_table, has_service

if TYPE_CHECKING:
    from sqlprov.aws.transport.accounts import AccountFinder
    from sqlprov.catalog import Catalog
    from sqlprov.duck.accounts_table import AccountsTable
    from sqlprov.duck.live_table import LiveTable, StatusTable
    from sqlprov.plan.read.predicate import Predicate
    from sqlprov.sql import Query

VARIABLE = "sqlprov_ctx"
OWN = "sqlprov"
MAIN = "main"
"""DuckDB's schema for what has no other; it holds `regions` and the status tables."""


class Session:
    """One DuckDB instance.

    Args:
        catalog: the providers.
        accounts: finds the accounts.
        duck: DuckDB, as `open_database` returns it.
        database: ":memory:" or the file that is open there.
        sandbox: the only files and folders that SQL may use, beside that file; `None` for no sandbox.

    Attributes:
        users: connections that share the session; the last to close it ends it.
        account: the arguments that they have in common.
        emulator: the local AWS that ends with it.

    Raises:
        ProgrammingError: the database has the name of a provider.
    """

    def __init__(
        self,
        catalog: Catalog,
        accounts: AccountFinder,
        duck: duckdb.DuckDBPyConnection,
        database: str = MEMORY,
        sandbox: Sequence[str | Path] | None = None,
    ) -> None:
        self.catalog, self.accounts, self.duck = catalog, accounts, duck
        self.planner = Planner(accounts)
        self.scans = Scans(self.planner)
        # Number of statements that may have created or dropped a view or a temporary table, and a macro.
        self.changes = self.macro_changes = 0
        self.text_functions: frozenset[str] | None = None  # set by the first statement that needs them
        self.in_memory = database == MEMORY
        self.users = 1
        self.account: tuple[object, ...] = ()
        self.emulator: Any = None
        self._database = database
        self._live: dict[TableName, LiveTable] = {}
        self._carriers: dict[str, LiveTable] = {}
        self._schemas: set[tuple[str, str]] = set()
        self._extra: set[str] = set()
        self._lock = threading.RLock()
        self.replacing = threading.Lock()  # two transactions cannot replace one view
        self._own = duck.cursor()
        self._attached: set[str] = set()
        self._attach(*catalog.list_providers(), OWN)
        self.is_sandboxed = sandbox is not None
        if sandbox is not None:
            open_sandbox(self.duck, sandbox)

    def _attach(self, *names: str) -> None:
        for name in names:
            try:
                self._own.execute(f"ATTACH ':memory:' AS {quote_identifier(name)} (READ_WRITE)")
                self._attached.add(name)
            except duckdb.Error as error:
                advice = "A connection of this process, or from before it forked, has it; close that first."
                if Path(self._database).stem == name:
                    advice = "The file itself has it; rename the file."
                raise ProgrammingError(
                    f"sqlprov's own tables need the name {name!r} for a database. {advice} ({error})"
                ) from None

    def make_read_only(self) -> None:
        """Refuse from now on whatever changes the cloud or a file.

        Raises:
            NotSupportedError: a database file is open for writing.
        """
        with self._lock:
            if not self.accounts.guard.read_only:
                protect_files(self._own)
                self.accounts.guard.read_only = True

    def reveal(self, text: str) -> None:
        """Add the providers that a statement has to name before they exist."""
        with self._lock:
            self.catalog.reveal(text)
            self._attach(*(name for name in self.catalog.list_providers() if name not in self._attached))

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new DuckDB connection to the same instance, in UTC."""
        cursor = self.duck.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        # With DuckDB's default, 976 KB, thousands of rows would be described before the first one is read.
        cursor.execute("SET streaming_buffer_size = '1KB'")
        return cursor

    # Registration

    def register(self, query: Query, path: Sequence[tuple[str, str]]) -> None:
        """Create in DuckDB the tables that a statement names, as `find_mentions` says.

        A table whose resource file is wrong is left out: if the statement reads it, DuckDB reports that it does not
        exist, and `register_missing` raises the error.
        """
        with self._lock:
            if OWN in query.words:
                self._register_status_tables()
            for provider, name in query.dotted:
                if provider in self.catalog.list_providers():
                    if name in (REGIONS, ACCOUNTS) or (provider, MAIN) in query.dotted:
                        self._register_regions(provider)
                    elif has_service(self.catalog, provider, name):
                        self._create_schema(provider, name)
            for provider, schema in path:
                is_own = schema == MAIN and provider in self.catalog.list_providers()
                if is_own and {REGIONS, ACCOUNTS} & query.words:
                    self._register_regions(provider)
            for table in find_mentions(self.catalog, query, path):
                with suppress(ResourceFileError):
                    self._register_table(*table)
            for view in find_tag_views(self.catalog, query, path):
                with suppress(ResourceFileError):
                    self._register_tags(*view)

    def register_missing(
        self, missing: frozenset[str], words: frozenset[str], path: Sequence[tuple[str, str]]
    ) -> bool:
        """Create what DuckDB does not find; return whether anything was new.

        Args:
            missing: the names in DuckDB's message.
            words: those of the statement, or of the views and macros that it reads: of the services that have a
                missing table, only one that is named here or on the path is meant.
            path: as for `register`.

        Raises:
            ResourceFileError: the resource file of a missing table is wrong.
        """
        words |= missing
        services = {
            (provider, schema) for provider, schema in path if has_service(self.catalog, provider, schema)
        }
        with self._lock:
            new = OWN in words and self._register_status_tables()
            named = words.union(provider for provider, _ in path).intersection(self.catalog.list_providers())
            for provider in named or self.catalog.list_providers():
                if {REGIONS, ACCOUNTS} & missing and (provider in words or (provider, MAIN) in path):
                    new |= self._register_regions(provider)
                mentioned = words.intersection(self.catalog.list_services(provider))
                services |= {(provider, service) for service in mentioned}
            for provider, service in services:
                if service in missing:
                    new |= self._create_schema(provider, service)
                for table in missing.intersection(self.catalog.list_tables(provider, service)):
                    new |= self._register_table(provider, service, table)
                for view in missing:
                    if table := find_tagged_table(self.catalog, provider, service, view):
                        new |= self._register_tags(provider, service, table, view)
            return new

    @property
    def registered(self) -> frozenset[TableName]:
        """The live tables that DuckDB knows."""
        return frozenset(self._live)

    def _create_schema(self, provider: str, service: str) -> bool:
        if (provider, service) in self._schemas:
            return False
        self._own.execute(f"CREATE SCHEMA {quote_path(provider, service)}")
        self._schemas.add((provider, service))
        return True

    def _register_table(self, provider: str, service: str, name: str) -> bool:
        if (provider, service, name) in self._live:
            return False
        from sqlprov.duck.live_table import LiveTable

        table = self.catalog.get_table(provider, service, name)
        live = LiveTable(table, self.scans.open)
        self.accounts.guard.allow_reads(table)
        self._create_schema(provider, service)
        self._create_view(f"{quote_path(provider, service)}", name, live)
        self._live[provider, service, name] = self._carriers[live.carrier] = live
        return True

    def _register_tags(self, provider: str, service: str, table: str, view: str) -> bool:
        """The view of a table's tags, a row each; return False if it is there, or the table has no tags."""
        name = quote_path(provider, service, view)
        if name in self._extra or TAGS not in self.catalog.get_table(provider, service, table).by_name:
            return False
        self._register_table(provider, service, table)
        tags = (
            f"SELECT *, unnest(map_entries({TAG_MAP})) AS entry FROM {quote_path(provider, service, table)}"
        )
        self._own.execute(
            f"CREATE VIEW {name} AS SELECT * EXCLUDE ({TAGS}, {TAG_MAP}, entry), entry.key AS tag_key, "
            f"entry.value AS tag_value FROM ({tags})"
        )
        self._extra.add(name)
        return True

    def _create_view(self, schema: str, name: str, live: LiveTable | StatusTable | AccountsTable) -> None:
        """The public view: DuckDB passes the hidden column's filter with every scan."""
        self._own.execute(f"USE {schema}")
        condition = f"{quote_identifier(live.carrier)} = coalesce(getvariable('{VARIABLE}'), '')"
        self._own.from_arrow(live).filter(condition).project(live.view).create_view(name)

    def _register_status_tables(self) -> bool:
        """The tables sqlprov.errors, sqlprov.outcomes and sqlprov.tables."""
        if OWN in self._extra:
            return False
        from sqlprov.duck.live_table import StatusTable

        for name, (columns, list_rows) in STATUS_TABLES.items():
            self._create_view(f"{OWN}.main", name, StatusTable(name, columns, self._report(list_rows)))
        self._own.from_arrow(build_tables_table(self.catalog)).create_view(TABLES)
        self._extra.add(OWN)
        return True

    def _report(self, list_rows: RowsOf) -> Callable[[StatusTable, Predicate], pa.Table]:
        """The rows about the previous statement."""

        def read(live: StatusTable, where: Predicate) -> pa.Table:
            run = self.scans.find_run(live, where)
            rows = list_rows(run.previous) if run.previous else []
            return pa.Table.from_pylist([{**row, live.carrier: run.id} for row in rows], schema=live.schema)

        return read

    def register_regions(self) -> None:
        """Create the table `regions` of every provider."""
        with self._lock:
            for provider in self.catalog.list_providers():
                self._register_regions(provider)

    def _register_regions(self, provider: str) -> bool:
        """The tables `<provider>.regions` and `<provider>.accounts`."""
        if provider in self._extra:
            return False
        from sqlprov.duck.accounts_table import AccountsTable

        accounts = AccountsTable(provider, self.accounts, self.scans.find_run)
        self._create_view(f"{quote_identifier(provider)}.main", ACCOUNTS, accounts)
        self._own.execute(f"USE {quote_identifier(provider)}.main")
        self._own.from_arrow(build_regions_table(self.accounts.own)).create_view("regions")
        self._extra.add(provider)
        return True

    def find_live(self, carrier: str) -> LiveTable | None:
        """The table whose hidden column is `carrier`."""
        return self._carriers.get(carrier)

    def close(self) -> bool:
        """Stop all statements, and close DuckDB and the connections; return False if others use it."""
        with self._lock:
            self.users -= 1
            if self.users > 0:
                return False
        self.scans.close()
        self._live.clear()
        self._carriers.clear()
        self._own.close()
        with suppress(duckdb.Error):  # DuckDB goes on if the process has other connections to the file
            for name in (*self.catalog.list_providers(), OWN):
                self.duck.execute(f"DETACH {quote_identifier(name)}")
        self.duck.close()
        self.accounts.close()
        return True
