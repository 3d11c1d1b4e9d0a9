"""`sqlprov tables`: lists the tables without reading a resource file."""

from __future__ import annotations

import click

from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.table_names import compile_like, list_tables


@click.command(cls=StrictCommand)
@click.option("--provider", metavar="NAME", help="Only the tables of this provider, such as aws.")
@click.argument("like", required=False)
def tables(provider: str | None, like: str | None) -> None:
    """List the full names of the tables, one a line. Makes no call.

    LIKE is a SQL pattern for the full name (% any text, _ any character) or, without a %, a part of it.
    """
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.provider_tables import PROVIDER_TABLES

    catalog = Catalog()
    catalog.reveal(f"{provider} {like}")
    providers = [provider.lower()] if provider else catalog.list_providers()
    pattern = compile_like(like or "%")
    own = (f"{provider}.{table}" for provider in providers for table in PROVIDER_TABLES)
    names = [*list_tables(catalog, providers), *own]
    matches = sorted(filter(pattern.fullmatch, names))
    for name in matches:
        click.echo(name)
    if not matches:
        click.echo("No table has a matching name.", err=True)
