"""`sqlprov inventory`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from sqlprov.errors import UnknownName, format_count, suggest
from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.cli.connection_options import ConnectionOptions, add_connection_options
from sqlprov.frontends.cli.reports import INCOMPLETE
from sqlprov.frontends.cli.tables import compile_like, list_tables


@click.command(cls=StrictCommand)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--tables",
    "patterns",
    multiple=True,
    required=True,
    metavar="LIKE",
    help="A table's full name, a SQL pattern such as aws.ec2.%, or a part of names. May be repeated.",
)
@click.option("--skip", multiple=True, metavar="LIKE", help="Tables to leave out. May be repeated.")
@click.option(
    "--date",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The run to begin or to resume.  [default: today, UTC]",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=8, show_default=True, help="Parts to read at once."
)
@add_connection_options
@click.pass_context
def inventory(
    ctx: click.Context,
    folder: Path,
    patterns: Sequence[str],
    skip: Sequence[str],
    date: datetime | None,
    workers: int,
    target: ConnectionOptions,
) -> None:
    """Copy whole tables into Parquet files under FOLDER, in each of the session's regions.

    A part, which is a table in a region, is one file; FOLDER/manifest-DATE.jsonl says which are complete. A run of the
    same date reads only those that are not. Exit with 7 if a part could not be read.
    """
    from sqlprov.frontends.inventory.collector import Collector
    from sqlprov.frontends.inventory.manifest import PartStatus, list_unfinished

    day = f"{date or datetime.now(UTC):%Y-%m-%d}"
    with target.connect() as connection:
        catalog = connection.catalog
        catalog.reveal(" ".join(patterns))
        known = list_tables(catalog, catalog.list_providers())
        names = choose_tables(known, patterns, skip)
        if date is None:
            for earlier in list_unfinished(folder, day):
                click.echo(f"The run of {earlier} was not finished; --date {earlier} resumes it.", err=True)
        collector = Collector(connection, folder, day, lambda line: click.echo(line, err=True))
        parts = collector.list_parts(names)
        collector.run(parts, workers)
        counts = collector.manifest.finish(parts)
    rows = collector.manifest.count_rows(parts)
    others = "".join(
        f", {counts[status]:,} {status.value}"
        for status in PartStatus
        if status is not PartStatus.COMPLETE and counts[status]
    )
    click.echo(
        f"{format_count(counts[PartStatus.COMPLETE], 'part')} complete{others}; {format_count(rows, 'row')}. "
        f"{collector.manifest.file}"
    )
    ctx.exit(INCOMPLETE if counts[PartStatus.FAILED] or counts[PartStatus.DENIED] else 0)


def choose_tables(known: Sequence[str], patterns: Sequence[str], skip: Sequence[str]) -> list[str]:
    """The names that a pattern matches and none of `skip`."""
    chosen = set[str]()
    for pattern in patterns:
        is_name = pattern.lower() in known  # not also a part of others
        found = {pattern.lower()} if is_name else set(filter(compile_like(pattern).fullmatch, known))
        if not found:
            raise UnknownName(f"--tables {pattern!r}: no table has such a name.{suggest(pattern, known)}")
        chosen |= found
    return sorted(name for name in chosen if not any(compile_like(each).fullmatch(name) for each in skip))
