"""What PostgreSQL's catalogs hold: the schemas, tables and columns of a provider, or of a database of DuckDB's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from sqlprov.catalog import Catalog
from sqlprov.errors import InternalError, ResourceFileError
from sqlprov.frontends.serve.parameters import DEFAULTS, FIXED
from sqlprov.frontends.serve.pg_catalog.definitions import read_relations, read_types
from sqlprov.frontends.serve.types import TYPE_NAMES, find_type
from sqlprov.private_files import find_cache_folder, replace_private_file
from sqlprov.sql.duckdb_types import format_duckdb_type

_OID, _TEXT, _SMALL = pa.uint32(), pa.string(), pa.int16()
_SCHEMAS = pa.schema([("oid", _OID), ("name", _TEXT), ("comment", _TEXT)])
_TABLES = pa.schema(
    [("oid", _OID), ("schema_oid", _OID), ("name", _TEXT), ("kind", _TEXT), ("comment", _TEXT)]
)
_COLUMNS = pa.schema(
    [
        *(
            ("table_oid", _OID),
            ("number", _SMALL),
            ("name", _TEXT),
            ("type_oid", _OID),
            ("modifier", pa.int32()),
        ),
        *(("is_required", pa.bool_()), ("comment", _TEXT), ("key", _SMALL)),
    ]
)
_FIRST_SCHEMA, _FIRST_TABLE = 30_000, 100_000
"""The first OIDs of our own; PostgreSQL's are below 16384."""
_BUILT_IN = {"pg_catalog": 11, "information_schema": 13_000}
_PREFIX = "sqlprov_pg"
"""How the names begin under which DuckDB finds the Arrow tables."""
_HYGIENIC = {
    "z_types": "SELECT oid AS z_oid, name AS z_name, long_name AS z_long FROM _types",
    "z_schemas": "SELECT oid AS z_oid, name AS z_name, comment AS z_comment FROM _schemas",
    "z_tables": "SELECT t.oid AS z_oid, s.name AS z_schema, t.name AS z_name, t.comment AS z_comment "
    "FROM _tables AS t JOIN _schemas AS s ON s.oid = t.schema_oid",
    "z_settings": "SELECT name AS z_name, value AS z_value FROM _settings",
    "z_columns": "SELECT table_oid AS z_table, number AS z_number, name AS z_name, key AS z_key, "
    "comment AS z_comment FROM _columns",
}
"""What functions read: an argument such as `oid` stands in their text, where it must not name a column of theirs."""


class CatalogContents:
    """The rows behind the catalogs; those of a provider are read once, when a client first asks for them.

    Args:
        catalog: the providers.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._tables: dict[str, Future[pa.Table]] = {}

    def qualify(self, text: str, database: str) -> str:
        """The text of a definition with what DuckDB knows in place of _schemas, _tables, _columns and the like."""
        for name, query in _HYGIENIC.items():
            text = text.replace(f"FROM {name}", f"FROM ({query})")
        is_provider = database in self._catalog.list_providers()
        local = {} if is_provider else _write_local_queries(database)
        suffix = f"_{database}" if is_provider else ""

        def name_table(match: re.Match[str]) -> str:
            word, name = match[1], match[2]
            if query := local.get(name):
                return f"{word} (FROM {_PREFIX}{name} UNION ALL {query})"
            return f"{word} {_PREFIX}{name}{suffix if name in ('_schemas', '_tables', '_columns') else ''}"

        return re.sub(r"\b(FROM|JOIN) (_[a-z]+)\b", name_table, text)

    def list_variables(self, text: str) -> dict[str, pa.Table]:
        """The Arrow tables that a statement names, by name."""
        return {name: self._find(name) for name in set(re.findall(rf"\b{_PREFIX}_\w+", text))}

    def _find(self, name: str) -> pa.Table:
        with self._lock:
            is_new = name not in self._tables
            table = self._tables.setdefault(name, Future())
        if is_new:
            kind, _, provider = name.removeprefix(f"{_PREFIX}_").partition("_")
            if (
                kind == "tables" and provider
            ):  # whoever lists tables soon asks for columns, which take seconds
                columns = f"{_PREFIX}_columns_{provider}"
                threading.Thread(
                    target=self._find, args=(columns,), name="sqlprov-columns", daemon=True
                ).start()
            try:
                table.set_result(self._build(kind, provider))
            except BaseException as error:
                table.set_exception(error)
                del self._tables[name]
        return table.result()

    def _build(self, kind: str, provider: str) -> pa.Table:
        match kind:
            case "types":
                return pa.Table.from_pylist([row._asdict() for row in read_types()])
            case "settings":
                settings = FIXED | DEFAULTS
                return pa.table({"name": list(settings), "value": list(settings.values())})
            case "schemas":
                own = [(oid, name, None) for name, oid in _BUILT_IN.items()]
                return _build_table(_SCHEMAS, own, self._list_schemas(provider))
            case "tables":
                own_tables = [
                    (r.oid, _BUILT_IN[r.schema], r.name, r.kind, None) for r in read_relations().values()
                ]
                return _build_table(_TABLES, own_tables, self._list_tables(provider))
        return (
            load_columns(self._catalog, provider)
            if provider
            else _build_table(_COLUMNS, list(_list_own_columns()), iter(()))
        )

    def _list_schemas(self, provider: str) -> Iterator[tuple[Any, ...]]:
        if provider:
            yield _FIRST_SCHEMA, "main", None
            for number, service in enumerate(self._catalog.list_services(provider), start=1):
                yield _FIRST_SCHEMA + number, service, None

    def _list_tables(self, provider: str) -> Iterator[tuple[Any, ...]]:
        for oid, schema_oid, service, name in _number_tables(self._catalog, provider):
            about = self._catalog.get_description(provider, service, name)
            yield oid, schema_oid, name, "r", about or None


def _build_table(
    schema: pa.Schema, own: list[tuple[Any, ...]], others: Iterator[tuple[Any, ...]]
) -> pa.Table:
    columns = zip(*own, *others, strict=True)
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema
    )


def _list_own_columns() -> Iterator[tuple[Any, ...]]:
    """The columns of PostgreSQL's own relations."""
    by_name = {row.long_name: row.oid for row in read_types()} | {row.name: row.oid for row in read_types()}
    for relation in read_relations().values():
        for number, (name, kind, is_required) in enumerate(relation.columns, start=1):
            oid = by_name.get(kind.replace("_", " "), by_name.get(kind, 25))
            yield relation.oid, number, name, oid, -1, is_required, None, None


