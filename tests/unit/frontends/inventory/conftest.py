from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine, environment

from sqlprov.emulator import Emulator, Options


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(Options()) as running:
        running.fill(250, ["us-east-1"])
        running.fill(3, ["eu-west-1"])
        yield running


@pytest.fixture
def cloud(tmp_path: Path, emulator: Emulator) -> CommandLine:
    return CommandLine(
        environment(
            tmp_path / "state",
            AWS_ENDPOINT_URL=emulator.url,
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
        )
    )
