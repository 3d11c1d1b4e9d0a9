"""Describes a row once, or until it leaves or reaches a state."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlprov.aws.read.describe import describe_rows, list_rows, look_up_rows
from sqlprov.aws.read.details import find_tagged, read_row_tags
from sqlprov.aws.read.partial_row import PartialRow
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import is_match
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.column import get_path
from sqlprov.catalog.method import Method
from sqlprov.catalog.methods import MISSING
from sqlprov.catalog.read_calls import PLACEHOLDER
from sqlprov.catalog.service_model import to_snake_case
from sqlprov.catalog.table import Table
from sqlprov.errors import OperationalError
from sqlprov.plan.write.diff import parse_tags
from sqlprov.plan.write.steps import RowWrite, Snapshot
from sqlprov.plan.write.transitions import list_transitions
from sqlprov.records import dataclass

FIRST_DELAY, LONGEST_DELAY = 0.05, 5.0
"""Seconds between two reads of a row that a write waits for; each delay is 1.5 times the one before."""


class RowFailed(Exception):
    """The write of the row failed; the message says why."""


class EffectUnknown(Exception):
    """It cannot be determined whether a call took effect."""


@dataclass
class RowWatcher:
    """Reads one row.

    Attributes:
        write: the write of the row.
        run, cloud: the statement and the clients.
        snapshot: the row as last read; `None` if it was not read, or does not exist.
    """

    write: RowWrite
    run: Run
    cloud: Cloud
    snapshot: Snapshot | None = None

    @property
    def table(self) -> Table:
        """The table of the row."""
        return self.write.table

    def read(self, tags: bool = False) -> Snapshot | None:
        """Read the row, with its tags if requested; `None` if it does not exist, or its key is not known yet."""
        if self.write.lacking and not self._find_key():
            return None
        snapshot = None
        for row in self._look_up():
            content = row.described or row.listed or {}
            marks, tag_map = self.table.write.delete.marks, None
            if marks and get_path(content, self.table.paths[marks]) is not None:
                continue
            if self.table.tags is None and self.table.holds_tags:
                tag_map = parse_tags(get_path(content, self.table.paths["tags"]), self.table.tag_spelling)
            elif (tags or self.write.tags is not None) and self.table.tags:
                try:
                    tag_map = parse_tags(read_row_tags(self.run, self.cloud, self.table, row))
                except OperationalError as error:
                    is_unknown = is_match((*self.table.errors.missing, *self.table.tags.missing), error)
                    # Only the call that returns the row can say that it is gone.
                    if not is_unknown or self._look_up():
                        raise
                    continue
            tagging, tagged = self.table.tagging, None
            if self.write.tags is not None and tagging and PLACEHOLDER.search(tagging.column):
                tagged = find_tagged(self.run, self.cloud, self.table, tagging, row)
            snapshot = Snapshot(content, tag_map, tagged)
        self.snapshot = snapshot
        return snapshot

    def _find_key(self) -> bool:
        """Complete the key with that of the row of the name in INSERT; whether there is exactly one."""
        table, rule = self.table, self.table.write.insert
        name, column = self.write.values.get(rule.name), rule.column
        if not name:
            return False
        given = {
            part.column or to_snake_case(part.name): self.write.values.get(part.name)
            for part in table.by_method["create_resource"].parameters
        }
        parents = {parent.column: given.get(parent.column) for parent in table.list.parents}
        place = PartialRow({**self.write.place, **parents}, self.write.key)
        keys = {
            row.spell_key(table)
            for row in list_rows(self.run, self.cloud, table, place)
            if not column or row.get_value(table, column) == name
        }
        ending = "" if column else name
        alike = [key for key in keys if all(map(partial(_is_alike, ending=ending), self.write.key, key))]
        if len(alike) == 1:
            self.write = replace(self.write, key=alike[0])
        return len(alike) == 1

    def _look_up(self) -> Sequence[PartialRow]:
        """The row, as the call returns it that can say whether it exists."""
        look_up = describe_rows if self.table.describe else look_up_rows
        row = PartialRow(self.write.place, self.write.typed_key)
        return look_up(self.run, self.cloud, self.table, [row])

    def note_key(self, reply: Mapping[str, Any]) -> None:
        """Complete the key with the parts that the service has set."""
        returns = self.table.by_method["create_resource"].returns
        parts = zip(self.table.key, self.write.key, strict=True)
        key = tuple(
            (_find_text(reply, returns[name]) if name in returns else "") or part for name, part in parts
        )
        self.write = replace(self.write, key=key)

    def wait_while(self, states: tuple[str, ...], deadline: float) -> None:
        """Read the row until it is in none of `states`.

        Raises:
            RowFailed: it still is at the deadline, which is in seconds of the monotonic clock.
        """
        self._poll(lambda row: row is None or row.get_state(self.table) not in states, deadline)

    def wait_for(self, method: Method, deadline: float) -> None:
        """Read the row until it is in a state that `method` names under `until`.

        Raises:
            RowFailed: it has not reached one by the deadline, or stays in another state.
        """
        if not method.until:
            return
        table, expects_missing = self.table, MISSING in method.until
        # A read may be older than the call: the states before the call count only after another one was seen.
        settles = time.monotonic() + self.run.settings.settle if method.name == "create_resource" else 0.0
        older = {
            state for each in list_transitions(table) if each.method == method.name for state in each.from_
        }
        if method.verb == "DELETE" and self.snapshot:
            older.add(self.snapshot.get_state(table))

        def is_settled(row: Snapshot | None) -> bool:
            nonlocal settles
            if row is None:
                return time.monotonic() >= settles
            settles, state = 0.0, row.get_state(table)
            if state not in older:
                older.clear()
            return state in method.until or state not in {*table.state.busy, *older}

        self._poll(is_settled, deadline)
        wanted = " or ".join(method.until)
        if self.snapshot is None:
            if not expects_missing:
                raise RowFailed(f"{self.write.label} no longer exists; expected it to reach {wanted}")
        elif self.snapshot.get_state(table) not in method.until:
            raise RowFailed(f"{self.write.label} did not reach {wanted}: {self.describe_state()}")

    def read_back(self, created: bool) -> None:
        """Read the row and its tags; a new row may appear late, within `sqlprov_settle`."""
        settles = time.monotonic() + (self.run.settings.settle if created else 0.0)
        self._poll(lambda row: row is not None or time.monotonic() >= settles, math.inf, tags=True)

    def _poll(self, is_done: Callable[[Snapshot | None], bool], deadline: float, tags: bool = False) -> None:
        delay = FIRST_DELAY
        with self.run.log.track_wait(self.write.region, "|".join(self.write.key)) as report_state:
            while True:
                row = self.read(tags)
                if is_done(row):
                    return
                if time.monotonic() > deadline:
                    limit = self.run.settings.await_timeout
                    raise RowFailed(f"waited {limit:g} s for {self.write.label}: {self.describe_state()}")
                report_state(row.get_state(self.table) if row else "")
                self.run.cancellation.sleep(delay)
                self.run.cancellation.check()
                delay = min(delay * 1.5, LONGEST_DELAY)

    def describe_state(self) -> str:
        """The last state, with its reason if the row has one."""
        if self.snapshot is None:
            return "it does not exist"
        reasons = (self.snapshot.described.get(name) for name in ("StatusReason", "FailureReason"))
        reason = next((f" ({text})" for text in reasons if text), "")
        return f"its last state is {self.snapshot.get_state(self.table) or 'unknown'}{reason}"


def _is_alike(known: str, part: str, ending: str) -> bool:
    """Whether a part of a row's key is the known one or, if it is not known, has the ending."""
    return part == known if known else not ending or re.split("[/:]", part)[-1] == ending


def _find_text(reply: Any, path: Sequence[str]) -> str:
    """The text at `path`, through lists of one element; empty if it is absent."""
    for member in path:
        reply = reply.get(member) if isinstance(reply, Mapping) else None
        reply = reply[0] if isinstance(reply, list) and len(reply) == 1 else reply
    return "" if reply is None or isinstance(reply, list) else str(reply)
