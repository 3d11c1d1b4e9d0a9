"""Every resource the service holds: changes in, records and sorted indexes out."""

from __future__ import annotations

import heapq
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sqlprov.emulator.api_model import Kind, kinds
from sqlprov.emulator.state_file import Row, StateFile

STEPS = "~steps"  # member of a document that no reply contains: what becomes of the resource, and when
SortKey = Callable[["Record"], Any]
# Past so many changes at once, sorting anew is cheaper than inserting each.
_BULK = 500


class Record:
    """One resource, kept as JSON, which takes a fraction of a dict's memory.

    Args:
        document: the members as given, those the service adds (times, state) and STEPS.
        tags: key -> value; None if there are none.
    """

    __slots__ = ("document", "due", "item", "kind", "region", "tags", "values")

    def __init__(
        self, kind: Kind, region: str, document: dict[str, Any], tags: dict[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.region = region
        self.document = compact(document)
        self.tags = tags or None
        self.values = tuple([document[column] for column in kind.columns])
        steps = document.get(STEPS)
        self.due: float | None = steps[0][0] if steps else None
        self.item: bytes | None = None  # the encoded list item, made when first listed

    @property
    def name(self) -> str:
        return str(self.values[0])

    @property
    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = orjson.loads(self.document)
        return members


@dataclass(frozen=True)
class Change:
    """A resource that is new or different; gone if `record` is None."""

    kind: Kind
    region: str
    name: str
    record: Record | None


def put(record: Record) -> Change:
    return Change(record.kind, record.region, record.name, record)


def drop(record: Record) -> Change:
    return Change(record.kind, record.region, record.name, None)


def sort_key(column: int) -> SortKey:
    """Order by a column, then by name: the position of every record is unique, so a page token can name it."""
    return lambda record: (record.values[column], record.values[0])


def compact(members: dict[str, Any]) -> bytes:
    """JSON in no more memory than it needs: with orjson's own buffers, 100,000 experiments take 500 MB, not 200."""
    return bytes(memoryview(orjson.dumps(members)))


class Shelf:
    """The resources of one type in one region."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self._by_lower: dict[str, str] = {}  # only names that are not lower case themselves
        self._indexes: dict[int, list[Record]] = {}

    def sorted_by(self, column: int) -> list[Record]:
        """The records in ascending order of a column; built when first asked for, then kept."""
        index = self._indexes.get(column)
        if index is None:
            index = self._indexes[column] = sorted(self.records.values(), key=sort_key(column))
        return index

    def by_arn_name(self, lower: str) -> Record | None:
        return self.records.get(self._by_lower.get(lower, lower))

    def forget_indexes(self) -> None:
        self._indexes.clear()

    def replace(self, name: str, new: Record | None) -> None:
        old = self.records.pop(name, None)
        if new is not None:
            self.records[name] = new
        if name != name.lower():
            self._by_lower.pop(name.lower(), None)
            if new is not None:
                self._by_lower[name.lower()] = name
        for column, index in self._indexes.items():
            key = sort_key(column)
            if old is not None:
                place = bisect_left(index, key(old), key=key)
                if new is not None and key(new) == key(old):
                    index[place] = new
                    continue
                del index[place]
            if new is not None:
                insort(index, new, key=key)


class Store:
    """All shelves, under one lock, written through to a state file if there is one.

    Args:
        path: SQLite file that outlives the process and may be open in others; None keeps memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._due: list[tuple[float, str, str, str]] = []
        self._path = path
        self._file: StateFile | None = None
        self._flags: set[str] = set()
        self.open()

    def shelf(self, kind: Kind, region: str) -> Shelf:
        shelf = self._shelves.get((kind.noun, region))
        if shelf is None:
            shelf = self._shelves[kind.noun, region] = Shelf()
        return shelf

    def get(self, kind: Kind, region: str, name: str) -> Record | None:
        return self.shelf(kind, region).records.get(name)

    @contextmanager
    def reading(self, now: float) -> Iterator[None]:
        """Hold the lock over what other processes have committed and time has brought about."""
        with self._lock:
            self._catch_up()
            self._settle(now)
            yield

    @contextmanager
    def writing(self, now: float) -> Iterator[None]:
        """As reading(), and no other process writes meanwhile; an exception undoes what was not committed."""
        with self._lock:
            if self._file is None:
                self._settle(now)
                yield
                return
            self._file.begin()
            try:
                self._catch_up()
                self._settle(now)
                yield
            finally:
                self._file.rollback()

    def commit(self, changes: Sequence[Change]) -> None:
        """Make changes durable, then visible; only within writing()."""
        if self._file is not None:
            self._file.commit([_row(change) for change in changes])
        self._apply(changes)

    def flagged(self, flag: str) -> bool:
        return flag in self._flags if self._file is None else self._file.flagged(flag)

    def flag(self, flag: str) -> None:
        """Remember that something was done, durably with the next commit."""
        self._flags.add(flag)
        if self._file is not None:
            self._file.flag(flag)

    def open(self) -> None:
        """Connect to the state file, if there is one and it is not open."""
        with self._lock:
            if self._path is not None and self._file is None:
                self._file = StateFile(self._path)

    def close(self) -> None:
        """Leave the state file; what is known stays readable."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _catch_up(self) -> None:
        if self._file is not None and (news := self._file.news()):
            self._apply([_change(row) for row in news])

    def _apply(self, changes: Sequence[Change]) -> None:
        if len(changes) > _BULK:
            for shelf in self._shelves.values():
                shelf.forget_indexes()
        for change in changes:
            self.shelf(change.kind, change.region).replace(change.name, change.record)
            if change.record is not None and change.record.due is not None:
                heapq.heappush(self._due, (change.record.due, change.kind.noun, change.region, change.name))

    def _settle(self, now: float) -> None:
        """Carry out the steps that are due.

        Each process derives the same state from the same document, so nothing is written to the file.
        """
        while self._due and self._due[0][0] <= now:
            due, noun, region, name = heapq.heappop(self._due)
            record = self.get(kinds()[noun], region, name)
            if record is not None and record.due == due:
                settled = advance(record, now)
                self._apply([drop(record) if settled is None else put(settled)])


def advance(record: Record, now: float) -> Record | None:
    """The record after its steps up to `now`; None if the last of them removed it."""
    if record.due is None or record.due > now:
        return record
    members = record.members
    steps = members.pop(STEPS)
    while steps and steps[0][0] <= now:
        due, changed = steps.pop(0)
        if changed is None:
            return None
        members |= changed
        if "LastModifiedTime" in members:
            members["LastModifiedTime"] = due
    if steps:
        members[STEPS] = steps
    return Record(record.kind, record.region, members, record.tags)


def _row(change: Change) -> Row:
    record = change.record
    if record is None:
        return Row(change.kind.noun, change.region, change.name, None, None)
    tags = orjson.dumps(record.tags) if record.tags else None
    return Row(change.kind.noun, change.region, change.name, record.document, tags)


def _change(row: Row) -> Change:
    kind = kinds()[row.noun]
    if row.document is None:
        return Change(kind, row.region, row.name, None)
    tags = orjson.loads(row.tags) if row.tags else None
    return put(Record(kind, row.region, orjson.loads(row.document), tags))
