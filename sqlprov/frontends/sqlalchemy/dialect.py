"""SQLAlchemy's dialect `sqlprov`: a URL in, connections to sqlprov out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from sqlalchemy import event
from sqlalchemy import types as sa
from sqlalchemy.engine import URL, Engine, default
from sqlalchemy.exc import ArgumentError

import sqlprov
from sqlprov.frontends.sqlalchemy.compiler import Compiler, JSONPath, Preparer, TypeCompiler
from sqlprov.frontends.sqlalchemy.lines import Line
from sqlprov.frontends.sqlalchemy.reflection import Reflection

AUTOCOMMIT, SNAPSHOT = "AUTOCOMMIT", "SNAPSHOT"
TEXTS = ("endpoint_url", "profile")
SWITCHES = ("local", "read_only")
_ON, _OFF = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


class Dialect(Reflection, default.DefaultDialect):
    """DuckDB with the cloud's tables.

    The connections of an engine share one DuckDB instance and one account; the last one that closes ends both.
    """

    name = driver = "sqlprov"
    default_paramstyle = "numeric_dollar"
    statement_compiler = Compiler
    type_compiler_cls = TypeCompiler
    preparer = Preparer
    colspecs = {sa.JSON.JSONPathType: JSONPath}  # noqa: RUF012

    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_multivalues_insert = True
    supports_default_values = True
    supports_empty_insert = False
    supports_sequences = True
    supports_comments = True
    supports_sane_multi_rowcount = True
    supports_alter = True
    insert_returning = update_returning = delete_returning = True
    insert_executemany_returning = True
    postfetch_lastrowid = False
    _json_serializer = _json_deserializer = None  # Python's; SQLAlchemy 2.0 asks each dialect
    div_is_floordiv = False
    # A list of values in one INSERT: each row of a live table is a call of its own, and ends by itself.
    use_insertmanyvalues = False

    def __init__(self, **options: Any) -> None:
        # `$1`, not `?`: a parameter that stands in SELECT and in GROUP BY is then the same one to DuckDB.
        super().__init__(**{"paramstyle": self.default_paramstyle, **options})
        self._root: sqlprov.Connection | None = None
        self._lines = 0
        self._lock = threading.Lock()

    # Connections

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """sqlprov itself."""
        return sqlprov

    def create_connect_args(self, url: URL) -> tuple[Sequence[Any], dict[str, Any]]:
        """The arguments of `sqlprov.connect`.

        Raises:
            ArgumentError: the URL has a host, a user, or a flag that is neither on nor off.
        """
        if url.host or url.port or url.username or url.password:
            raise ArgumentError(
                f"{url} names a host or a user; write sqlprov:///file.duckdb for a file (three slashes), "
                "and the account in ?profile=… and ?region=…"
            )
        arguments: dict[str, Any] = {"database": url.database or ":memory:"}
        settings = {}
        for name, value in url.normalized_query.items():
            if name == "region":
                arguments[name] = ",".join(value)
            elif name in TEXTS:
                arguments[name] = value[-1]
            elif name in SWITCHES:
                arguments[name] = _flag(name, value[-1])
            else:
                settings[name] = value[-1]
        return (), {**arguments, "settings": settings}

    def connect(self, *arguments: Any, **options: Any) -> Line:  # type: ignore[override]
        """A connection for the pool."""
        with self._lock:
            if self._root is None:
                self._root = sqlprov.connect(*arguments, **options)
            self._lines += 1
            return Line(self._root.cursor(), self._closed)

    def _closed(self) -> None:
        with self._lock:
            self._lines -= 1
            if self._lines == 0 and self._root is not None:
                self._root.close()
                self._root = None

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """A connection that comes back to the pool is as new, whoever had it."""
        event.listen(engine, "reset", lambda line, record, state: line.renew())

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:
        """Whether the connection can serve no further statement."""
        return isinstance(e, sqlprov.InterfaceError) and "connection is closed" in str(e)

    # Transactions

    def get_isolation_level_values(self, dbapi_conn: Any) -> list[Any]:
        """Each statement by itself, or DuckDB's transactions."""
        return [AUTOCOMMIT, SNAPSHOT]

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        """Each statement by itself: within a transaction a write to the cloud is refused."""
        return AUTOCOMMIT

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        """That of one connection."""
        return SNAPSHOT if dbapi_connection.transactions else AUTOCOMMIT

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """For one connection, from its next transaction on."""
        dbapi_connection.transactions = level == SNAPSHOT

    def do_begin(self, dbapi_connection: Any) -> None:
        """BEGIN, where transactions were asked for."""
        dbapi_connection.begin()

    # What initialize() asks

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        version = connection.exec_driver_sql("SELECT version()").scalar()
        return tuple(int(part) for part in version.lstrip("v").split("-")[0].split(".") if part.isdigit())

    def _get_default_schema_name(self, connection: Any) -> str:
        return str(connection.exec_driver_sql("SELECT current_schema()").scalar())


def _flag(name: str, value: str) -> bool:
    if value.lower() in _ON:
        return True
    if value.lower() in _OFF:
        return False
    raise ArgumentError(f"{name}={value!r} is neither {', '.join(_ON)} nor {', '.join(_OFF)}.")
