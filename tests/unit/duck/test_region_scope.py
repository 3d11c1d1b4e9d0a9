from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from seeded import Connect

import sqlprov
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.emulator import Emulator, Fault
from sqlprov.emulator.model_server import ModelServer
from sqlprov.errors import AccessDenied, CredentialsError, RegionError, Unreachable

M, P, C = "aws.sagemaker.models", "aws.sagemaker.endpoints", "aws.sagemaker.endpoint_configs"
DATA = {"us-east-1": 10, "us-west-2": 6, "eu-west-1": 6}
"""Models in each region of the sample data."""


@pytest.fixture
def emulator(seeded: Emulator, shared_cloud: Cloud) -> Iterator[Emulator]:
    shared_cloud.region_statuses = None  # the account is asked by each test
    seeded.reset_calls()
    yield seeded
    seeded.clear_faults()
    seeded.options.closed_regions = set()


@pytest.fixture
def con(emulator: Emulator, connect: Connect) -> sqlprov.Connection:
    return connect(regions="us-east-1")


def read_regions(result: sqlprov.Result) -> set[str]:
    result.fetchall()
    return {call.region for call in result.calls if call.operation.startswith("ListM")}


# One statement for each part of the rule, with the regions of the sample data that it reads.
RULES = {
    "condition": (
        f"SELECT model_name FROM {M} WHERE region IN ('us-east-1', 'eu-west-1')",
        {"us-east-1", "eu-west-1"},
    ),
    "open condition": (f"SELECT model_name FROM {M} WHERE region <> 'us-west-2'", {"us-east-1", "eu-west-1"}),
    "unused": (f"SELECT model_name FROM {M}", {"us-east-1"}),
    "shown": (f"SELECT region, model_name FROM {M}", {"us-east-1"}),
    "recursive": (
        "WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n - 1 FROM r WHERE n = 0) "
        f"SELECT r.n, m.model_name FROM r JOIN {M} m ON length(m.model_name) > r.n WHERE r.n = 0",
        {"us-east-1"},
    ),
    "join": (
        f"SELECT DISTINCT a.model_name, a.region FROM {P} b JOIN {M} a USING (region) "
        "WHERE b.region IN ('us-east-1', 'eu-west-1')",
        {"us-east-1", "eu-west-1"},
    ),
    "all": (f"SELECT upper(region), model_name FROM {M}", set(DATA)),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_part_of_the_rule_reads_its_regions(con: sqlprov.Connection, rule: str) -> None:
    sql, regions = RULES[rule]
    result = con.sql(sql)
    assert len(result.fetchall()) == sum(DATA[region] for region in regions)
    assert read_regions(result) & DATA.keys() == regions


@pytest.mark.parametrize(
    ("sql", "regions"),
    [
        (f"SELECT region, model_name FROM {M} EXCEPT SELECT region, endpoint_name FROM {P}", {"us-east-1"}),
        (
            f"SELECT region, model_name FROM {M} INTERSECT SELECT region, endpoint_name FROM {P}",
            {"us-east-1"},
        ),
        (f"SELECT * FROM (FROM {M} UNION FROM {M})", {"us-east-1"}),
        (f"SELECT region FROM {M} EXCEPT SELECT 'eu-west-1'", set(DATA)),
        (f"SELECT 'eu-west-1' AS region EXCEPT SELECT region FROM {M}", set(DATA)),
        (f"SELECT region FROM {M} WHERE region = 'eu-west-1' EXCEPT SELECT region FROM {M}", {"eu-west-1"}),
    ],
)
def test_a_set_operation_of_live_tables_stays_in_the_session_and_others_do_not(
    con: sqlprov.Connection, sql: str, regions: set[str]
) -> None:
    assert read_regions(con.sql(sql)) & DATA.keys() == regions


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ("*", 10),
        ("t", 10),
        ("t.*", 10),
        ("to_json(t)", 10),
        ("hash(t)", 10),
        ("COLUMNS(*)", 10),
        ("* EXCLUDE (region)", 10),
        ("COLUMNS('re.*')", 10),
        ("to_json(t)->>'region'", 22),
        ("upper(COLUMNS('region'))", 22),
        ("* REPLACE (upper(region) AS region)", 22),
    ],
)
def test_whole_rows_count_as_showing(con: sqlprov.Connection, columns: str, rows: int) -> None:
    assert len(con.sql(f"SELECT {columns} FROM {M} AS t").fetchall()) == rows


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        (f"SELECT 1 FROM {M} WHERE region = 'eu-west-1'", "region: 1 (eu-west-1), from the condition on region"),
        (f"SELECT model_name FROM {M}", "region: 1 (us-east-1), the session's: the statement does not use region"),
        (f"SELECT region FROM {M}", "region: 1 (us-east-1), the session's: region is only shown, grouped or sorted"),
        (f"SELECT max(region) FROM {M}", "region: at most 34, because region may affect which rows are returned"),
        (
            f"SELECT 1 FROM {M} WHERE region LIKE 'eu-%'",
            "region: at most 8, from the condition on region",
        ),
        (
            f"SELECT 1 FROM {M} WHERE region LIKE '%'",
            "region: at most 34, because region may affect which rows are returned",
        ),
        (
            f"SELECT 1 FROM {P} b JOIN {M} a USING (region) WHERE b.region IN ('us-east-1', 'eu-west-1')",
            f"region: 2 (eu-west-1, us-east-1), from the condition on region of {P}",
        ),
    ],
)  # fmt: skip
def test_explain_says_which_part_decided_and_makes_no_call(
    con: sqlprov.Connection, emulator: Emulator, sql: str, line: str
) -> None:
    ((_, calls), _) = con.sql(f"EXPLAIN {sql}").fetchall()
    assert f"  {line}\n" in calls
    assert ("ListRegions, once" in calls) == ("at most" in line)
    assert emulator.calls == []


