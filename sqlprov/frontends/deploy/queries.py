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
OPTIONS = ("retries", "retry_delay", "postdelete_retries", "postdelete_retry_delay")
_HEAD = re.compile(r"/\*\+\s*(.*?)\s*\*/[ \t]*(.*)")
_STATEMENT_HINTS = ("AWAIT",)


@dataclass(frozen=True)
class QueryBlock:
    """The SQL template of one block.

    Attributes:
        line: in `file`, of the template's first line.
        options: of OPTIONS, those that are written.
    """

    text: str
    file: str
    line: int
    options: Mapping[str, int]


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
        text = "\n".join(lines[first:end])
        if text.strip():
            blocks[name] = QueryBlock(text, str(file), first + 1, options_)
    return blocks


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
