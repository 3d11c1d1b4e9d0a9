"""A local SageMaker with the small data set, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sqlprov.api.connection import Connection
from sqlprov.aws.transport.account_regions import read_region_statuses
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog import Catalog
from sqlprov.duck.database import open_database
from sqlprov.duck.session import Session
from sqlprov.emulator import Emulator
from sqlprov.settings import Settings

Connect = Callable[..., Connection]


@pytest.fixture(scope="module")
def seeded() -> Iterator[Emulator]:
    """A local SageMaker with the small data set of `--local`; for tests that change nothing."""
    with Emulator() as emulator:
        emulator.seed_local()
        yield emulator


class SharedCloud(Cloud):
    """Keeps its clients open on `close`, and only clears its caches: new clients cost a third of a second."""

    def close(self) -> None:
        self.account_id = None
        self._limiters.clear()


@pytest.fixture(scope="module")
def shared_cloud(seeded: Emulator) -> Iterator[Cloud]:
    cloud = SharedCloud(endpoint_url=seeded.url, credentials=("test", "test"))
    read_region_statuses(Run(Settings()), cloud, "us-east-1")  # so that no statement makes that call
    yield cloud
    Cloud.close(cloud)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def connect(shared_cloud: Cloud, catalog: Catalog) -> Iterator[Connect]:
    """Connections to the seeded SageMaker without a default region, closed at the end; as sqlprov.connect."""
    connections: list[Connection] = []

    def new(database: str = ":memory:", *, read_only: bool = False, **settings: Any) -> Connection:
        chosen = Settings()
        for name, value in settings.items():
            chosen = chosen.with_value(name, str(value))
        duck = open_database(database, read_only=read_only)
        connections.append(Connection(Session(catalog, AccountFinder(shared_cloud), duck, database), chosen))
        return connections[-1]

    yield new
    for connection in connections:
        connection.close()
