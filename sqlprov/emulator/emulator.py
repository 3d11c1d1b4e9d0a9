"""Starts and stops the local SageMaker, and reads and changes its resources directly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sqlprov.emulator import endpoints, experiments
from sqlprov.emulator.api_model import load_resource_kinds
from sqlprov.emulator.defaults import complete
from sqlprov.emulator.options import Call, Fault, Options
from sqlprov.emulator.organization import Organization
from sqlprov.emulator.random_experiments import generate_experiments
from sqlprov.emulator.sample_data import load_resources
from sqlprov.emulator.server import LoopbackServer
from sqlprov.emulator.service import Service
from sqlprov.emulator.store import Record, Store
from sqlprov.emulator.tags import to_list


class Emulator(LoopbackServer):
    """A local SageMaker, with the account's other services, on one port of the loopback interface.

    Args:
        options: may be changed while it runs, through `emulator.options`.
        organization: the accounts, if it is not one; see Organization. Without it, every access key is valid.
        state: SQLite file that keeps the resources and may be shared with other processes; None keeps
            them in memory for the life of this object. Each member account has a file of its own beside it.
        port: 0 takes a free one.

    Raises:
        sqlprov.errors.InterfaceError: `state` is not a state file of this version.
        OSError: the port is taken.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        organization: Organization | None = None,
        state: Path | str | None = None,
        port: int = 0,
    ) -> None:
        path = Path(state) if state is not None else None
        self._service = self._make_service(options or Options(), organization, path)
        self._service.find_account()  # an unusable state file is an error here
        super().__init__(self._service, port)

    def _make_service(
        self, options: Options, organization: Organization | None, state: Path | None
    ) -> Service:
        return Service(options, organization, state, self._fill_region)

    def start(self) -> Self:
        for store in self._service.stores:
            store.open()
        return super().start()

    def stop(self) -> None:
        """Close the port, every connection and the state file; get() and the next start() find the resources."""
        super().stop()
        for store in self._service.stores:
            store.close()

    @property
    def account_id(self) -> str:
        """The id of the management account, which is meant where no account is named."""
        return self._service.identities.management

    @property
    def options(self) -> Options:
        """Those of every account that has none of its own."""
        return self._service.options

    @options.setter
    def options(self, options: Options) -> None:
        self._service.options = options

    @property
    def calls(self) -> list[Call]:
        """The requests since the start or since reset_calls(), in order of arrival."""
        return self._service.calls

    def reset_calls(self) -> None:
        self._service.calls = []

    def record_calls(self, record: bool) -> None:
        """Whether to keep requests in `calls`; turn it off for a server that runs for days."""
        self._service.record_calls = record

    def inject(self, fault: Fault) -> None:
        """Make the calls that match the fault fail, counted from now."""
        self._service.faults.add(fault)

    def clear_faults(self) -> None:
        self._service.faults.clear()

    def expire_credentials(self, account: str | None = None) -> None:
        """End the life of all credentials of roles that have been assumed in an account; None for every account."""
        self._service.identities.expire(account)

    def add(self, noun: str, region: str, members: dict[str, Any], account: str = "") -> None:
        """Add a resource without checks; members that are not given have defaults.

        It keeps its state until an operation changes it, whatever its schedule. It replaces a resource of the
        same name.

        Args:
            noun: InferenceExperiment, Model, EndpointConfig or Endpoint.
            members: as in Create, and any of Status (default Created), CreationTime (default now),
                StatusReason, CompletionTime, … that Describe returns. Times are epoch seconds, ISO 8601
                strings or datetimes. `Tags` is a list of Key and Value, or a dict.

        Raises:
            ValueError: a member does not exist, or another resource's name differs in case only.
        """
        _check_noun(noun)
        now = self.options.read_clock()
        store = self._find_store(account, region)
        with store.write_lock(now):
            store.put([_complete(store, noun, region, members, now)])

    def remove(self, noun: str, region: str, name: str, account: str = "") -> None:
        """Remove a resource, whatever its state.

        Raises:
            KeyError: it does not exist.
        """
        _check_noun(noun)
        store = self._find_store(account, region)
        with store.write_lock(self.options.read_clock()):
            record = store.get(noun, region, name)
            if record is None:
                raise KeyError(name)
            store.drop(record)

    def get(self, noun: str, region: str, name: str, account: str = "") -> dict[str, Any] | None:
        """All members that Describe would return, and those that only Create has, with Tags.

        None if there is no such resource. Faults and the options that delay Describe do not apply.
        """
        _check_noun(noun)
        context = self._service.find_account(account, region).context
        with context.store.read_lock(self.options.read_clock()):
            record = context.store.get(noun, region, name)
            if record is None:
                return None
            expand = experiments.expand if noun == "InferenceExperiment" else endpoints.expand
            members = expand(context, record)
            public = {member: value for member, value in members.items() if not member.startswith("~")}
            return public | {"Tags": to_list(record.tags)}

    def fill(
        self, count: int, regions: Sequence[str] = ("us-east-1",), seed: int = 1, account: str = ""
    ) -> None:
        """Add `count` inference experiments that look random and are the same for the same seed.

        They have all states, times with ties, missing descriptions and some tags.
        """
        store = self._find_store(account)
        with store.write_lock(self.options.read_clock()):
            store.put(generate_experiments(count, regions, seed, store.account))

    def seed_local(self) -> None:
        """Add the sample data of `--local`, once in the life of a state."""
        self._seed(self._find_store())

    def _seed(self, store: Store) -> None:
        now = self.options.read_clock()
        with store.write_lock(now):
            if store.has_flag("seeded"):
                return
            store.set_flag("seeded")
            store.put([_complete(store, *resource, now) for resource in load_resources()])

    def _find_store(self, account: str = "", region: str = "") -> Store:
        return self._service.find_account(account, region).context.store

    def _fill_region(self, store: Store, region: str) -> None:
        """Add the first resources of a region."""
        organization = self._service.identities.organization
        if organization is None or not organization.rows:
            return
        now = self.options.read_clock()
        with store.write_lock(now):
            resources = organization.list_resources(store.account, region)
            store.put([_complete(store, kind, region, members, now) for kind, members in resources])


def _complete(store: Store, noun: str, region: str, members: dict[str, Any], now: float) -> Record:
    record = complete(noun, region, members, now, store.account)
    twin = store.get_by_arn_name(noun, region, record.name)
    if twin is not None and twin.name != record.name:
        raise ValueError(f"{record.name} and {twin.name} would have the same ARN")
    return record


def _check_noun(noun: str) -> None:
    if noun not in load_resource_kinds():
        raise ValueError(f"{noun!r} is not a resource kind; use one of {', '.join(load_resource_kinds())}")
