from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_sagemaker import plain_client
from write_session import REGION, TABLE, WriteSession, by_name

import sqlprov
from sqlprov.emulator import Emulator


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield


@pytest.fixture(scope="module")
def emulator(aws: None) -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def session(emulator: Emulator) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=emulator.url, region=REGION) as session:
        session.sql(f"DELETE FROM {TABLE} WHERE {by_name('nobody')}")  # the first statement takes the longest
        yield session


@pytest.fixture(scope="module")
def other_client(emulator: Emulator) -> Iterator[object]:
    """Another user of the same account, who writes without sqlprov."""
    client = plain_client(emulator.url)
    yield client
    client.close()


@pytest.fixture
def db(emulator: Emulator, session: sqlprov.Connection, other_client: object) -> Iterator[WriteSession]:
    """A connection with settings of its own, and the service without faults, delays and recorded calls."""
    with session.cursor() as connection:
        db = WriteSession(emulator, connection, other_client)
        db.reset()
        yield db
    db.reset()
