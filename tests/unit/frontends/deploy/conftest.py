from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_sagemaker import connection

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def opened(emulator: Emulator) -> Iterator[Connection]:
    with connection(emulator.url, settle=0.05, max_attempts=2) as con:
        yield con


@pytest.fixture
def em(emulator: Emulator) -> Emulator:
    emulator.clear_faults()
    emulator.reset_calls()
    return emulator


@pytest.fixture
def con(opened: Connection, em: Emulator) -> Connection:
    return opened
