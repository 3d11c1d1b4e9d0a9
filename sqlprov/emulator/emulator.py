"""The handle by which tests, examples and `--local` start the local SageMaker and look inside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlprov.emulator import endpoints, experiments, random_experiments, sample_data, tags
from sqlprov.emulator.api_model import Kind, kinds
from sqlprov.emulator.context import ACCOUNT
from sqlprov.emulator.defaults import complete
from sqlprov.emulator.options import Call, Fault, Options
from sqlprov.emulator.server import HOST, Server
from sqlprov.emulator.service import Service
from sqlprov.emulator.store import Change, Record, Store, drop, put


class Emulator:
    """A local SageMaker and STS on one port of the loopback interface.

    Args:
        options: may be changed while it runs, through `emulator.options`.
        state: SQLite file that keeps the resources and may be shared with other processes; None keeps
            them in memory for the life of this object.
        port: 0 takes a free one.

    Raises:
        sqlprov.errors.InterfaceError: `state` is no file of this version.
        OSError: the port is taken.
    """

    account_id = ACCOUNT

    def __init__(
        self, options: Options | None = None, *, state: Path | str | None = None, port: int = 0
    ) -> None:
        self._store = Store(Path(state) if state is not None else None)
        self._service = Service(self._store, options or Options())
        self._port = port
        self._server: Server | None = None

    def start(self) -> Emulator:
        if self._server is None:
            self._store.open()
            self._server = Server(self._service, self._port)
        return self

    def stop(self) -> None:
        """Close the port, every connection and the state file; get() and the next start() find the resources."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self._store.close()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The endpoint URL, for `AWS_ENDPOINT_URL`; only while it runs."""
        if self._server is None:
            raise RuntimeError("the emulator is not running; call start()")
        return f"http://{HOST}:{self._server.port}"

    @property
    def options(self) -> Options:
        return self._service.world.options

    @options.setter
    def options(self, options: Options) -> None:
        self._service.world.options = options

    @property
    def calls(self) -> list[Call]:
        """The requests since the start or reset_calls(), in order of arrival."""
        return self._service.calls

    def reset_calls(self) -> None:
        self._service.calls = []

    def record_calls(self, record: bool) -> None:
        """Whether requests are kept in `calls`; a server that runs for days must not."""
        self._service.record_calls = record

    def inject(self, fault: Fault) -> None:
        """Let calls fail as it says, counted from now."""
        self._service.faults.add(fault)

    def clear_faults(self) -> None:
        self._service.faults.clear()

    def add(self, noun: str, region: str, members: dict[str, Any]) -> None:
        """Put a resource as it is, without checks; what is missing is filled in.

        It stays in its state until an operation changes it: its schedule is not acted on. One of the same
        name is replaced.

        Args:
            noun: InferenceExperiment, Model, EndpointConfig or Endpoint.
            members: as in Create, and any of Status (default Created), CreationTime (default now),
                StatusReason, CompletionTime, … that Describe answers. Times are epoch seconds, ISO 8601
                texts or datetimes. `Tags` is a list of Key and Value, or a dict.

        Raises:
            ValueError: a member does not exist, or another resource's name differs in case only.
        """
        now = round(time.time(), 3)
        with self._store.writing(now):
            self._store.commit([put(self._completed(noun, region, members, now))])

    def remove(self, noun: str, region: str, name: str) -> None:
        """Take a resource away, whatever its state.

        Raises:
            KeyError: there is none.
        """
        with self._store.writing(round(time.time(), 3)):
            record = self._store.get(_kind(noun), region, name)
            if record is None:
                raise KeyError(name)
            self._store.commit([drop(record)])

    def get(self, noun: str, region: str, name: str) -> dict[str, Any] | None:
        """What is committed: all members as Describe would answer, and those only Create has, with Tags.

        None if there is no such resource.
        """
        with self._store.reading(round(time.time(), 3)):
            record = self._store.get(_kind(noun), region, name)
            if record is None:
                return None
            members = (
                experiments.view(self._service.world, record)
                if _experiment(record)
                else endpoints.view(record)
            )
            shown = {member: value for member, value in members.items() if not member.startswith("~")}
            return shown | {"Tags": tags.as_list(record.tags)}

    def fill(self, count: int, regions: Sequence[str] = ("us-east-1",), seed: int = 1) -> None:
        """Add `count` inference experiments that look random and are the same for the same seed.

        All states, times with ties, missing descriptions and some tags are among them.
        """
        with self._store.writing(round(time.time(), 3)):
            self._store.commit(
                [put(record) for record in random_experiments.experiments(count, regions, seed)]
            )

    def seed_local(self) -> None:
        """Add the small data set of `--local`, once in the life of a state."""
        now = round(time.time(), 3)
        with self._store.writing(now):
            if self._store.flagged("seeded"):
                return
            changes: list[Change] = []
            for noun, region, members in sample_data.resources():
                changes.append(put(self._completed(noun, region, members, now)))
            self._store.flag("seeded")
            self._store.commit(changes)

    def _completed(self, noun: str, region: str, members: dict[str, Any], now: float) -> Record:
        record = complete(_kind(noun), region, members, now)
        twin = self._store.shelf(record.kind, region).by_arn_name(record.name.lower())
        if twin is not None and twin.name != record.name:
            raise ValueError(f"{record.name} and {twin.name} would have the same ARN")
        return record


def _kind(noun: str) -> Kind:
    if noun not in kinds():
        raise ValueError(f"no resource type {noun!r}; there are {', '.join(kinds())}")
    return kinds()[noun]


def _experiment(record: Record) -> bool:
    return record.kind.noun == "InferenceExperiment"
