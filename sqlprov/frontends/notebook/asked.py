"""The text of a magic in, what it asks out; nothing of IPython is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlprov.errors import InterfaceError, nearest

FLAGS = {
    "local": "the local SageMaker that comes with sqlprov, without an account",
    "df": "the rows as a pandas DataFrame",
    "pl": "the rows as a polars DataFrame",
    "arrow": "the rows as an Arrow table",
    "dry-run": "show the calls of a write to the cloud instead of making them",
}
VALUES = {
    "endpoint-url": "another server that speaks the API",
    "profile": "AWS profile",
    "region": "region of statements that name none; may be given more than once",
    "connection": "name of a variable that holds a sqlprov connection",
}
KINDS = ("df", "pl", "arrow")
_OPTION = re.compile(r"--([A-Za-z][\w-]*)(?:[ \t]*=[ \t]*|[ \t]+|$|(?=\n))")
_NAME = re.compile(r"([^\W\d]\w*)[ \t]*<<\s*")


@dataclass(frozen=True)
class Asked:
    """What a magic asks.

    Attributes:
        script: statements; empty if only options are given.
        flags: the names of FLAGS that are given.
        values: name of VALUES -> what was given for it, in its order.
        name: variable that takes the result; empty if it is shown.
    """

    script: str
    flags: frozenset[str]
    values: dict[str, list[str]]
    name: str

    @property
    def kind(self) -> str:
        """One of KINDS; empty for a Result."""
        return next((kind for kind in KINDS if kind in self.flags), "")


def asked(line: str, cell: str | None = None) -> Asked:
    """What `%sqlprov line` asks, or `%%sqlprov line` above `cell`.

    Raises:
        InterfaceError: an option that does not exist or lacks its value.
    """
    rest = line.strip()
    flags, values = set(), dict[str, list[str]]()
    while found := _OPTION.match(rest):
        option, rest = found[1], rest[found.end() :].lstrip()
        if option in FLAGS:
            flags.add(option)
        elif option in VALUES:
            value, _, rest = rest.partition(" ")
            if not value:
                raise InterfaceError(f"--{option} lacks its value: {VALUES[option]}.")
            values.setdefault(option, []).append(value.strip("'\""))
            rest = rest.lstrip()
        else:
            known = [f"--{name}" for name in (*FLAGS, *VALUES)]
            near = nearest(f"--{option}", known)
            raise InterfaceError(f"Unknown option --{option}.{near} There are {', '.join(known)}.")
    if len(flags & set(KINDS)) > 1:
        raise InterfaceError("The rows can be one of --df, --pl and --arrow.")
    name = ""
    if named := _NAME.match(rest):
        name, rest = named[1], rest[named.end() :]
    return Asked("\n".join(part for part in (rest, cell) if part), frozenset(flags), values, name)
