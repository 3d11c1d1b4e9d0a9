from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from doc_blocks import ROOT, write_resource_files
from moto_server import start_moto

from sqlprov.api.connection import Connection
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table
from sqlprov.duck.database import open_database
from sqlprov.duck.session import Session
from sqlprov.emulator import Emulator, Options
from sqlprov.emulator.model_server import ModelServer
from sqlprov.settings import Settings

REGION = "us-east-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service"
IMAGE = {"Image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/image:1"}
TAGS = [{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "search"}]
NAMES = ("first", "second")
OTHER = {"first": "second", "second": "first"}

TABLES = ("endpoint_configs", "endpoints", "inference_experiments", "models")
# The columns that are not a member of the reply in snake_case.
RENAMED = {
    "inference_experiments": {
        "endpoint_name": ("EndpointMetadata", "EndpointName"),
        "desired_state": ("Status",),
    }
}


def open_client(url: str) -> Any:
    return boto3.client(
        "sagemaker",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def create_model(client: Any, name: str) -> None:
    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=IMAGE, Tags=TAGS)


def create_endpoint_config(client: Any, name: str) -> None:
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large"}
    numbers = {"InitialInstanceCount": 1, "InitialVariantWeight": 0.5}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant | numbers], Tags=TAGS)


def create_endpoint(client: Any, name: str) -> None:
    client.create_endpoint(EndpointName=name, EndpointConfigName=OTHER[name], Tags=TAGS)


def create_experiment(client: Any, name: str) -> None:
    machines = {
        "InfrastructureType": "RealTimeInference",
        "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    client.create_inference_experiment(
        Name=name,
        Type="ShadowMode",
        RoleArn=ROLE,
        EndpointName=name,
        ModelVariants=[
            {"ModelName": name, "VariantName": variant, "InfrastructureConfig": machines}
            for variant in ("production", "shadow")
        ],
        ShadowModeConfig={
            "SourceModelVariantName": "production",
            "ShadowModelVariants": [{"ShadowModelVariantName": "shadow", "SamplingPercentage": 20}],
        },
        Schedule={"StartTime": datetime(2035, 1, 1), "EndTime": datetime(2035, 1, 8)},
        Tags=TAGS,
    )


def create_notebook_instance(client: Any, name: str) -> None:
    client.create_notebook_instance(
        NotebookInstanceName=name, InstanceType="ml.t2.medium", RoleArn=ROLE, Tags=TAGS
    )


# Table -> the function that creates a resource; each after the tables that it needs.
MAKERS = {
    "models": create_model,
    "endpoint_configs": create_endpoint_config,
    "endpoints": create_endpoint,
    "inference_experiments": create_experiment,
    "notebook_instances": create_notebook_instance,  # the table of CONTRIBUTING.md
}


UNKNOWN_TO = {"moto": {"inference_experiments"}, "emulator": {"notebook_instances"}}
CASES = [(server, table) for server in UNKNOWN_TO for table in TABLES if table not in UNKNOWN_TO[server]]


def create_all(client: Any, server: str) -> None:
    """Two resources of every kind that the server knows."""
    for table, make in MAKERS.items():
        for name in NAMES if table not in UNKNOWN_TO[server] else ():
            make(client, name)


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """The two servers, filled by boto3."""
    with start_moto() as moto, Emulator(Options()) as emulator:
        servers = {"moto": moto, "emulator": emulator.url}
        for server, url in servers.items():
            client = open_client(url)
            create_all(client, server)
            client.close()
        yield servers


def normalize_value(value: Any) -> Any:
    """A value without NULL members: boto3 omits them, an Arrow structure has them as NULL."""
    if isinstance(value, Mapping):
        return {
            name: normalize_value(member)
            for name, member in value.items()
            if normalize_value(member) is not None
        }
    if isinstance(value, list) and value and all(isinstance(pair, tuple) for pair in value):
        return dict(value)  # a MAP
    if isinstance(value, list):
        return [normalize_value(member) for member in value]
    return value.timestamp() if isinstance(value, datetime) else value


