"""Answers SQLAlchemy's `inspect()`; live tables come from the catalog, without an API call."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import FetchedValue
from sqlalchemy.engine import default, reflection
from sqlalchemy.exc import NoSuchTableError

from sqlprov.frontends.sqlalchemy.compiler import split_schema
from sqlprov.frontends.sqlalchemy.types import parse_type
from sqlprov.sql.lexer import quote_path

HIDDEN = ("system", "temp", "sqlprov")
"""Databases without user tables."""
SchemaName = tuple[str, str]
"""Database and schema."""

_SCHEMAS = """
SELECT database_name, schema_name, database_name = current_database() AS here
FROM duckdb_schemas() ORDER BY NOT here, database_name, schema_name
"""
_CONSTRAINTS = """
SELECT constraint_type, constraint_name, constraint_column_names, referenced_table, referenced_column_names, expression
FROM duckdb_constraints() WHERE (database_name, schema_name, table_name) = (?, ?, ?) ORDER BY constraint_index
"""
_COLUMNS = """
SELECT column_name, data_type, comment, column_default, is_nullable
FROM duckdb_columns() WHERE (database_name, schema_name, table_name) = (?, ?, ?) ORDER BY column_index
"""
_INDEXES = """
SELECT index_name, is_unique, expressions FROM duckdb_indexes()
WHERE (database_name, schema_name, table_name) = (?, ?, ?) AND NOT is_primary ORDER BY index_name
"""


class Reflection(default.DefaultDialect):
    """Lists schemas, tables, columns, keys and comments.

    A schema is written `schema` in the current database, and `database.schema` in another, as in `aws.sagemaker`.
    """

    # Names

    @reflection.cache
    def get_schema_names(self, connection: Any, **kw: Any) -> list[str]:
        """Schemas of the current database, then `database.schema`; every service is a schema."""
        quote = _quote_if_dotted
        known = [tuple(row) for row in self._read(connection, _SCHEMAS, **kw)]
        here = {database: is_here for database, _, is_here in known}
        for provider in self._read(connection, "SHOW PROVIDERS", **kw):
            services = self._read(connection, f"SHOW SERVICES IN {provider.name}", **kw)
            known += [(provider.name, service.name, here[provider.name]) for service in services]
        return [
            quote(schema) if is_here else f"{quote(database)}.{quote(schema)}"
            for database, schema, is_here in sorted(set(known), key=lambda each: (not each[2], *each))
            if database not in HIDDEN
        ]

    @reflection.cache
    def get_table_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Tables, and live tables, which are views to DuckDB."""
        path = self._resolve_schema(connection, schema, **kw)
        if self._is_live(connection, path, **kw):
            return [
                row.name for row in self._read(connection, f"SHOW RESOURCES IN {quote_path(*path)}", **kw)
            ]
        return self._list_names(connection, "table", *path, **kw)

    @reflection.cache
    def get_view_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        path = self._resolve_schema(connection, schema, **kw)
        return (
            [] if self._is_live(connection, path, **kw) else self._list_names(connection, "view", *path, **kw)
        )

    @reflection.cache
    def get_sequence_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        return self._list_names(connection, "sequence", *self._resolve_schema(connection, schema, **kw), **kw)

    def has_sequence(self, connection: Any, sequence_name: str, schema: str | None = None, **kw: Any) -> bool:
        return sequence_name in self.get_sequence_names(connection, schema, **kw)

    @reflection.cache
    def get_temp_table_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        return self._list_names(connection, "table", "temp", "main", **kw)

    @reflection.cache
    def get_temp_view_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        return self._list_names(connection, "view", "temp", "main", **kw)

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        try:
            self._resolve_table(connection, table_name, schema, **kw)
        except NoSuchTableError:
            return False
        return True

    @reflection.cache
    def get_view_definition(
        self, connection: Any, view_name: str, schema: str | None = None, **kw: Any
    ) -> str:
        """The CREATE VIEW statement."""
        path = *self._resolve_table(connection, view_name, schema, **kw), view_name
        sql = "SELECT sql FROM duckdb_views() WHERE (database_name, schema_name, view_name) = (?, ?, ?)"
        for row in self._read(connection, sql, *path, **kw):
            return str(row.sql)
        raise NoSuchTableError(view_name)

    # One table

    @reflection.cache
    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Names, types and comments. Any column of a live table may be NULL, and is left out of INSERT if not set."""
        path = self._resolve_table(connection, table_name, schema, **kw)
        if self._is_live(connection, path, **kw):
            live = self._describe(connection, path, table_name, **kw)
            rows = [(row.name, row.type, row.description, FetchedValue(), True) for row in live]
        else:
            rows = self._read(connection, _COLUMNS, *path, table_name, **kw)
        return [
            {
                "name": name,
                "type": parse_type(kind),
                "comment": comment,
                "default": value,
                "nullable": nullable,
            }
            for name, kind, comment, value, nullable in rows
        ]

    @reflection.cache
    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        """The primary key; of a live table, the region and the key, because each region has its own names."""
        path = self._resolve_table(connection, table_name, schema, **kw)
        if self._is_live(connection, path, **kw):
            rows = self._describe(connection, path, table_name, **kw)
            key = [row.name for row in rows if row.key and row.source != "key"]
            region = [row.name for row in rows if row.name == "region"]
            return {"constrained_columns": [*region, *key], "name": None}
        for row in self._list_constraints(connection, "PRIMARY KEY", path, table_name, **kw):
            return {"constrained_columns": row.constraint_column_names, "name": row.constraint_name}
        return {"constrained_columns": [], "name": None}

    @reflection.cache
    def get_foreign_keys(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Foreign keys, which stay in one schema in DuckDB."""
        path = self._resolve_table(connection, table_name, schema, **kw)
        return [
            {
                "name": row.constraint_name,
                "constrained_columns": row.constraint_column_names,
                "referred_schema": schema,
                "referred_table": row.referenced_table,
                "referred_columns": row.referenced_column_names,
                "options": {},
            }
            for row in self._list_constraints(connection, "FOREIGN KEY", path, table_name, **kw)
        ]

    @reflection.cache
    def get_unique_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        path = self._resolve_table(connection, table_name, schema, **kw)
        return [
            {"name": row.constraint_name, "column_names": row.constraint_column_names}
            for row in self._list_constraints(connection, "UNIQUE", path, table_name, **kw)
        ]

    @reflection.cache
    def get_check_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        path = self._resolve_table(connection, table_name, schema, **kw)
        return [
            {"name": row.constraint_name, "sqltext": row.expression}
            for row in self._list_constraints(connection, "CHECK", path, table_name, **kw)
        ]

    @reflection.cache
    def get_indexes(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Indexes, except those on expressions."""
        path = self._resolve_table(connection, table_name, schema, **kw)
        return [
            {"name": row.index_name, "unique": row.is_unique, "column_names": names}
            for row in self._read(connection, _INDEXES, *path, table_name, **kw)
            if (names := re.findall(r"\w+", row.expressions)) and row.expressions == f"[{', '.join(names)}]"
        ]

    @reflection.cache
    def get_table_comment(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        path = self._resolve_table(connection, table_name, schema, **kw)
        if self._is_live(connection, path, **kw):
            name = re.sub(r"([\\%_])", r"\\\1", table_name)
            rows = self._read(
                connection, f"SHOW EXTENDED RESOURCES IN {quote_path(*path)} LIKE '{name}'", **kw
            )
            return {"text": next(row.description for row in rows if row.name == table_name)}
        sql = "SELECT comment FROM duckdb_{0}s() WHERE (database_name, schema_name, {0}_name) = (?, ?, ?)"
        for kind in ("table", "view"):
            for row in self._read(connection, sql.format(kind), *path, table_name, **kw):
                return {"text": row.comment}
        return {"text": None}

    # Names in the catalog

    def _resolve_schema(self, connection: Any, schema: str | None, **kw: Any) -> SchemaName:
        schemas = [tuple(row) for row in self._read(connection, _SCHEMAS, **kw)]
        if schema is None:
            database, name = self._read(connection, "SELECT current_database(), current_schema()", **kw)[0]
            return database, name
        parts = split_schema(schema)
        if len(parts) == 1:
            current = next((database for database, _, here in schemas if here), "")
            if (current, parts[0], True) in schemas or (parts[0], "main", False) not in schemas:
                return current, parts[0]
            return parts[0], "main"
        return parts[0], parts[1]

    def _resolve_table(self, connection: Any, table: str, schema: str | None, **kw: Any) -> SchemaName:
        """The schema of a table or view; a temporary one has none in SQLAlchemy."""
        path = self._resolve_schema(connection, schema, **kw)
        if self._is_live(connection, path, **kw):
            if table in self.get_table_names(connection, schema, **kw):
                return path
            raise NoSuchTableError(table)
        for candidate in (path, ("temp", "main")) if schema is None else (path,):
            if any(
                table in self._list_names(connection, kind, *candidate, **kw) for kind in ("table", "view")
            ):
                return candidate
        raise NoSuchTableError(table)

    def _is_live(self, connection: Any, path: SchemaName, **kw: Any) -> bool:
        database, schema = path
        if schema == "main" or database not in [
            row.name for row in self._read(connection, "SHOW PROVIDERS", **kw)
        ]:
            return False
        return schema in [row.name for row in self._read(connection, f"SHOW SERVICES IN {database}", **kw)]

    def _describe(self, connection: Any, path: SchemaName, table: str, **kw: Any) -> list[Any]:
        return self._read(connection, f"DESCRIBE EXTENDED {quote_path(*path, table)}", **kw)

    def _list_constraints(
        self, connection: Any, kind: str, path: SchemaName, table: str, **kw: Any
    ) -> list[Any]:
        rows = self._read(connection, _CONSTRAINTS, *path, table, **kw)
        return [row for row in rows if row.constraint_type == kind]

    def _list_names(self, connection: Any, kind: str, database: str, schema: str, **kw: Any) -> list[str]:
        """The tables, views or sequences of a schema."""
        own = "" if kind == "sequence" else "AND NOT internal"
        sql = (
            f"SELECT {kind}_name AS name FROM duckdb_{kind}s() "
            f"WHERE (database_name, schema_name) = (?, ?) {own} ORDER BY 1"
        )
        return [row.name for row in self._read(connection, sql, database, schema, **kw)]

    @reflection.cache
    def _read(self, connection: Any, sql: str, *parameters: str, **kw: Any) -> list[Any]:
        """The rows of a query; an Inspector keeps them as it keeps what it was asked."""
        return list(connection.exec_driver_sql(sql, parameters or None).fetchall())


def _quote_if_dotted(name: str) -> str:
    return name if re.fullmatch(r'[^."]+', name) else quote_path(name)
