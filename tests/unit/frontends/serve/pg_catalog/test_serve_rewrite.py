from __future__ import annotations

import pytest

from sqlprov.frontends.serve.pg_catalog.definitions import (
    read_macros,
    read_relations,
    read_types,
    write_query,
)
from sqlprov.frontends.serve.pg_catalog.rewrite import rewrite

PARAMETERS = {"server_version": "15.18"}


def adapt(text: str) -> str | None:
    found = rewrite(text, lambda definition: definition, "a'da", PARAMETERS.get)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT pg_class FROM t",
        "SELECT * FROM aws.sagemaker.models AS pg_class",
        "SELECT version FROM t",
        "SELECT 'pg_catalog.pg_class', name::VARCHAR, CAST(x AS INTEGER) FROM t",
        "SELECT t.current_user, current_setting('threads') FROM t",
        "SELECT columns FROM main.tables",
        "SELECT lower('X'), COLUMNS(*) FROM t",
    ],
)
def test_a_statement_without_postgresqls_names_stays_as_it_is(text: str) -> None:
    assert adapt(text) is None


REWRITTEN = {
    "SELECT pg_catalog.lower('X')": "SELECT lower('X')",
    "SELECT a OPERATOR(pg_catalog.~) '^x' COLLATE pg_catalog.default FROM t": "SELECT a ~ '^x'  FROM t",
    'SELECT x::name, y::pg_catalog.text, CAST(z AS oid), w::"char"': (
        "SELECT x::VARCHAR, y::text, CAST(z AS UINTEGER), w::VARCHAR"
    ),
    "SELECT current_user, session_user": "SELECT 'a''da', 'a''da'",
    "SELECT current_setting('server_version')::int": "SELECT '15.18'::int",
    "SELECT pg_catalog.json_build_object('a', to_jsonb(1))": "SELECT json_object('a', to_json(1))",
    "SELECT '{a,\"b c\",NULL}'::text[]": "SELECT ['a', 'b c', NULL]::text[]",
    "SELECT pg_table_size(f(1, 2)::oid)": "SELECT (0::BIGINT)",
    "SELECT pg_catalog.quote_literal(pg_catalog.upper(a || ')'))": (
        "SELECT ('''' || replace((upper(a || ')'))::VARCHAR, '''', '''''') || '''')"
    ),
}


@pytest.mark.parametrize("text", REWRITTEN)
def test_functions_types_and_operators_become_those_of_duckdb(text: str) -> None:
    assert adapt(text) == REWRITTEN[text]


def test_a_relation_becomes_a_common_table_expression() -> None:
    query = write_query("pg_am")
    table = f'"pg_am" AS NOT MATERIALIZED ({query})'
    assert adapt("SELECT 1 FROM pg_catalog.pg_am") == f"WITH {table} SELECT 1 FROM pg_am"
    asked = adapt("SELECT amhandler <> 0 FROM pg_am WHERE amhandler != 0 AND oid <> 0")
    assert asked == f"WITH {table} SELECT amhandler <> 0 FROM pg_am WHERE amhandler != '-' AND oid <> 0"
    assert adapt("SELECT 1 FROM t, pg_am") == f"WITH {table} SELECT 1 FROM t, pg_am"
    assert adapt("WITH x AS (SELECT 1) FROM pg_am, x") == f"WITH {table}, x AS (SELECT 1) FROM pg_am, x"
    assert (
        adapt("WITH RECURSIVE x AS (FROM pg_am) FROM x")
        == f"WITH RECURSIVE {table}, x AS (FROM pg_am) FROM x"
    )


def test_a_cast_to_the_type_of_a_name_finds_what_has_it() -> None:
    to_oid, to_name = (read_macros()[name][1].body for name in ("to_regclass", "regclass_name"))
    for operand in ("'pg_class'", "$1"):
        expected = to_oid.replace("(a,", f"(({operand}),").replace("a = z", f"({operand}) = z")
        assert adapt(f"SELECT {operand}::pg_catalog.regclass") == f"SELECT ({expected})"
        assert adapt(f"SELECT CAST({operand} AS regclass)") == f"SELECT ({expected})"
    for operand in ("c.oid", "max(c.oid)", "(c.oid)"):
        assert (
            adapt(f"SELECT {operand}::regclass::text")
            == f"SELECT ({to_name.replace('a::', f'({operand})::')})::text"
        )


def test_the_definitions_are_those_of_postgresql_15() -> None:
    assert len(read_relations()) == 208
    assert {"pg_class", "pg_attribute", "columns", "tables"} <= read_relations().keys()
    assert {16, 25, 1184, 1009} <= {row.oid for row in read_types()}
    assert set(read_macros()["has_table_privilege"]) == {2, 3}
