from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_sagemaker import connection

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator, Options


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator(Options()) as emulator:
        yield emulator


@pytest.fixture
def con(em: Emulator) -> Iterator[Connection]:
    with connection(em.url) as made:
        yield made
