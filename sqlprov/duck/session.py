"""One DuckDB instance with live tables, shared by all cursors of a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from sqlprov.duck.planner import Planner
from sqlprov.duck.scans import Scans
from sqlprov.duck.status_tables import STATUS_TABLES, RowsOf, build_regions_table
from sqlprov.errors import ProgrammingError
from sqlprov.sql.lexer import quote_identifier, quote_path

if TYPE_CHECKING:
    import pyarrow.compute as pc

    from sqlprov.aws.transport.clients import Cloud
    from sqlprov.catalog import Catalog
    from sqlprov.duck.live_table import LiveTable, StatusTable

VARIABLE = "sqlprov_ctx"
OWN = "sqlprov"


class Session:
    """One DuckDB instance.

    Args:
        catalog: the providers.
        cloud: the account.
        database: DuckDB's database: ":memory:" or a file.
        read_only: open that file read-only.

    Raises:
        ProgrammingError: the database has the name of a provider, or cannot be opened.
    """

    def __init__(self, catalog: Catalog, cloud: Cloud, database: str, read_only: bool) -> None:
        self.catalog, self.cloud = catalog, cloud
        self.planner = Planner(cloud)
        self.scans = Scans(self.planner)
        # Number of statements that may have created or dropped a view, a macro or a temporary table.
        self.changes = 0
        self.in_memory = database == ":memory:"
        self._live: dict[tuple[str, str, str], LiveTable] = {}
        self._schemas: set[tuple[str, str]] = set()
        self._extra: set[str] = set()
        self._lock = threading.RLock()
        try:
            self.duck = duckdb.connect(database, read_only=read_only)
        except duckdb.Error as error:
            raise ProgrammingError(f"Cannot open {database!r}: {error}") from None
        self._own = self.duck.cursor()
        # Connection finds variables in the caller's frame; DuckDB would search ours.
        self.duck.execute("SET GLOBAL python_enable_replacements = false")
        threads = self.duck.execute("SELECT current_setting('threads')").fetchone()
        if threads is not None and threads[0] < 2:
            # With a single thread, DuckDB passes no row until it has all of them, and LIMIT stops no call.
            self.duck.execute("SET GLOBAL threads = 2")
        self._attach(*catalog.list_providers(), OWN)

    def _attach(self, *names: str) -> None:
        for name in names:
            try:
                self._own.execute(f"ATTACH ':memory:' AS {quote_identifier(name)} (READ_WRITE)")
            except duckdb.Error as error:
                self.duck.close()
                raise ProgrammingError(
                    f"The database has the name {name!r}, which sqlprov's own tables need. Rename the file. ({error})"
                ) from None

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new DuckDB connection to the same instance, in UTC."""
        cursor = self.duck.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        # With DuckDB's default, 976 KB, thousands of rows would be described before the first one is read.
        cursor.execute("SET streaming_buffer_size = '1KB'")
        return cursor

    # Registration

    def register(self, words: Iterable[str]) -> bool:
        """Create in DuckDB every table that one of `words` names; return whether any was new.

        Naming too many is harmless, so the words need no analysis.
        """
        words = frozenset(words)
        with self._lock:
            new = OWN in words and self._register_status_tables()
            for provider in self.catalog.list_providers():
                if provider in words:
                    new |= self._register_regions(provider) if "regions" in words else False
                for service in self.catalog.list_services(provider):
                    if service in words:
                        new |= self._create_schema(provider, service)
            for name in words & self.catalog.services_by_table.keys():
                for provider, service in self.catalog.services_by_table[name]:
                    new |= self._register_table(provider, service, name)
            return new

    def register_all(self) -> None:
        """Create every table: a transaction does not see tables created after it began."""
        with self._lock:
            for provider in self.catalog.list_providers():
                self._register_regions(provider)
                for service in self.catalog.list_services(provider):
                    for name in self.catalog.list_tables(provider, service):
                        self._register_table(provider, service, name)

    def _create_schema(self, provider: str, service: str) -> bool:
        if (provider, service) in self._schemas:
            return False
        self._own.execute(f"CREATE SCHEMA {quote_path(provider, service)}")
        self._schemas.add((provider, service))
        return True

    def _register_table(self, provider: str, service: str, name: str) -> bool:
        if (provider, service, name) in self._live:
            return False
        # pyarrow.dataset alone takes 150 ms.
        from sqlprov.duck.live_table import LiveTable

        table = self.catalog.get_table(provider, service, name)
        live = LiveTable(table, self.scans.open)
        self.cloud.allow_reads(table)
        self._create_schema(provider, service)
        self._create_view(f"{quote_path(provider, service)}", name, live)
        self._live[provider, service, name] = live
        return True

    def _create_view(self, schema: str, name: str, live: LiveTable | StatusTable) -> None:
        """The public view: DuckDB passes the hidden column's filter with every scan."""
        self._own.execute(f"USE {schema}")
        condition = f"{quote_identifier(live.carrier)} = coalesce(getvariable('{VARIABLE}'), '')"
        self._own.from_arrow(live).filter(condition).project(live.view).create_view(name)

    def _register_status_tables(self) -> bool:
        """The tables sqlprov.errors and sqlprov.outcomes."""
        if OWN in self._extra:
            return False
        from sqlprov.duck.live_table import StatusTable

        for name, (columns, list_rows) in STATUS_TABLES.items():
            self._create_view(f"{OWN}.main", name, StatusTable(name, columns, self._report(list_rows)))
        self._extra.add(OWN)
        return True

    def _report(self, list_rows: RowsOf) -> Callable[[StatusTable, pc.Expression | None], pa.Table]:
        """The rows about the previous statement."""

        def read(live: StatusTable, filter_: pc.Expression | None) -> pa.Table:
            from sqlprov.duck.filters import read_filter

            run = self.scans.find_run(live, read_filter(filter_, live.schema))
            rows = list_rows(run.previous) if run.previous else []
            return pa.Table.from_pylist([{**row, live.carrier: run.id} for row in rows], schema=live.schema)

        return read

    def _register_regions(self, provider: str) -> bool:
        """The table `<provider>.regions`."""
        if provider in self._extra:
            return False
        self._own.execute(f"USE {quote_identifier(provider)}.main")
        self._own.from_arrow(build_regions_table(self.cloud)).create_view("regions")
        self._extra.add(provider)
        return True

    def find_live(self, carrier: str) -> LiveTable | None:
        """The table whose hidden column is `carrier`."""
        return next((live for live in self._live.values() if live.carrier == carrier), None)

    def is_live(self, provider: str, service: str, name: str) -> bool:
        """Whether there is such a live table; names in lower case."""
        return (provider, service) in self.catalog.services_by_table.get(name, ())

    def close(self) -> None:
        """Stop all running statements, and close DuckDB and the connections."""
        self.scans.close()
        self._live.clear()
        self._own.close()
        self.duck.close()
        self.cloud.close()
