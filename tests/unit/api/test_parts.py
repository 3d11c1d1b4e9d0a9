"""A query whose rows stand alone can be read in parts, which together are the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from local_sagemaker import connection

from sqlprov import Connection, connect
from sqlprov.emulator import Emulator
from sqlprov.errors import NotSupportedError, UnknownName

REGIONS = "us-east-1,eu-west-1,eu-central-1"
WHOLE = [
    "FROM aws.sagemaker.inference_experiments",
    "SELECT name, region, tags FROM aws.sagemaker.inference_experiments",
    "SELECT upper(name) AS n FROM aws.sagemaker.inference_experiments WHERE status LIKE 'R%' OR region <> 'eu-west-1'",
    "SELECT name FROM aws.sagemaker.inference_experiments WHERE region IN ('us-east-1', 'eu-west-1')",
    "SELECT name FROM aws.sagemaker.inference_experiments UNION ALL SELECT model_name FROM aws.sagemaker.models",
    "SELECT unnest(model_variants).VariantName AS variant FROM aws.sagemaker.inference_experiments",
    "SELECT name FROM aws.sagemaker.inference_experiments WHERE account = 'another'",
    "SELECT name FROM aws.sagemaker.inference_experiments WHERE 1 = 2",
]
JOINT = {
    "SELECT count(*) FROM aws.sagemaker.models": "AGGREGATE",
    "SELECT DISTINCT model_name FROM aws.sagemaker.models": "HASH_GROUP_BY",
    "SELECT model_name FROM aws.sagemaker.models ORDER BY 1": "ORDER_BY",
    "SELECT model_name FROM aws.sagemaker.models LIMIT 3": "LIMIT",
    "SELECT model_name FROM aws.sagemaker.models USING SAMPLE 1": "SAMPLE",
    "SELECT model_name, row_number() OVER () FROM aws.sagemaker.models": "WINDOW",
    "SELECT a.model_name FROM aws.sagemaker.models a JOIN aws.sagemaker.models b USING (model_name)": "JOIN",
    "SELECT model_name FROM aws.sagemaker.models UNION SELECT 'one'": "GROUP_BY",
    "SELECT model_name FROM aws.sagemaker.models UNION ALL SELECT 'one'": "DUMMY_SCAN",
    "SELECT 1 AS n": "DUMMY_SCAN",
    "FROM range(3)": "RANGE",
}


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.mark.parametrize("query", WHOLE)
def test_the_parts_of_a_query_are_its_rows(em: Emulator, query: str) -> None:
    em.seed_local()
    with connection(em.url, regions=REGIONS) as con:
        check_parts(con, query)


def test_a_global_table_is_in_one_part() -> None:
    roles = "SELECT role_name, region FROM aws.iam.roles"
    with connect(local=True, region=REGIONS) as con:
        assert check_parts(con, f"{roles} UNION ALL SELECT model_name, region FROM aws.sagemaker.models") == 3
        assert check_parts(con, roles) == 1


def check_parts(con: Connection, query: str) -> int:
    """The number of parts, whose rows must be those of the query."""
    whole = con.sql(query).arrow()
    schema, parts = con.split(query, 99)
    rows: list[object] = []
    for pairs in parts:
        with con.within(pairs) as part:
            result = part.sql(query)
            assert result.schema == schema
            rows += result.arrow().to_pylist()
    assert Counter(map(repr, rows)) == Counter(map(repr, whole.to_pylist()))
    assert len(parts) == len({*parts})
    return len(parts)


def test_a_part_calls_only_its_places_and_splitting_calls_none_of_them(em: Emulator) -> None:
    em.seed_local()
    query = "SELECT model_name, region FROM aws.sagemaker.models WHERE region LIKE 'eu-%'"
    with connection(em.url, regions=REGIONS) as con:
        _, (pairs,) = con.split(query, 1)
        assert {call.operation for call in em.calls} <= {"ListRegions"}
        em.reset_calls()
        with con.within([pair for pair in pairs if "eu-west-1" in pair]) as part:
            assert part.sql(query).fetchall()
    assert {call.region for call in em.calls} == {"eu-west-1"}


def test_an_empty_part_has_no_rows_and_makes_no_call(em: Emulator) -> None:
    with connection(em.url, regions=REGIONS) as con, con.within([]) as part:
        assert part.sql("SELECT model_name, region FROM aws.sagemaker.models").fetchall() == []
    assert em.calls == []


@pytest.mark.parametrize("query", JOINT)
def test_a_query_that_needs_all_rows_together_is_not_split(em: Emulator, query: str) -> None:
    with (
        connection(em.url, regions=REGIONS) as con,
        pytest.raises(NotSupportedError, match=rf"cannot be read in parts: .*{JOINT[query]}"),
    ):
        con.split(query, 3)
    assert em.calls == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM aws.sagemaker.models WHERE model_name = 'm'",
        "SHOW TABLES",
        "CREATE TABLE t AS FROM aws.iam.roles",
    ],
)
def test_only_a_select_is_split(em: Emulator, statement: str) -> None:
    with connection(em.url) as con, pytest.raises(NotSupportedError, match="cannot be read in parts"):
        con.split(statement, 3)
    assert em.calls == []


def test_a_wrong_name_is_reported_as_by_a_query(em: Emulator) -> None:
    with connection(em.url) as con, pytest.raises(UnknownName, match="model_name"):
        con.split("SELECT model_nam FROM aws.sagemaker.models", 3)
