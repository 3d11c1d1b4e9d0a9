"""Plans the scans of live tables: where they read, and with which calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlprov.catalog.sensitive import ANY, HIDDEN, format_path
from sqlprov.duck.region_finder import RegionFinder
from sqlprov.duck.scope_finder import ScopeFinder
from sqlprov.errors import NotSupportedError

# Planning and reading are imported when a live table is used: they would take most of the startup time.
if TYPE_CHECKING:
    from sqlprov.aws.transport.accounts import AccountFinder
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table
    from sqlprov.plan.read import Predicate, ReadPlan


class Planner:
    """Plans the scans of a session.

    Args:
        accounts: finds the accounts.
        held: the only regions whose rows the tables hold, or ("all",); `None` if each statement chooses.

    Attributes:
        regions: finds the regions of the session's own account.
    """

    def __init__(self, accounts: AccountFinder, held: tuple[str, ...] | None = None) -> None:
        self.accounts = accounts
        self.regions = RegionFinder(accounts.own, held)
        self._scopes = ScopeFinder(held)

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
        accounts = self.accounts.choose(run, may_call=may_call)
        request = ScanRequest(
            table,
            columns,
            where,
            pushdown=settings.pushdown,
            contained=hints.contained.get(name, ()) if hints else (),
            top=hints.top.get(name) if hints else None,
            # Windows differ from run to run, and with them the calls.
            split=settings.split and not settings.cache,
            bulk_tags=settings.bulk_tags,
            several_accounts=len(accounts) > 1,
        )
        for text in explain_values(table, where):
            run.warn(text)
        scopes, places = self._scopes.find(accounts, table, request.columns, where, run, may_call=may_call)
        is_known = all(accounts.get(name).account_id for name in places.accounts)
        return plan_read(request, scopes, places, is_known)


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
