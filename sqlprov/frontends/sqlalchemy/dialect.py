"""The SQLAlchemy dialect `sqlprov`: turns a URL into connections."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from types import ModuleType
from typing import Any

from sqlalchemy import event
from sqlalchemy import types as sa
from sqlalchemy.engine import URL, Engine, default
from sqlalchemy.exc import ArgumentError, NotSupportedError

import sqlprov
from sqlprov.frontends.sqlalchemy.compiler import Compiler, JSONPath, Preparer, TypeCompiler
from sqlprov.frontends.sqlalchemy.pooled_connection import PooledConnection
from sqlprov.frontends.sqlalchemy.reflection import Reflection
from sqlprov.frontends.sqlalchemy.types import INTERVAL

AUTOCOMMIT, SNAPSHOT = "AUTOCOMMIT", "SNAPSHOT"
TEXTS = ("endpoint_url",)
SWITCHES = ("local", "read_only", "sandbox")
_RESERVED = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
_ON, _OFF = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


class Dialect(Reflection, default.DefaultDialect):
    """DuckDB with live tables.

    The connections of an engine share one DuckDB instance and one account; closing the last connection closes both.
    """

    name = driver = "sqlprov"
    default_paramstyle = "numeric_dollar"
    statement_compiler = Compiler
    type_compiler_cls = TypeCompiler
    preparer = Preparer
    colspecs = {sa.JSON.JSONPathType: JSONPath, sa.Interval: INTERVAL}  # noqa: RUF012

    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_native_uuid = True
    supports_multivalues_insert = True
    supports_default_values = True
    supports_empty_insert = False
    supports_sequences = True
    supports_comments = True
    insert_returning = update_returning = delete_returning = True
    insert_executemany_returning = insert_executemany_returning_sort_by_parameter_order = True
    update_executemany_returning = delete_executemany_returning = True
    postfetch_lastrowid = False
    _json_serializer = _json_deserializer = None  # SQLAlchemy 2.0 reads them; `None` means Python's json
    div_is_floordiv = False
    # One INSERT for many rows would gain nothing: each row of a live table needs its own call, which can fail alone.
    use_insertmanyvalues = False

    def __init__(self, **options: Any) -> None:
        # `$1`, not `?`: a parameter in both SELECT and GROUP BY is then one parameter to DuckDB.
        super().__init__(**{"paramstyle": self.default_paramstyle, **options})
        self._root: sqlprov.Connection | None = None
        self._open, self._process = 0, os.getpid()
        self._lock = threading.Lock()

    # Connections

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        return sqlprov

    def create_connect_args(self, url: URL) -> tuple[Sequence[Any], dict[str, Any]]:
        """Read the arguments of `sqlprov.connect` from a URL.

        Raises:
            ArgumentError: the URL has a host or a user, or an invalid switch.
        """
        if url.host or url.port or url.username or url.password:
            raise ArgumentError(
                f"{url} names a host or a user. Write a file with three slashes, as in sqlprov:///file.duckdb, "
                "and the account as ?profile=… and ?region=…"
            )
        arguments: dict[str, Any] = {"database": url.database or ":memory:"}
        settings = {}
        for name, value in url.normalized_query.items():
            if name == "region":
                arguments[name] = ",".join(value)
            elif name == "profile":
                arguments[name] = list(value) if len(value) > 1 else value[0]
            elif name in TEXTS:
                arguments[name] = value[-1]
            elif name in SWITCHES:
                arguments[name] = _parse_switch(name, value[-1])
            else:
                settings[name] = value[-1]
        return (), {**arguments, "settings": settings}

    def connect(self, *arguments: Any, **options: Any) -> PooledConnection:  # type: ignore[override]
        """Open a connection for the pool."""
        with self._lock:
            if self._process != os.getpid():  # a fork cannot use the connections of its parent
                self._process, self._root, self._open = os.getpid(), None, 0
            if self._root is None:
                self._root = sqlprov.connect(*arguments, **options)
            self._open += 1
            return PooledConnection(self._root.cursor(), partial(self._release, self._root))

    def _release(self, root: sqlprov.Connection) -> None:
        with self._lock:
            if root is self._root:
                self._open -= 1
                if self._open == 0:
                    self._root = None
                    root.close()

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Make the pool reset each returned connection, and replace those made before the process forked."""
        event.listen(engine, "checkout", lambda connection, record, proxy: connection.check_process())
        event.listen(engine, "reset", lambda connection, record, state: connection.reset())

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:
        """Whether the connection can run no further statement."""
        return isinstance(e, sqlprov.InterfaceError) and "connection is closed" in str(e)

    # Transactions

    def get_isolation_level_values(self, dbapi_conn: Any) -> list[Any]:
        return [AUTOCOMMIT, SNAPSHOT]

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        """Each statement commits, because a transaction refuses writes to the cloud."""
        return AUTOCOMMIT

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        return SNAPSHOT if dbapi_connection.transactions else AUTOCOMMIT

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """Set it for a connection, from its next transaction on."""
        dbapi_connection.transactions = level == SNAPSHOT

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin a transaction, at isolation level SNAPSHOT."""
        dbapi_connection.begin()

    def do_savepoint(self, connection: Any, name: str) -> None:
        reason = (
            "DuckDB has no savepoints. Leave out begin_nested(); for a transaction over local tables, use "
            'execution_options(isolation_level="SNAPSHOT").'
        )
        raise NotSupportedError(f"SAVEPOINT {name}", None, sqlprov.NotSupportedError(reason))

    # Initialization

    def initialize(self, connection: Any) -> None:
        """Read the reserved words from DuckDB; until then, SQLAlchemy's own list applies."""
        super().initialize(connection)
        words = connection.exec_driver_sql(_RESERVED).scalars()
        self.identifier_preparer = self.preparer(self)
        self.identifier_preparer.reserved_words = set(words)

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        version = connection.exec_driver_sql("SELECT version()").scalar()
        return tuple(int(part) for part in version.lstrip("v").split("-")[0].split(".") if part.isdigit())

    def _get_default_schema_name(self, connection: Any) -> str:
        return str(connection.exec_driver_sql("SELECT current_schema()").scalar())


def _parse_switch(name: str, value: str) -> bool:
    if value.lower() in _ON:
        return True
    if value.lower() in _OFF:
        return False
    raise ArgumentError(f"{name}={value!r} is not a switch; write one of {', '.join((*_ON, *_OFF))}.")
