"""The accounts that a session can read; each opens its clients when it is first read."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.shared_clients import SharedClients
from sqlprov.catalog.regions import DEFAULT_PARTITION, find_partition
from sqlprov.errors import OperationalError, UnknownName, suggest
from sqlprov.settings import ACCOUNT_NUMBER, ORGANIZATION, Settings, is_organization

# The plan and botocore are imported when a live table is used.
if TYPE_CHECKING:
    from sqlprov.aws.transport.organization import MemberAccount
    from sqlprov.aws.transport.run import Run
    from sqlprov.plan.read.steps import Place

PROFILE_FILES = (
    ("AWS_CONFIG_FILE", "~/.aws/config", r"^\[profile ([\w.@:/+-]+)\]"),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", r"^\[([\w.@:/+-]+)\]"),
)
"""Variable and path of each file, and the line that begins a profile's section."""
ACTIVE = frozenset({"", "ACTIVE"})
"""States of accounts that can be read."""
MEMBERS_SECONDS = 300.0
"""Seconds after which the organization is asked for its accounts again."""


class Account:
    """An account of a session.

    Args:
        name: its name, the profile's, or its id: unique in a statement.
        open_cloud: opens its clients.
        account_id: as far as it is known without a call.
        profile: the profile whose credentials it is read with.
        role: the ARN of the role that is assumed in it; empty for the session's own identity.
        status: its state in the organization, such as ACTIVE; empty if that was not asked.
        logs_in: whether a call of sqlprov gets its credentials, not botocore.
    """

    def __init__(
        self,
        name: str,
        open_cloud: Callable[[], Cloud],
        account_id: str = "",
        profile: str = "",
        role: str = "",
        status: str = "",
        *,
        logs_in: bool = False,
    ) -> None:
        self.name, self.profile, self.role, self.status = name, profile, role, status
        self._logs_in = logs_in
        self._open_cloud, self.known_id = open_cloud, account_id
        self._cloud: Cloud | None = None
        self._lock = threading.Lock()

    @property
    def cloud(self) -> Cloud:
        """Its clients."""
        with self._lock:
            if self._cloud is None:
                self._cloud = self._open_cloud()
            return self._cloud

    @property
    def opened(self) -> Cloud | None:
        """Its clients, if it has been read."""
        return self._cloud

    @property
    def needs_login(self) -> bool:
        """Whether its next call needs another one, which gets its credentials."""
        return self._logs_in and (self._cloud is None or self._cloud.needs_login)

    @property
    def account_id(self) -> str:
        """Its id, as far as it is known without a call."""
        return (self._cloud.account_id if self._cloud else "") or self.known_id


class Accounts:
    """The accounts that a statement reads, by name.

    Args:
        own: the account of the session's own identity.
        accounts: the accounts.
        is_estimate: whether there may be others, which the organization has not been asked for.
        until: when the organization is asked again, in monotonic seconds.
    """

    def __init__(
        self,
        own: Cloud,
        accounts: Sequence[Account] = (),
        *,
        is_estimate: bool = False,
        until: float = math.inf,
    ) -> None:
        self.own, self.is_estimate, self._until = own, is_estimate, until
        self.guard, self.replies = own.guard, own.replies
        self._accounts = {each.name: each for each in accounts or [Account(own.name, lambda: own)]}
        own.is_one_of_several |= len(self._accounts) > 1

    @property
    def is_old(self) -> bool:
        """Whether the next statement asks the organization for its accounts."""
        return self.is_estimate or time.monotonic() > self._until

    def __len__(self) -> int:
        return len(self._accounts)

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def get(self, name: str) -> Account:
        """The account of this name."""
        return self._accounts[name]

    def check_names(self, names: Iterable[str]) -> None:
        """Check that the accounts of a part of a statement, which another process planned, are known here.

        Raises:
            UnknownName: one is not.
        """
        for name in names:
            if name not in self._accounts:
                raise UnknownName(
                    f"The worker has no account {name!r}, but {', '.join(map(repr, self._accounts))}. Give it the "
                    "profiles, the configuration and the variables of the process that plans the statement."
                )

    def find(self, text: str, row: int) -> Account:
        """The account of this name, id or profile, as a row of a write gives it.

        Raises:
            UnknownName: the statement has no such account.
        """
        own = {each.profile: each for each in self if not each.role}  # others are read with its profile, too
        by_id = {each.account_id: each for each in self}
        for known in (self._accounts, by_id, own):
            if text and text in known:  # an id that is not known is empty, and so is no profile
                return known[text]
        raise UnknownName(
            f"Unknown account {text!r} in row {row}.{suggest(text, self._accounts)} Expected the name, the id or the "
            "profile of an account of the session; FROM aws.accounts lists them."
        )

    def find_cloud(self, place: Place) -> Cloud:
        """The clients of the account of a place."""
        return self._accounts[place["account"]].cloud


