"""Compares the calls of random statements over accounts and regions with the bounds that EXPLAIN gives before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from slices import SWEEP

import sqlprov
from sqlprov.catalog.regions import list_service_regions
from sqlprov.emulator import Emulator, Options, make_organization

IDS = ("200000000001", "200000000002")
PROFILES = ("own", "twin", "second")
"""Two of the same account, and one of another."""
ACCOUNTS = (
    "",
    "organization",
    "organization:account-*",
    "own,twin,second",
    "second,own",
    *IDS,
    ",".join(IDS),
)
ENABLED = {"us-east-1", "eu-west-1", "us-west-2", "ap-south-1"}
CLOSED = {*list_service_regions("sagemaker", "aws")} - ENABLED
REGIONS = ("us-east-1", "us-east-1,eu-west-1,us-west-2", "all")
CONDITIONS = (
    "account = 'account-001'",
    "account IN ('own', 'second', 'management', 'nobody')",
    "account LIKE 'account-%'",
    "account <> 'twin'",
    f"account_id = '{IDS[0]}'",
    "account_id > '2'",
    "region = 'eu-west-1'",
    "region IN ('eu-west-1', 'us-west-2', 'nowhere')",
    "region LIKE 'eu-%'",
    "model_name = 'model-0'",
    "model_name IN ('model-0', 'model-1', 'none')",
    "execution_role_arn <> ''",
)
ALL = "SELECT model_name FROM aws.sagemaker.models"
COLUMNS = ("model_name", "account, region", "account_id", "model_name, execution_role_arn", "tags", "*")
# What the session knows before: nothing, its accounts, or what a statement has asked.
BEFORE = ("", "SELECT * FROM aws.accounts", "SELECT account_id FROM aws.sagemaker.models")


@pytest.fixture(scope="module")
def em(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("explained")
    keys = "[profile {}]\naws_access_key_id = AKIA{}\naws_secret_access_key = secret\nregion = us-east-1\n"
    names = zip(PROFILES, ("ONE", "TWO", "THREE"), strict=True)
    (folder / "config").write_text("".join(keys.format(*name) for name in names))
    first, second, third = make_organization(3).members
    second = replace(second, keys=("AKIATHREE",), options=Options(closed_regions=CLOSED | {"eu-west-1"}))
    organization = replace(make_organization(3), members=[first, second, third], rows=2)
    options = Options(closed_regions=CLOSED)
    with Emulator(options, organization=organization) as emulator, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
        patch.setenv("AWS_PROFILE", "own")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield emulator


@st.composite
def statements(draw: st.DrawFn) -> str:
    conditions = draw(st.lists(st.sampled_from(CONDITIONS), max_size=2, unique=True))
    where = f" WHERE {draw(st.sampled_from([' AND ', ' OR '])).join(conditions)}" if conditions else ""
    table = draw(st.sampled_from(["aws.sagemaker.models", "aws.organizations.organizations"]))
    if table.endswith("organizations"):
        where = "" if "model" in where or "role" in where else where
        return f"SELECT {draw(st.sampled_from(['arn', 'account, account_id', '*']))} FROM {table}{where}"
    limit = draw(st.sampled_from(["", "", " LIMIT 1"]))
    return f"SELECT {draw(st.sampled_from(COLUMNS))} FROM {table}{where}{limit}"


@settings(
    max_examples=600 if SWEEP else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    sql=statements(),
    accounts=st.sampled_from(ACCOUNTS),
    regions=st.sampled_from(REGIONS),
    before=st.sampled_from(BEFORE),
)
@example(sql=ALL, accounts="own,twin,second", regions=REGIONS[1], before="")
@example(sql=f"{ALL} WHERE account_id = '{IDS[0]}'", accounts="own,second", regions=REGIONS[1], before="")
@example(sql=ALL, accounts="organization", regions="all", before="")
@example(sql=ALL, accounts="organization", regions="all", before=BEFORE[1])
@example(sql=f"{ALL} WHERE model_name = 'model-0'", accounts="organization", regions="us-east-1", before="")
def test_the_calls_of_a_statement_lie_within_the_bounds_of_explain(
    em: Emulator, sql: str, accounts: str, regions: str, before: str
) -> None:
    chosen = {"accounts": accounts, "regions": regions}
    with sqlprov.connect(endpoint_url=em.url, settings=chosen) as con:
        if before:
            with suppress(sqlprov.Error):  # a region that an account has not enabled
                con.sql(before).fetchall()
        scans = orjson.loads(dict(con.sql(f"EXPLAIN (FORMAT json) {sql}").fetchall())["calls"])
        assert con.calls == []
        least = max((scan["least_calls"] for scan in scans), default=0)
        try:
            con.sql(sql).fetchall()
        except sqlprov.Error:
            least = 0
        made = len(con.calls)
    counts = [scan["most_calls"] for scan in scans]
    assert least <= made
    assert None in counts or made <= sum(counts)
