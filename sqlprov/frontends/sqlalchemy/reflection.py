"""A schema or table by name in, what SQLAlchemy's inspect() asks of it out: of live tables, without a call."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.engine import default, reflection
from sqlalchemy.exc import NoSuchTableError

from sqlprov.frontends.sqlalchemy.compiler import schema_parts
from sqlprov.frontends.sqlalchemy.types import from_duckdb

HIDDEN = ("system", "temp", "sqlprov")
"""Databases whose tables nobody made."""
REGION = "region"
Place = tuple[str, str]
Rows = list[Any]

_PLACES = """
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
    """What the dialect tells about databases, schemas, tables and columns.

    A schema is written `schema` in the current database, and `database.schema` in another, as in `aws.sagemaker`.
    """

    # Names

    @reflection.cache
    def get_schema_names(self, connection: Any, **kw: Any) -> list[str]:
        """Those of the current database, then `database.schema`."""
        quote = _quoted_if_dotted
        return [
            quote(schema) if here else f"{quote(database)}.{quote(schema)}"
            for database, schema, here in _rows(connection, _PLACES)
            if database not in HIDDEN
        ]

    @reflection.cache
    def get_table_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Live tables too, which are views to DuckDB."""
        place = self._place(connection, schema)
        if self._is_live(connection, place):
            return [row.name for row in _rows(connection, f"SHOW RESOURCES IN {_name(place)}")]
        return _names(connection, "table", *place)

    @reflection.cache
    def get_view_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Views of a database."""
        place = self._place(connection, schema)
        return [] if self._is_live(connection, place) else _names(connection, "view", *place)

    @reflection.cache
    def get_sequence_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Sequences of a database."""
        return _names(connection, "sequence", *self._place(connection, schema))

    def has_sequence(self, connection: Any, sequence_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Whether there is such a sequence."""
        return sequence_name in self.get_sequence_names(connection, schema)

    @reflection.cache
    def get_temp_table_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Temporary tables of this connection."""
        return _names(connection, "table", "temp", "main")

    @reflection.cache
    def get_temp_view_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Temporary views of this connection."""
        return _names(connection, "view", "temp", "main")

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Whether there is such a table or view."""
        try:
            self._of(connection, table_name, schema)
        except NoSuchTableError:
            return False
        return True

    @reflection.cache
    def get_view_definition(
        self, connection: Any, view_name: str, schema: str | None = None, **kw: Any
    ) -> str:
        """Its CREATE VIEW."""
        place = *self._of(connection, view_name, schema), view_name
        sql = "SELECT sql FROM duckdb_views() WHERE (database_name, schema_name, view_name) = (?, ?, ?)"
        found = _rows(connection, sql, *place)
        if not found:
            raise NoSuchTableError(view_name)
        return str(found[0].sql)

    # One table

    @reflection.cache
    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Names, types and comments; whether a live table's column can be NULL nobody says."""
        place = self._of(connection, table_name, schema)
        if self._is_live(connection, place):
            live = self._live(connection, place, table_name)
            rows = [(row.name, row.type, row.description, None, True) for row in live]
        else:
            rows = _rows(connection, _COLUMNS, *place, table_name)
        return [
            {
                "name": name,
                "type": from_duckdb(kind),
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
        """Of a live table: region and key, since a name can be taken in each region."""
        place = self._of(connection, table_name, schema)
        if self._is_live(connection, place):
            rows = self._live(connection, place, table_name)
            key = [row.name for row in rows if row.key and row.source != "key"]
            own = [row.name for row in rows if row.name == REGION]
            return {"constrained_columns": [*own, *key], "name": None}
        for row in self._constraints(connection, "PRIMARY KEY", place, table_name):
            return {"constrained_columns": row.constraint_column_names, "name": row.constraint_name}
        return {"constrained_columns": [], "name": None}

    @reflection.cache
    def get_foreign_keys(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """DuckDB's point within their own schema."""
        place = self._of(connection, table_name, schema)
        return [
            {
                "name": row.constraint_name,
                "constrained_columns": row.constraint_column_names,
                "referred_schema": schema,
                "referred_table": row.referenced_table,
                "referred_columns": row.referenced_column_names,
                "options": {},
            }
            for row in self._constraints(connection, "FOREIGN KEY", place, table_name)
        ]

    @reflection.cache
    def get_unique_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """UNIQUE."""
        place = self._of(connection, table_name, schema)
        return [
            {"name": row.constraint_name, "column_names": row.constraint_column_names}
            for row in self._constraints(connection, "UNIQUE", place, table_name)
        ]

    @reflection.cache
    def get_check_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """CHECK."""
        place = self._of(connection, table_name, schema)
        return [
            {"name": row.constraint_name, "sqltext": row.expression}
            for row in self._constraints(connection, "CHECK", place, table_name)
        ]

    @reflection.cache
    def get_indexes(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """CREATE INDEX; an index of an expression is left out."""
        place = self._of(connection, table_name, schema)
        return [
            {"name": row.index_name, "unique": row.is_unique, "column_names": names}
            for row in _rows(connection, _INDEXES, *place, table_name)
            if (names := re.findall(r"\w+", row.expressions)) and row.expressions == f"[{', '.join(names)}]"
        ]

    @reflection.cache
    def get_table_comment(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        """Of a live table: what it is about."""
        place = self._of(connection, table_name, schema)
        if self._is_live(connection, place):
            rows = _rows(connection, f"SHOW EXTENDED RESOURCES IN {_name(place)}")
            return {"text": next(row.description for row in rows if row.name == table_name)}
        sql = "SELECT comment FROM duckdb_{0}s() WHERE (database_name, schema_name, {0}_name) = (?, ?, ?)"
        found = [
            row
            for kind in ("table", "view")
            for row in _rows(connection, sql.format(kind), *place, table_name)
        ]
        return {"text": found[0].comment if found else None}

    # Where

    def _place(self, connection: Any, schema: str | None) -> Place:
        """Database and schema."""
        places = [tuple(row) for row in _rows(connection, _PLACES)]
        if schema is None:
            database, name = _rows(connection, "SELECT current_database(), current_schema()")[0]
            return database, name
        parts = schema_parts(schema)
        if len(parts) == 1:
            current = next((database for database, _, here in places if here), "")
            if (current, parts[0], True) in places or (parts[0], "main", False) not in places:
                return current, parts[0]
            return parts[0], "main"
        return parts[0], parts[1]

    def _of(self, connection: Any, table: str, schema: str | None) -> Place:
        """The place of a table or view; of a temporary one only without a schema."""
        place = self._place(connection, schema)
        if self._is_live(connection, place):
            if table in self.get_table_names(connection, schema):
                return place
            raise NoSuchTableError(table)
        for each in (place, ("temp", "main")) if schema is None else (place,):
            if table in _names(connection, "table", *each) or table in _names(connection, "view", *each):
                return each
        raise NoSuchTableError(table)

    def _is_live(self, connection: Any, place: Place) -> bool:
        if place[1] == "main":
            return False
        if place[0] not in [row.name for row in _rows(connection, "SHOW PROVIDERS")]:
            return False
        return place[1] in [row.name for row in _rows(connection, f"SHOW SERVICES IN {place[0]}")]

    def _live(self, connection: Any, place: Place, table: str) -> Rows:
        return _rows(connection, f"DESCRIBE EXTENDED {_name((*place, table))}")

    def _constraints(self, connection: Any, kind: str, place: Place, table: str) -> Rows:
        rows = _rows(connection, _CONSTRAINTS, *place, table)
        return [row for row in rows if row.constraint_type == kind]


def _rows(connection: Any, sql: str, *parameters: str) -> Rows:
    return list(connection.exec_driver_sql(sql, parameters or None).fetchall())


def _names(connection: Any, kind: str, database: str, schema: str) -> list[str]:
    """The tables, views or sequences of a schema."""
    made = "" if kind == "sequence" else "AND NOT internal"
    sql = (
        f"SELECT {kind}_name AS name FROM duckdb_{kind}s() "
        f"WHERE (database_name, schema_name) = (?, ?) {made} ORDER BY 1"
    )
    return [row.name for row in _rows(connection, sql, database, schema)]


def _name(parts: tuple[str, ...]) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _quoted_if_dotted(name: str) -> str:
    return name if re.fullmatch(r'[^."]+', name) else _name((name,))
