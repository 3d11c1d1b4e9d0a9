"""A local SageMaker with the small data set, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sqlprov.api.connection import Connection
from sqlprov.aws.transport.account_regions import read_region_statuses
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog import Catalog
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


class KeptCloud(Cloud):
    """`close` forgets what was learned and keeps the clients: a new set of them costs a third of a second."""

    def close(self) -> None:
        self.account_id = None
        self.pages.clear()


@pytest.fixture(scope="module")
def kept(seeded: Emulator) -> Iterator[Cloud]:
    cloud = KeptCloud(endpoint_url=seeded.url, credentials=("test", "test"))
    read_region_statuses(
        Run(Settings()), cloud, "us-east-1"
    )  # once a session: the tests' statements need no such call
    yield cloud
    Cloud.close(cloud)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def connect(kept: Cloud, catalog: Catalog) -> Iterator[Connect]:
    """Connections to the seeded SageMaker without a default region, closed at the end; as sqlprov.connect."""
    made: list[Connection] = []

    def new(database: str = ":memory:", *, read_only: bool = False, **settings: Any) -> Connection:
        chosen = Settings()
        for name, value in settings.items():
            chosen = chosen.with_value(name, str(value))
        made.append(Connection(Session(catalog, kept, database, read_only), chosen))
        return made[-1]

    yield new
    for connection in made:
        connection.close()
