"""The accounts that a session reads, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlprov.aws.transport.clients import Cloud

# The plan is imported when a live table is used: it takes 6 ms.
if TYPE_CHECKING:
    from sqlprov.catalog.table import Table
    from sqlprov.plan.read.steps import Place


class Accounts:
    """The accounts of a session, shared by all its cursors.

    Args:
        own: the account of the session's own identity.

    Attributes:
        guard: the operations that every account allows.
        replies: the replies of every account that `sqlprov_cache` keeps.
    """

    def __init__(self, own: Cloud) -> None:
        self.own = own
        self.guard, self.replies = own.guard, own.replies

    def __len__(self) -> int:
        return 1

    def find(self, name: str) -> Cloud:
        """The clients of an account of the session."""
        assert name == self.own.name, "a place has one of the accounts of the session"
        return self.own

    def find_cloud(self, place: Place) -> Cloud:
        """The clients of the account of a place."""
        from sqlprov.plan.read.steps import ACCOUNT

        return self.find(str(place[ACCOUNT]))

    def allow_reads(self, table: Table) -> None:
        """Allow the operations that read `table`."""
        self.guard.allow_reads(table)

    def renew(self) -> None:
        """Forget the credentials that could not be got or were refused; every statement begins with it."""
        self.own.renew()

    def close(self) -> None:
        """Close the connections of every account."""
        self.own.close()
