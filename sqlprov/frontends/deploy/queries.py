"""Reads a resource's `.iql` file: statements in blocks, each below a line such as `/*+ exists, retries=3 */`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sqlprov.errors import suggest
from sqlprov.frontends.deploy.manifest import Problems
from sqlprov.records import dataclass

BLOCKS = ("exists", "create", "createorupdate", "update", "statecheck", "exports", "delete", "command")
_ALIASES = {"preflight": "exists", "postdeploy": "statecheck"}
_INCLUDE = re.compile(
    r"""\{%-?\s*include\s+(["'])(?P<name>[^"']+)\1(?P<optional>\s+ignore missing)?[^%"']*?-?%\}"""
)
MOST_INCLUDED = 1000
"""Files that a block may include; a file that includes itself has no end."""
OPTIONS = ("retries", "retry_delay", "postdelete_retries", "postdelete_retry_delay")
_HEAD = re.compile(r"/\*\+\s*(.*?)\s*\*/[ \t]*(.*)")
_STATEMENT_HINTS = ("AWAIT",)


@dataclass(frozen=True)
class QueryBlock:
    """The SQL template of one block.

    Attributes:
        text: with the files that it includes.
        lines: file and line of each of its lines.
        options: of OPTIONS, those that are written.
    """

    text: str
    lines: tuple[tuple[str, int], ...]
    options: Mapping[str, int]

    def find(self, line: int) -> tuple[str, int]:
        """File and line of one of its lines, from 1."""
        return self.lines[min(line, len(self.lines)) - 1]

    @property
    def place(self) -> str:
        """File and line of its beginning."""
        return "{}:{}".format(*self.lines[0])


def read_blocks(file: Path, problems: Problems) -> dict[str, QueryBlock]:
    """Name, of BLOCKS -> its block; adds mistakes to `problems`."""
    try:
        lines = file.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        problems.add(str(file), f"expected UTF-8: {error}")
        return {}
    starts: list[tuple[int, str, Mapping[str, int]]] = []
    for number, line in enumerate(lines):
        head = _HEAD.match(line)
        if head is None or (head[1].upper() in _STATEMENT_HINTS and starts):
            continue
        name, *options = (part.strip() for part in head[1].split(","))
        name = _ALIASES.get(name.lower(), name.lower())
        if name not in BLOCKS:
            text = f"unknown block {name!r}; expected one of {', '.join(BLOCKS)}.{suggest(name, BLOCKS)}"
            problems.add(f"{file}:{number + 1}", text)
        if name in {each for _, each, _ in starts}:
            problems.add(f"{file}:{number + 1}", f"the block {name!r} is there twice")
        starts.append((number, name, _parse_options(options, f"{file}:{number + 1}", problems)))
        lines[number] = head[2]  # SQL may follow on the same line
    blocks: dict[str, QueryBlock] = {}
    ends = [number for number, _, _ in starts[1:]] + [len(lines)]
    for (first, name, options_), end in zip(starts, ends, strict=True):
        own = [(str(file), number + 1) for number in range(first, end)]
        text, places = _include("\n".join(lines[first:end]), own, file.parent, problems)
        if text.strip():
            blocks[name] = QueryBlock(text, tuple(places), options_)
    return blocks


def _include(
    text: str, lines: list[tuple[str, int]], folder: Path, problems: Problems
) -> tuple[str, list[tuple[str, int]]]:
    """A template with the files in place of `{% include 'file' %}`, and file and line of each of its lines.

    As in stackql-deploy, the names are relative to the current directory, and otherwise to `folder`.
    """
    included = 0
    while match := _INCLUDE.search(text):
        at, name = text.count("\n", 0, match.start()), match["name"]
        file = next((each for each in (Path(name), folder / name) if each.is_file()), None)
        included += 1
        if included > MOST_INCLUDED or not (file or match["optional"]):
            problem = "does not exist; expected the file to include" if file is None else "includes itself"
            problems.add("{}:{}".format(*lines[at]), f"{name} {problem}")
            file = None
        inner = file.read_text("utf-8-sig").removesuffix("\n") if file else ""
        places = [(str(file), number) for number in range(2, inner.count("\n") + 2)]
        lines = [*lines[: at + 1], *places, *lines[at + 1 :]]
        text = text[: match.start()] + inner + text[match.end() :]
    return text, lines


def _parse_options(texts: list[str], place: str, problems: Problems) -> Mapping[str, int]:
    options: dict[str, int] = {}
    for text in filter(None, texts):
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in OPTIONS:
            problems.add(
                place,
                f"unknown option {name!r}; expected one of {', '.join(OPTIONS)}.{suggest(name, OPTIONS)}",
            )
        elif not value.isdecimal():
            problems.add(place, f"{name} = {value!r}; expected a whole number")
        else:
            options[name] = int(value)
    return options
