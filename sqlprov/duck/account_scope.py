"""Decides which accounts a scan reads.

A condition that DuckDB passes on `account` or `account_id` chooses among the accounts of the statement; otherwise all
of them are read. Two names of one account, such as two profiles, are read once: their rows are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sqlprov.catalog.policy import ASSUME_ROLE, list_member_actions
from sqlprov.errors import OperationalError, suggest
from sqlprov.settings import is_organization

if TYPE_CHECKING:
    from sqlprov.aws.transport.accounts import Account, Accounts
    from sqlprov.aws.transport.run import Run
    from sqlprov.plan.read import Predicate, Scope

Asked = TypeVar("Asked")


def find_accounts(
    accounts: Accounts, table: str, columns: Sequence[str], where: Predicate, run: Run, *, may_call: bool
) -> Scope:
    """The accounts of a statement that the conditions accept.

    Args:
        accounts: those of the statement.
        table: full name of the table.
        columns, where: DuckDB's request.
        run: the statement.
        may_call: whether an account may be asked for its id.

    Raises:
        OperationalError: an account could not be asked.
    """
    from sqlprov.plan.read.domain import find_domain
    from sqlprov.plan.read.scope import IDENTITY, Rule, Scope, find_accepted, find_equal, find_limits
    from sqlprov.plan.read.steps import ACCOUNT, ACCOUNT_ID

    accepted = {*find_accepted(ACCOUNT, where, (each.name for each in accounts))}
    if run.hints and ACCOUNT in columns and find_domain(where, ACCOUNT).values is None:
        accepted -= run.hints.other_accounts.get(table, frozenset())
    if run.within is not None:
        accounts.check_names(account for account, _ in run.within)
        accepted &= {account for account, _ in run.within}
    chosen = {each.name: each for each in accounts if each.name in accepted}
    by_id = len(accounts) > 1 and bool(find_limits(ACCOUNT_ID, where))
    asks: list[tuple[str, tuple[str, ...]]] = []
    if not may_call:
        asks += _list_asks(accounts, chosen, run)
    if by_id or len(chosen) > 1:
        if may_call:
            chosen = read_ids(run, table, chosen)
        else:
            asks.append((IDENTITY, tuple(name for name, each in chosen.items() if not each.account_id)))
    if by_id:
        ids = {each.account_id for each in chosen.values()} - {""}
        ids = {"", *find_accepted(ACCOUNT_ID, where, ids)}
        chosen = {name: each for name, each in chosen.items() if each.account_id in ids}
    names = [each.name for each in _drop_repeated(list(chosen.values()), run)]
    if not names and accounts.is_estimate:
        names = [next(iter(accounts)).name]  # stands for those that the organization has not been asked for
    elif not names and run.within is None:
        known = sorted(each.name for each in accounts)
        named = [name for name in find_equal(ACCOUNT, where) if name not in known]
        near = suggest(named[0], known) if named else ""
        if any(each.account_id in named for each in accounts):
            near = " It is an id: write account_id."
        shown = ", ".join(map(repr, known[:5])) + (f" and {len(known) - 5} more" if len(known) > 5 else "")
        run.warn(
            f"No account of the session meets the condition on account of {table}: it has {shown}.{near}"
        )
    is_limited = bool(find_limits(ACCOUNT, where)) or by_id or len(accepted) < len(accounts)
    rule = Rule.CONDITION if is_limited else Rule.UNUSED
    asked = tuple((action, own) for action, own in asks if own)
    return Scope(ACCOUNT, rule, tuple(sorted(names)), accounts.is_estimate, asks=asked)


def _list_asks(
    accounts: Accounts, chosen: Mapping[str, Account], run: Run
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The questions that EXPLAIN does not ask: for the accounts of the organization, and for credentials."""
    if accounts.is_old:
        words = (word for word in run.settings.account_words() if is_organization(word))
        actions = [action for word in words for action in list_member_actions(word.partition(":")[2])]
        yield from ((action, ("",)) for action in dict.fromkeys(actions))
    yield ASSUME_ROLE, tuple(name for name, each in chosen.items() if each.needs_login)


def read_ids(run: Run, table: str, accounts: Mapping[str, Account]) -> dict[str, Account]:
    """The accounts whose ids are known or can be read; those that cannot are missing from the statement's rows.

    Raises:
        OperationalError: one could not be asked; under 'warn' the run records it instead.
    """
    from sqlprov.aws.transport.calls import read_account_id

    unknown = {name: each for name, each in accounts.items() if not each.account_id}
    asked = ask_together(run, table, unknown, lambda account: read_account_id(run, account.cloud))
    return {name: each for name, each in accounts.items() if name not in unknown or name in asked}


def ask_together(
    run: Run, table: str, accounts: Mapping[str, Asked], ask: Callable[[Asked], Any]
) -> dict[str, Asked]:
    """Ask several accounts at once; return those that answer.

    Raises:
        OperationalError: one could not be asked; under 'warn' the run records it instead.
    """
    from sqlprov.aws.read.report_queue import run_all

    failed: dict[str, OperationalError] = {}

    def work(name: str) -> None:
        try:
            ask(accounts[name])
        except OperationalError as error:
            if not run.is_tolerant:
                raise
            failed[name] = error

    run_all(run, [lambda name=name: work(name) for name in accounts])  # type: ignore[misc]
    for name, error in failed.items():
        run.log.note_missing(table, name, error.region, error)
    return {name: each for name, each in accounts.items() if name not in failed}


def _drop_repeated(accounts: Sequence[Account], run: Run) -> list[Account]:
    """The accounts without those that are another one under a second name."""
    first: dict[str, Account] = {}
    for each in accounts:
        id_ = each.account_id
        other = first.setdefault(id_ or each.name, each)
        if other is not each:
            run.warn(
                f"{each.name} is the same account as {other.name} ({id_}), so its rows are read once, as those of "
                f"{other.name}."
            )
    return list(first.values())
