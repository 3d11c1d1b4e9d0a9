"""Every resource of an account, in SQLite: in memory, or in a file that several processes may share."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import orjson

from sqlprov.emulator.api_model import build_arn, load_resource_kinds
from sqlprov.emulator.options import ACCOUNT
from sqlprov.errors import InterfaceError
from sqlprov.private_files import make_private_file, make_private_folder

STEPS = "~steps"
"""A member of a stored document that no reply contains: the future changes, each with its time."""
_FORMAT = 2
_LOCK_TIMEOUT = 30.0  # seconds for another process to finish its transaction
_MOST_COLUMNS = 5  # of a kind
_COLUMNS = [f"c{place}" for place in range(_MOST_COLUMNS)]
# c0 is the name, and the others are what filters and sorts use. ARNs have names in lower case.
_SCHEMA = f"""
    CREATE TABLE resources (noun, region, lower, document, tags, item, due, {", ".join(_COLUMNS)},
        PRIMARY KEY (noun, region, lower));
    {"".join(f"CREATE INDEX by_{column} ON resources (noun, region, {column}, c0);" for column in _COLUMNS)}
    CREATE INDEX by_due ON resources (due) WHERE due IS NOT NULL;
    CREATE TABLE flags (flag PRIMARY KEY);
    PRAGMA user_version = {_FORMAT};
