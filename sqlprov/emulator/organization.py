"""The accounts of the local AWS: an organisation with units, roles and resources that a test computes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlprov.emulator.options import ACCOUNT, Options

ROLE = "OrganizationAccountAccessRole"
"""The role that Organizations makes in each account."""
ROOT = "r-root"
"""The id of the root, below which all accounts are."""
_UNITS = ("workloads/prod", "workloads/stage", "sandbox")
_FIRST_MEMBER = 200_000_000_000
_FIRST_TIME = 1_700_000_000
_KINDS = ("InferenceExperiment", "Model", "EndpointConfig", "Endpoint")


@dataclass
class Member:
    """An account of the organisation.

    Args:
        id: 12 digits.
        status: ACTIVE or SUSPENDED; nobody can assume a role in a suspended account.
        unit: names of the organisational units down to its own, such as `workloads/prod`; empty for the root.
        roles: name of a role -> the external id that it requires, or an empty text; no other role can be assumed.
            None for any role.
        keys: access key ids of users of this account.
        options: how its services behave; None for the server's.
    """

    id: str
    name: str
    status: str = "ACTIVE"
    unit: str = ""
    roles: dict[str, str] | None = field(default_factory=lambda: {ROLE: ""})
    keys: tuple[str, ...] = ()
    options: Options | None = None

    def can_assume(self, role: str, external_id: str) -> bool:
        """Whether a caller with this external id can assume a role."""
        if self.status != "ACTIVE":
            return False
        wanted = "" if self.roles is None else self.roles.get(role)
        return wanted is not None and wanted in ("", external_id)


@dataclass
class Organization:
    """The accounts of a server.

    Args:
        members: the management account first; access keys that belong to no account are its users'.
        rows: most resources of each kind in a region of an account; `list_names` says how many there are. They are
            made when the region is first called.
        lifetime: seconds that a role's credentials are valid; 0 for as long as the caller asks.
        most_calls: calls after which a role's credentials have expired; 0 for any number.
        any_key: whether temporary keys that no AssumeRole made are the management account's; otherwise they are
            refused.

    Raises:
        ValueError: there is no account, or two have the same id.
    """

    members: Sequence[Member]
    rows: int = 0
    lifetime: float = 0.0
    most_calls: int = 0
    any_key: bool = False

    def __post_init__(self) -> None:
        self.by_id = {member.id: member for member in self.members}
        if not self.by_id or len(self.by_id) < len(self.members):
            raise ValueError("an organisation has at least one account, and their ids differ")

    @property
    def management(self) -> Member:
        return self.members[0]

    @property
    def units(self) -> list[str]:
        """Every unit's path, and those of the units above, sorted."""
        paths = set()
        for member in self.members:
            parts = member.unit.split("/") if member.unit else []
            paths |= {"/".join(parts[: place + 1]) for place in range(len(parts))}
        return sorted(paths)

    def list_names(self, account: str, kind: str, region: str) -> list[str]:
        """The names of the resources that `rows` made; some are the same in other regions and accounts."""
        count = zlib.crc32(f"{account} {kind} {region}".encode()) % (self.rows + 1)
        return [f"{kind.lower()}-{number}" for number in range(count)]

    def list_resources(self, account: str, region: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Kind and members of the resources that `rows` made; times differ between accounts."""
        for kind in _KINDS:
            for name in self.list_names(account, kind, region):
                age = zlib.crc32(f"{account} {region} {name}".encode()) % 10_000_000
                key = "Name" if kind == "InferenceExperiment" else f"{kind}Name"
                yield kind, {key: name, "CreationTime": float(_FIRST_TIME + age)}


def make_organization(count: int, **more: Any) -> Organization:
    """An organisation of `count` accounts, with the further arguments of Organization.

    The management account is `management`, the others are `account-001` and so on, in three units.
    """
    members = [Member(ACCOUNT, "management")]
    members += [
        Member(str(_FIRST_MEMBER + number), f"account-{number:03}", unit=_UNITS[number % len(_UNITS)])
        for number in range(1, count)
    ]
    return Organization(members, **more)


def find_unit_id(path: str) -> str:
    """The id of a unit, or of the root."""
    return f"ou-root-{zlib.crc32(path.encode()):08x}" if path else ROOT
