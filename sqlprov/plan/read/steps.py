"""The lists and lookups of a read, and the places where they are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload

from sqlprov.catalog.cloud_control import PACKED
from sqlprov.catalog.table import ListCall
from sqlprov.records import dataclass

REGION, ACCOUNT, ACCOUNT_ID = "region", "account", "account_id"
Place = Mapping[str, Any]
"""Where a call reads: the account, the region, and the column of each parent whose value is known."""
Group = tuple[tuple[str, ...], tuple[str, ...]]
"""Accounts, and the regions in which each of them is read."""


class Places(Sequence[Place]):
    """Accounts and their regions. Each place is made when it is used: an organization has tens of thousands.

    Every region of an account comes before the next account: neighbours call different servers, and the calls in flight
    need a connection each, not one for each of them and each region.
    """

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self.groups = tuple(group for group in groups if all(group))

    @property
    def regions(self) -> frozenset[str]:
        """Every region in which an account is read."""
        return frozenset(region for _, regions in self.groups for region in regions)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that are read."""
        return tuple(account for accounts, _ in self.groups for account in accounts)

    @classmethod
    def of_accounts(cls, accounts: Iterable[str] = ("",)) -> Places:
        """The places of calls that belong to accounts and to no region; without accounts, of a call of the session."""
        return cls([(tuple(accounts), ("",))])

    def has(self, account: str, region: str) -> bool:
        """Whether an account is read in a region."""
        return any(account in accounts and region in regions for accounts, regions in self.groups)

    def __len__(self) -> int:
        return sum(len(accounts) * len(regions) for accounts, regions in self.groups)

    def __iter__(self) -> Iterator[Place]:
        for accounts, regions in self.groups:
            for account in accounts:
                yield from ({REGION: region, ACCOUNT: account} for region in regions)

    @overload
    def __getitem__(self, at: int) -> Place: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Place]: ...

    def __getitem__(self, at: int | slice) -> Place | Sequence[Place]:
        return list(self)[at] if isinstance(at, slice) else next(islice(self, at, None))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Places) and self.groups == other.groups


@dataclass(frozen=True)
class PlacedRead:
    """What is read in `place`, such as {"account": "prod", "region": "us-east-1"}."""

    place: Place

    @property
    def region(self) -> str:
        """The region of the calls."""
        return str(self.place[REGION])

    @property
    def account_region(self) -> tuple[str, str]:
        """The account and the region of the calls."""
        return str(self.place[ACCOUNT]), self.region


@dataclass(frozen=True)
class ListRead(PlacedRead):
    """One list: every page of the List call with `parameters`.

    If the plan has parents to read, each of their rows completes it.
    """

    parameters: Mapping[str, Any]

    def put(self, place: Place) -> ListRead:
        """The same list of the same parents in another account or region."""
        return ListRead({**place, **self.place}, self.parameters)

    def move(self, listing: ListCall, place: Place) -> ListRead:
        """The same list in another place, whose parents it is listed for."""
        return ListRead(place, {**self.parameters, **fill_parents(listing, place)})


@dataclass(frozen=True)
class KeyRead(PlacedRead):
    """Lookups of `keys`; a key has one value for each key column.

    Attributes:
        through_list: whether the List call looks them up, instead of Describe.
    """

    keys: tuple[tuple[Any, ...], ...]
    through_list: bool = False

    def put(self, place: Place) -> KeyRead:
        """The same lookups in another account or region."""
        return KeyRead({**place, **self.place}, self.keys, self.through_list)


Step = ListRead | KeyRead


class Steps(Sequence[Step]):
    """The lists and lookups of every place; each is made when it is used.

    Args:
        places: the places.
        each: those of one place; their own place has only the parents whose value is known.
    """

    def __init__(self, places: Places | None = None, each: tuple[Step, ...] = ()) -> None:
        self.places, self.each = places or Places(), each

    def __len__(self) -> int:
        return len(self.places) * len(self.each)

    def __iter__(self) -> Iterator[Step]:
        return (step.put(place) for place in self.places for step in self.each)

    @overload
    def __getitem__(self, at: int) -> Step: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Step]: ...

    def __getitem__(self, at: int | slice) -> Step | Sequence[Step]:
        return list(self)[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Steps) and (self.places, self.each) == (other.places, other.each)


def fill_parents(listing: ListCall, place: Place) -> dict[str, Any]:
    """The parameters of a list in `place`, as far as it names the parents."""
    known = (parent for parent in listing.parents if parent.column in place)
    values = {parent.parameter: place[parent.column] for parent in known}
    return {PACKED: json.dumps(values)} if listing.opens and values else values
