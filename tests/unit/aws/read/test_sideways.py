"""The few values of one table of a join are looked up in the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emulator_calls import (
    DESCRIBE,
    EXPERIMENTS,
    LIST,
    add_experiment,
    cancel_in_flight,
    count_operations,
    wait_until_idle,
)

import sqlprov
from sqlprov.aws.read import prefetch
from sqlprov.emulator import Emulator, Fault

E, P = EXPERIMENTS, "aws.sagemaker.endpoints"
C, M = "aws.sagemaker.endpoint_configs", "aws.sagemaker.models"
JOIN = f"SELECT e.name, p.endpoint_status FROM {E} e JOIN {P} p ON p.endpoint_name = e.endpoint_name"
LOOKUPS = {"DescribeEndpoint": 10}
TEN = {LIST: 1, DESCRIBE: 10}


@pytest.fixture
def cloud(em: Emulator) -> Emulator:
    for number in range(150):
        name = f"p-{number}"
        em.add("Endpoint", "us-east-1", {"EndpointName": name, "EndpointConfigName": f"c-{number % 2}"})
        em.add("Model", "us-east-1", {"ModelName": name})
    for number in range(10):
        add_experiment(em, f"e-{number}", EndpointName=f"p-{number + 142}")  # two of them do not exist
    for number in range(50):
        em.add("EndpointConfig", "us-east-1", {"EndpointConfigName": f"c-{number}"})
    return em


Compare = Callable[..., dict[str, int]]


@pytest.fixture
def compare(cloud: Emulator, connect: Any) -> Compare:
    """Run a query with and without lookups: the rows are equal; returns the calls of the run with them."""

    def compare(query: str, **settings: object) -> dict[str, int]:
        expected = sorted(map(repr, connect(sideways="off", **settings).sql(query).fetchall()))
        wait_until_idle(cloud)
        cloud.reset_calls()
        assert sorted(map(repr, connect(**settings).sql(query).fetchall())) == expected
        wait_until_idle(cloud)
        return count_operations(cloud)

    return compare


LIMITED = [
    JOIN,
    f"SELECT * EXCLUDE (tags, tag_map) FROM {E} JOIN {P} USING (endpoint_name)",
    f"SELECT e.name, p.endpoint_config_name FROM {P} p, {E} e WHERE e.endpoint_name = p.endpoint_name",
    f"SELECT e.name, p.endpoint_config_name FROM {E} e LEFT JOIN {P} p ON p.endpoint_name = e.endpoint_name",
    f"SELECT e.name FROM {P} p RIGHT JOIN {E} e ON p.endpoint_name = e.endpoint_name AND p.endpoint_status LIKE 'I%'",
    f"SELECT endpoint_arn FROM {P} WHERE endpoint_name IN (SELECT endpoint_name FROM {E})",
    f"SELECT endpoint_arn FROM {P} p SEMI JOIN {E} e ON e.endpoint_name = p.endpoint_name",
    f"SELECT name FROM {E} e ANTI JOIN {P} p ON e.endpoint_name = p.endpoint_name",
    f"SELECT name FROM {E} e WHERE NOT EXISTS (FROM {P} p WHERE e.endpoint_name = p.endpoint_name)",
    f"SELECT name, (SELECT endpoint_status FROM {P} p WHERE e.endpoint_name = p.endpoint_name) FROM {E} e",
    f"SELECT count(*) FROM {P} p JOIN {E} e ON p.data__Identifier = e.endpoint_name",
    f"SELECT p.a FROM (SELECT endpoint_name AS b, endpoint_arn AS a FROM {P}) p "
    f"JOIN (SELECT name AS endpoint_name, endpoint_name AS name FROM {E}) e ON p.b = e.name",
    f"SELECT n FROM (SELECT endpoint_name, count(*) AS n FROM {E} GROUP BY 1) JOIN {P} USING (endpoint_name)",
    f"WITH e AS MATERIALIZED (FROM {E}) SELECT count(*) FROM e JOIN {P} USING (endpoint_name) JOIN e f USING (name)",
]  # fmt: skip


@pytest.mark.parametrize("query", LIMITED)
def test_a_table_joined_with_10_rows_of_another_is_looked_up_10_times(query: str, compare: Compare) -> None:
    calls = compare(query)
    assert calls.pop("DescribeEndpoint") == 10
    assert set(calls) == {LIST, DESCRIBE}


UNLIMITED = [
    f"SELECT e.name, p.endpoint_name FROM {E} e RIGHT JOIN {P} p ON p.endpoint_name = e.endpoint_name",
    f"SELECT e.name, p.endpoint_name FROM {E} e FULL JOIN {P} p ON p.endpoint_name = e.endpoint_name",
    f"SELECT endpoint_name FROM {P} WHERE endpoint_name NOT IN (SELECT endpoint_name FROM {E})",
    f"SELECT endpoint_name FROM {P} p ANTI JOIN {E} e ON e.endpoint_name = p.endpoint_name",
    f"SELECT count(*) FROM {P} WHERE endpoint_name IN (SELECT endpoint_name FROM {E}) OR endpoint_name < 'p-2'",
    f"SELECT count(*) FROM {E} e JOIN {P} p ON upper(p.endpoint_name) = upper(e.endpoint_name)",
    f"SELECT count(*) FROM {E} e JOIN (SELECT replace(endpoint_name, 'p-1', 'p-') AS endpoint_name FROM {P}) p "
    "USING (endpoint_name)",
    f"SELECT count(*) FROM {E} e JOIN {P} p ON p.endpoint_name = e.endpoint_name OR p.endpoint_name = e.name",
    f"SELECT count(*), max(n) FROM {E} e JOIN (SELECT endpoint_name, row_number() OVER (ORDER BY endpoint_name) AS n "
    f"FROM {P}) p USING (endpoint_name)",
    f"SELECT count(*), max(n) FROM {E} e, (SELECT endpoint_name, (SELECT count(*) FROM {P}) AS n FROM {P}) p "
    "WHERE p.endpoint_name = e.endpoint_name",
    f"SELECT count(*) FROM {E} e JOIN {P} p USING (endpoint_name) UNION ALL SELECT count(*) FROM {P}",
    f"SELECT count(*) FROM {P} JOIN (SELECT name AS endpoint_name FROM {E} UNION SELECT 'p-1') USING (endpoint_name)",
    f"SELECT count(*) FROM {P} a JOIN {P} b ON a.endpoint_name = b.endpoint_name",
]  # fmt: skip


@pytest.mark.parametrize("query", UNLIMITED)
def test_a_table_whose_other_rows_may_matter_is_listed(query: str, compare: Compare) -> None:
    assert "DescribeEndpoint" not in compare(query)


def test_only_the_rows_with_the_values_of_the_other_table_are_described(
    cloud: Emulator, compare: Compare
) -> None:
    query = f"SELECT e.name, p.endpoint_config_name FROM {E} e JOIN {P} p USING (endpoint_name)"
    for number in range(30):
        add_experiment(cloud, f"f-{number}", EndpointName=f"p-{number}")
    listed = {LIST: 1, DESCRIBE: 40, "ListEndpoints": 2}
    assert compare(query) == {**listed, "DescribeEndpoint": 38}
    assert compare(JOIN) == listed, "38 lookups instead of two pages"
    assert compare(f"{query} WHERE e.name LIKE 'e-%'") == {**TEN, "DescribeEndpoint": 10}
    assert compare(f"{query} WHERE e.name = 'no-such'") == {DESCRIBE: 1}


def test_a_table_that_joins_limit_twice_has_the_values_of_both(compare: Compare) -> None:
    query = (
        f"SELECT p.endpoint_arn FROM {E} e JOIN {P} p USING (endpoint_name) UNION ALL "
        f"SELECT endpoint_arn FROM {P} WHERE endpoint_name IN (SELECT replace(name, 'e', 'p') FROM {E})"
    )
    assert "DescribeEndpoint" not in compare(query)
    calls = compare(query.replace("replace(name, 'e', 'p')", "name"))
    assert calls["DescribeEndpoint"] == 2 * 20, "two scans of 10 endpoint names and 10 names"


def test_one_table_waits_for_another_that_waits_for_a_third(compare: Compare) -> None:
    query = (
        f"SELECT e.name, c.endpoint_config_arn FROM {C} c JOIN {P} p ON c.endpoint_config_name = "
        f"p.endpoint_config_name JOIN {E} e ON e.endpoint_name = p.endpoint_name"
    )
    assert compare(query) == {**TEN, **LOOKUPS, "DescribeEndpointConfig": 2}


def test_of_two_whole_lists_the_second_is_begun_in_case_the_first_is_long(
    cloud: Emulator, compare: Compare
) -> None:
    for number in range(3):
        add_experiment(cloud, f"f-{number}", Description=f"p-{number}")
    query = f"SELECT e.name, p.endpoint_arn FROM {E} e JOIN {P} p ON p.endpoint_name = e.description"
    assert compare(query) == {LIST: 1, "ListEndpoints": 1, "DescribeEndpoint": 3}
    short = (
        f"SELECT e.name, c.endpoint_config_arn FROM {E} e JOIN {C} c ON endpoint_config_name = e.description"
    )
    assert compare(short) == {LIST: 1, "ListEndpointConfigs": 1}, "its first page is its last"
    for number in range(30):
        add_experiment(cloud, f"g-{number}", Description=f"p-{number}")
    assert compare(query) == {LIST: 1, "ListEndpoints": 2}


def test_two_keys_wait_in_one_direction_and_a_list_of_many_is_not_waited_for(compare: Compare) -> None:
    query = f"SELECT p.endpoint_arn, m.model_arn FROM {P} p JOIN {M} m ON m.model_name = p.endpoint_name"
    assert compare(query) == {"ListEndpoints": 2, "ListModels": 2}
    few = {"ListEndpoints": 1, "DescribeModel": 11}
    assert compare(f"{query} WHERE p.endpoint_name LIKE 'p-14%'") == few


@pytest.mark.parametrize("setting", ["prefetch", "pushdown"])
def test_nothing_is_looked_up_where_it_is_switched_off(compare: Compare, setting: str) -> None:
    calls = compare(JOIN, **{setting: "off"})
    assert (calls["ListEndpoints"], "DescribeEndpoint" in calls) == (2, False)


@pytest.mark.parametrize("query", [JOIN, f"{JOIN} ORDER BY 1 LIMIT 3", f"{JOIN} LIMIT 3"])
def test_a_source_that_pauses_is_not_waited_for(
    query: str, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch, "BUFFER", 1)
    assert compare(f"SELECT count(*) FROM ({query})")["ListEndpoints"] == 2


def test_a_scan_that_a_limit_may_end_has_the_values_of_what_is_read_before(cloud: Emulator, con: Any) -> None:
    query = f"SELECT p.endpoint_arn FROM {P} p JOIN {E} e ON p.endpoint_name = e.endpoint_name LIMIT 3"
    assert len(con.sql(query).fetchall()) == 3
    wait_until_idle(cloud)
    assert count_operations(cloud) == {**TEN, **LOOKUPS}


def test_a_fault_of_the_source_is_the_error_of_the_statement(cloud: Emulator, connect: Any) -> None:
    cloud.inject(Fault("access_denied", operation=DESCRIBE, times=None))
    con = connect(max_attempts=1)
    with pytest.raises(sqlprov.AccessDenied, match=f"sagemaker:{DESCRIBE}"):
        con.sql(JOIN).fetchall()
    con.sql("SET sqlprov_on_error = 'warn'")
    result = con.sql(JOIN)
    assert (result.fetchall(), result.complete) == ([], False)


def test_values_that_would_be_looked_up_in_many_regions_leave_out_listed_rows(
    cloud: Emulator, compare: Compare
) -> None:
    regions = "us-east-1,us-west-2,eu-west-1"
    cloud.add("Endpoint", "eu-west-1", {"EndpointName": "other", "EndpointConfigName": "c-1"})
    query = f"SELECT e.name, p.endpoint_config_name FROM {E} e JOIN {P} p USING (endpoint_name, region)"
    three = {LIST: 3, DESCRIBE: 10}
    assert compare(query, regions=regions) == {**three, "ListEndpoints": 4, "DescribeEndpoint": 8}, (
        "not 30 lookups"
    )
    calls = compare(f"{query} WHERE e.name < 'e-6'", regions=regions)
    assert calls == {LIST: 3, DESCRIBE: 6, "DescribeEndpoint": 18}


def test_a_statement_that_waits_for_values_can_be_cancelled(cloud: Emulator, con: Any) -> None:
    cancel_in_flight(con, cloud, JOIN, 1)
    assert [call.operation for call in cloud.calls] == [LIST]


def test_views_parameters_and_local_tables_are_planned_as_they_are(cloud: Emulator, con: Any) -> None:
    con.sql(f"CREATE VIEW served AS SELECT name AS n, endpoint_name AS p FROM {E}")
    con.sql("CREATE TABLE teams AS SELECT 'e-3' AS n, 'Ada' AS owner")
    con.sql("USE aws.sagemaker")
    query = (
        "SELECT owner, endpoint_name FROM endpoints JOIN memory.main.served ON p = endpoint_name "
        "JOIN memory.main.teams USING (n) WHERE n = ?"
    )
    cloud.reset_calls()
    assert con.sql(query, ["e-3"]).fetchall() == [("Ada", "p-145")]
    assert count_operations(cloud) == {DESCRIBE: 1, "DescribeEndpoint": 1}


def test_the_values_of_a_local_table_are_looked_up_through_a_variable(cloud: Emulator, con: Any) -> None:
    con.sql("CREATE TABLE mine AS SELECT 'p-' || n AS name FROM range(3) AS t(n)")
    con.sql("SET VARIABLE names = (SELECT list(name) FROM mine)")
    for values, calls in {
        "getvariable('names')": {"DescribeEndpoint": 3},
        "(SELECT name FROM mine)": {"ListEndpoints": 2},
    }.items():
        cloud.reset_calls()
        assert len(con.sql(f"SELECT endpoint_name FROM {P} WHERE endpoint_name IN {values}").fetchall()) == 3
        assert count_operations(cloud) == calls


def test_a_transaction_and_a_prepared_statement_list_as_before(cloud: Emulator, con: Any) -> None:
    con.sql(f"PREPARE q AS {JOIN}")
    for text in (JOIN, "EXECUTE q"):
        cloud.reset_calls()
        con.sql("BEGIN")
        assert len(con.sql(text).fetchall()) == 8
        con.sql("COMMIT")
        assert count_operations(cloud)["ListEndpoints"] == 2


def test_explain_says_which_values_may_be_looked_up(cloud: Emulator, connect: Any) -> None:
    line = f"  if endpoint_name of {E} has few values: only rows with these as endpoint_name\n"
    ((_, calls), _) = connect().sql(f"EXPLAIN {JOIN}").fetchall()
    assert line in calls
    for query, settings in {JOIN: {"sideways": "off"}, f"{JOIN} WHERE p.endpoint_name = 'p-1'": {}}.items():
        ((_, calls), _) = connect(**settings).sql(f"EXPLAIN {query}").fetchall()
        assert "has few values" not in calls
    assert cloud.calls == []
