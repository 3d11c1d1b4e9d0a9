"""Splits lines into statements and commands, and reads them from a terminal that cannot move its cursor."""

from __future__ import annotations

import re
import select
import sys
from collections.abc import Iterable, Iterator
from getpass import getpass
from pathlib import Path

from sqlprov.errors import Cancelled, MalformedSQL
from sqlprov.sql.lexer import tokenize

PROMPT, CONTINUATION = "sqlprov> ", "      -> "
EXIT_WORDS = ("exit", "quit")
POLL = 0.1
"""Seconds until a Ctrl-C takes effect that did not interrupt a system call."""
TAIL = re.compile(r"\\(?:watch\b[^\n]*|gx?|G)\Z")
"""A command after a statement, on its last line."""


def find_rc_file() -> Path:
    """The file that runs first."""
    return Path("~/.sqlprovrc").expanduser()


def is_command(text: str) -> bool:
    """Whether the input is a command, or ends with one."""
    bare = text.strip().rstrip("; ")
    is_word = not bare or bare.lower() in (*EXIT_WORDS, "help")
    return is_word or bare.startswith(("\\", ".")) or bool(TAIL.search(bare))


def is_complete(text: str) -> bool:
    """Whether Enter runs the input: a command, or statements up to their `;`."""
    if is_command(text):
        return True
    try:
        tokens = tokenize(text)
    except MalformedSQL:
        return False
    return not tokens or tokens[-1].is_one_of(";")


def split_script(lines: Iterable[str]) -> Iterator[str]:
    """The statements and commands in lines; the last statement may lack its `;`."""
    pending = ""
    for line in lines:
        pending = f"{pending}\n{line}" if pending else line
        if is_complete(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending


def read_line(prompt: str) -> str:
    """Read a line from a terminal; raises the same errors as `read_statement`."""
    print(prompt, end="", file=sys.stderr, flush=True)
    # `input` alone would ignore, until Enter, a Ctrl-C between its prompt and its read.
    while not select.select([sys.stdin], [], [], POLL)[0]:
        pass
    return input()


def read_code(serial: str) -> str:
    """Read a code of an MFA device from a terminal, which does not show it.

    Raises:
        Cancelled: Ctrl-D.
        KeyboardInterrupt: Ctrl-C.
    """
    try:
        return getpass(f"Code of the MFA device {serial}: ")
    except EOFError:
        raise Cancelled("No code was entered; nothing was called.") from None


def read_statement() -> str:
    """Read a statement or command from a terminal without an editor.

    Raises:
        EOFError: the input has ended.
        KeyboardInterrupt: Ctrl-C.
    """
    text = read_line(PROMPT)
    while not is_complete(text):
        try:
            text += "\n" + read_line(CONTINUATION)
        except EOFError:
            break
    return text