def test_explain_lists_the_calls_of_many_regions_together_after_the_reason(con: sqlprov.Connection) -> None:
    ((_, calls), _) = con.sql(f"EXPLAIN SELECT max(region) FROM {M}").fetchall()
    assert calls.splitlines()[1:4] == [
        "  region: at most 34, because region may affect which rows are returned",
        "  ListRegions, once",
        "  ListModels in 34 regions, each page",
    ]
    ((_, calls), _) = con.sql(
        f"EXPLAIN SELECT 1 FROM {M} WHERE region IN ('us-east-1', 'eu-west-1')"
    ).fetchall()
    assert "ListModels in us-east-1, each page" in calls


def test_a_warning_says_that_a_table_is_read_in_more_regions_than_the_session_has(
    con: sqlprov.Connection,
) -> None:
    result = con.sql(f"SELECT max(region) FROM {M}")
    result.fetchall()
    assert result.warnings == [
        f"{M} is read in 34 regions, not only in us-east-1, because the statement uses region for more than display. "
        "To read fewer, add a condition such as region = '…'."
    ]
    open_ = f"SELECT 1 FROM {P} b JOIN {M} a USING (region) WHERE"
    for condition in ("region LIKE '%'", "length(region) > 0"):
        result = con.sql(f"{open_} {condition}")
        result.fetchall()
        assert len(result.warnings) == 2
        assert all("in 34 regions, not only in us-east-1" in warning for warning in result.warnings)
    assert con.sql(f"SELECT 1 FROM {M} WHERE region LIKE 'eu-%'").warnings == []
    con.sql("SET sqlprov_regions = 'all'")
    assert con.sql(f"SELECT max(region) FROM {M}").warnings == []


def test_a_typo_in_the_sessions_regions_is_reported_by_set_and_not_read_with_all_regions(
    con: sqlprov.Connection,
) -> None:
    warning = "botocore does not know the region 'us-esat-1'. Did you mean 'us-east-1'?"
    assert con.sql("SET sqlprov_regions = 'us-esat-1, eu-west-1'").warnings == [warning]
    assert con.sql("SET sqlprov_regions = 'all'").warnings == []
    con.sql("SET sqlprov_regions = 'us-esat-1'")
    result = con.sql(f"SELECT max(region) FROM {M}")
    assert result.fetchall() == [("us-west-2",)]
    assert warning in result.warnings
    assert len(read_regions(result)) == 34
    assert "us-esat-1" not in read_regions(result)


