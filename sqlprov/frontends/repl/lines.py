"""Lines in, whole statements and commands out: of a script, and of a terminal that cannot move its cursor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlprov.errors import MalformedSQL
from sqlprov.statements.tokens import tokens

PROMPT, CONTINUED = "sqlprov> ", "      -> "
LEAVING = ("exit", "quit")
WATCH = re.compile(r"\\watch\b[^\n]*\Z")


def rc_file() -> Path:
    """The file that is run at the start."""
    return Path("~/.sqlprovrc").expanduser()


def is_whole(text: str) -> bool:
    """Whether a text is to be run as it stands: a command, or statements up to their `;`."""
    bare = text.strip()
    if not bare or bare.startswith("\\") or bare.lower().rstrip("; ") in (*LEAVING, "help"):
        return True
    if WATCH.search(bare):
        return True
    try:
        found = tokens(bare)
    except MalformedSQL:
        return False
    return not found or found[-1].says(";")


def split(lines: Iterable[str]) -> Iterator[str]:
    """The statements and commands of lines, the last even without its `;`."""
    waiting = ""
    for line in lines:
        waiting = f"{waiting}\n{line}" if waiting else line
        if is_whole(waiting):
            yield waiting
            waiting = ""
    if waiting.strip():
        yield waiting


def read() -> str:
    """What is typed at a terminal without an editor.

    Raises:
        EOFError: the input has ended.
        KeyboardInterrupt: Ctrl-C.
    """
    typed = input(PROMPT)
    while not is_whole(typed):
        try:
            typed += "\n" + input(CONTINUED)
        except EOFError:
            break
    return typed