"""
_PUT = f"INSERT OR REPLACE INTO resources VALUES ({', '.join('?' * (7 + _MOST_COLUMNS))})"
_DROP = "DELETE FROM resources WHERE noun = ? AND region = ? AND lower = ?"


class Record:
    """One resource.

    Args:
        members: the members as given, those that the service adds (times, state) and STEPS.
        tags: key -> value.
    """

    def __init__(
        self, noun: str, region: str, members: dict[str, Any], tags: dict[str, str] | None = None
    ) -> None:
        self.kind, self.region, self.tags = load_resource_kinds()[noun], region, tags or {}
        self.document = orjson.dumps(members)
        self.values = [members[column] for column in self.kind.columns]
        steps = members.get(STEPS)
        self.due: float | None = steps[0][0] if steps else None

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


class Store:
    """All resources of an account behind one lock.

    Args:
        path: SQLite file that outlives the process and that other processes may share; made, with its folder, if it
            does not exist. None keeps memory only.
        account: id of the account whose resources they are.

    Attributes:
        has_changed: whether the last write_lock() put or dropped a resource.

    Raises:
        InterfaceError: the file is not a state file, or it has another version's format.
    """

    def __init__(self, path: Path | None = None, account: str = ACCOUNT) -> None:
        self.account = account
        self._lock = threading.RLock()
        self._path = path
        self.has_changed = False
        self._connection: sqlite3.Connection | None = None
        self.open()

    def open(self) -> None:
        """Connect, if it is not."""
        if self._connection is None:
            self._connection = _connect(self._path)
            weakref.finalize(self, self._connection.close)

    def close(self) -> None:
        """Close the state file until the next use; what is in memory stays."""
        with self._lock:
            if self._path is not None and self._connection is not None:
                self._connection.close()
                self._connection = None

    @property
    def _db(self) -> sqlite3.Connection:
        self.open()
        assert self._connection is not None
        return self._connection

    def get(self, noun: str, region: str, name: str) -> Record | None:
        record = self.get_by_arn_name(noun, region, name)
        return record if record is not None and record.name == name else None

    def get_by_arn_name(self, noun: str, region: str, name: str) -> Record | None:
        """The resource of that name, whatever its case."""
        found = self._db.execute(
            "SELECT document, tags FROM resources WHERE noun = ? AND region = ? AND lower = ?",
            (noun, region, name.lower()),
        ).fetchone()
        return _read_record(noun, region, *found) if found else None

    def count(self, noun: str, region: str) -> int:
        """How many resources of a kind there are."""
        counted = self._db.execute(
            "SELECT count(*) FROM resources WHERE noun = ? AND region = ?", (noun, region)
        )
        return int(counted.fetchone()[0])

    def select(
        self, noun: str, region: str, conditions: Sequence[str], values: Sequence[Any], order: str, most: int
    ) -> list[tuple[bytes, Any, str]]:
        """The encoded items of a list, each with its value of `order` and its name.

        Args:
            conditions: SQL of the columns, with the values for its question marks.
            order: a column and a direction, such as `c3 DESC`.
            most: how many.
        """
        column, direction = order.split()
        where = " AND ".join(["noun = ?", "region = ?", *conditions])
        text = (
            f"SELECT item, {column}, c0 FROM resources WHERE {where} ORDER BY {order}, c0 {direction} LIMIT ?"
        )
        return self._db.execute(text, (noun, region, *values, most)).fetchall()

    @contextmanager
    def read_lock(self, now: float) -> Iterator[None]:
        """Hold the lock, after carrying out the steps that are due."""
        with self._lock:
            self._settle(now)
            yield

    @contextmanager
    def write_lock(self, now: float) -> Iterator[None]:
        """Like read_lock(), and no other process can write; an exception rolls back, the end commits."""
        with self._lock, self._begin():
            self._settle(now)
            self.has_changed = False
            yield

    def put(self, records: Iterable[Record]) -> None:
        """Add resources, or replace those of the same names; call it under write_lock()."""
        self._db.executemany(_PUT, (_to_row(self.account, record) for record in records))
        self.has_changed = True

    def drop(self, record: Record) -> None:
        """Call it under write_lock()."""
        self._db.execute(_DROP, (record.kind.noun, record.region, record.name.lower()))
        self.has_changed = True

    def has_flag(self, flag: str) -> bool:
        return self._db.execute("SELECT 1 FROM flags WHERE flag = ?", (flag,)).fetchone() is not None

    def set_flag(self, flag: str) -> None:
        """Set a permanent flag; call it under write_lock()."""
        self._db.execute("INSERT OR IGNORE INTO flags VALUES (?)", (flag,))

    @contextmanager
    def _begin(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _settle(self, now: float) -> None:
        """Carry out the steps that are due."""
        first = self._db.execute("SELECT min(due) FROM resources WHERE due IS NOT NULL").fetchone()[0]
        if first is None or first > now:
            return
        with nullcontext() if self._db.in_transaction else self._begin():
            due = self._db.execute(
                "SELECT noun, region, document, tags FROM resources WHERE due <= ?", (now,)
            ).fetchall()
            for each in due:
                record = _read_record(*each)
                if (advanced := _advance(record, now)) is not None:
                    self.put([advanced])
                else:
                    self.drop(record)


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        make_private_folder(path.parent)
        with suppress(OSError):  # SQLite says why the file cannot be used
            make_private_file(path)
    db = sqlite3.connect(path or ":memory:", _LOCK_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        # A power failure may lose the last seconds, which is harmless in a simulation.
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN IMMEDIATE")
        written = db.execute("PRAGMA user_version").fetchone()[0]
        if written == 0:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
        db.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        db.close()
        raise InterfaceError(f"{path} cannot be used as state of the local AWS: {error}") from error
    if written not in (0, _FORMAT):
        db.close()
        raise InterfaceError(
            f"{path} was written by another version of sqlprov; `sqlprov local reset` removes it"
        )
    return db


def _advance(record: Record, now: float) -> Record | None:
    """The record after its steps up to `now`; `None` if a step deletes it."""
    members = record.members
    steps = members.pop(STEPS)
    while steps and steps[0][0] <= now:
        due, step = steps.pop(0)
        if step is None:
            return None
        members |= step
        if "LastModifiedTime" in members:
            members["LastModifiedTime"] = due
    if steps:
        members[STEPS] = steps
    return record.replace_members(members)


def _read_record(noun: str, region: str, document: bytes, tags: bytes) -> Record:
    return Record(noun, region, orjson.loads(document), orjson.loads(tags))


def _to_row(account: str, record: Record) -> tuple[Any, ...]:
    kind = record.kind
    place = kind.noun, record.region, record.name.lower()
    members = record.members | {kind.arn: build_arn(account, kind.noun, record.region, record.name)}
    item = orjson.dumps({name: members[name] for name in kind.item_members if name in members})
    columns = record.values + [None] * (_MOST_COLUMNS - len(record.values))
    return *place, record.document, orjson.dumps(record.tags), item, record.due, *columns
