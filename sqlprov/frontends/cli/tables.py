"""`sqlprov tables`: lists the tables without reading a resource file."""

from __future__ import annotations

import re

import click


@click.command()
@click.option("--provider", metavar="NAME", help="Only the tables of this provider, such as aws.")
@click.argument("like", required=False)
def tables(provider: str | None, like: str | None) -> None:
    """List the full names of the tables, one a line. Makes no call.

    LIKE is a SQL pattern for the full name (% any text, _ any character) or, without a %, a part of it.
    """
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.regions import REGIONS

    catalog = Catalog()
    catalog.reveal(f"{provider} {like}")
    providers = [provider.lower()] if provider else catalog.list_providers()
    names = [
        f"{provider}.{service}.{table}"
        for provider in providers
        for service in catalog.list_services(provider)
        for table in catalog.list_tables(provider, service)
    ]
    names += [f"{provider}.{REGIONS}" for provider in providers]
    pattern = _compile_like(like or "%")
    matches = sorted(filter(pattern.fullmatch, names))
    for name in matches:
        click.echo(name)
    if not matches:
        click.echo("No table has a matching name.", err=True)


def _compile_like(pattern: str) -> re.Pattern[str]:
    # Not `sql.show.is_like`: it would load pyarrow.
    pattern = pattern if "%" in pattern else f"%{pattern}%"
    regex = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile(regex, re.IGNORECASE)
