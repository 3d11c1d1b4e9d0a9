from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine

from sqlprov.emulator import Emulator

URL = "sqlprov://?region=us-east-1&endpoint_url="


@pytest.fixture(scope="module", autouse=True)
def credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setitem(os.environ, "AWS_SECRET_ACCESS_KEY", "secret")
        yield


@pytest.fixture(scope="module")
def em() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.seed_local()
        emulator.fill(2500, ["eu-west-1"])
        yield emulator


@pytest.fixture(scope="module")
def engine(em: Emulator) -> Iterator[Engine]:
    made = create_engine(URL + em.url)
    yield made
    made.dispose()


@pytest.fixture
def own_engine(em: Emulator) -> Iterator[Engine]:
    """An engine with its own database."""
    engine = create_engine(URL + em.url)
    yield engine
    engine.dispose()


@pytest.fixture
def con(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def live(engine: Engine) -> Callable[[str], Table]:
    """Reflects a live table by its name."""
    metadata = MetaData()
    return lambda name: Table(name, metadata, schema="aws.sagemaker", autoload_with=engine)
