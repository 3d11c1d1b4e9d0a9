"""A scan as data: what a worker of an engine needs to make its calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from sqlprov.plan.read.hints import Contained
from sqlprov.plan.read.predicate import Predicate
from sqlprov.records import dataclass
from sqlprov.settings import Settings

Pairs = tuple[tuple[str, str], ...]
"""Accounts, each with a region."""


@dataclass(frozen=True)
class ScanTask:
    """A scan of a table in some places. It names profiles and roles, and holds no credential.

    Attributes:
        table: full name.
        columns, where: DuckDB's request.
        pairs: the places.
        settings: of the statement.
        contained: hints.
        account_ids: account -> its id, which a worker's credentials must have.
        profile: of the session's own account; `None` for botocore's own choice.
        endpoint_url: URL of any server that speaks the API; `None` for botocore's own choice.
    """

    table: str
    columns: tuple[str, ...]
    where: Predicate
    pairs: Pairs
    settings: Settings
    contained: tuple[Contained, ...] = ()
    account_ids: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None
    endpoint_url: str | None = None

    def split(self, most: int) -> list[ScanTask]:
        """The scan as at most so many tasks, each with as many places as the others; a place is in one of them."""
        return [self._limit(part) for part in split_evenly(self.pairs, most)]

    def _limit(self, pairs: Pairs) -> ScanTask:
        accounts = {account for account, _ in pairs}
        ids = {name: id_ for name, id_ in self.account_ids.items() if name in accounts}
        return replace(self, pairs=pairs, account_ids=ids)


def split_evenly(pairs: Pairs, most: int) -> list[Pairs]:
    """The pairs as at most so many parts of the same size; the regions of an account stay together: its role is then
    assumed by few workers."""
    count = min(most, len(pairs))
    return [pairs[len(pairs) * at // count : len(pairs) * (at + 1) // count] for at in range(count)]
