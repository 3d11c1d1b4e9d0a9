"""Plans the scans of live tables: where they read, and with which calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
from sqlprov.catalog.sensitive import ANY, HIDDEN, format_path
from sqlprov.errors import NotSupportedError, RegionError, format_count, suggest

# Planning and reading are imported when a live table is used: they would take most of the startup time.
if TYPE_CHECKING:
    from sqlprov.aws.transport.clients import Cloud
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table
    from sqlprov.plan.read import Predicate, ReadPlan, Scope

REGION = "region"
ALL = ("all",)


class Planner:
    """Plans the scans of one account.

    Args:
        cloud: the account.
        held: the only regions whose rows the tables hold, or ("all",); `None` if each statement chooses.
    """

    def __init__(self, cloud: Cloud, held: tuple[str, ...] | None = None) -> None:
        self.cloud = cloud
        self._held = held
        # Regions that SET names -> all regions that a condition may name.
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def plan(
        self, table: Table, columns: Iterable[str], where: Predicate, run: Run, *, may_call: bool = True
    ) -> ReadPlan:
        """The calls for `columns` of the rows that meet `where`.

        Args:
            table, columns, where: DuckDB's request.
            run: the statement.
            may_call: whether the account may be asked for its regions; EXPLAIN makes no call.

        Raises:
            NotSupportedError: a condition on sensitive text.
            RegionError: the session has no region, or a condition names one that `attach` was not given.
            OperationalError: the account could not be asked for its regions.
        """
        from sqlprov.plan.read import ScanRequest, plan_read
        from sqlprov.plan.read.impossible_values import explain_values

        name, hints, settings = table.full_name, run.hints, run.settings
        columns = tuple(columns)
        if settings.show_sensitive:
            table = table.revealed
        _check_sensitive(table, columns, where, run)
        request = ScanRequest(
            table,
            columns,
            where,
            pushdown=settings.pushdown,
            contained=hints.contained.get(name, ()) if hints else (),
            top=hints.top[1] if hints and hints.top and hints.top[0] == name else None,
            # Windows differ from run to run, and with them the calls.
            split=settings.split and not settings.cache,
            bulk_tags=settings.bulk_tags,
        )
        for text in explain_values(table, where):
            run.warn(text)
        scope = self._find_scope(table, request.columns, where, run, may_call)
        return plan_read(request, [scope], self.cloud.account_id is not None)

    # Where a scan reads

    def _find_scope(
        self, table: Table, columns: Sequence[str], where: Predicate, run: Run, may_call: bool
    ) -> Scope:
        from sqlprov.plan.read.domain import find_domain
        from sqlprov.plan.read.scope import Rule, Scope, find_accepted, find_equal, find_rule

        hints, name = run.hints, table.full_name
        rule = find_rule(REGION, columns, where, lambda: hints is None or hints.decides())
        named = find_equal(REGION, where)
        known = {*self.list_known_regions(run), *(self.cloud.region_statuses or ())}
        self._check_names(table, named, where, run, known)
        if table.home:
            return self._find_home_scope(table, named, where, run)
        chosen = self._held or run.settings.region_names()
        is_unknown = not may_call and self.cloud.region_statuses is None
        is_estimate, limits = is_unknown and "all" in chosen, True
        narrowed = hints.narrowed.get(name) if hints else None
        if rule.is_session:
            candidates = set(self.find_default_regions(run, table.client, may_call=may_call))
            if not candidates:
                raise RegionError(
                    f"No region for {name}. Write WHERE region = 'us-east-1' (or IN, or another condition on "
                    "region), SET sqlprov_regions = 'us-east-1' (or 'all'), pass --region or connect(region=…), "
                    "or set AWS_REGION."
                )
        elif find_domain(where, REGION).values is not None:
            candidates, is_estimate = known.intersection(named), False
        elif hints and narrowed is not None and narrowed <= hints.named:
            # The condition on another table names them: the account need not be asked.
            candidates, is_estimate = known & narrowed, False
        else:
            is_estimate = is_unknown and self._held in (None, ALL)
            every = self.find_account_regions(run, table.client, may_call=may_call)
            own = self.find_default_regions(run, table.client, may_call=may_call)
            # A typo in the session's regions is not read with the others.
            real = {*self.list_known_regions(None), *(self.cloud.region_statuses or ())}
            candidates = {*every, *real.intersection(own), *known.intersection(named)}
            limits = narrowed is not None and not candidates <= narrowed
            candidates &= narrowed if narrowed is not None else candidates
        sources: tuple[str, ...] = ()
        if hints and rule is Rule.ALL and limits:
            sources = hints.sources.get(name, ())
            rule = Rule.JOIN if sources else Rule.CONDITION
        scope = Scope(REGION, rule, find_accepted(REGION, where, candidates), is_estimate, sources)
        self._warn(name, scope, run)
        if not scope.values and not named:
            run.warn(f"No region of the account meets the condition on region of {name}.")
        run.scopes.append((name, scope))
        return scope

    def _find_home_scope(self, table: Table, named: Sequence[str], where: Predicate, run: Run) -> Scope:
        """The scope of a global table. If it has a region column, conditions on region only filter its rows."""
        from sqlprov.plan.read.scope import Rule, Scope, find_accepted

        home = self.find_home(table, run, named)
        scope = Scope(
            REGION, Rule.HOME, (home,) if table.region_column else find_accepted(REGION, where, [home])
        )
        if not scope.values:
            run.warn(
                f"{table.full_name} is global: the region of all its rows is {home!r}, so none meets the condition on "
                "region."
            )
        run.scopes.append((table.full_name, scope))
        return scope

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
            pair = {other: its, table: scope}
            limited = next((name for name in pair if pair[name].rule.is_condition), "")
            session = next((name for name in pair if pair[name].rule.is_session), "")
            if limited and session and set(pair[limited].values) != set(pair[session].values):
                run.warn(
                    f"{limited} is read in {_join(pair[limited].values)}, but {session} in "
                    f"{_join(pair[session].values)} (the session's). If their rows belong together, "
                    "add a condition on region for both."
                )

    # Which regions there are

    def find_default_regions(
        self, run: Run, client: str = EVERYWHERE, *, may_call: bool = True
    ) -> tuple[str, ...]:
        """The session's regions, sorted; empty if there is none."""
        if self._held not in (None, ALL):
            return tuple(sorted(self._held or ()))
        chosen = self._held or run.settings.region_names()
        if "all" in chosen:
            return self.find_account_regions(run, client, may_call=may_call)
        own = () if chosen else (self.cloud.find_region(),)
        regions = tuple(sorted(filter(None, {*chosen, *own})))
        self.warn_unknown(regions, run)
        return regions

    def warn_unknown(self, regions: Sequence[str], run: Run) -> None:
        """Warn about regions that botocore does not know: they may be newer, or a typo, which would have no rows."""
        botocore = self.list_known_regions(None)
        for name in regions:
            if name not in (*botocore, *ALL):
                run.warn(f"botocore does not know the region {name!r}.{suggest(name, botocore)}")

    def list_known_regions(self, run: Run | None) -> tuple[str, ...]:
        """Every region that a condition may name, in every partition."""
        chosen = tuple(name for name in run.settings.region_names() if name != "all") if run else ()
        if chosen not in self._known:
            botocore = (region.region for region in list_regions())
            self._known[chosen] = tuple(sorted({*botocore, *chosen}))
        return self._known[chosen]

    def find_account_regions(
        self, run: Run, client: str = EVERYWHERE, *, may_call: bool = True
    ) -> tuple[str, ...]:
        """The enabled regions of the account that offer the service, as far as known."""
        if self._held not in (None, ALL):
            return self._held or ()
        home = self._find_own_region(run)
        partition = (find_partition(home) if home else None) or DEFAULT_PARTITION
        offered = list_service_regions(client, partition)
        enabled = self._find_enabled(run, home, partition, offered, may_call)
        return tuple(region for region in offered if region in enabled) if enabled else offered

    def _find_own_region(self, run: Run) -> str | None:
        """A region that the session, the attachment or the configuration names; `None` if none does."""
        chosen = self._held or run.settings.region_names()
        return next((name for name in chosen if name != "all"), None) or self.cloud.find_region()

    def find_home(self, table: Table, run: Run, named: Sequence[str] = ()) -> str:
        """The region that answers for a global table in the partition of the account.

        Args:
            table: a table with a home.
            run: the statement.
            named: regions that a condition names, which imply the partition if nothing else does.
        """
        region = self._find_own_region(run) or next(iter(named), None)
        partition = (find_partition(region) if region else None) or DEFAULT_PARTITION
        if partition == DEFAULT_PARTITION:
            return table.home
        from sqlprov.catalog.service_model import load_model

        return find_home(load_model(table.client), partition, is_global=True)

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


def _check_sensitive(table: Table, columns: Sequence[str], where: Predicate, run: Run) -> None:
    """Refuse conditions on hidden text: they would see its replacement."""
    from sqlprov.plan.read.domain import list_compared

    for column in (column for column in table.columns if column.sensitive):
        compared = set[str]()
        if column.name in list_compared(where) and not {(), (ANY,)}.isdisjoint(column.sensitive):
            compared.add(column.name)
        if column.name in columns and run.hints:
            names = {format_path(column.name, path) for path in column.sensitive}
            compared |= {name for name in names if run.hints.is_compared(name)}
        if compared:
            raise NotSupportedError(
                f"{table.full_name}: {min(compared)} is sensitive, so a condition would compare {HIDDEN!r}. "
                "Leave the condition out, or SET sqlprov_show_sensitive = on."
            )


def _join(regions: Sequence[str]) -> str:
    return ", ".join(regions) if len(regions) <= 4 else f"{len(regions)} regions"
