"""`sqlprov repl`, and `sqlprov` without a command."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.cli.connection_options import ConnectionOptions, add_connection_options

_HELP = """The shell: type SQL and see its rows.

`sqlprov` without a command starts it, with the same options: `sqlprov --local`. A statement runs at its `;`. \\?
lists the shell's own commands. ~/.sqlprovrc runs first.

The shell asks before it deletes anything, before it stops something that runs, and before it changes several rows or a
row that WHERE does not name by its key. In a terminal, it also asks before a statement makes more than 2,000 calls
(`--set max_calls`).
"""
BUDGET = "2000"
"""Calls of a statement before which the shell asks."""


@click.command("repl", cls=StrictCommand, help=_HELP)
@add_connection_options
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
@click.argument("words", nargs=-1, metavar="")
def repl(target: ConnectionOptions, yes: bool, words: tuple[str, ...]) -> None:
    if words:
        raise click.UsageError(
            f"Unexpected {words[0]!r}. Options follow the command, as in `sqlprov exec --local SQL`; "
            "`sqlprov -c SQL` runs SQL."
        )
    from sqlprov.frontends.repl import start

    if sys.stdin.isatty() and sys.stdout.isatty():  # a script has no limit, as in `sqlprov exec`
        target = replace(target, set={"max_calls": BUDGET, **target.set})
    about = "the local AWS, no account; its first query takes seconds" if target.local else ""
    start(target.connect(), about, yes=yes)
