"""Compares random queries over accounts and regions with plain DuckDB over the rows that boto3 reads with roles.

Half of them have an engine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto_organization import REGIONS, MotoOrganization, start_organization
from slices import SWEEP
from workers import Workers

import sqlprov

NAMES = ("prod-a", "prod-b", "stage")
KINDS = ("gp2", "gp3", "io1")
SIZES = (1, 2, 5, 8)
CHOICES = {
    "organization": {"master", *NAMES},
    "organization:prod-*": {"prod-a", "prod-b"},
    "organization:stage,organization:prod-b": {"stage", "prod-b"},
}
"""Value of sqlprov_accounts -> the accounts that it means."""
COLUMNS = ("account", "account_id", "region", "volume_id", "volume_type", "size", "availability_zone")
SCHEMA = pa.schema({**dict.fromkeys(COLUMNS, pa.string()), "size": pa.int32()})


@pytest.fixture(scope="module")
def organization() -> Iterator[MotoOrganization]:
    dice = random.Random(11)
    with start_organization(*NAMES) as made:
        for account in made.ids.values():
            for region in REGIONS:
                volumes = made.open_client("ec2", region, account)
                for _ in range(dice.randrange(1, 5)):
                    kind = dice.choice(KINDS)
                    more = {"Iops": 100} if kind == "io1" else {}
                    volumes.create_volume(
                        AvailabilityZone=region + dice.choice("ab"),
                        Size=dice.choice(SIZES),
                        VolumeType=kind,
                        **more,
                    )
        yield made


def read_by_boto3(organization: MotoOrganization) -> Iterator[dict[str, Any]]:
    """The rows of the table, from the replies of boto3."""
    for name, account in organization.ids.items():
        for region in REGIONS:
            for volume in organization.open_client("ec2", region, account).describe_volumes()["Volumes"]:
                yield {
                    "account": name,
                    "account_id": account,
                    "region": region,
                    "volume_id": volume["VolumeId"],
                    "volume_type": volume["VolumeType"],
                    "size": volume["Size"],
                    "availability_zone": volume["AvailabilityZone"],
                }


@pytest.fixture(scope="module")
def truth(organization: MotoOrganization) -> Iterator[duckdb.DuckDBPyConnection]:
    rows = list(read_by_boto3(organization))
    assert {row["account"] for row in rows} == {"master", *NAMES}
    with duckdb.connect() as plain:
        for number, names in enumerate(CHOICES.values()):
            chosen = [row for row in rows if row["account"] in names]
            plain.register(f"truth{number}", pa.Table.from_pylist(chosen, SCHEMA))
        yield plain


@pytest.fixture(scope="module")
def live(organization: MotoOrganization) -> Iterator[sqlprov.Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        with sqlprov.connect(endpoint_url=organization.url, region=REGIONS) as con:
            yield con


@pytest.fixture(scope="module")
def workers(live: sqlprov.Connection) -> Iterator[Workers]:
    made = Workers()
    yield made
    made.close()


@pytest.fixture(scope="module")
def ids(organization: MotoOrganization) -> list[str]:
    return list(organization.ids.values())


def quote(value: str) -> str:
    return f"'{value}'"


VALUES = {
    "account": ["master", *NAMES, "prod-c", ""],
    # Places in the list of ids, which moto makes up.
    "account_id": ["{id[0]}", "{id[1]}", "{id[2]}", "{id[3]}", "999999999999"],
    "volume_type": [*KINDS, "st1", "GP2"],
    "availability_zone": [f"{region}{zone}" for region in REGIONS for zone in "abc"],
    "volume_id": ["vol-00000000", "z"],
}
PATTERNS = ["prod%", "%a%", "%-b", "_tage", "%", "", "1%", "%3%"]
OPERATORS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 11 if depth else 7))
    if kind >= 8:
        left, right = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        joined = draw(st.sampled_from([f"({left} AND {right})", f"({left} OR {right})"]))
        return f"NOT {joined}" if kind == 11 else joined
    if kind == 0:
        # A region must exist to be named; other conditions read all others, which costs a hundred calls.
        return f"region {draw(st.sampled_from(['=', '<>']))} {quote(draw(st.sampled_from(REGIONS)))}"
    if kind == 1:
        return f"size {draw(OPERATORS)} {draw(st.sampled_from(SIZES))}"
    column = draw(st.sampled_from(["account", "account_id", *VALUES]))
    values = st.sampled_from(VALUES[column]).map(quote)
    if kind == 2:
        negation = draw(st.sampled_from(["", "NOT "]))
        return f"{column} {negation}IN ({', '.join(draw(st.lists(values, min_size=1, max_size=4)))})"
    if kind == 3:
        return f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    if kind == 4:
        return f"{column} {draw(st.sampled_from(['', 'NOT ']))}LIKE '{draw(st.sampled_from(PATTERNS))}'"
    if kind == 5:
        return f"{column} BETWEEN {draw(values)} AND {draw(values)}"
    if kind == 6:
        return draw(
            st.sampled_from(
                [
                    "upper(account) = 'STAGE'",
                    "account || region = 'stageus-east-1'",
                    "account < account_id",
                    "account_id[1:1] = '1'",
                    "account IN (SELECT 'prod-a' UNION ALL SELECT 'stage')",
                    "(account, region) IN (('stage', 'us-east-1'), ('prod-a', 'eu-west-1'))",
                ]
            )
        )
    return f"{column} {draw(OPERATORS)} {draw(values)}"


JOINS = ("a.account = b.account", "a.account <> b.account", "a.account_id > b.account_id", "a.size = b.size")


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A query of `{t}`, with `{id[n]}` for the ids of accounts. Its regions are those of REGIONS."""
    # Without it, DuckDB's own filter on region would have all regions of every account read.
    within = f"region IN {REGIONS}"
    where = draw(
        st.one_of(st.just(within), conditions().map(lambda condition: f"{within} AND ({condition})"))
    )
    shape = draw(st.integers(0, 6))
    if shape == 0:
        return f"SELECT count(*), count(DISTINCT account), sum(size)::BIGINT FROM {{t}} WHERE {where}"
    if shape == 1:
        keys = draw(st.sampled_from(["account", "account_id, region", "account, volume_type", "region"]))
        return f"SELECT {keys}, count(*), max(size) FROM {{t}} WHERE {where} GROUP BY ALL ORDER BY ALL"
    if shape in (2, 3):
        other, on = draw(conditions(1)), draw(st.sampled_from(JOINS))
        kind = draw(st.sampled_from(["", "LEFT ", "FULL ", "SEMI ", "ANTI "]))
        selected = (
            "a.account, a.volume_id"
            if kind.strip() in ("SEMI", "ANTI")
            else "a.volume_id, b.volume_id, b.account"
        )
        return (
            f"SELECT {selected} FROM (SELECT * FROM {{t}} WHERE {where}) a {kind}JOIN "
            f"(SELECT * FROM {{t}} WHERE {within} AND ({other})) b ON a.region = b.region AND {on} ORDER BY ALL"
        )
    if shape == 4:
        negation = draw(st.sampled_from(["", "NOT "]))
        return (
            f"SELECT account, volume_id FROM {{t}} AS o WHERE {where} AND {negation}EXISTS (SELECT 1 FROM {{t}} AS i "
            f"WHERE i.{within} AND i.account <> o.account AND i.size = o.size AND ({draw(conditions(1))})) ORDER BY ALL"
        )
    columns = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=True))
    order = ", ".join(f"{column} {draw(st.sampled_from(['', 'DESC']))}" for column in columns)
    limit = draw(st.sampled_from(["", " LIMIT 3", " LIMIT 7 OFFSET 2", " LIMIT 0", " OFFSET 6"]))
    return f"SELECT {', '.join(columns)} FROM {{t}} WHERE {where} ORDER BY {order}, volume_id{limit}"


@settings(
    max_examples=600 if SWEEP else 80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    query=queries(),
    choice=st.sampled_from(list(CHOICES)),
    pushdown=st.sampled_from(["on", "on", "on", "off"]),
    has_engine=st.booleans(),
)
def test_a_random_query_over_accounts_has_the_answer_of_plain_duckdb(
    query: str,
    choice: str,
    pushdown: str,
    has_engine: bool,
    live: sqlprov.Connection,
    workers: Workers,
    truth: duckdb.DuckDBPyConnection,
    ids: list[str],
) -> None:
    expected = truth.sql(query.format(t=f"truth{list(CHOICES).index(choice)}", id=ids)).to_arrow_table()
    live.sql(f"SET sqlprov_accounts = '{choice}'; SET sqlprov_pushdown = {pushdown}")
    engine = workers if has_engine else None
    rows = live.sql(query.format(t="aws.ec2.volumes", id=ids), engine=engine).arrow()
    assert rows.to_pylist() == expected.to_pylist()
