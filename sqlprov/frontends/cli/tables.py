"""A pattern in, the full names of tables out; names come from file names, no resource file is read."""

from __future__ import annotations

import re

import click


@click.command()
@click.option("--provider", metavar="NAME", help="Only this provider's, such as aws.")
@click.argument("like", required=False)
def tables(provider: str | None, like: str | None) -> None:
    """List the tables, one full name a line, without a call.

    LIKE is a SQL pattern for the full name (% any text, _ any character) or, without a %, a part of it.
    """
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.regions import REGIONS

    catalog = Catalog()
    owners = [provider.lower()] if provider else catalog.list_providers()
    every = [
        f"{owner}.{service}.{table}"
        for owner in owners
        for service in catalog.list_services(owner)
        for table in catalog.list_tables(owner, service)
    ]
    every += [f"{owner}.{REGIONS}" for owner in owners]
    found = sorted(name for name in every if _like(name, like or "%"))
    for name in found:
        click.echo(name)
    if not found:
        click.echo("No table has such a name.", err=True)


def _like(name: str, pattern: str) -> bool:
    wild = pattern if "%" in pattern else f"%{pattern}%"
    regex = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in wild)
    return re.fullmatch(regex, name, re.IGNORECASE) is not None
