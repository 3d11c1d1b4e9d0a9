"""`sqlprov inventory` with the calls made by the workers of Spark or Sail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlprov.frontends.inventory.collector import InventorySummary, collect
from sqlprov.frontends.spark.engine import Engine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    import sqlprov


def inventory(
    spark: SparkSession,
    connection: sqlprov.Connection,
    folder: str | Path,
    tables: Sequence[str],
    *,
    skip: Sequence[str] = (),
    date: str | None = None,
    workers: int = 16,
    report: Callable[[str], None] = print,
) -> InventorySummary:
    """Copy whole tables into Parquet files, or go on with the run of `date`.

    A part, which is a table in a region of an account, is a task of its own; this process writes the files and the
    manifest, so both are those of `sqlprov inventory`, and either can go on with the other's run.

    Args:
        spark: a session of Spark 4 or Sail.
        connection: says the accounts and regions.
        folder: of the inventory, here.
        tables: full names, SQL patterns with a %, or parts of names.
        skip: tables to leave out.
        date: such as 2026-12-01; `None` for today in UTC.
        workers: parts to read at once: as many as the cluster has cores, or some more.
        report: takes a line about a part that is not complete.

    Returns:
        How many parts ended in which way; its text is the last line of `sqlprov inventory`.

    Raises:
        UnknownName: a pattern matches no table.
        CredentialsError: the credentials have expired, or there are none; a further run goes on.
        Error: another run writes the folder, the manifest is broken, or there is no region.
    """
    day = date or f"{datetime.now(UTC):%Y-%m-%d}"
    names = [tables] if isinstance(tables, str) else tables
    engine = Engine(spark)
    return collect(connection, Path(folder), names, day, skip, workers, report=report, engine=engine)
