"""`sqlprov policy`: prints the IAM policy that the statements of some tables need."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click
import orjson

from sqlprov.errors import UnknownName, suggest
from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.table_names import compile_like, list_tables
from sqlprov.settings import Settings


def _parse_verbs(ctx: click.Context, parameter: click.Parameter, text: str) -> frozenset[str]:
    from sqlprov.catalog.policy import WRITE_VERBS

    words = [word.upper() for word in text.replace(",", " ").split()]
    known = {"READ": (), "SELECT": (), "WRITE": WRITE_VERBS, **{verb: (verb,) for verb in WRITE_VERBS}}
    for word in words:
        if word not in known:
            names = [name.lower() for name in known]
            raise click.BadParameter(
                f"{word.lower()!r}: expected {', '.join(names)}.{suggest(word.lower(), names)}"
            )
    return frozenset(verb for word in words for verb in known[word])


@click.command(cls=StrictCommand)
@click.option(
    "--tables",
    "patterns",
    multiple=True,
    required=True,
    metavar="LIKE",
    help="SQL pattern for the full names of the tables, or a part of them. May be repeated.",
)
@click.option(
    "--verbs",
    callback=_parse_verbs,
    default="read",
    show_default=True,
    metavar="LIST",
    help="read, write, or some of insert, update, delete and exec.",
)
@click.option(
    "--accounts",
    default="",
    metavar="LIST",
    help="The accounts that the session reads, as sqlprov_accounts takes them, such as organization.",
)
@click.option(
    "--role",
    default=Settings().role,
    show_default=True,
    metavar="NAME",
    help="The role that is assumed in them (sqlprov_role).",
)
def policy(patterns: Sequence[str], verbs: frozenset[str], accounts: str, role: str) -> None:
    """Print the least IAM policy for tables, as JSON. Makes no call.

    It allows the calls that read the tables, their tags, their parents' keys and the account's regions, and those of
    the writes that --verbs names. A write reads first, so every policy allows reading. With --accounts, the session's
    own identity may list these accounts and assume their role, too.
    """
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.policy import LONGEST, build_policy

    catalog = Catalog()
    catalog.reveal(" ".join(patterns))
    known = list_tables(catalog, catalog.list_providers())
    names: dict[str, None] = {}
    for pattern in patterns:
        matches = list(filter(compile_like(pattern).fullmatch, known))
        if not matches:
            raise UnknownName(f"No table name matches {pattern!r}.{suggest(pattern, known)}")
        names.update(dict.fromkeys(sorted(matches)))
    tables = [catalog.get_table(*name.split(".")) for name in names]
    written = {method.verb for table in tables for method in table.methods}
    if missing := sorted(verbs - written):
        click.echo(f"None of these tables has {' or '.join(missing)}.", err=True)
    words = Settings().with_value("accounts", accounts).account_words()
    made = build_policy(tables, verbs, words, role)
    text = orjson.dumps(made, option=orjson.OPT_INDENT_2).decode()
    click.echo(text)
    length = len(re.sub(r"\s", "", text))
    if length > LONGEST:
        click.echo(
            f"It has {length:,} characters; IAM takes {LONGEST:,} for one policy. Name fewer tables.",
            err=True,
        )
