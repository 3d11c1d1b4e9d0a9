from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from raw_server import RawServer, run_server

import sqlprov
from sqlprov.emulator import Emulator


def isolate_environment(folder: Path) -> dict[str, str]:
    """The environment of a person who has credentials in two variables and nothing else of AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
    }


@pytest.fixture(scope="module", autouse=True)
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    before = dict(os.environ)
    chosen = isolate_environment(tmp_path_factory.mktemp("aws"))
    os.environ.clear()
    os.environ.update(chosen)
    yield chosen
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def shared(full: Emulator, aws: object) -> Iterator[sqlprov.Connection]:
    """One connection to the module's emulator `full`."""
    with sqlprov.connect(endpoint_url=full.url, region="us-east-1") as connection:
        yield connection


@pytest.fixture
def server(aws: object) -> Iterator[RawServer]:
    with run_server() as server:
        yield server


@pytest.fixture
def connect(em: Emulator) -> Iterator[Callable[..., sqlprov.Connection]]:
    """Connections to the emulator, for us-east-1 unless another region is given; closed at the end."""
    made: list[sqlprov.Connection] = []

    def connect(region: Any = "us-east-1", **settings: object) -> sqlprov.Connection:
        given = {name: str(value) for name, value in settings.items()}
        made.append(sqlprov.connect(endpoint_url=em.url, region=region, settings=given))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


@pytest.fixture
def con(connect: Callable[..., sqlprov.Connection]) -> sqlprov.Connection:
    return connect()
