"""The shell: `sqlprov` without a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlprov.errors import CredentialsError
from sqlprov.frontends.repl.commands import run_command
from sqlprov.frontends.repl.input import find_rc_file, read_statement
from sqlprov.frontends.repl.screen import Screen
from sqlprov.frontends.repl.shell import ExitShell, Shell

if TYPE_CHECKING:
    import sqlprov


def start(connection: sqlprov.Connection, target: str, *, yes: bool) -> None:
    """Read and run statements until the input ends.

    Args:
        connection: closed at the end.
        target: the account, for the greeting; if empty, the connection says it.
        yes: write without asking.
    """
    screen = Screen()
    shell = Shell(connection, screen, run_command, yes=yes)
    screen.uses_pager &= not connection.is_sandboxed  # `less` runs commands
    with connection:
        rc = find_rc_file()
        if rc.exists() and not connection.is_sandboxed:
            try:
                shell.submit(f"\\i {rc}")
            except ExitShell:
                return
        try:
            screen.info(f"sqlprov, {target or connection.target}. \\? for help, \\q to leave.")
        except CredentialsError as error:
            screen.error(str(error))
        if screen.is_interactive:
            from sqlprov.frontends.repl.editor import Editor

            shell.loop(Editor(shell).read)
        else:
            shell.loop(read_statement)
