"""A global service is read once, whatever a statement says of regions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sqlprov.api.connection import Connection
from sqlprov.catalog import Catalog
from sqlprov.catalog.regions import find_home
from sqlprov.catalog.service_model import load_model
from sqlprov.emulator import Emulator

Connect = Callable[..., Connection]
HOME = "us-east-1"
TABLE = "aws.sagemaker.endpoint_configs"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """A catalog whose endpoint configs are of a global service."""
    catalog = Catalog()
    table = replace(catalog.get_table("aws", "sagemaker", "endpoint_configs"), home=HOME)
    get_table = catalog.get_table
    catalog.get_table = lambda *name: table if name[-1] == table.name else get_table(*name)  # type: ignore[method-assign]
    return catalog


@pytest.fixture
def con(connect: Connect) -> Connection:
    return connect()


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "WHERE region = 'us-east-1'",
        "WHERE region IN ('eu-west-1', 'us-east-1')",
        "WHERE region <> 'eu-west-1'",
        "WHERE region LIKE 'us-%'",
        "WHERE lower(region) = 'us-east-1'",
        "GROUP BY region",
    ],
)
@pytest.mark.parametrize("regions", ["", "eu-west-1", "all", "us-east-1,eu-west-1"])
def test_a_global_table_is_read_once(
    connect: Connect, seeded: Emulator, condition: str, regions: str
) -> None:
    result = connect(**({"regions": regions} if regions else {})).sql(
        f"SELECT count(*) FROM {TABLE} {condition}"
    )
    ((rows,),) = result.fetchall()
    assert rows > 0
    assert {(call.operation, call.region) for call in result.calls} == {("ListEndpointConfigs", HOME)}
    assert result.warnings == []


def test_the_region_of_its_rows_is_the_home(con: Connection) -> None:
    assert con.sql(f"SELECT DISTINCT region FROM {TABLE}").fetchall() == [(HOME,)]


@pytest.mark.parametrize("condition", ["region = 'eu-west-1'", "region <> 'us-east-1'", "region < 'f'"])
def test_another_region_has_no_rows_and_costs_no_call(con: Connection, condition: str) -> None:
    result = con.sql(f"SELECT * FROM {TABLE} WHERE {condition}")
    assert result.fetchall() == []
    assert result.calls == []
    assert result.warnings == [
        f"{TABLE} is global: the region of all its rows is 'us-east-1', so none meets the condition on region."
    ]


def test_explain_says_that_it_is_read_once(con: Connection) -> None:
    calls = con.sql(f"EXPLAIN SELECT endpoint_config_name FROM {TABLE}").fetchall()[0][1]
    assert "global: read once in us-east-1" in calls
    assert calls.count("ListEndpointConfigs in") == 1


@pytest.mark.parametrize(
    ("client", "partition", "home"),
    [
        ("iam", "aws", "us-east-1"),
        ("iam", "aws-cn", "cn-north-1"),
        ("organizations", "aws-cn", "cn-northwest-1"),
        ("iam", "aws-us-gov", "us-gov-west-1"),
        ("networkmanager", "aws", "us-west-2"),
        ("s3", "aws-us-gov", "us-gov-west-1"),
    ],
)
def test_each_partition_has_a_home_of_its_own(client: str, partition: str, home: str) -> None:
    assert find_home(load_model(client), partition, is_global=True) == home


def test_the_sessions_region_tells_the_partition(connect: Connect) -> None:
    explained = connect(regions="cn-north-1").sql(f"EXPLAIN FROM {TABLE}").fetchall()[0][1]
    assert "global: read once in cn-north-1" in explained
