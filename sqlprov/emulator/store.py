"""Every resource that the service holds, sorted as lists need them."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sqlprov.emulator.api_model import load_resource_kinds
from sqlprov.emulator.state_file import StateFile, StoredRow

STEPS = "~steps"
"""A member of a stored document that no reply contains: the future changes, each with its time."""
SortKey = Callable[["Record"], Any]


class Record:
    """One resource, kept as JSON, which takes a fraction of a dict's memory.

    Args:
        members: the members as given, those that the service adds (times, state) and STEPS.
        tags: key -> value.
    """

    __slots__ = ("document", "due", "item", "kind", "region", "tags", "values")

    def __init__(
        self, noun: str, region: str, members: dict[str, Any], tags: dict[str, str] | None = None
    ) -> None:
        self.kind = load_resource_kinds()[noun]
        self.region = region
        self.document = encode_compactly(members)
        self.tags = tags or None  # None takes less memory than an empty dict
        self.values = tuple([members[column] for column in self.kind.columns])
        steps = members.get(STEPS)
        self.due: float | None = steps[0][0] if steps else None
        self.item: bytes | None = None  # the encoded list item, made when first listed

    @property
    def name(self) -> str:
        return str(self.values[0])

    @property
    def members(self) -> dict[str, Any]:
        """A copy."""
        members: dict[str, Any] = orjson.loads(self.document)
        return members

    def replace_members(self, members: dict[str, Any]) -> Record:
        """The same resource with other members."""
        return Record(self.kind.noun, self.region, members, self.tags)


@dataclass(frozen=True)
class ResourceChange:
    """A resource that is new or different; deleted if `record` is None."""

    noun: str
    region: str
    name: str
    record: Record | None


def put(record: Record) -> ResourceChange:
    return ResourceChange(record.kind.noun, record.region, record.name, record)


def drop(record: Record) -> ResourceChange:
    return ResourceChange(record.kind.noun, record.region, record.name, None)


def make_sort_key(column: int) -> SortKey:
    """Order by a column, then by name: each position is unique, so a page token can name it."""
    return lambda record: (record.values[column], record.values[0])


def encode_compactly(members: dict[str, Any]) -> bytes:
    """JSON without orjson's spare buffer: 100,000 experiments take 200 MB instead of 500."""
    return bytes(memoryview(orjson.dumps(members)))


class Collection:
    """The resources of one kind in one region."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self._by_lower: dict[str, str] = {}  # lower case -> name, for names with upper-case letters
        self._indexes: dict[int, list[Record]] = {}

    def sort(self, column: int) -> list[Record]:
        """The records in ascending order of a column; kept until the next change."""
        index = self._indexes.get(column)
        if index is None:
            index = self._indexes[column] = sorted(self.records.values(), key=make_sort_key(column))
        return index

    def get_by_arn_name(self, lower: str) -> Record | None:
        return self.records.get(self._by_lower.get(lower, lower))

    def replace(self, name: str, new: Record | None) -> None:
        self._indexes.clear()
        if new is None:
            self.records.pop(name, None)
            self._by_lower.pop(name.lower(), None)
        else:
            self.records[name] = new
            if name != name.lower():
                self._by_lower[name.lower()] = name


class Store:
    """All collections behind one lock, written through to a state file if there is one.

    Args:
        path: SQLite file that outlives the process and that other processes may share; None keeps memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._collections: dict[tuple[str, str], Collection] = {}
        self._due: list[tuple[float, str, str, str]] = []
        self._path = path
        self._file: StateFile | None = None
        self._flags: set[str] = set()
        self.open()

    def get_collection(self, noun: str, region: str) -> Collection:
        collection = self._collections.get((noun, region))
        if collection is None:
            collection = self._collections[noun, region] = Collection()
        return collection

    def get(self, noun: str, region: str, name: str) -> Record | None:
        return self.get_collection(noun, region).records.get(name)

    @contextmanager
    def read_lock(self, now: float) -> Iterator[None]:
        """Hold the lock, after applying other processes' commits and the steps that are due."""
        with self._lock:
            self._catch_up()
            self._settle(now)
            yield

    @contextmanager
    def write_lock(self, now: float) -> Iterator[None]:
        """Like read_lock(), and no other process can write; an exception rolls back what is not committed."""
        with self._lock:
            if self._file is not None:
                self._file.begin()
            try:
                with self.read_lock(now):
                    yield
            finally:
                if self._file is not None:
                    self._file.rollback()

    def commit(self, changes: Sequence[ResourceChange]) -> None:
        """Make changes durable, then visible; call it under write_lock()."""
        if self._file is not None:
            self._file.commit([_to_row(change) for change in changes])
        self._apply(changes)

    def has_flag(self, flag: str) -> bool:
        return flag in self._flags if self._file is None else self._file.has_flag(flag)

    def set_flag(self, flag: str) -> None:
        """Set a permanent flag; a state file has it from the next commit on."""
        self._flags.add(flag)
        if self._file is not None:
            self._file.set_flag(flag)

    def open(self) -> None:
        """Connect to the state file, if there is one and it is not open."""
        with self._lock:
            if self._path is not None and self._file is None:
                self._file = StateFile(self._path)

    def close(self) -> None:
        """Close the state file; the resources in memory stay readable."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _catch_up(self) -> None:
        if self._file is not None and (rows := self._file.read_new_rows()):
            self._apply([_from_row(row) for row in rows])

    def _apply(self, changes: Sequence[ResourceChange]) -> None:
        for change in changes:
            self.get_collection(change.noun, change.region).replace(change.name, change.record)
            if change.record is not None and change.record.due is not None:
                heapq.heappush(self._due, (change.record.due, change.noun, change.region, change.name))

    def _settle(self, now: float) -> None:
        """Carry out the steps that are due.

        Each process derives the same state from the same document, so nothing is written to the file.
        """
        while self._due and self._due[0][0] <= now:
            due, noun, region, name = heapq.heappop(self._due)
            record = self.get(noun, region, name)
            if record is not None and record.due == due:
                self._apply([_advance(record, now)])


def _advance(record: Record, now: float) -> ResourceChange:
    """The record after its steps up to `now`; a step of None deletes it."""
    members = record.members
    steps = members.pop(STEPS)
    while steps and steps[0][0] <= now:
        due, step = steps.pop(0)
        if step is None:
            return drop(record)
        members |= step
        if "LastModifiedTime" in members:
            members["LastModifiedTime"] = due
    if steps:
        members[STEPS] = steps
    return put(record.replace_members(members))


def _to_row(change: ResourceChange) -> StoredRow:
    record = change.record
    document = record.document if record is not None else None
    tags = orjson.dumps(record.tags) if record is not None and record.tags else None
    return StoredRow(change.noun, change.region, change.name, document, tags)


def _from_row(row: StoredRow) -> ResourceChange:
    if row.document is None:
        return ResourceChange(row.noun, row.region, row.name, None)
    tags = orjson.loads(row.tags) if row.tags else None
    return put(Record(row.noun, row.region, orjson.loads(row.document), tags))