class AccountFinder:
    """Finds the accounts of statements; shared by all cursors of a session.

    Args:
        own: the account of the session's own identity.

    Attributes:
        guard: the operations that every account allows.
    """

    def __init__(self, own: Cloud) -> None:
        self.own, self.guard = own, own.guard
        self._own_account = Account(own.name, lambda: own, profile=own.profile or "")
        # Name or id, with what its credentials follow from -> the account.
        self._accounts: dict[Any, Account] = {}
        # The settings -> their accounts.
        self._chosen: dict[tuple[Any, ...], Accounts] = {}
        self._shared = SharedClients()
        self._lock = threading.RLock()

    def choose(self, run: Run, *, may_call: bool = True) -> Accounts:
        """The accounts of a statement.

        Args:
            run: the statement.
            may_call: whether the organization may be asked for its accounts; EXPLAIN makes no call.

        Raises:
            UnknownName: the settings name an account that does not exist.
            OperationalError: the organization could not be asked.
        """
        words, key = run.settings.account_words(), _find_key(run.settings)
        with self._lock:
            accounts: Accounts | None = run.accounts or self._chosen.get(key)
            if accounts is None or (may_call and run.accounts is None and accounts.is_old):
                accounts = self._find_accounts(words, run, may_call)
                if not accounts.is_estimate:
                    self._chosen[key] = accounts
            if may_call:
                run.accounts = accounts
            return accounts

    def list_known(self, settings: Settings) -> tuple[str, ...]:
        """The names of the accounts, as far as they are known without a call and without the configuration files."""
        if chosen := self._chosen.get(_find_key(settings)):
            return tuple(each.name for each in chosen)
        words = settings.account_words()
        return tuple(word for word in words if not is_organization(word)) if words else (self.own.name,)

    def check(self, settings: Settings) -> None:
        """Check the names of accounts in the settings without a call.

        Raises:
            UnknownName: there is no such profile.
            CredentialsError: the configuration files cannot be read.
        """
        words = [word for word in settings.account_words() if not is_organization(word)]
        names = {word for word in words if word != self.own.name and not ACCOUNT_NUMBER.fullmatch(word)}
        if names and not names <= list_profiles():
            for word in words:
                self._find_account(word, settings)

    def _find_accounts(self, words: Sequence[str], run: Run, may_call: bool) -> Accounts:
        """The accounts that the words mean, as far as they are known without a call that may not be made."""
        accounts: dict[str, Account] = {}
        members: dict[str, MemberAccount] = {}
        is_estimate, until = False, math.inf
        for word in words:
            if not is_organization(word):
                account = self._find_account(word, run.settings)
                accounts.setdefault(account.name, account)
            elif may_call:
                listed = self._list_members(word.partition(":")[2].strip(), run)
                members |= {each.account_id: each for each in listed}
                until = time.monotonic() + MEMBERS_SECONDS
            else:
                is_estimate = True
        if members:
            made = list(self._make_members(members.values(), accounts, run))
            accounts = {**{each.name: each for each in made}, **accounts}
        chosen = list(accounts.values()) or [self._own_account]
        return Accounts(self.own, chosen, is_estimate=is_estimate, until=until)

    def _list_members(self, choice: str, run: Run) -> list[MemberAccount]:
        """The active accounts of the organization."""
        from sqlprov.aws.transport.organization import list_members

        try:
            members = [each for each in list_members(run, self.own, choice) if each.status in ACTIVE]
        except OperationalError as error:
            error.args = (f"The accounts of the organization could not be listed: {error}",)
            raise
        if not members:
            raise UnknownName(
                f"No active account of the organization has the name, the id or the unit {choice!r} "
                f"(sqlprov_accounts). SET sqlprov_accounts = '{ORGANIZATION}', and FROM aws.accounts lists them."
            )
        return members

    def _make_members(
        self, members: Collection[MemberAccount], others: Mapping[str, Account], run: Run
    ) -> Iterator[Account]:
        """The accounts of the organization. The id is in a name that another account has, too, or that looks like one.

        Args:
            members: each once.
            others: accounts by name that the settings name beside them.
            run: the statement.
        """
        from sqlprov.aws.transport.account_clouds import NamedCloud
        from sqlprov.aws.transport.calls import read_account_id

        counts = Counter(member.name for member in members)
        own_id = read_account_id(run, self.own)
        for member in members:
            id_, status = member.account_id, member.status
            name, other = member.name, others.get(member.name)
            if other is not None and _find_id(other, run) == id_:
                continue
            looks_like_id = name != id_ and ACCOUNT_NUMBER.fullmatch(name)
            if counts[name] > 1 or other is not None or looks_like_id:
                name = f"{name} ({id_})"
            if id_ != own_id:
                yield self._assume(name, id_, run.settings, status)
                continue
            keys: dict[str, Any] = {"account_id": id_, "id_key": self.own.id_key}
            open_cloud = partial(NamedCloud, name=name, **keys, **self._share())
            made = Account(name, open_cloud, id_, self.own.profile or "", "", status)
            yield self._accounts.setdefault((name, id_), made)

    def _find_account(self, word: str, settings: Settings) -> Account:
        """The account that a profile or an id means."""
        if word == self.own.name and word != self.own.profile:
            return self._own_account
        profiles: Mapping[str, Any] = self.own.get_session().full_config.get("profiles", {})
        if word == self.own.profile:  # no variable has precedence over it
            self._own_account.known_id = find_account_id(profiles, word)
            return self._own_account
        if word in profiles:
            return self._open_profile(word, profiles)
        if ACCOUNT_NUMBER.fullmatch(word):
            of_id = [name for name in profiles if find_account_id(profiles, name) == word]
            if self.own.name in of_id or word == self.own.account_id:
                return self._own_account
            return self._open_profile(of_id[0], profiles) if of_id else self._assume(word, word, settings)
        near = suggest(word, [*profiles, self.own.name, ORGANIZATION])
        raise UnknownName(
            f"There is no account {word!r} (sqlprov_accounts).{near} Expected a profile, an id of 12 digits, or for "
            f"accounts of the organization '{ORGANIZATION}' or '{ORGANIZATION}:{word}'. "
            "`aws configure list-profiles` lists the profiles."
        )

    def _open_profile(self, name: str, profiles: Mapping[str, Any]) -> Account:
        from sqlprov.aws.transport.account_clouds import ProfileCloud

        account_id = find_account_id(profiles, name)
        open_cloud = partial(ProfileCloud, profile=name, account_id=account_id or None, **self._share())
        made = Account(name, open_cloud, account_id, name, profiles[name].get("role_arn", ""))
        return self._accounts.setdefault((name,), made)

    def _assume(self, name: str, account_id: str, settings: Settings, status: str = "") -> Account:
        from sqlprov.aws.transport.account_clouds import RoleCloud

        options = settings.role_options()
        partition = find_partition(self.own.find_region() or "") or DEFAULT_PARTITION
        role = f"arn:{partition}:iam::{account_id}:role/{options.pop('Role')}"
        named: dict[str, Any] = {"name": name, "account_id": account_id, "role": role, "options": options}
        open_cloud = partial(RoleCloud, **named, **self._share())
        made = Account(name, open_cloud, account_id, self.own.profile or "", role, status, logs_in=True)
        return self._accounts.setdefault((name, account_id, role, *options.items()), made)

    def _share(self) -> dict[str, Any]:
        """What the accounts of the session share."""
        own = self.own
        return {
            "own": own,
            "guard": own.guard,
            "replies": own.replies,
            "shared": self._shared,
            "endpoint_url": own.endpoint_url,
            "credentials": own.credentials,
            "fallback_region": own.fallback_region,
            "is_one_of_several": True,
        }

    @property
    def _opened(self) -> list[Cloud]:
        """The accounts that have been read."""
        others = (account.opened for account in list(self._accounts.values()))
        return [self.own, *(cloud for cloud in others if cloud is not None)]

    def renew(self) -> None:
        """Forget the credentials that could not be got or were refused, and what followed from earlier ones.

        Every statement begins with it.
        """
        if self.own.renew():
            with self._lock:
                self._chosen.clear()  # the new ones may be of another organization
        for cloud in self._opened:
            cloud.renew()
            if cloud is not self.own:
                cloud.forget_limiters()

    def close(self) -> None:
        """Close the connections of every account."""
        for cloud in self._opened:
            cloud.close()
        self._shared.close()


