"""Finds the regions of an account: the session's, those that it has enabled, and the home of a global table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from sqlprov.catalog.regions import (
    DEFAULT_PARTITION,
    EVERYWHERE,
    WITHOUT_OPT_IN,
    find_home,
    find_partition,
    list_regions,
    list_service_regions,
)
from sqlprov.errors import suggest

if TYPE_CHECKING:
    from sqlprov.aws.transport.clients import Cloud
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table

ALL = ("all",)


@cache
def list_known_regions(chosen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Every region that a condition may name, in every partition: botocore's, and those that SET names."""
    named = (name for name in chosen if name != "all")
    return tuple(sorted({*(region.region for region in list_regions()), *named}))


def warn_unknown(regions: Sequence[str], run: Run) -> None:
    """Warn about regions that botocore does not know: they may be newer, or a typo, which would have no rows."""
    botocore = list_known_regions()
    for name in regions:
        if name not in (*botocore, *ALL):
            run.warn(f"botocore does not know the region {name!r}.{suggest(name, botocore)}")


class RegionFinder:
    """Finds the regions of one account.

    Args:
        cloud: the account.
        held: the only regions whose rows the tables hold, or ("all",); `None` if each statement chooses.
        is_one_of_several: whether the statement reads other accounts, too, which may be of other partitions.
    """

    def __init__(
        self, cloud: Cloud, held: tuple[str, ...] | None = None, *, is_one_of_several: bool = False
    ) -> None:
        self.cloud, self._held, self.is_one_of_several = cloud, held, is_one_of_several

    def find_default(self, run: Run, client: str = EVERYWHERE, *, may_call: bool = True) -> tuple[str, ...]:
        """The session's regions, sorted; empty if there is none.

        Args:
            run: the statement.
            client: a service; of all regions, those that offer it.
            may_call: whether the account may be asked for its regions; EXPLAIN makes no call.
        """
        if self._held not in (None, ALL):
            return tuple(sorted(self._held or ()))
        chosen = self._held or run.settings.region_names()
        if "all" in chosen:
            return self.find_all(run, client, may_call=may_call)
        own = () if chosen else (self.cloud.find_region(),)
        regions = tuple(sorted(filter(None, {*chosen, *own})))
        warn_unknown(regions, run)
        return regions

    def find_all(self, run: Run, client: str = EVERYWHERE, *, may_call: bool = True) -> tuple[str, ...]:
        """The enabled regions that offer the service, as far as known."""
        if self._held not in (None, ALL):
            return self._held or ()
        home = self._find_own(run)
        partition = (find_partition(home) if home else None) or DEFAULT_PARTITION
        offered = list_service_regions(client, partition)
        enabled = self._find_enabled(run, home, partition, offered, may_call)
        return tuple(region for region in offered if region in enabled) if enabled else offered

    def find_home(self, table: Table, run: Run, named: Sequence[str] = ()) -> str:
        """The region that answers for a global table in the partition of the account.

        Args:
            table: a table with a home.
            run: the statement.
            named: regions that a condition names, which imply the partition if nothing else does.
        """
        region = self._find_own(run) or next(iter(named), None)
        partition = (find_partition(region) if region else None) or DEFAULT_PARTITION
        if partition == DEFAULT_PARTITION:
            return table.home
        from sqlprov.catalog.service_model import load_model

        return find_home(load_model(table.client), partition, is_global=True)

    def select_own(self, regions: set[str], run: Run) -> set[str]:
        """The regions of the account's partition."""
        own = self._find_own(run)
        partition = find_partition(own) if own else None
        return {each for each in regions if partition in (None, find_partition(each))}

    def _find_own(self, run: Run) -> str | None:
        """A region that the session, the attachment or the configuration names; `None` if none does."""
        if self.is_one_of_several and (own := self.cloud.find_region()):
            return own  # the session's may be of another account's partition
        chosen = self._held or run.settings.region_names()
        return next((name for name in chosen if name != "all"), None) or self.cloud.find_region()

    def _find_enabled(
        self, run: Run, home: str | None, partition: str, offered: Sequence[str], may_call: bool
    ) -> frozenset[str]:
        """The regions that the account has enabled; empty if that may be every region of the partition."""
        from sqlprov.aws.transport.account_regions import ENABLED, read_region_statuses

        statuses = self.cloud.region_statuses
        if statuses is None and may_call:
            if home is None:
                home = "us-east-1" if partition == DEFAULT_PARTITION else offered[0]
            statuses = read_region_statuses(run, self.cloud, home)
        if statuses:
            return frozenset(region for region, status in statuses.items() if status in ENABLED)
        if statuses is None or partition != DEFAULT_PARTITION:
            return frozenset()
        run.warn(
            "The credentials are not allowed to list the account's regions (account:ListRegions, "
            "ec2:DescribeRegions), so opt-in regions are not read."
        )
        return WITHOUT_OPT_IN