def _write_local_queries(database: str) -> dict[str, str]:
    """What DuckDB's own functions list of a database, at the time of each statement."""
    name = database.replace("'", "''")
    here = f"database_name = '{name}' AND NOT internal"
    kinds = ", ".join(f"('{kind}', {oid})" for kind, oid in TYPE_NAMES.items())
    schema_oid, table_oid, view_oid = (
        f"({kind}_oid + {first})::UINTEGER"
        for kind, first in (("schema", _FIRST_SCHEMA), ("table", _FIRST_TABLE), ("view", _FIRST_TABLE))
    )
    return {
        "_schemas": f"SELECT (oid + {_FIRST_SCHEMA})::UINTEGER, schema_name, comment FROM duckdb_schemas() "
        f"WHERE database_name = '{name}' AND schema_name NOT IN ('pg_catalog', 'information_schema')",
        "_tables": f"SELECT {table_oid}, {schema_oid}, table_name, 'r', comment FROM duckdb_tables() WHERE {here} "
        f"UNION ALL SELECT {view_oid}, {schema_oid}, view_name, 'v', comment FROM duckdb_views() WHERE {here}",
        "_columns": f"SELECT {table_oid}, column_index::SMALLINT, column_name, "
        "CASE WHEN data_type ~ '^(STRUCT|MAP|UNION)|\\]$' THEN 114 ELSE coalesce(n.oid, 25) END::UINTEGER, "
        "CASE WHEN data_type LIKE 'DECIMAL%' THEN ((numeric_precision << 16) | numeric_scale) + 4 ELSE -1 "
        "END::INTEGER, NOT is_nullable, comment, NULL::SMALLINT FROM duckdb_columns() LEFT JOIN "
        f"(VALUES {kinds}) AS n (kind, oid) ON n.kind = regexp_replace(data_type, '\\(.*', '') WHERE {here}",
    }


def _number_tables(catalog: Catalog, provider: str) -> Iterator[tuple[int, int, str, str]]:
    """OID of the table and of its schema, service, and name."""
    oid = _FIRST_TABLE
    for number, service in enumerate(catalog.list_services(provider) if provider else (), start=1):
        for name in catalog.list_tables(provider, service):
            oid += 1
            yield oid, _FIRST_SCHEMA + number, service, name


# The columns of a provider


def load_columns(catalog: Catalog, provider: str) -> pa.Table:
    """The columns of all tables of a provider, with PostgreSQL's own; a file keeps them for the next server.

    Another process reads them: in this one, the seconds that it takes would delay the statements of all clients.

    Raises:
        InternalError: the process failed.
    """
    file = find_cache_folder() / "columns" / f"{provider}-{catalog.fingerprint}.arrow"
    with suppress(OSError, pa.ArrowInvalid):
        return pa.ipc.open_stream(file.read_bytes()).read_all()
    code = f"import {__name__} as contents; contents.print_columns()"
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [sys.executable, "-P", "-c", code, provider, *map(str, catalog.folders)]
    done = subprocess.run(words, env={**os.environ, **path}, capture_output=True)
    if done.returncode:
        raise InternalError(f"The columns of {provider} could not be read: {done.stderr.decode()[-500:]}")
    with suppress(OSError):  # without a cache, the next server reads them again
        for old in file.parent.glob(f"{provider}-*"):
            old.unlink()
        replace_private_file(file, done.stdout)
    return pa.ipc.open_stream(done.stdout).read_all()


def print_columns() -> None:
    """Write columns to stdout, as an Arrow stream; the command line has the provider and the catalog's folders."""
    provider, *folders = sys.argv[1:]
    catalog = Catalog([Path(folder) for folder in folders])
    catalog.reveal(provider)
    table = _build_table(_COLUMNS, list(_list_own_columns()), _list_columns(catalog, provider))
    with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as stream:
        stream.write_table(table)


def _list_columns(catalog: Catalog, provider: str) -> Iterator[tuple[Any, ...]]:
    for oid, _, service, name in _number_tables(catalog, provider):
        try:
            table = catalog.get_table(provider, service, name)
        except ResourceFileError:  # a statement that reads the table reports it
            continue
        key = [*(column.name for column in table.columns if column.name == "region"), *table.key]
        for number, column in enumerate(table.visible_columns, start=1):
            kind = find_type("JSON" if column.is_json else format_duckdb_type(column.type))
            place = key.index(column.name) + 1 if column.name in key else None
            yield oid, number, column.name, *kind, False, column.description or None, place
