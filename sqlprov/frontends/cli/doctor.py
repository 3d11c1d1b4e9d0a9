"""`sqlprov doctor`: prints the checks, and how to fix those that failed."""

from __future__ import annotations

import re
import sys

import click

from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.cli.connection_options import ConnectionOptions, add_connection_options

_HELP = """Check versions, credentials, region, endpoint, identity, clock, the accounts that the session names, and
permissions to read and write.

To read a table, it lists one row and makes the other calls for that row. Nothing is written: IAM's policy simulator
says which writes are allowed, if you may call it. LIKE is a SQL pattern for the full names of the tables to check
(% any text, _ any character) or, without a %, a part of them; without it no table is checked.

Each line begins with `ok`, `failed`, `denied` (a write that is not allowed) or `skipped`. Exit codes: 0 nothing failed;
1 something failed; 2 wrong usage.
"""
LIBRARIES = ("duckdb", "pyarrow", "boto3", "botocore", "sqlglot", "click")


@click.command("doctor", cls=StrictCommand, help=_HELP)
@add_connection_options
@click.argument("like", required=False)
@click.pass_context
def doctor(ctx: click.Context, target: ConnectionOptions, like: str | None) -> None:
    failed = _check_versions()
    with target.connect() as connection:
        for check in connection.diagnose(like):
            failed += _print(check.status.value, check.name, check.message, check.remedy)
    if failed:
        click.echo("1 check failed." if failed == 1 else f"{failed} checks failed.")
        ctx.exit(1)
    click.echo("Nothing failed.")


def _print(status: str, name: str, message: str, remedy: str) -> bool:
    click.echo(f"{status:<9}{name:<13}{message}")
    if remedy:
        click.echo(f"{'':<9}{'':<13}→ {remedy}")
    return status == "failed"


def _check_versions() -> int:
    """The versions of Python, sqlprov and its libraries; 1 if a library is too old."""
    from importlib import metadata  # 0.02 s, which other commands do not need

    python = ".".join(map(str, sys.version_info[:3]))
    versions = {name: metadata.version(name) for name in LIBRARIES}
    needed = _list_needed_versions()
    old = [
        f"{name}>={needed[name]}"
        for name in versions
        if _parse(versions[name]) < _parse(needed.get(name, ""))
    ]
    message = [f"sqlprov {metadata.version('sqlprov')}", f"Python {python}", *map(" ".join, versions.items())]
    remedy = f"pip install --upgrade {' '.join(map(repr, old))}" if old else ""
    return _print("failed" if old else "ok", "versions", ", ".join(message), remedy)


def _list_needed_versions() -> dict[str, str]:
    """The lowest version of each library that sqlprov accepts."""
    from importlib import metadata

    requirements = metadata.requires("sqlprov") or ()
    matches = [re.match(r"([\w-]+)[^;>]*>=\s*([\d.]+)", requirement) for requirement in requirements]
    return {match[1]: match[2] for match in matches if match}


def _parse(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
