"""The SQLite file that keeps the resources between processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlprov.errors import InterfaceError

_FORMAT = 1
# A deleted resource keeps its row, without a document, to tell other processes of the deletion.
_SCHEMA = f"""
    CREATE TABLE IF NOT EXISTS resources (
        noun TEXT, region TEXT, name TEXT, document BLOB, tags BLOB, change INTEGER NOT NULL,
        PRIMARY KEY (noun, region, name)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS by_change ON resources (change);
    CREATE TABLE IF NOT EXISTS flags (flag TEXT PRIMARY KEY) WITHOUT ROWID;
    PRAGMA user_version = {_FORMAT};
"""
_LOCK_TIMEOUT = 30.0  # seconds for another process to finish its transaction


class StoredRow(NamedTuple):
    """A resource as stored; document and tags are JSON, and a document of None means that it is deleted."""

    noun: str
    region: str
    name: str
    document: bytes | None
    tags: bytes | None


class StateFile:
    """One connection to the file; its owner serializes calls.

    Args:
        path: made, with its folder, if it does not exist.

    Raises:
        InterfaceError: the file is not a state file, or it has another version's format.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=_LOCK_TIMEOUT, isolation_level=None, check_same_thread=False)
        self._data_version: int | None = None  # SQLite's count of commits by others
        self._change = 0  # the last change that this process has read or written
        try:
            # A power failure may lose the last seconds, which is harmless in a simulation.
            self._db.execute("PRAGMA synchronous = OFF")
            written = self._db.execute("PRAGMA user_version").fetchone()[0]
            if written == 0:
                self._db.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise InterfaceError(f"{path} cannot be used as state of the local AWS: {error}") from error
        if written not in (0, _FORMAT):
            self._db.close()
            raise InterfaceError(
                f"{path} was written by another version of sqlprov; `sqlprov local reset` removes it"
            )

    def begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def rollback(self) -> None:
        """End the transaction; does nothing after commit()."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def commit(self, rows: Sequence[StoredRow]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?)",
            [(*row, self._change + number) for number, row in enumerate(rows, 1)],
        )
        self._db.execute("COMMIT")
        self._change += len(rows)

    def read_new_rows(self) -> list[StoredRow]:
        """The rows that other processes have committed since the last call."""
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        if version == self._data_version:
            return []
        rows = self._db.execute(
            "SELECT * FROM resources WHERE change > ? ORDER BY change", (self._change,)
        ).fetchall()
        self._data_version = version
        self._change = max((row[-1] for row in rows), default=self._change)
        return [StoredRow(*row[:-1]) for row in rows]

    def has_flag(self, flag: str) -> bool:
        return self._db.execute("SELECT 1 FROM flags WHERE flag = ?", (flag,)).fetchone() is not None

    def set_flag(self, flag: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO flags VALUES (?)", (flag,))

    def close(self) -> None:
        self._db.close()
