"""Decides where a scan reads: in which accounts, and in which regions of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlprov.duck.account_scope import ask_together, find_accounts
from sqlprov.duck.region_finder import ALL, RegionFinder, list_known_regions
from sqlprov.errors import RegionError, format_count, suggest

if TYPE_CHECKING:
    from sqlprov.aws.transport.accounts import Accounts
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table
    from sqlprov.plan.read import Places, Predicate, Rule, Scope

REGION = "region"


class ScopeFinder:
    """Finds the scopes of scans.

    Args:
        held: as for `RegionFinder`.
    """

    def __init__(self, held: tuple[str, ...] | None) -> None:
        self._held = held

    def find(
        self,
        accounts: Accounts,
        table: Table,
        columns: Sequence[str],
        where: Predicate,
        run: Run,
        *,
        may_call: bool,
    ) -> tuple[list[Scope], Places]:
        """The scopes of a scan, and their places.

        Raises:
            RegionError: the session has no region, or a condition names one that `attach` was not given.
            OperationalError: an account could not be asked for its id or its regions.
        """
        from sqlprov.plan.read import Places
        from sqlprov.plan.read.scope import find_equal, find_rule

        hints, name = run.hints, table.full_name
        rule = find_rule(REGION, columns, where, lambda: hints is None or hints.decides())
        named, known = find_equal(REGION, where), self._list_known(accounts, run)
        self._check_names(table, named, where, run, known)
        account_scope = find_accounts(accounts, name, columns, where, run, may_call=may_call)
        several = len(accounts) > 1
        finders = {
            account: RegionFinder(
                accounts.get(account).cloud, self._find_held(account, run), is_one_of_several=several
            )
            for account in account_scope.values
        }
        if table.home:
            scope, regions = self._find_homes(table, finders, named, where, run)
        else:
            scope, regions = self._find_regions(table, finders, rule, named, where, run, may_call)
        run.scopes += [(name, account_scope), (name, scope)]
        groups: dict[tuple[str, ...], list[str]] = {}
        for account in finders:
            own = (
                each
                for each in regions.get(account, ())
                if run.within is None or (account, each) in run.within
            )
            groups.setdefault(tuple(own), []).append(account)
        places = Places((tuple(each), own) for own, each in groups.items())
        # What a session with one account reads needs no word.
        is_plain = not (several or accounts.is_estimate) and account_scope.rule.is_session
        if is_plain:
            return [replace(scope, asks=(*account_scope.asks, *scope.asks))], places
        return [account_scope, scope], places

    def _find_held(self, account: str, run: Run) -> tuple[str, ...] | None:
        """The regions that there are: of a part of a statement, those of the part."""
        if run.within is None:
            return self._held
        return tuple(sorted(region for name, region in run.within if name == account))

    def _list_known(self, accounts: Accounts, run: Run) -> set[str]:
        """Every region that a condition may name."""
        return {*list_known_regions(run.settings.region_names()), *(accounts.own.region_statuses or ())}

    def _find_regions(
        self,
        table: Table,
        finders: Mapping[str, RegionFinder],
        rule: Rule,
        named: Sequence[str],
        where: Predicate,
        run: Run,
        may_call: bool,
    ) -> tuple[Scope, dict[str, tuple[str, ...]]]:
        """The scope of a table, and the regions of each account."""
        from sqlprov.plan.read.scope import ENABLED_REGIONS, Rule, Scope, find_accepted

        hints, name = run.hints, table.full_name
        candidates: dict[str, set[str]] = {}
        unknown: list[str] = []
        limits = False
        if may_call and len(finders) > 1 and self._needs_all(table, rule, where, run):
            finders = ask_together(run, name, finders, lambda finder: finder.find_all(run, table.client))
        for account, finder in finders.items():
            own = self._find_candidates(table, finder, rule, named, where, run, may_call)
            candidates[account], is_unknown, is_limited = own
            if finder.is_one_of_several:
                candidates[account] = finder.select_own(candidates[account], run)
            limits = limits or is_limited
            if is_unknown:
                unknown.append(account)
        sources: tuple[str, ...] = ()
        if hints and rule is Rule.ALL and limits:
            sources = hints.sources.get(name, ())
            rule = Rule.JOIN if sources else Rule.CONDITION
        regions = {account: find_accepted(REGION, where, each) for account, each in candidates.items()}
        values = tuple(sorted(set().union(*regions.values())))
        asks = ((ENABLED_REGIONS, tuple(unknown)),) if unknown else ()
        scope = Scope(REGION, rule, values, bool(unknown), sources, asks)
        self._warn(name, scope, run)
        if finders and not scope.values and not named:
            run.warn(f"No region of the account meets the condition on region of {name}.")
        return scope, regions

    def _needs_all(self, table: Table, rule: Rule, where: Predicate, run: Run) -> bool:
        """Whether the regions that an account has enabled decide."""
        from sqlprov.plan.read.domain import find_domain

        if rule.is_session:
            return "all" in (self._held or run.settings.region_names())
        narrowed = run.hints.narrowed.get(table.full_name) if run.hints else None
        is_named = run.hints is not None and narrowed is not None and narrowed <= run.hints.named
        return not is_named and find_domain(where, REGION).values is None

    def _find_candidates(
        self,
        table: Table,
        finder: RegionFinder,
        rule: Rule,
        named: Sequence[str],
        where: Predicate,
        run: Run,
        may_call: bool,
    ) -> tuple[set[str], bool, bool]:
        """The regions of an account that may be read; whether it may have fewer; and whether something limits them."""
        from sqlprov.plan.read.domain import find_domain

        hints = run.hints
        known = {*list_known_regions(run.settings.region_names()), *(finder.cloud.region_statuses or ())}
        narrowed = hints.narrowed.get(table.full_name) if hints else None
        is_unknown = not may_call and finder.cloud.region_statuses is None
        if rule.is_session:
            candidates = set(finder.find_default(run, table.client, may_call=may_call))
            if not candidates:
                raise RegionError(
                    f"No region for {table.full_name}. Write WHERE region = 'us-east-1' (or IN, or another condition "
                    "on region), SET sqlprov_regions = 'us-east-1' (or 'all'), pass --region or connect(region=…), "
                    "or set AWS_REGION."
                )
            return candidates, is_unknown and "all" in (self._held or run.settings.region_names()), True
        if find_domain(where, REGION).values is not None:
            return known.intersection(named), False, True
        if hints and narrowed is not None and narrowed <= hints.named:
            # The condition on another table names them: the account need not be asked.
            return known & narrowed, False, True
        every = finder.find_all(run, table.client, may_call=may_call)
        own = finder.find_default(run, table.client, may_call=may_call)
        # A typo in the session's regions is not read with the others.
        real = {*list_known_regions(), *(finder.cloud.region_statuses or ())}
        candidates = {*every, *real.intersection(own), *known.intersection(named)}
        limits = narrowed is not None and not candidates <= narrowed
        candidates &= narrowed if narrowed is not None else candidates
        return candidates, is_unknown and self._held in (None, ALL), limits

    def _find_homes(
        self,
        table: Table,
        finders: Mapping[str, RegionFinder],
        named: Sequence[str],
        where: Predicate,
        run: Run,
    ) -> tuple[Scope, dict[str, tuple[str, ...]]]:
        """The scope of a global table. If it has a region column, conditions on region only filter its rows."""
        from sqlprov.plan.read.scope import Rule, Scope, find_accepted

        homes = {account: finder.find_home(table, run, named) for account, finder in finders.items()}
        accepted = (
            {*homes.values()} if table.region_column else {*find_accepted(REGION, where, homes.values())}
        )
        if homes and not accepted:
            names = " or ".join(sorted(map(repr, {*homes.values()})))
            run.warn(
                f"{table.full_name} is global: the region of all its rows is {names}, so none meets the condition on "
                "region."
            )
        regions: dict[str, tuple[str, ...]] = {
            account: (home,) if home in accepted else () for account, home in homes.items()
        }
        return Scope(REGION, Rule.HOME, tuple(sorted(accepted))), regions

    def _check_names(
        self, table: Table, named: Sequence[str], where: Predicate, run: Run, known: Collection[str]
    ) -> None:
        """Warn about regions that do not exist; refuse those that `attach` was not given."""
        from sqlprov.plan.read.scope import find_different

        for region in named:
            if not table.home and self._held not in (None, ALL) and region not in (self._held or ()):
                *others, last = self._held or ()
                held = f"{', '.join(others)} and {last}" if others else last
                near = "" if region in known else suggest(region, known)
                raise RegionError(
                    f"{table.full_name} is attached for {held}, not for {region!r}.{near} "
                    "To read other regions, pass them to attach(con, regions=[…])."
                )
            if region not in known:
                run.warn(
                    f"There is no region {region!r}, so no row has it.{suggest(region, known)} "
                    "SELECT region FROM aws.regions lists them; SET sqlprov_regions adds a new one."
                )
        for region in set(find_different(REGION, where)) - set(known):
            run.warn(
                f"There is no region {region!r}, so the condition on region excludes nothing."
                f"{suggest(region, known)}"
            )

    def _warn(self, table: str, scope: Scope, run: Run) -> None:
        """Warn about regions that the reader of the result may not expect."""
        from sqlprov.plan.read.scope import Rule

        chosen = run.settings.region_names()
        if scope.rule is Rule.ALL and chosen and chosen != ALL:
            number = ("at most " if scope.is_estimate else "") + format_count(len(scope.values), "region")
            run.warn(
                f"{table} is read in {number}, not only in {', '.join(chosen)}, "
                "because the statement uses region for more than display. To read fewer, add a condition such as "
                "region = '…'."
            )
        for other, its in run.scopes:
            if its.column != REGION:
                continue
            pair = {other: its, table: scope}
            limited = next((name for name in pair if pair[name].rule.is_condition), "")
            session = next((name for name in pair if pair[name].rule.is_session), "")
            if limited and session and set(pair[limited].values) != set(pair[session].values):
                run.warn(
                    f"{limited} is read in {_join(pair[limited].values)}, but {session} in "
                    f"{_join(pair[session].values)} (the session's). If their rows belong together, "
                    "add a condition on region for both."
                )


def _join(regions: Sequence[str]) -> str:
    return ", ".join(regions) if len(regions) <= 4 else f"{len(regions)} regions"
