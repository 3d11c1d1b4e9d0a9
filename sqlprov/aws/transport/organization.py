"""Lists the accounts of the organization that the session's own account belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.regions import find_home, find_partition
from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import IamActions
from sqlprov.records import dataclass
from sqlprov.settings import UNIT


@dataclass(frozen=True)
class MemberAccount:
    """An account of the organization: its id, its name, and its state, such as ACTIVE or SUSPENDED."""

    account_id: str
    name: str
    status: str


def list_members(run: Run, own: Cloud, choice: str) -> list[MemberAccount]:
    """The accounts of the organization, in the service's order, whatever their state.

    Args:
        run: the statement that needs them.
        own: the session's own account.
        choice: a pattern of their names or ids, such as `prod-*`; or an organizational unit, whose units are included;
            empty for all.

    Raises:
        OperationalError: a call failed.
    """
    reader = _Reader(run, own)
    if UNIT.fullmatch(choice):
        return list(reader.list_below(choice))
    members = reader.list("ListAccounts", "Accounts", {})
    return [each for each in map(_to_member, members) if not choice or _is_chosen(each, choice)]


def _is_chosen(member: MemberAccount, choice: str) -> bool:
    return any(fnmatchcase(text, choice) for text in (member.name, member.account_id))


def _to_member(account: dict[str, Any]) -> MemberAccount:
    status = account.get("State") or account.get("Status") or ""
    return MemberAccount(str(account["Id"]), str(account.get("Name") or account["Id"]), str(status))


class _Reader:
    def __init__(self, run: Run, own: Cloud) -> None:
        self._run, self._own = run, own
        partition = find_partition(own.find_region() or "") or "aws"
        self._home = find_home(load_model("organizations"), partition, is_global=True)

    def list_below(self, parent: str) -> Iterator[MemberAccount]:
        """The accounts of an organizational unit and of those below it."""
        yield from map(_to_member, self.list("ListAccountsForParent", "Accounts", {"ParentId": parent}))
        for unit in self.list(
            "ListOrganizationalUnitsForParent", "OrganizationalUnits", {"ParentId": parent}
        ):
            yield from self.list_below(str(unit["Id"]))

    def list(self, operation: str, member: str, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The rows of every page."""
        tokens: set[str] = set()

        def count(page: dict[str, Any]) -> int:
            if page.get("NextToken") in tokens:
                raise MalformedReply("the reply repeats the page token of an earlier page")
            return len(page[member])

        names = "organizations", IamActions("organizations"), operation, self._home
        while True:
            reply = call(self._run, self._own, *names, parameters, (member,), count)
            yield from reply[member]
            if not (token := reply.get("NextToken")):
                return
            tokens.add(token)
            parameters = {**parameters, "NextToken": token}