def describe_with_boto3(client: Any, name: str, table: Table) -> dict[str, Any]:
    """The reply of boto3 for a resource, under the names of the table's columns."""
    assert table.describe
    operation = xform_name(table.describe.call)
    (parameter,) = client.meta.service_model.operation_model(table.describe.call).input_shape.required_members
    reply = getattr(client, operation)(**{parameter: name})
    del reply["ResponseMetadata"]
    columns = {xform_name(member): each for member, each in reply.items()}
    for column, path in RENAMED.get(table.name, {}).items():
        columns[column] = reply
        for member in path:
            columns[column] = columns[column][member]
    (arn,) = (each for member, each in reply.items() if member in (f"{_noun(operation)}Arn", "Arn"))
    tags = client.list_tags(ResourceArn=arn)["Tags"]
    own = {
        "tags": tags,
        "region": REGION,
        "account": "local",
        "account_id": ACCOUNT,
        "data__Identifier": name,
    }
    return {column: normalize_value(each) for column, each in (columns | own).items()}


def _noun(operation: str) -> str:
    return "".join(word.title() for word in operation.split("_")[1:])


def read_rows(url: str, sql: str, catalog: Catalog | None = None) -> list[dict[str, Any]]:
    cloud = Cloud(endpoint_url=url, credentials=("test", "test"))
    settings = Settings(regions=REGION, show_sensitive=True)
    session = Session(catalog or Catalog(), AccountFinder(cloud), open_database())
    with Connection(session, settings) as connection:
        result = connection.sql(sql)
        return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]


def compare(url: str, name: str, catalog: Catalog | None = None, names: Collection[str] = NAMES) -> None:
    client = open_client(url)
    table = (catalog or Catalog()).get_table("aws", "sagemaker", name)
    rows = {row[table.key[0]]: row for row in read_rows(url, f"FROM {table.full_name}", catalog)}
    assert set(rows) == set(names)
    for key, row in rows.items():
        expected = describe_with_boto3(client, key, table)
        if (tags := expected.get("tags")) is not None:
            expected["tag_map"] = {tag["Key"]: tag["Value"] for tag in tags}
        assert set(expected) <= set(row), "boto3 says more than the table"
        assert {column: normalize_value(each) for column, each in row.items()} == {
            column: expected.get(column) for column in row
        }
    client.close()


@pytest.mark.parametrize(("server", "table"), CASES)
def test_every_column_has_the_value_that_boto3_returns(urls: dict[str, str], server: str, table: str) -> None:
    compare(urls[server], table)


@pytest.mark.parametrize(("server", "table"), CASES)
def test_a_lookup_by_key_returns_the_same_row_as_the_list(
    urls: dict[str, str], server: str, table: str
) -> None:
    everything = f"FROM aws.sagemaker.{table}"
    (listed,) = [r for r in read_rows(urls[server], everything) if r["data__Identifier"] == "second"]
    assert read_rows(urls[server], f"{everything} WHERE data__Identifier = 'second'") == [listed]


@pytest.mark.parametrize(("server", "table"), CASES)
def test_a_missing_key_has_no_row(urls: dict[str, str], server: str, table: str) -> None:
    assert (
        read_rows(urls[server], f"FROM aws.sagemaker.{table} WHERE data__Identifier = 'no-such-name'") == []
    )


def test_the_table_of_contributing_has_the_values_that_boto3_returns(tmp_path: Path) -> None:
    write_resource_files(ROOT / "CONTRIBUTING.md", tmp_path)
    catalog = Catalog([tmp_path / "resources"])
    table = catalog.get_table("aws", "sagemaker", "projects")
    with ModelServer([table]) as server:  # moto has no projects
        names = [row["project_name"] for row in server.list_rows(table)]
        compare(server.url, "projects", catalog, names)
