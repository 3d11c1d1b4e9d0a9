"""`sqlprov` without a command: the options in, the shell on the terminal out."""

from __future__ import annotations

import click

from sqlprov.frontends.cli.connecting import Way, connecting

_HELP = """The shell: type SQL, and see its rows.

`sqlprov` without a command starts it, with the same options: `sqlprov --local`. A statement runs at its `;`. \\?
lists the shell's own commands. ~/.sqlprovrc is run first.

A DELETE or UPDATE of more than one row, and whatever stops a running experiment, shows the rows and asks.
"""


@click.command("repl", help=_HELP)
@connecting
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
@click.argument("words", nargs=-1, metavar="")
def repl(way: Way, yes: bool, words: tuple[str, ...]) -> None:
    if words:
        raise click.UsageError(
            f"Unexpected {words[0]!r}. Options stand behind the command, as in `sqlprov exec --local SQL`; "
            "`sqlprov -c SQL` runs SQL."
        )
    from sqlprov.frontends.repl import start

    start(way.connection(), _place(way), yes=yes)


def _place(way: Way) -> str:
    if way.local:
        return "the local SageMaker, no AWS account"
    found = way.endpoint_url or "AWS"
    return f"{found}, profile {way.profile}" if way.profile else found
