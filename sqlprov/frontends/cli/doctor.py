"""`sqlprov doctor`: prints the checks, and how to fix those that failed."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from sqlprov.frontends.cli.connection_options import ConnectionOptions, add_connection_options

_HELP = """Check credentials, region, endpoint, identity and clock.

Each line begins with `ok`, `failed` or `skipped`. Exit codes: 0 nothing failed; 1 something failed; 2 wrong usage.
"""
LIBRARIES = ("sqlprov", "duckdb", "pyarrow", "boto3", "botocore", "sqlglot", "click")


@click.command("doctor", help=_HELP)
@add_connection_options
@click.pass_context
def doctor(ctx: click.Context, target: ConnectionOptions) -> None:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES)
    click.echo(f"{'ok':<9}{'versions':<13}{versions}, Python {platform.python_version()}")
    failed = 0
    with target.connect() as connection:
        for check in connection.diagnose():
            click.echo(f"{check.status.value:<9}{check.name:<13}{check.message}")
            if check.remedy:
                click.echo(f"{'':<22}→ {check.remedy}")
            failed += check.status.value == "failed"
    if failed:
        click.echo("1 check failed." if failed == 1 else f"{failed} checks failed.")
        ctx.exit(1)
    click.echo("Nothing failed.")
