"""`sqlprov doctor`: the options in; what works, what does not, and how to mend it, out."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata

import click

from sqlprov.frontends.cli.connecting import Way, connecting

_HELP = """Check versions, credentials, region, endpoint, identity, clock, and what may be read and written.

A table is read by a list of one row, and that row's other calls. Nothing is written: what may be written is asked
of IAM's policy simulator, if that is allowed. LIKE is a SQL pattern for the full names of the tables to check (% any
text, _ any character) or, without a %, a part of them; without it all are checked.

Each line begins with `ok`, `failed`, `no` for what is not allowed to be written, or `-` for what was not checked. Exit
codes: 0 nothing failed; 1 something did; 2 wrong usage.
"""
LIBRARIES = ("duckdb", "pyarrow", "boto3", "botocore", "sqlglot", "click")


@click.command("doctor", help=_HELP)
@connecting
@click.argument("like", required=False)
@click.pass_context
def doctor(ctx: click.Context, way: Way, like: str | None) -> None:
    failed = 0
    for health, check, told, mend in _versions():
        failed += _say(health, check, told, mend)
    with way.connection() as connection:
        for found in connection.checkup(like or "%"):
            failed += _say(found.health.value, found.check, found.told, found.mend)
    if failed:
        click.echo(f"{failed} of the checks failed.")
        ctx.exit(1)
    click.echo("Nothing failed.")


def _say(health: str, check: str, told: str, mend: str) -> bool:
    click.echo(f"{health:<8}{check:<13}{told}")
    if mend:
        click.echo(f"{'':<8}{'':<13}→ {mend}")
    return health == "failed"


def _versions() -> Iterator[tuple[str, str, str, str]]:
    """Python, sqlprov, and the libraries beside the versions that sqlprov needs."""
    python = ".".join(map(str, sys.version_info[:3]))
    shown = [f"sqlprov {metadata.version('sqlprov')}", f"Python {python}"]
    wrong = []
    needed = dict(_needed())
    for name in LIBRARIES:
        found = metadata.version(name)
        shown.append(f"{name} {found}")
        least = needed.get(name, "")
        if _numbers(found) < _numbers(least):
            wrong.append(f"{name}>={least}")
    told = ", ".join(shown)
    if wrong:
        yield "failed", "versions", told, f"pip install --upgrade {' '.join(map(repr, wrong))}"
    else:
        yield "ok", "versions", told, ""


def _needed() -> Iterator[tuple[str, str]]:
    """Name and least version of what sqlprov needs."""
    for requirement in metadata.requires("sqlprov") or ():
        match = re.match(r"([\w-]+)(?:\[[\w, -]+\])?\s*>=\s*([\d.]+)\s*$", requirement)
        if match:
            yield match[1], match[2]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
