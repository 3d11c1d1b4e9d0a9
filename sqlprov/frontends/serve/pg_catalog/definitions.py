"""The relations, types and functions of PostgreSQL's system catalogs, from the files beside this one.

relations.tsv and types.tsv were read once from a PostgreSQL 15: `pg_class` with `pg_attribute`, and `pg_type`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from sqlprov.sql.lexer import quote_identifier

_FILES = files("sqlprov.frontends.serve.pg_catalog")
_TYPES = {
    "oid": "UINTEGER",
    "xid": "UINTEGER",
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double_precision": "DOUBLE",
    "numeric": "DOUBLE",
    "bytea": "BLOB",
    "timestamptz": "TIMESTAMPTZ",
    "interval": "INTERVAL",
    "int2vector": "SMALLINT[]",
    "oidvector": "UINTEGER[]",
}
"""PostgreSQL's types of columns -> DuckDB's; others are VARCHAR."""


class Relation(NamedTuple):
    """A table or view of PostgreSQL's catalogs.

    Attributes:
        schema, name: `pg_catalog` and `pg_class`.
        kind: r or v.
        oid: identifies it.
        columns: name, type and whether it is NOT NULL.
    """

    schema: str
    name: str
    kind: str
    oid: int
    columns: tuple[tuple[str, str, bool], ...]


class TypeRow(NamedTuple):
    """A row of pg_type, without what all rows have in common."""

    oid: int
    name: str
    size: int
    by_value: bool
    kind: str
    category: str
    is_preferred: bool
    delimiter: str
    element: int
    array: int
    alignment: str
    storage: str
    collation: int
    long_name: str
    input: str
    output: str
    receive: str
    send: str


class Macro(NamedTuple):
    """An expression in which letters stand for arguments."""

    parameters: tuple[str, ...]
    body: str


@cache
def read_relations() -> dict[str, Relation]:
    """The relations by name; no two schemas have one of the same name."""
    relations = {}
    for line in _read("relations.tsv").splitlines():
        full_name, kind, oid, columns = line.split("\t")
        schema, _, name = full_name.partition(".")
        parts = (column.partition(" ") for column in columns.split(","))
        listed = tuple((column, kind_.rstrip("!"), kind_.endswith("!")) for column, _, kind_ in parts)
        relations[name] = Relation(schema, name, kind, int(oid), listed)
    return relations


@cache
def read_types() -> tuple[TypeRow, ...]:
    """The rows of pg_type."""
    rows = []
    for line in _read("types.tsv").splitlines():
        v = line.split("\t")
        rows.append(
            TypeRow(
                *(
                    int(v[0]),
                    v[1],
                    int(v[2]),
                    v[3] == "t",
                    v[4],
                    v[5],
                    v[6] == "t",
                    v[7],
                    int(v[8]),
                    int(v[9]),
                ),
                *(v[10], v[11], int(v[12]), v[13], v[14], v[15], v[16], v[17]),
            )
        )
    return tuple(rows)


@cache
def list_functions() -> frozenset[str]:
    """The columns that identify a function."""
    columns = (column for relation in read_relations().values() for column in relation.columns)
    return frozenset(name for name, kind, _ in columns if kind == "regproc")


@cache
def read_macros() -> dict[str, dict[int, Macro]]:
    """What takes the place of PostgreSQL's functions: name -> number of arguments -> text."""
    macros: dict[str, dict[int, Macro]] = {}
    for line in _read("macros.sql").splitlines():
        name, _, rest = line.partition("(")
        if line.startswith("--") or not rest:
            continue
        overloads = (part.partition(") AS ") for part in re.split(r", \((?=(?:\w, )*\w?\) AS )", rest))
        listed = [Macro(tuple(filter(None, names.split(", "))), body) for names, _, body in overloads]
        macros[name] = {len(macro.parameters): macro for macro in listed}
    return macros


@cache
def _read_queries() -> dict[str, str]:
    parts = re.split(r"(?m)^-- (?:pg_catalog|information_schema)\.(\w+)\n", _read("relations.sql"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@cache
def write_query(name: str, hidden: frozenset[str] = frozenset(), has_indexes: bool = False) -> str:
    """The query of a relation, with a value of its type for each column: NULL if the files have none.

    Args:
        name: of the relation.
        hidden: those of PostgreSQL's hidden columns that it has, too: `tableoid` and `xmin`.
        has_indexes: whether pg_class has the indexes: they need the columns of all tables, which take seconds to load.
    """
    relation, query = read_relations()[name], _read_queries().get(name, "")
    if name == "pg_class" and has_indexes:
        query += _read_queries()["pg_class_indexes"]
    named = {*re.findall(r"\bAS (\w+)", query), *_list_plain_columns(query)}
    columns = [
        f"CAST({quote_identifier(column) if column in named else 'NULL'} AS {_find_duckdb_type(kind)}) "
        f"AS {quote_identifier(column)}"
        for column, kind, _ in relation.columns
    ]
    values = {"tableoid": relation.oid, "xmin": 1}
    columns += [f"{values[column]}::UINTEGER AS {column}" for column in sorted(hidden)]
    return f"SELECT {', '.join(columns)} {f'FROM ({query})' if query else 'WHERE false'}"


def _list_plain_columns(query: str) -> list[str]:
    """The columns that a query passes on under their own name: `oid` first, or those of VALUES."""
    if match := re.search(r"AS \w+ \(([\w, ]+)\)\s*$", query):
        return match[1].split(", ")
    return ["oid"] if re.match(r"\s*SELECT oid,", query) else []


def _find_duckdb_type(name: str) -> str:
    if name.endswith("[]"):
        return f"{_find_duckdb_type(name[:-2])}[]"
    return _TYPES.get(name, "VARCHAR")


def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")
