"""Reads the parts of an inventory, several at once, each into a file that is there only when it is whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from sqlprov.errors import (
    AccessDenied,
    CredentialsError,
    Error,
    OperationalError,
    ProgrammingError,
    RegionError,
    ResourceFileError,
    format_count,
)
from sqlprov.frontends.inventory.manifest import InventoryPart, PartsManifest, PartStatus
from sqlprov.frontends.table_names import choose_tables, list_tables
from sqlprov.output import write
from sqlprov.records import dataclass
from sqlprov.sql.lexer import quote_path, quote_text

if TYPE_CHECKING:
    import sqlprov
    from sqlprov.api.connection import MissingRows, ScanEngine

UNFINISHED = ".unfinished"
MOST_CALLS = 64
"""Calls in flight at most, if the setting `concurrency` does not say."""


@dataclass(frozen=True)
class InventorySummary:
    """How a run of an inventory ended.

    Attributes:
        manifest: its file.
        counts: the parts that ended in each way.
        rows: those of the parts that are complete.
    """

    manifest: Path
    counts: Mapping[PartStatus, int]
    rows: int

    @property
    def is_complete(self) -> bool:
        """Whether every part that can be listed as a whole was read."""
        return not (self.counts[PartStatus.FAILED] or self.counts[PartStatus.DENIED])

    def __str__(self) -> str:
        whole, *others = PartStatus
        more = "".join(f", {self.counts[each]:,} {each.value}" for each in others if self.counts[each])
        parts = f"{format_count(self.counts[whole], 'part')} complete{more}"
        return f"{parts}; {format_count(self.rows, 'row')}. {self.manifest}"


def collect(
    connection: sqlprov.Connection,
    folder: Path,
    tables: Sequence[str],
    date: str,
    skip: Sequence[str] = (),
    workers: int = 8,
    *,
    report: Callable[[str], None],
    engine: ScanEngine | None = None,
) -> InventorySummary:
    """Copy whole tables into Parquet files, or go on with the run of `date`.

    Args:
        connection: says the accounts and regions; each part is read on a cursor of its own.
        folder: of the inventory.
        tables: full names, SQL patterns with a %, or parts of names.
        date: such as 2026-12-01.
        skip: tables to leave out.
        workers: parts to read at once.
        report: takes a line about a part that is not complete.
        engine: runs the scans, as of `Connection.sql`.

    Raises:
        UnknownName: a pattern matches no table.
        CredentialsError: the credentials have expired, or there are none; a further run goes on.
        Error: another run writes the folder, the manifest is broken, or there is no region.
    """
    catalog = connection.catalog
    catalog.reveal(" ".join(tables))
    names = choose_tables(list_tables(catalog, catalog.list_providers()), tables, skip)
    collector = Collector(connection, folder, date, report, engine)
    parts = collector.list_parts(names)
    collector.run(parts, workers)
    manifest = collector.manifest
    return InventorySummary(manifest.file, manifest.finish(parts), manifest.count_rows(parts))


class Collector:
    """Reads the parts of an inventory.

    Args:
        connection: each part is read on a cursor of its own.
        folder: of the inventory.
        date: of the run.
        report: takes a line about a part that is not complete.
        engine: runs the scans, as of `Connection.sql`.
    """

    def __init__(
        self,
        connection: sqlprov.Connection,
        folder: Path,
        date: str,
        report: Callable[[str], None],
        engine: ScanEngine | None = None,
    ) -> None:
        self._connection, self._folder, self._date, self._report = connection, folder, date, report
        self._engine = engine
        self.manifest = PartsManifest(folder, date)
        _remove_unfinished(folder, date)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        # Id of an account whose role may not be assumed -> the error.
        self._denied: dict[str, CredentialsError] = {}

    def list_parts(self, tables: Iterable[str]) -> list[InventoryPart]:
        """The parts of tables; one that cannot be listed as a whole is noted as skipped, and has one.

        An account that cannot be asked for its regions is noted, and has one part of each table, without a region.

        Raises:
            Error: the session has no region or no credentials, or an account could not be asked for its id.
        """
        with self._connection.cursor() as cursor:
            cursor.settings = cursor.settings.with_value("on_error", "fail")
            ids = dict(cursor.sql("SELECT account, account_id FROM aws.accounts").fetchall())
        parts: list[InventoryPart] = []
        for table in tables:
            missing: list[MissingRows] = []
            try:
                places = self._connection.list_places(table, missing.append)
            except RegionError:
                raise
            except (ProgrammingError, ResourceFileError) as error:
                part = InventoryPart(table, "", "", "")
                self.manifest.note(part, PartStatus.SKIPPED, error=str(error))
                parts.append(part)
                continue
            for gap in missing:
                unread = InventoryPart(table, ids[gap.account], "", gap.account)
                self._note_error(unread, gap.error)
                parts.append(unread)
            is_global = bool(self._connection.catalog.get_table(*table.split(".")).home)
            for place in places:
                account, region = place["account"], place["region"]
                parts.append(InventoryPart(table, ids[account], region, account, is_global))
        return parts

    def run(self, parts: Sequence[InventoryPart], workers: int) -> None:
        """Read the parts that are not complete.

        Raises:
            CredentialsError: the credentials have expired, or there are none; a further run goes on.
        """
        todo: SimpleQueue[InventoryPart] = SimpleQueue()
        for part in parts:
            if part.region and not self.manifest.is_complete(part, self._folder, self._date):
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
                if part.account_id in self._denied:
                    raise self._denied[part.account_id]
                self._read(cursor, part)
            except Error as error:
                if self._stop.is_set():
                    return
                try:
                    self._note_error(part, error)
                except CredentialsError:
                    self._failure = error
                    self._stop.set()

    def _note_error(self, part: InventoryPart, error: Error) -> None:
        """Note a part that could not be read.

        Raises:
            CredentialsError: every other part would fail, too.
        """
        is_denied = isinstance(error, AccessDenied)
        if isinstance(error, CredentialsError):
            if not error.permission:
                raise error
            is_denied, self._denied[part.account_id] = True, error
        status = PartStatus.DENIED if is_denied else PartStatus.FAILED
        self.manifest.note(part, status, error=str(error), code=getattr(error, "code", ""))
        place = f" in {part.region}" if part.region else ""
        self._report(f"{part.table} of {part.account}{place}: {status.value}: {error}")

    def _check_account(self, cursor: sqlprov.Connection, part: InventoryPart) -> None:
        """Check that a part's account has its name still: it may be renamed or closed, and credentials may change.

        Raises:
            OperationalError: it has not.
        """
        sql = f"SELECT account_id FROM aws.accounts WHERE account = {quote_text(part.account)}"
        if cursor.sql(sql).fetchall() != [(part.account_id,)]:
            raise OperationalError(
                f"The account {part.account_id} was {part.account!r} when the run began, and is not any more. Run the "
                "inventory again."
            )

    def _read(self, cursor: sqlprov.Connection, part: InventoryPart) -> None:
        self._check_account(cursor, part)
        file = part.find_file(self._folder, self._date)
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f"{file.name}{UNFINISHED}")
        where = f"account = {quote_text(part.account)}"
        where += "" if part.is_global else f" AND region = {quote_text(part.region)}"
        sql = f"SELECT * FROM {quote_path(*part.table.split('.'))} WHERE {where}"
        try:
            with unfinished.open("wb") as stream:
                result = cursor.sql(sql, engine=self._engine)
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