def _find_id(account: Account, run: Run) -> str | None:
    """The account's id, if it is known or can be read."""
    from sqlprov.aws.transport.calls import read_account_id

    with suppress(OperationalError):
        return account.account_id or read_account_id(run, account.cloud)
    return None


def list_profiles() -> set[str]:
    """The names of the profiles whose sections are written plainly, without botocore, which takes 0.1 s to import."""
    names = set[str]()
    for variable, default, pattern in PROFILE_FILES:
        with suppress(OSError, UnicodeDecodeError):
            file = Path(os.environ.get(variable) or default).expanduser()
            names.update(re.findall(pattern, file.read_text(encoding="utf-8"), re.MULTILINE))
    return names


def _find_key(settings: Settings) -> tuple[Any, ...]:
    """What the accounts follow from."""
    words = settings.account_words()
    return (*words, *settings.role_options().items()) if words else ()


def find_account_id(profiles: Mapping[str, Any], name: str) -> str:
    """The id of a profile's account as far as the configuration says it, otherwise empty."""
    profile = profiles.get(name, {})
    role = str(profile.get("role_arn", "")).split(":")
    if len(role) > 5 and ACCOUNT_NUMBER.fullmatch(role[4]):
        return role[4]
    return str(profile.get("sso_account_id") or "")
