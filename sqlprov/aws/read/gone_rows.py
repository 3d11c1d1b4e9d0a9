"""Checks listed rows that Describe does not find. They were usually just deleted; if every row is missing, Describe is
wrong.
"""

from __future__ import annotations

from sqlprov.aws.read.list_replies import find_rows, make_row_counter
from sqlprov.aws.read.pagination import PageReader
from sqlprov.aws.read.partial_row import PartialRow
from sqlprov.errors import BrokenReply
from sqlprov.plan.read import ListRead, ReadPlan
from sqlprov.plan.read.steps import ACCOUNT, REGION, Place


class GoneRows:
    """The gone rows of one scan, until it has found one."""

    def __init__(self, plan: ReadPlan, pages: PageReader) -> None:
        self._plan, self._pages = plan, pages
        self._rows: list[PartialRow] = []
        self._some_exist = False

    @property
    def place(self) -> Place:
        """The place of the first of them."""
        return self._rows[0].place

    def note(self, rows: list[PartialRow]) -> None:
        """Record rows that do not exist."""
        if not self._some_exist:
            self._rows += rows

    def clear(self) -> None:
        """Forget them: another row exists."""
        self._rows, self._some_exist = [], True

    def check(self) -> None:
        """If every row is gone, check that the list lacks them now. A broken Describe would reject every row.

        Raises:
            BrokenReply: the list still has one.
            OperationalError: the list could not be read.
        """
        plan, table = self._plan, self._plan.table
        if not self._rows:
            return
        place = self.place
        lists = (step for step in plan.steps if isinstance(step, ListRead))
        first = next((step for step in lists if step.place[ACCOUNT] == place[ACCOUNT]), None)
        if first is None:
            return
        self._pages.accounts.replies.clear()  # a kept list may still have them
        if table.region_column:
            place = {**place, REGION: first.region}
        step = first.move(table.list, place)
        count = make_row_counter(table.list, set(), table.listed_key)
        reply = self._pages.call_list(place, step.parameters, count)
        listed = [PartialRow(place, listed=item) for item in find_rows(table.list, reply)]
        gone = {repr(row.get_values(table, table.key)) for row in self._rows}  # a part may be a list
        keys = (row.get_values(table, table.key) for row in listed)
        still = next((key for key in keys if repr(key) in gone), None)
        if still is not None:
            call = table.describe.call if table.describe else table.list.call
            text = (
                f"{table.full_name} in {step.region}: {table.list.call} returns {'|'.join(map(str, still))}, but "
                f"{call} reports that neither it nor any other row exists."
            )
            raise BrokenReply(text, operation=call, region=step.region)
