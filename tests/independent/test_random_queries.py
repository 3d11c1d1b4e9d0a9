"""Compares random queries over live tables with plain DuckDB over the rows that boto3 reads."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from botocore import xform_name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_sagemaker import EXPERIMENTS, connection, plain_client, text
from slices import SWEEP

import sqlprov
from sqlprov.emulator import Emulator, Options

REGIONS = ("us-east-1", "eu-west-1", "us-west-2")
STATES = ("Creating", "Created", "Running", "Stopping", "Completed", "Cancelled")
NAMES = [f"{word}-{number}" for word in ("fraud", "churn", "Search", "a") for number in range(8)]
BEGAN = datetime.datetime(2024, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)
TEXT, TIME = pa.string(), pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    {
        **dict.fromkeys(("name", "status", "status_reason", "description", "role_arn"), TEXT),
        **dict.fromkeys(("creation_time", "last_modified_time"), TIME),
        **dict.fromkeys(("region", "arn", "endpoint_name", "kms_key", "desired_state"), TEXT),
        **dict.fromkeys(("data__Identifier", "account_id"), TEXT),
        "schedule": pa.struct([("StartTime", TIME), ("EndTime", TIME)]),
        "tags": pa.list_(pa.struct([("Key", TEXT), ("Value", TEXT)])),
    }
)
COLUMNS = SCHEMA.names[:14]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    dice = random.Random(7)
    with Emulator(Options(inclusive_bounds=True, truncate_bounds_to_seconds=True), state=None) as em:
        for region in REGIONS:
            for name in dice.sample(NAMES, 22):
                moment = BEGAN + datetime.timedelta(seconds=dice.choice([0, 0, 1, 1.5, 60, 3600, 86400.25]))
                row = {
                    "Name": name,
                    "Status": dice.choice(STATES),
                    "CreationTime": moment,
                    "LastModifiedTime": moment + datetime.timedelta(seconds=dice.choice([0, 30])),
                    "EndpointName": f"endpoint-{dice.randrange(4)}",
                }
                if dice.random() < 0.6:
                    row["Description"] = dice.choice(["", "x", "it's 100%", "über_alles", "X"])
                if dice.random() < 0.3:
                    row["KmsKey"] = "alias/k"
                if dice.random() < 0.4:
                    row["Tags"] = [{"Key": "team", "Value": dice.choice("ab")}]
                em.add("InferenceExperiment", region, row)
        yield em


def read_by_boto3(em: Emulator) -> Iterator[dict[str, Any]]:
    """The rows of the table, from the replies of boto3."""
    for region in REGIONS:
        client = plain_client(em.url, region=region)
        for page in client.get_paginator("list_inference_experiments").paginate():
            for item in page["InferenceExperiments"]:
                reply = client.describe_inference_experiment(Name=item["Name"])
                yield {
                    **{xform_name(member): value for member, value in reply.items()},
                    "region": region,
                    "endpoint_name": reply["EndpointMetadata"]["EndpointName"],
                    "desired_state": reply["Status"],
                    "data__Identifier": reply["Name"],
                    "account_id": reply["Arn"].split(":")[4],
                    "tags": client.list_tags(ResourceArn=reply["Arn"])["Tags"],
                }
        client.close()


@pytest.fixture(scope="module")
def truth(emulator: Emulator) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("truth", pa.Table.from_pylist(list(read_by_boto3(emulator)), SCHEMA))
        yield connection


@pytest.fixture(scope="module")
def live(emulator: Emulator) -> Iterator[sqlprov.Connection]:
    with connection(emulator.url, regions=",".join(REGIONS)) as live:
        yield live


TEXTS = {
    "name": [*NAMES, "O'Brien", "", "fraud", "x" * 80, "no_such"],
    "data__Identifier": [*NAMES, "O'Brien", "no|such"],
    "status": [*STATES, "running", ""],
    "desired_state": [*STATES],
    "status_reason": ["x"],
    "description": ["", "x", "it's 100%", "über_alles"],
    "role_arn": ["arn:aws:iam::123456789012:role/x"],
    "region": [*REGIONS],
    "arn": ["arn:aws:sagemaker:us-east-1:123456789012:inference-experiment/fraud-1", "a"],
    "endpoint_name": [f"endpoint-{n}" for n in range(5)],
    "kms_key": ["alias/k", "b"],
    "account_id": ["123456789012", "1"],
}
TIMES = [
    f"TIMESTAMPTZ '{(BEGAN + datetime.timedelta(seconds=s)).isoformat()}'"
    for s in (-1, 0, 0.5, 1, 1.5, 2, 60, 61, 3600, 86400.25, 90000, -900000000)
]
PATTERNS = ["fraud%", "%a%", "%-1", "Search-_", "%", "", "%x\\_y%", "it''s%"]
OPERATORS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 11 if depth else 7))
    if kind >= 8:
        left, right = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        joined = draw(st.sampled_from([f"({left} AND {right})", f"({left} OR {right})"]))
        return f"NOT {joined}" if kind == 11 else joined
    if kind in (0, 1):
        column = draw(st.sampled_from(["creation_time", "last_modified_time", "schedule.StartTime"]))
        if draw(st.booleans()):
            return f"{column} {draw(OPERATORS)} {draw(st.sampled_from(TIMES))}"
        return f"{column} BETWEEN {draw(st.sampled_from(TIMES))} AND {draw(st.sampled_from(TIMES))}"
    column = draw(st.sampled_from(sorted(TEXTS)))
    values = st.sampled_from(TEXTS[column]).map(text)
    if column == "region":
        # A region must exist to be named; `<>` and ranges read all others, which costs 31 calls.
        return f"region {draw(st.sampled_from(['= ', 'IN ']))}({draw(values)})"
    if kind == 2:
        return f"{column} IN ({', '.join(draw(st.lists(values, min_size=1, max_size=5)))})"
    if kind == 3:
        return f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    if kind == 4:
        return f"{column} LIKE '{draw(st.sampled_from(PATTERNS))}'"
    if kind == 5:
        return f"{column} BETWEEN {draw(values)} AND {draw(values)}"
    if kind == 6:
        return draw(st.sampled_from(["len(tags) > 0", "tags[1].Value = 'a'", f"length({column}) > 4"]))
    return f"{column} {draw(OPERATORS)} {draw(values)}"


@st.composite
def queries(draw: st.DrawFn) -> str:
    where = draw(st.one_of(st.just(""), conditions().map(lambda condition: f" WHERE {condition}")))
    shape = draw(st.integers(0, 5))
    if shape == 0:
        return f"SELECT count(*), count(DISTINCT name), max(creation_time) FROM {{t}}{where}"
    if shape == 1:
        return f"SELECT status, region, count(*) FROM {{t}}{where} GROUP BY ALL ORDER BY ALL"
    if shape == 2:
        other = draw(conditions(1))
        return (
            f"SELECT a.name, a.region, b.status FROM (SELECT * FROM {{t}}{where}) a "
            f"JOIN (SELECT * FROM {{t}} WHERE {other}) b ON a.name = b.name AND a.region = b.region "
            "ORDER BY ALL"
        )
    if shape == 3:
        other = draw(conditions(1))
        negation = draw(st.sampled_from(["", "NOT "]))
        return (
            f"SELECT name, region FROM {{t}} AS o WHERE {negation}EXISTS (SELECT 1 FROM {{t}} AS i "
            f"WHERE i.endpoint_name = o.endpoint_name AND i.name > o.name AND ({other})) ORDER BY ALL"
        )
    columns = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=True))
    order = ", ".join(
        f"{column} {draw(st.sampled_from(['', 'DESC', 'NULLS FIRST', 'DESC NULLS LAST']))}"
        for column in columns
    )
    limit = draw(st.sampled_from(["", " LIMIT 3", " LIMIT 7 OFFSET 2", " LIMIT 0", " OFFSET 60"]))
    # name and region make the order total: a LIMIT has one answer.
    return f"SELECT {', '.join(columns)} FROM {{t}}{where} ORDER BY {order}, name, region{limit}"


@settings(
    max_examples=1000 if SWEEP else 120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(query=queries(), pushdown=st.sampled_from(["on", "on", "on", "off"]))
def test_a_random_query_has_the_answer_of_plain_duckdb_over_the_whole_table(
    query: str, pushdown: str, live: sqlprov.Connection, truth: duckdb.DuckDBPyConnection
) -> None:
    expected = truth.sql(query.format(t="truth")).to_arrow_table().to_pylist()
    live.sql(f"SET sqlprov_pushdown = {pushdown}")
    rows = live.sql(query.format(t=EXPERIMENTS)).arrow().to_pylist()
    if "ORDER BY" in query:
        assert rows == expected
    else:
        assert sorted(map(repr, rows)) == sorted(map(repr, expected))


@settings(
    max_examples=240 if SWEEP else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(condition=conditions(), limit=st.integers(0, 80))
def test_a_limit_without_an_order_returns_that_many_of_the_right_rows(
    condition: str, limit: int, live: sqlprov.Connection, truth: duckdb.DuckDBPyConnection
) -> None:
    whole = truth.execute(f"SELECT name, region FROM truth WHERE {condition}").fetchall()
    live.sql("SET sqlprov_pushdown = on")
    rows = live.sql(f"SELECT name, region FROM {EXPERIMENTS} WHERE {condition} LIMIT {limit}").fetchall()
    assert len(rows) == min(limit, len(whole))
    assert set(rows) <= set(whole)
