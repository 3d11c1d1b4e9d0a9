"""Lines in, whole statements and commands out: of a script, and of a terminal that cannot move its cursor."""

from __future__ import annotations

import re
import select
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlprov.errors import MalformedSQL
from sqlprov.sql.lexer import tokenize

PROMPT, CONTINUED = "sqlprov> ", "      -> "
LEAVING = ("exit", "quit")
GLANCE = 0.1
"""Seconds after which a Ctrl-C is seen that no system call has met."""
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
        found = tokenize(bare)
    except MalformedSQL:
        return False
    return not found or found[-1].is_one_of(";")


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


def line(prompt: str) -> str:
    """A line typed at a terminal; raises what `read` does."""
    print(prompt, end="", file=sys.stderr, flush=True)
    # `input` alone does not see a Ctrl-C that comes after its prompt and before it reads, until Enter.
    while not select.select([sys.stdin], [], [], GLANCE)[0]:
        pass
    return input()


def read() -> str:
    """What is typed at a terminal without an editor.

    Raises:
        EOFError: the input has ended.
        KeyboardInterrupt: Ctrl-C.
    """
    typed = line(PROMPT)
    while not is_whole(typed):
        try:
            typed += "\n" + line(CONTINUED)
        except EOFError:
            break
    return typed
