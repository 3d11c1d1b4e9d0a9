"""Keys typed at a terminal in, rows on its screen out: `sqlprov` without a command.

`shell` runs what was typed, `commands` are those that begin with a backslash, `editor` takes the keys, `display`
shows rows, `watching` shows how far a statement is, `asking` has writes confirmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlprov.frontends.repl.commands import run_command
from sqlprov.frontends.repl.display import Screen
from sqlprov.frontends.repl.lines import rc_file, read
from sqlprov.frontends.repl.shell import Leave, Shell

if TYPE_CHECKING:
    import sqlprov


def start(connection: sqlprov.Connection, place: str, *, yes: bool) -> None:
    """Read and run statements until the end of the input.

    Args:
        connection: is closed at the end.
        place: what it is connected to, for the greeting.
        yes: write without asking.
    """
    screen = Screen()
    shell = Shell(connection, screen, run_command, yes=yes)
    with connection:
        rc = rc_file()
        if rc.exists():
            try:
                shell.submit(f"\\i {rc}")
            except Leave:
                return
        screen.tell(f"sqlprov, {place}. \\? for help, \\q to leave.")
        if screen.is_full:
            from sqlprov.frontends.repl.editor import Editor

            shell.loop(Editor(shell).read)
        else:
            shell.loop(read)
