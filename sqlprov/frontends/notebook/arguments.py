"""Parses the text of a magic into options and statements."""

from __future__ import annotations

import re

from sqlprov.errors import InterfaceError, suggest
from sqlprov.records import dataclass

FRAMES = ("df", "pl", "arrow")
FLAGS = (*FRAMES, "local", "read-only", "sandbox", "dry-run")
VALUES = ("endpoint-url", "profile", "allow-file", "region", "connection")
_OPTION = re.compile(r"--([A-Za-z][\w-]*)(?:[ \t]*=[ \t]*|[ \t]+|$|(?=\n))")
_NAME = re.compile(r"([^\W\d]\w*)[ \t]*<<\s*")


@dataclass(frozen=True)
class Arguments:
    """The arguments of a magic.

    Attributes:
        script: statements; empty if there are only options.
        flags: those of FLAGS that are given.
        values: an option of VALUES -> the values given for it, in order.
        name: variable to store the result in; empty to show it.
    """

    script: str
    flags: frozenset[str]
    values: dict[str, list[str]]
    name: str

    @property
    def frame(self) -> str:
        """One of FRAMES; empty for a Result."""
        return next((frame for frame in FRAMES if frame in self.flags), "")


def parse_arguments(line: str, cell: str | None = None) -> Arguments:
    """Parse `%sqlprov line`, or `%%sqlprov line` above `cell`.

    Raises:
        InterfaceError: an unknown option, or one without its value.
    """
    rest = line.strip()
    flags, values = set(), dict[str, list[str]]()
    while match := _OPTION.match(rest):
        option, rest = match[1], rest[match.end() :].lstrip()
        if option in FLAGS:
            flags.add(option)
        elif option in VALUES:
            value, _, rest = rest.partition(" ")
            if not value:
                raise InterfaceError(f"--{option} needs a value.")
            values.setdefault(option, []).append(value.strip("'\""))
            rest = rest.lstrip()
        else:
            options = [f"--{name}" for name in (*FLAGS, *VALUES)]
            near = suggest(f"--{option}", options)
            raise InterfaceError(f"Unknown option --{option}.{near} The options are {', '.join(options)}.")
    if len(flags & set(FRAMES)) > 1:
        raise InterfaceError("Give only one of --df, --pl and --arrow.")
    name = ""
    if match := _NAME.match(rest):
        name, rest = match[1], rest[match.end() :]
    return Arguments("\n".join(part for part in (rest, cell) if part), frozenset(flags), values, name)