def test_a_warning_says_that_one_table_is_limited_and_another_uses_the_sessions_regions(
    con: sqlprov.Connection,
) -> None:
    join = f"SELECT a.model_name FROM {M} a LEFT JOIN {P} b ON a.model_name = b.endpoint_name WHERE a.region"
    result = con.sql(f"{join} = 'eu-west-1'")
    result.fetchall()
    assert result.warnings == [
        f"{M} is read in eu-west-1, but {P} in us-east-1 (the session's). If their rows belong together, "
        "add a condition on region for both."
    ]
    assert con.sql(f"{join} = 'us-east-1'").warnings == []
    con.sql("SET sqlprov_regions = 'us-east-1, eu-west-1'")
    warning = f"{M} is read in eu-west-1, but {P} in eu-west-1, us-east-1 (the session's)"
    assert con.sql(f"{join} = 'eu-west-1'").warnings[0].startswith(warning)
    con.sql("SET sqlprov_regions = 'us-east-1'")
    result = con.sql(f"{join} LIKE 'eu-%'")
    result.fetchall()
    assert [warning.split(" (the session's)")[0] for warning in result.warnings] == [
        f"{M} is read in 8 regions, but {P} in us-east-1"
    ]


def test_a_global_table_pairs_with_every_region_of_another(con: sqlprov.Connection) -> None:
    pairs = "EXPLAIN SELECT b.name FROM aws.s3.buckets b LEFT JOIN {} i ON i.region = b.region"
    for other in ("aws.ec2.instances", M):
        ((_, calls), _) = con.sql(pairs.format(other)).fetchall()
        assert "region: at most" in calls and "because region may affect which rows are returned" in calls


# The account's regions


def test_all_regions_are_those_that_the_account_has_enabled(
    con: sqlprov.Connection, emulator: Emulator
) -> None:
    emulator.options.closed_regions = {"eu-west-1", "af-south-1"}
    con.sql("SET sqlprov_regions = 'all'")
    result = con.sql(f"SELECT model_name FROM {M}")
    assert len(result.fetchall()) == 16
    regions = read_regions(result)
    assert {"us-east-1", "us-west-2"} < regions
    assert regions.isdisjoint(emulator.options.closed_regions)
    assert result.complete


def test_a_closed_region_has_no_rows_unless_it_is_named(con: sqlprov.Connection, emulator: Emulator) -> None:
    emulator.options.closed_regions = {"eu-west-1"}
    assert con.sql(f"SELECT count(*) FROM {M} WHERE region <> 'us-west-2'").fetchall() == [(10,)]
    assert con.sql(f"SELECT count(*) FROM {M} WHERE region LIKE 'eu-%'").fetchall() == [(0,)]
    with pytest.raises(CredentialsError, match="eu-west-1 is not enabled for the account"):
        con.sql(f"SELECT count(*) FROM {M} WHERE region = 'eu-west-1'").fetchall()
    con.sql("SET sqlprov_regions = 'eu-west-1'")
    with pytest.raises(CredentialsError, match="eu-west-1 is not enabled for the account"):
        con.sql(f"SELECT count(*) FROM {M}").fetchall()


@pytest.mark.parametrize("rule", RULES)
def test_a_closed_region_is_an_error_where_the_statement_names_it_and_has_no_rows_elsewhere(
    con: sqlprov.Connection, emulator: Emulator, rule: str
) -> None:
    emulator.options.closed_regions = {"eu-west-1"}
    sql, regions = RULES[rule]
    if rule in ("condition", "join"):
        with pytest.raises(CredentialsError, match="eu-west-1 is not enabled for the account"):
            con.sql(sql).fetchall()
    else:
        result = con.sql(sql)
        assert len(result.fetchall()) == sum(DATA[region] for region in regions - {"eu-west-1"})
        assert result.complete


