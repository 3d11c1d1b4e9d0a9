"""`sqlprov inventory`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.cli.connection_options import ConnectionOptions, add_connection_options
from sqlprov.frontends.cli.reports import INCOMPLETE


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
    from sqlprov.frontends.inventory.collector import collect
    from sqlprov.frontends.inventory.manifest import list_unfinished

    day = f"{date or datetime.now(UTC):%Y-%m-%d}"
    with target.connect() as connection:
        if date is None:
            for earlier in list_unfinished(folder, day):
                click.echo(f"The run of {earlier} was not finished; --date {earlier} resumes it.", err=True)
        done = collect(
            connection, folder, patterns, day, skip, workers, report=lambda line: click.echo(line, err=True)
        )
    click.echo(done)
    ctx.exit(0 if done.is_complete else INCOMPLETE)
