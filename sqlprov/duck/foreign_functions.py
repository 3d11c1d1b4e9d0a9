"""Functions of SQLite and PostgreSQL, on which StackQL runs, that DuckDB lacks: macros, made when one is called."""

from __future__ import annotations

import re

import duckdb

_TIME = (
    "CASE WHEN CAST({0} AS VARCHAR) = 'now' THEN now() AT TIME ZONE 'UTC' "
    "ELSE TRY_CAST(CAST({0} AS VARCHAR) AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
)
_MOVED = (
    "CASE step WHEN 'unixepoch' THEN to_timestamp(TRY_CAST(CAST(time AS VARCHAR) AS DOUBLE)) AT TIME ZONE 'UTC' "
    f"WHEN 'start of day' THEN date_trunc('day', {_TIME}) WHEN 'start of month' THEN date_trunc('month', {_TIME}) "
    f"WHEN 'start of year' THEN date_trunc('year', {_TIME}) WHEN 'utc' THEN {_TIME} WHEN 'localtime' THEN {_TIME} "
    f"ELSE {_TIME} + CAST(ltrim(step, '+') AS INTERVAL) END"
).format("time")
_NOW = _TIME.format("time")
_NODES = "(SELECT list_sort(list((fullkey, type, atom))) FROM json_tree(json_cast({})))"
_EQUAL = f"(a, b) AS CAST({_NODES.format('a')} = {_NODES.format('b')} AS INTEGER)"
_ELEMENTS = "unnest(CAST(json_cast(list) AS JSON[]))"
_TEXTS = "unnest(json_extract_string(json_cast(list), '$[*]'))"
MACROS = {
    "curdate": "() AS current_date",
    "database": "() AS current_database()",
    "datetime": f"(time) AS date_trunc('second', {_NOW}), (time, step) AS date_trunc('second', {_MOVED})",
    "iif": "(condition, yes, no) AS CASE WHEN condition THEN yes ELSE no END",
    "json_array_elements": f"(list) AS {_ELEMENTS}",
    "json_array_elements_text": f"(list) AS {_TEXTS}",
    "jsonb_array_elements": f"(list) AS {_ELEMENTS}",
    "jsonb_array_elements_text": f"(list) AS {_TEXTS}",
    "json_equal": _EQUAL,
    "json_object_compare": _EQUAL,
    "json_patch": "(json, patch) AS json_merge_patch(json_cast(json), json_cast(patch))",
    "julianday": f"(time) AS epoch({_NOW}) / 86400 + 2440587.5, (time, step) AS epoch({_MOVED}) / 86400 + 2440587.5",
    "nvl": "(a, b) AS coalesce(a, b)",
    "quote": "(value) AS CASE WHEN value IS NULL THEN 'NULL' ELSE '''' || replace(value, '''', '''''') || '''' END",
    "regexp": "(pattern, text) AS CAST(regexp_matches(text, pattern) AS INTEGER)",
    "regexp_like": "(text, pattern) AS CAST(regexp_matches(text, pattern) AS INTEGER), "
    "(text, pattern, options) AS CAST(regexp_matches(text, pattern, options) AS INTEGER)",
    "regexp_substr": "(text, pattern) AS list_extract(regexp_extract_all(text, pattern), 1)",
    "schema": "() AS current_schema()",
    "string": "(value) AS CAST(value AS VARCHAR)",  # in DuckDB, the name of a type
    "total": "(x) AS coalesce(sum(CAST(x AS DOUBLE)), 0)",
    "unixepoch": f"(time) AS CAST(epoch({_NOW}) AS BIGINT)",
    "utc_timestamp": "() AS now() AT TIME ZONE 'UTC'",
}
TABLE_MACROS = {
    name: f"(list) AS TABLE SELECT {_TEXTS if name.endswith('text') else _ELEMENTS} AS value"
    for kind in ("json", "jsonb")
    for name in (f"{kind}_array_elements", f"{kind}_array_elements_text")
}
_MISSING = r"(Scalar|Aggregate|Table) Function with name (\w+) does not exist"
_MISSING_BESIDE_ROWS = r'(Function) "(\w+)" is a table function but it was used as a scalar function'


def create_missing(duck: duckdb.DuckDBPyConnection, error: duckdb.Error) -> bool:
    """Create the function that an error says is missing; return whether it is one of these."""
    match = re.search(_MISSING, str(error)) or re.search(_MISSING_BESIDE_ROWS, str(error))
    macros = TABLE_MACROS if match and match[1] == "Table" else MACROS
    name = match[2].lower() if match else ""
    if name not in macros:
        return False
    duck.execute(f'CREATE TEMP MACRO "{name}"{macros[name]}')
    return True