@pytest.mark.parametrize("rule", RULES)
def test_the_refusal_of_ec2_in_a_closed_region_is_told_where_the_statement_names_it(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    sql, _ = RULES[rule]
    for table, other in {M: "aws.ec2.vpcs", P: "aws.ec2.subnets", "model_name": "owner_id"}.items():
        sql = sql.replace(table, other)
    catalog = Catalog()
    tables = [catalog.get_table("aws", "ec2", name) for name in ("vpcs", "subnets")]
    with (
        ModelServer(tables, rows=1) as server,
        sqlprov.connect(endpoint_url=server.url, region="us-east-1") as con,
    ):
        server.options.closed_regions = {"eu-west-1"}
        if rule in ("condition", "join"):
            with pytest.raises(
                CredentialsError, match=r"eu-west-1 is not enabled for the account.* AuthFailure"
            ):
                con.sql(sql).fetchall()
        else:
            result = con.sql(sql)
            rows = len(result.fetchall())
            assert rows == sum(call.rows for call in result.calls if call.operation == "DescribeVpcs") > 0
            assert result.complete
            assert "AuthFailure" not in {call.error for call in server.calls}


@pytest.mark.parametrize("rule", RULES)
def test_an_endpoint_that_does_not_resolve_is_an_error(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    def fail(*arguments: object, **named: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)  # so that no name server is asked
    with sqlprov.connect(endpoint_url="http://nowhere.invalid", region="us-east-1") as con:
        con.sql("SET sqlprov_max_attempts = 1")
        with pytest.raises(Unreachable, match=r"endpoint not reachable .*http://nowhere\.invalid"):
            con.sql(RULES[rule][0]).fetchall()


def test_the_table_of_regions_has_the_status_after_the_account_was_asked(
    con: sqlprov.Connection, emulator: Emulator
) -> None:
    emulator.options.closed_regions = {"eu-west-1"}
    status = "SELECT opt_in_status FROM aws.regions WHERE region = 'eu-west-1'"
    assert con.sql(status).fetchall() == [(None,)]
    assert emulator.calls == []
    con.sql(f"SELECT count(*) FROM {M} WHERE region <> 'us-west-2'").fetchall()
    assert con.sql(status).fetchall() == [("DISABLED",)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("kind", "error"),
    [("access_denied", AccessDenied), ("expired_credentials", CredentialsError), ("reset", Unreachable)],
)
def test_a_region_that_refuses_fails_the_statement_or_is_reported_as_missing(
    con: sqlprov.Connection, emulator: Emulator, rule: str, kind: str, error: type[Exception]
) -> None:
    sql, regions = RULES[rule]
    con.sql("SET sqlprov_max_attempts = 2")
    emulator.inject(Fault(kind, operation="ListModels", region="us-east-1", times=None))
    with pytest.raises(error, match="us-east-1"):
        con.sql(sql).fetchall()
    con.sql("SET sqlprov_on_error = 'warn'")
    result = con.sql(sql)
    assert len(result.fetchall()) == sum(DATA[region] for region in regions - {"us-east-1"})
    assert not result.complete
    assert con.sql("SELECT region FROM sqlprov.errors").fetchall() == [("us-east-1",)]


@pytest.mark.parametrize("rule", RULES)
def test_a_region_that_throttles_is_read_to_its_end(
    con: sqlprov.Connection, emulator: Emulator, rule: str
) -> None:
    sql, regions = RULES[rule]
    emulator.inject(Fault("throttle", operation="ListModels", region="us-east-1"))
    result = con.sql(sql)
    assert len(result.fetchall()) == sum(DATA[region] for region in regions)
    assert result.complete


def test_no_region_at_all_is_an_error_only_where_the_session_decides(
    emulator: Emulator, connect: Connect
) -> None:
    con = connect()
    for rule in ("unused", "shown"):
        with pytest.raises(
            RegionError, match=r"No region for aws\.sagemaker\.models\. Write WHERE region = "
        ):
            con.sql(RULES[rule][0]).fetchall()
    assert len(con.sql(RULES["all"][0]).fetchall()) == 22


# Conditions in DuckDB's plan


@pytest.mark.parametrize(
    ("sql", "regions"),
    [
        (f"FROM {M} a JOIN {P} b ON a.region = b.region WHERE a.region IN ('us-east-1', 'eu-west-1')", 2),
        (f"FROM {M} JOIN {P} USING (region) JOIN {C} c USING (region) WHERE c.region IN ('us-east-1', 'eu-west-1')", 2),
        (f"FROM {P} b JOIN {M} a ON a.region = b.region WHERE b.region LIKE 'eu-west-%'", 3),
        (f"FROM {P} a LEFT JOIN {M} b USING (region) WHERE a.region IN ('us-east-1', 'eu-west-1')", 2),
        (f"FROM {M} a WHERE region IN ('us-east-1', 'eu-west-1') AND EXISTS (FROM {P} b WHERE b.region = a.region)", 2),
        (f"FROM {P} b WHERE region IN ('us-east-1', 'eu-west-1') AND EXISTS (FROM {M} a WHERE b.region = a.region)", 2),
        (f"FROM {P} b WHERE region = 'us-east-1' AND (SELECT count(*) FROM {M} a WHERE a.region = b.region) > 3", 1),
        (f"FROM {M} m, unnest(m.tags) AS u(t) WHERE m.region = 'us-east-1' AND t.Key = 'team'", 1),
        (f"FROM {M} m, json_each(to_json(m.tags)) t WHERE m.region = 'us-east-1' AND t.key <> 'team'", 1),
        (f"FROM {M} m, json_array_elements(to_json(m.tags)) t WHERE m.region = 'us-east-1' AND t.value <> 'x'", 1),
        (f"FROM {M} m WHERE region = 'us-east-1' AND NOT EXISTS (FROM unnest(m.tags) AS u(t) WHERE t.Key = 'x')", 1),
        (f"FROM {M} WHERE region LIKE 'us-west-%' AND region <> 'us-west-1'", 1),
        (f"FROM {M} WHERE lower(region) = 'us-west-2' AND model_name LIKE '%a%'", 1),
        (f"FROM {M} WHERE regexp_matches(region, '^us-west-[12]$')", 2),
        (f"FROM {M} WHERE region COLLATE NOCASE = 'US-WEST-2'", 1),
        (f"FROM (SELECT region, count(*) AS n FROM {M} GROUP BY region) WHERE region LIKE 'us-west-%'", 2),
    ],
)  # fmt: skip
def test_a_condition_that_duckdb_keeps_above_the_scan_limits_it(
    con: sqlprov.Connection, sql: str, regions: int
) -> None:
    result = con.sql(sql)
    assert len(read_regions(result)) == regions
    # The account is asked for its regions only where the statement does not name them.
    is_named = " JOIN " in sql and "LIKE" not in sql
    assert ("ListRegions" in {call.operation for call in result.calls}) <= (not is_named)


@pytest.mark.parametrize(
    "sql",
    [
        f"FROM (SELECT model_name AS region, region AS r FROM {M}) a JOIN {P} b USING (region) WHERE region LIKE 'eu%'",
        f"FROM {M} a FULL JOIN {P} b USING (region) WHERE a.region IN ('us-east-1', 'eu-west-1') OR b.region IS NULL",
        f"FROM {P} a RIGHT JOIN {M} b ON a.region = b.region AND a.region IN ('us-east-1', 'eu-west-1')",
        f"FROM {M} WHERE region > random()::VARCHAR",
        f"FROM (FROM {M} LIMIT 100) WHERE region LIKE 'eu-%'",
        f"FROM (SELECT *, row_number() OVER () AS limit_number FROM {M}) WHERE region LIKE 'eu-%'",
        f"FROM {M} a JOIN {M} b USING (region) WHERE a.region LIKE 'eu-%' OR b.model_name = 'x'",
        f"SELECT * FROM {M} WHERE region LIKE 'us-%' UNION ALL SELECT * REPLACE (upper(region) AS region) FROM {M}",
    ],
)
def test_an_unclear_condition_limits_nothing(con: sqlprov.Connection, sql: str) -> None:
    result = con.sql(sql)
    assert len(read_regions(result)) == 34


def test_a_macro_of_the_user_does_not_replace_a_function_of_the_plan(con: sqlprov.Connection) -> None:
    con.sql("CREATE MACRO prefix(a, b) AS false")
    assert con.sql(f"SELECT count(*) FROM {M} WHERE region LIKE 'eu-%'").fetchall() == [(6,)]
