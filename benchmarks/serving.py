"""Serves generated data from a local SageMaker, or canned XML, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any

from benchmarks.canned import CannedAws
from sqlprov.emulator import Emulator, Options, make_organization

HOSTED = ("Endpoint", "EndpointConfig", "Model")


class ServerProcess:
    """A server process.

    Args:
        experiments: region -> inference experiments in it. Several regions under one name, `a,b`, share them.
        hosted: endpoints, as many endpoint configs and as many models, all in us-east-1, of the same names.
        canned: EC2 instances, as many IAM roles and as many S3 objects, instead of SageMaker.
        accounts: of an organization, each with up to 20 models in each region.
    """

    def __init__(
        self, experiments: dict[str, int], hosted: int = 0, canned: int = 0, accounts: int = 1
    ) -> None:
        self._data = json.dumps(
            {"experiments": experiments, "hosted": hosted, "canned": canned, "accounts": accounts}
        )
        self.url = ""

    def __enter__(self) -> ServerProcess:
        command = [sys.executable, "-m", "benchmarks.serving", self._data]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._read_line()
        return self

    def set_options(self, **options: Any) -> None:
        """Set the server's options."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(options) + "\n")
        self._process.stdin.flush()
        self._read_line()

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"the local SageMaker ended with code {self._process.wait()}")
        return line

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()  # signals it to end
        self._process.stdout.close()
        self._process.wait()


def serve(experiments: dict[str, int], hosted: int, canned: int, accounts: int) -> None:
    """Print the URL, then take Options as lines of JSON until stdin ends."""
    organization = make_organization(accounts, rows=20) if accounts > 1 else None
    with CannedAws(canned) if canned else Emulator(organization=organization) as server:
        if isinstance(server, Emulator):
            fill(server, experiments, hosted)
        print(server.url, flush=True)
        for line in sys.stdin:
            server.options = Options(**json.loads(line))
            print("ok", flush=True)


def fill(emulator: Emulator, experiments: dict[str, int], hosted: int) -> None:
    """Add the data; recording the calls would count as the client's cost."""
    emulator.record_calls(False)
    for seed, (regions, count) in enumerate(experiments.items()):
        emulator.fill(count, regions.split(","), seed)
    for number in range(hosted):
        for noun in HOSTED:
            emulator.add(noun, "us-east-1", {f"{noun}Name": f"one-{number}", "CreationTime": number + 1})


if __name__ == "__main__":
    serve(**json.loads(sys.argv[1]))
