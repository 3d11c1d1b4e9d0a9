"""Accounts of several partitions in one session: each is read in the regions of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import sqlprov
from sqlprov.catalog.regions import find_partition, list_service_regions
from sqlprov.emulator import Emulator, Member, Organization

MODELS = "aws.sagemaker.models"
PARTITIONS = {"main": "aws", "china": "aws-cn", "gov": "aws-us-gov"}
"""Profile -> partition."""
REGIONS = {"main": "us-east-1", "china": "cn-north-1", "gov": "us-gov-west-1"}
HOMES = {"main": "us-east-1", "china": "cn-northwest-1", "gov": "us-gov-west-1"}
"""Where Organizations answers."""
KEYS = {name: f"AKIA{name.upper()}" for name in REGIONS}
IDS = {"main": "123456789012", "china": "222222222222", "gov": "333333333333"}


@pytest.fixture
def em(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    keys = "aws_access_key_id = {}\naws_secret_access_key = secret"
    profiles = (f"[profile {name}]\n{keys.format(KEYS[name])}\nregion = {REGIONS[name]}" for name in REGIONS)
    (tmp_path / "config").write_text("\n".join(profiles))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    members = [Member(IDS[name], name, keys=(KEYS[name],)) for name in REGIONS]
    with Emulator(organization=Organization(members, rows=2)) as emulator:
        yield emulator


def list_places(em: Emulator, operation: str) -> set[tuple[str, str]]:
    """Profile and region of each call of an operation."""
    names = {id_: name for name, id_ in IDS.items()}
    return {(names[call.account], call.region) for call in em.calls if call.operation == operation}


EVERY_PLACE = {
    (name, region)
    for name, partition in PARTITIONS.items()
    for region in list_service_regions("sagemaker", partition)
}


def test_all_regions_of_an_account_are_those_of_its_partition(em: Emulator) -> None:
    with sqlprov.connect(profile=[*REGIONS], endpoint_url=em.url, region="all") as con:
        rows = con.sql(f"SELECT DISTINCT account, region FROM {MODELS}").fetchall()
    assert {account for account, _ in rows} == {*REGIONS}
    assert all(find_partition(region) == PARTITIONS[account] for account, region in rows)
    assert list_places(em, "ListModels") == EVERY_PLACE
    # GovCloud has no account service, but EC2 knows the regions, too.
    assert list_places(em, "ListRegions") == {("main", "us-east-1"), ("china", "cn-north-1")}
    assert list_places(em, "DescribeRegions") == {("gov", "us-gov-west-1")}


def test_without_regions_each_account_is_read_in_that_of_its_profile(em: Emulator) -> None:
    with sqlprov.connect(profile=[*REGIONS], endpoint_url=em.url) as con:
        con.sql(f"SELECT model_name FROM {MODELS}").fetchall()
    assert list_places(em, "ListModels") == set(REGIONS.items())


def test_a_named_region_is_read_in_the_accounts_of_its_partition(em: Emulator) -> None:
    with sqlprov.connect(profile=[*REGIONS], endpoint_url=em.url) as con:
        sql = f"SELECT model_name FROM {MODELS} WHERE region IN ('eu-west-1', 'us-gov-east-1', 'cn-north-1')"
        con.sql(sql).fetchall()
    assert list_places(em, "ListModels") == {
        ("main", "eu-west-1"),
        ("gov", "us-gov-east-1"),
        ("china", "cn-north-1"),
    }


def test_a_global_table_is_read_once_in_the_home_region_of_each_partition(em: Emulator) -> None:
    with sqlprov.connect(profile=[*REGIONS], endpoint_url=em.url, region="all") as con:
        lines = con.sql("EXPLAIN SELECT arn FROM aws.organizations.organizations").fetchall()[0][1]
        con.sql("SELECT arn FROM aws.organizations.organizations").fetchall()
    assert list_places(em, "DescribeOrganization") == set(HOMES.items())
    assert "global: read once in cn-northwest-1 or us-east-1 or us-gov-west-1\n" in lines
    assert all(f"DescribeOrganization in {home} of {name}," in lines for name, home in HOMES.items())


def test_a_role_is_one_of_the_partition_of_the_session(em: Emulator) -> None:
    settings = {"accounts": IDS["china"]}
    with sqlprov.connect(profile="gov", endpoint_url=em.url, settings=settings) as con:
        con.sql(f"SELECT model_name FROM {MODELS}").fetchall()
        assert con.sql("SELECT role FROM aws.accounts").fetchall() == [
            (f"arn:aws-us-gov:iam::{IDS['china']}:role/OrganizationAccountAccessRole",)
        ]
    assert list_places(em, "AssumeRole") == {("gov", "us-gov-west-1")}
    assert list_places(em, "ListModels") == {("china", "us-gov-west-1")}


def test_plain_duckdb_reads_several_profiles(em: Emulator) -> None:
    with duckdb.connect() as con:
        sqlprov.attach(con, "sagemaker.models", regions="all", profile=[*REGIONS], endpoint_url=em.url)
        rows = con.sql("SELECT DISTINCT account, account_id FROM aws.sagemaker.models").fetchall()
    assert dict(rows) == IDS
    assert list_places(em, "ListModels") == EVERY_PLACE
