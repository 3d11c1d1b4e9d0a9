"""Lists the words of a DuckDB connection, for completion."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import duckdb

from sqlprov.records import dataclass

_KEYWORDS = "SELECT keyword_name FROM duckdb_keywords()"
_FUNCTIONS = """
    SELECT function_name, any_value(parameters), any_value(return_type)
    FROM duckdb_functions() WHERE function_name ~ '^[a-z]' AND NOT starts_with(function_name, 'duckdb_')
    GROUP BY 1 ORDER BY 1
"""
_COLUMNS = """
    SELECT database_name, schema_name, table_name, column_name, data_type
    FROM duckdb_columns() WHERE NOT internal AND NOT list_contains(?, database_name) ORDER BY ALL
"""


@dataclass(frozen=True)
class Vocabulary:
    """A snapshot of DuckDB's words.

    Attributes:
        path: catalog and schema that USE chose.
        relations: name of a table or view of its own -> its columns, name and type; the name includes
            database and schema if they are not those of `path`.
        keywords: in upper case.
        accounts: the names of the session's accounts, as far as they are known without a call.
        functions: name -> parameters and result, such as `(string, separator) → VARCHAR[]`.
    """

    path: tuple[str, ...]
    relations: Mapping[str, tuple[tuple[str, str], ...]]
    keywords: tuple[str, ...]
    functions: Mapping[str, str]
    accounts: tuple[str, ...] = ()


def read_vocabulary(
    duck: duckdb.DuckDBPyConnection,
    path: tuple[str, ...],
    live: tuple[str, ...],
    accounts: tuple[str, ...] = (),
) -> Vocabulary:
    """The words of `duck`, without the tables of the catalogs `live`, and the names of the accounts."""
    relations: dict[str, list[tuple[str, str]]] = {}
    try:
        rows = duck.execute(_COLUMNS, [list(live)]).fetchall()
    except duckdb.Error:
        rows = []  # an aborted transaction refuses every query
    for database, schema, table, column, kind in rows:
        whole = (database, schema, table)
        name = table if whole[:2] == path[:2] or database == "temp" else ".".join(whole)
        relations.setdefault(name, []).append((column, kind))
    keywords, functions = tuple(sorted(map(str.upper, read_keywords()))), _read_functions()
    return Vocabulary(
        path, {name: tuple(columns) for name, columns in relations.items()}, keywords, functions, accounts
    )


@cache
def read_keywords() -> frozenset[str]:
    """DuckDB's keywords, in lower case."""
    with duckdb.connect() as duck:
        return frozenset(str(row[0]) for row in duck.execute(_KEYWORDS).fetchall())


@cache
def _read_functions() -> Mapping[str, str]:
    """DuckDB's functions, which are the same for every connection."""
    with duckdb.connect() as duck:
        return {
            str(name): f"({', '.join(parameters or ())})" + (f" → {result}" if result else "")
            for name, parameters, result in duck.execute(_FUNCTIONS).fetchall()
        }
