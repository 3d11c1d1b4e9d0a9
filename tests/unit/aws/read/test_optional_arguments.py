"""A row without a value for an optional argument is described without it, on a small Studio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from json_service import Answer, run_json_service

from sqlprov.api.connection import Connection
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.duck.database import open_database
from sqlprov.duck.session import Session
from sqlprov.settings import Settings

APPS = [
    {
        "DomainId": "d-1",
        "UserProfileName": "ann",
        "AppType": "JupyterServer",
        "AppName": "default",
        "CreationTime": 1,
    },
    {
        "DomainId": "d-1",
        "UserProfileName": "bob",
        "AppType": "JupyterServer",
        "AppName": "default",
        "CreationTime": 2,
    },
    {
        "DomainId": "d-1",
        "SpaceName": "team",
        "AppType": "JupyterLab",
        "AppName": "default",
        "CreationTime": 3,
    },
]
T = "aws.sagemaker.apps"


class Studio:
    """Three apps; it notes what DescribeApp received."""

    def __init__(self) -> None:
        self.parameters: list[Mapping[str, Any]] = []
        self.operations: dict[str, Answer] = {
            "ListApps": lambda parameters: {"Apps": APPS},
            "DescribeApp": self.describe,
        }

    def describe(self, parameters: Mapping[str, Any]) -> Any:
        self.parameters.append(parameters)
        (app,) = (app for app in APPS if all(app.get(name) == value for name, value in parameters.items()))
        owner = app.get("UserProfileName") or app.get("SpaceName")
        return {**app, "AppArn": f"arn:aws:sagemaker:us-east-1:123456789012:app/d-1/{owner}/default"}


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def connection(studio: Studio) -> Iterator[Connection]:
    with run_json_service(studio.operations) as url:
        cloud = Cloud(endpoint_url=url, credentials=("test", "test"))
        with Connection(
            Session(Catalog(), AccountFinder(cloud), open_database()), Settings(regions="us-east-1")
        ) as connection:
            yield connection


def test_an_app_is_described_by_its_user_profile_or_by_its_space(
    studio: Studio, connection: Connection
) -> None:
    rows = connection.sql(
        f"SELECT user_profile_name, space_name, app_arn FROM {T} ORDER BY app_arn"
    ).fetchall()
    assert [(profile, space, arn.split("/")[-2]) for profile, space, arn in rows] == [
        ("ann", None, "ann"),
        ("bob", None, "bob"),
        (None, "team", "team"),
    ]
    owners = sorted(
        tuple(sorted({"UserProfileName", "SpaceName"} & set(parameters))) for parameters in studio.parameters
    )
    assert owners == [("SpaceName",), ("UserProfileName",), ("UserProfileName",)]


def test_apps_of_the_same_name_are_different_rows(connection: Connection) -> None:
    rows = connection.sql(f"SELECT data__Identifier FROM {T} WHERE app_name = 'default'").fetchall()
    assert len({key for (key,) in rows}) == 3


def test_an_app_of_a_key_is_looked_for_in_the_list(connection: Connection) -> None:
    (key,) = connection.sql(f"SELECT data__Identifier FROM {T} WHERE space_name = 'team'").fetchall()[0]
    where = "data__Identifier = $key"
    assert connection.sql(f"SELECT space_name FROM {T} WHERE {where}", {"key": key}).fetchall() == [("team",)]
