"""The manifest of a run: a JSON line for each part of the inventory that has ended, and one when all have."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlprov.errors import DataError, OperationalError
from sqlprov.records import dataclass

PREFIX, SUFFIX = "manifest-", ".jsonl"
FINISHED = "finished"


class PartStatus(Enum):
    """How the reading of a part ended."""

    COMPLETE = "complete"
    DENIED = "denied"  # a permission is missing
    FAILED = "failed"
    SKIPPED = "skipped"  # the table cannot be listed as a whole


@dataclass(frozen=True)
class InventoryPart:
    """A table in one region of one account; a global table has one part for each account.

    Attributes:
        table: full name.
        account_id, region: of its calls.
        account: the name of the account, which may be another one's in the next run.
        is_global: whether it is read once, whatever region its rows name.
    """

    table: str
    account_id: str
    region: str
    account: str
    is_global: bool = False

    @property
    def id(self) -> tuple[str, str, str]:
        """What identifies it in a manifest."""
        return self.table, self.account_id, self.region

    def find_file(self, folder: Path, date: str) -> Path:
        """Where its rows are: `aws/ec2/vpcs/123456789012/us-east-1/date=2026-12-01/rows.parquet`."""
        account = quote(self.account_id, safe="")  # a server that is not AWS may call it anything
        return folder.joinpath(*self.table.split("."), account, self.region, f"date={date}", "rows.parquet")


class PartsManifest:
    """The manifest of the run of one date; a run that finds it goes on after what it says.

    Until the process ends, no other can open it.

    Args:
        folder: of the inventory.
        date: such as 2026-12-01.

    Raises:
        OperationalError: another run has it open.
        DataError: a line is not valid JSON; an unfinished last one is what an interrupted run leaves, and is dropped.
    """

    def __init__(self, folder: Path, date: str) -> None:
        self.file = folder / f"{PREFIX}{date}{SUFFIX}"
        self._lock = threading.Lock()
        self._ended: dict[tuple[str, str, str], dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        try:
            fcntl.flock(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o666), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperationalError(
                f"Another run of {date} writes {folder}. Wait until it ends, or name another folder or --date."
            ) from None
        self._drop_unfinished_line()
        for number, line in enumerate(self.file.read_text("utf-8").split("\n")[:-1], start=1):
            self._read(line, number)

    def _drop_unfinished_line(self) -> None:
        text = self.file.read_bytes()
        if text and not text.endswith(b"\n"):
            with self.file.open("rb+") as file:
                file.truncate(text.rfind(b"\n") + 1)

    def _read(self, line: str, number: int) -> None:
        try:
            entry = json.loads(line)
            if "table" in entry:
                self._ended[entry["table"], entry["account_id"], entry["region"]] = entry
        except (ValueError, KeyError, TypeError):
            raise DataError(
                f"{self.file}:{number} is not a line of a manifest; remove it, and its part is read again."
            ) from None

    def is_complete(self, part: InventoryPart, folder: Path, date: str) -> bool:
        """Whether a part has been read, and its file is there."""
        entry = self._ended.get(part.id, {})
        is_read = entry.get("status") in (PartStatus.COMPLETE.value, PartStatus.SKIPPED.value)
        return is_read and (not entry.get("file") or part.find_file(folder, date).exists())

    def note(self, part: InventoryPart, status: PartStatus, **details: Any) -> None:
        """Add how a part ended; what is noted survives a crash."""
        names = {"table": part.table, "account_id": part.account_id, "account": part.account}
        entry = {**names, "region": part.region, "status": status.value, **details}
        with self._lock:
            self._ended[part.id] = entry
            self._append(entry)

    def finish(self, parts: list[InventoryPart]) -> dict[PartStatus, int]:
        """Note the end of the run; return how many parts ended in which way."""
        counts = dict.fromkeys(PartStatus, 0)
        for part in parts:
            counts[PartStatus(self._ended[part.id]["status"])] += 1
        named = {status.value: count for status, count in counts.items()}
        with self._lock:
            self._append({FINISHED: True, **named})
        return counts

    def count_rows(self, parts: list[InventoryPart]) -> int:
        """The rows of parts that are complete."""
        return sum(self._ended.get(part.id, {}).get("rows", 0) for part in parts)

    def _append(self, entry: dict[str, Any]) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def list_unfinished(folder: Path, date: str) -> Iterator[str]:
    """The earlier dates whose run was not finished."""
    for file in sorted(folder.glob(f"{PREFIX}*{SUFFIX}")):
        earlier = file.name.removeprefix(PREFIX).removesuffix(SUFFIX)
        lines = file.read_text("utf-8", errors="replace").splitlines()
        if earlier < date and not (lines and FINISHED in lines[-1]):
            yield earlier
