"""Reads the parts of an inventory, several at once, each into a file that is there only when it is whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from sqlprov.errors import (
    AccessDenied,
    CredentialsError,
    Error,
    ProgrammingError,
    ResourceFileError,
)
from sqlprov.frontends.inventory.manifest import InventoryPart, PartsManifest, PartStatus
from sqlprov.output import write
from sqlprov.sql.lexer import quote_path, quote_text

if TYPE_CHECKING:
    import sqlprov

UNFINISHED = ".unfinished"
MOST_CALLS = 64
"""Calls in flight at most, if the setting `concurrency` does not say."""


class Collector:
    """Reads the parts of an inventory.

    Args:
        connection: each part is read on a cursor of its own.
        folder: of the inventory.
        date: of the run.
        report: takes a line about a part that is not complete.
    """

    def __init__(
        self, connection: sqlprov.Connection, folder: Path, date: str, report: Callable[[str], None]
    ) -> None:
        self._connection, self._folder, self._date, self._report = connection, folder, date, report
        self.manifest = PartsManifest(folder, date)
        _remove_unfinished(folder, date)
        self._stop = threading.Event()
        self._failure: BaseException | None = None

    def list_parts(self, tables: Iterable[str]) -> list[InventoryPart]:
        """The parts of tables; one that cannot be listed as a whole is noted as skipped, and has one.

        Raises:
            Error: the session has no region, or the account could not be asked for its regions.
        """
        parts: list[InventoryPart] = []
        for table in tables:
            try:
                places = self._connection.list_places(table)
            except (ProgrammingError, ResourceFileError) as error:
                part = InventoryPart(table, "", "")
                self.manifest.note(part, PartStatus.SKIPPED, error=str(error))
                parts.append(part)
                continue
            is_global = bool(self._connection.catalog.get_table(*table.split(".")).home)
            parts += [InventoryPart(table, place["account"], place["region"], is_global) for place in places]
        return parts

    def run(self, parts: Sequence[InventoryPart], workers: int) -> None:
        """Read the parts that are not complete.

        Raises:
            CredentialsError: the credentials have expired, or there are none; a further run goes on.
        """
        todo: SimpleQueue[InventoryPart] = SimpleQueue()
        for part in parts:
            if not self.manifest.is_complete(part, self._folder, self._date):
                todo.put(part)
        cursors = [self._connection.cursor() for _ in range(workers)]
        most = self._connection.settings.concurrency or MOST_CALLS
        share = str(max(most // workers, 1))
        for cursor in cursors:  # a part has all of its rows, or fails
            cursor.settings = cursor.settings.with_values({"concurrency": share, "on_error": "fail"})
        try:
            with ThreadPoolExecutor(workers) as pool:
                ended = [pool.submit(self._work, cursor, todo) for cursor in cursors]
                try:
                    for each in ended:
                        each.result()
                except BaseException:
                    self._stop.set()
                    for cursor in cursors:
                        cursor.cancel()
                    raise
        finally:
            for cursor in cursors:
                cursor.close()
        if self._failure is not None:
            raise self._failure

    def _work(self, cursor: sqlprov.Connection, todo: SimpleQueue[InventoryPart]) -> None:
        while not self._stop.is_set():
            try:
                part = todo.get_nowait()
            except Empty:
                return
            try:
                self._read(cursor, part)
            except CredentialsError as error:  # every other part would fail, too
                self._failure = self._failure or error
                self._stop.set()
            except AccessDenied as error:
                self._note(part, PartStatus.DENIED, error)
            except Error as error:
                if self._stop.is_set():
                    return
                self._note(part, PartStatus.FAILED, error)

    def _note(self, part: InventoryPart, status: PartStatus, error: Error) -> None:
        self.manifest.note(part, status, error=str(error), code=getattr(error, "code", ""))
        self._report(f"{part.table} of {part.account} in {part.region}: {status.value}: {error}")

    def _read(self, cursor: sqlprov.Connection, part: InventoryPart) -> None:
        file = part.find_file(self._folder, self._date)
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f"{file.name}{UNFINISHED}")
        where = f"account = {quote_text(part.account)}"
        where += "" if part.is_global else f" AND region = {quote_text(part.region)}"
        sql = f"SELECT * FROM {quote_path(*part.table.split('.'))} WHERE {where}"
        try:
            with unfinished.open("wb") as stream:
                result = cursor.sql(sql)
                rows = write(result, "parquet", stream)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(file)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
        name = str(file.relative_to(self._folder))
        self.manifest.note(part, PartStatus.COMPLETE, rows=rows, calls=len(result.calls), file=name)


def _remove_unfinished(folder: Path, date: str) -> None:
    """Remove what a run of this date that was killed left behind."""
    for file in folder.rglob(f"date={date}/*{UNFINISHED}"):
        file.unlink()
