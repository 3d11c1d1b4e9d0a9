from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal, environment

from sqlprov.emulator import Emulator, Options

REGION = "us-east-1"


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.fill(250, [REGION])
        emulator.fill(3, ["eu-west-1"])
        yield emulator


@pytest.fixture
def em(service: Emulator) -> Iterator[Emulator]:
    service.reset_calls()
    yield service
    service.options = Options()
    service.clear_faults()
    service.reset_calls()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def seat(service: Emulator, home: Path) -> Iterator[Terminal]:
    """One shell for many tests."""
    words = ("--endpoint-url", service.url, "--region", REGION)
    (home / "reset.sql").write_text("\\x auto\n\\timing on\n\\rows 1000\n\\o\n\\region us-east-1\n")
    with Terminal(*words, env=environment(home)) as terminal:
        terminal.ready()
        yield terminal


@pytest.fixture
def term(seat: Terminal, em: Emulator) -> Terminal:
    """The shell at its prompt, in the state that it began with."""
    seat.leave_what_is_typed()
    seat.run("\\i ~/reset.sql")
    seat.clear()
    em.reset_calls()
    return seat
