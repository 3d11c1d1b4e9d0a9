"""A row in, the row as it is out: at once, or when it has left a state or reached one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlprov.aws.read.batches import get_path
from sqlprov.aws.read.details import read_tags
from sqlprov.aws.run import Run
from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import is_match
from sqlprov.catalog.table import Method
from sqlprov.errors import OperationalError
from sqlprov.plan.write.diff import parse_tags
from sqlprov.plan.write.steps import RowWrite, Snapshot
from sqlprov.plan.write.transitions import list_transitions

FIRST_LOOK, LONGEST_LOOK = 0.05, 5.0
"""Seconds between two looks at a row that is waited for; half as long again each time."""


class RowFailed(Exception):
    """The row goes no further; the text says why."""


@dataclass
class Watch:
    """One row that is looked at.

    Attributes:
        write: what is asked of it.
        run, cloud: the statement and the clients.
        found: the row as read last; `None` if it was not read, or does not exist.
    """

    write: RowWrite
    run: Run
    cloud: Cloud
    found: Snapshot | None = None

    def look(self, tags: bool = False) -> Snapshot | None:
        """The row now, with its tags if they are wanted; `None` if it does not exist."""
        table, region = self.write.table, self.write.region
        describe = table.describe
        assert describe is not None, "only tables that can be described are written"
        arguments = dict(zip(describe.arguments, self.write.key, strict=True))
        try:
            reply = call(
                self.run,
                self.cloud,
                table.client,
                table.iam,
                describe.call,
                region,
                arguments,
                describe.required,
            )
            described = get_path(reply, describe.item)
            found = None
            if tags and table.tags:
                arn = get_path(described, describe.paths[table.arn])
                found = parse_tags(read_tags(self.run, self.cloud, table, region, str(arn)))
            self.found = Snapshot(described, found)
        except OperationalError as error:
            if not is_match(table.errors.missing, error):
                raise
            self.found = None
        return self.found

    def leave(self, states: tuple[str, ...], deadline: float) -> None:
        """Look until the row is in none of `states`.

        Raises:
            Stopped: it still is at the deadline, a time of the monotonic clock.
        """
        self._until(lambda found: found is None or found.state(self.write.table) not in states, deadline)

    def reach(self, method: Method, deadline: float) -> None:
        """Look until the row is in a state that `method` names under `until`.

        Raises:
            Stopped: it is not at the deadline, or stays in another.
        """
        if not method.until:
            return
        table, missing = self.write.table, method.until == ("missing",)
        # A read may be older than the call: what it was made in counts only once something else was seen.
        unseen = time.monotonic() + self.run.settings.settle if method.name == "create_resource" else 0.0
        older = {
            state for move in list_transitions(table) if move.method == method.name for state in move.from_
        }

        def settled(found: Snapshot | None) -> bool:
            nonlocal unseen
            if found is None:
                return time.monotonic() >= unseen
            unseen, state = 0.0, found.state(table)
            if state not in older:
                older.clear()
            return not missing and (state in method.until or state not in {*table.state.busy, *older})

        self._until(settled, deadline)
        wanted = " or ".join(method.until)
        if self.found is None:
            if not missing:
                raise RowFailed(f"{self.write.shown} is gone; {wanted} was waited for")
        elif self.found.state(table) not in method.until:
            raise RowFailed(f"{self.write.shown} did not reach {wanted}: {self.told()}")

    def read_back(self, created: bool) -> None:
        """Look at the row and its tags; one that was just created may be seen late, within `sqlprov_settle`."""
        unseen = time.monotonic() + (self.run.settings.settle if created else 0.0)
        self._until(lambda found: found is not None or time.monotonic() >= unseen, math.inf, tags=True)

    def _until(self, enough: Callable[[Snapshot | None], bool], deadline: float, tags: bool = False) -> None:
        between = FIRST_LOOK
        with self.run.waits(self.write.region, "|".join(self.write.key)) as seen:
            while True:
                found = self.look(tags or self.write.tags is not None)
                if enough(found):
                    return
                if time.monotonic() > deadline:
                    limit = self.run.settings.await_timeout
                    raise RowFailed(f"{self.write.shown} was waited for {limit:g} s: {self.told()}")
                seen(found.state(self.write.table) if found else "")
                self.run.cancelled.wait(between)
                self.run.check()
                between = min(between * 1.5, LONGEST_LOOK)

    def told(self) -> str:
        """The last state, and its reason if the row holds one."""
        if self.found is None:
            return "it does not exist"
        reasons = (self.found.described.get(name) for name in ("StatusReason", "FailureReason"))
        reason = next((f" ({text})" for text in reasons if text), "")
        return f"its last state is {self.found.state(self.write.table) or 'not known'}{reason}"
