"""Reads and writes the lines of the catalog and of the drafts.

A line that a person settled (`# settled`) and a table with its own file are never rewritten; a description and
an order that a person wrote stay on any line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

RESOURCES = Path(__file__).parents[1]
_LINE = re.compile(r"  (?P<name>\w+): (?P<words>\{.*\})(?:\s+# (?P<mark>.*))?")
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
SETTLED, DOUBT = "settled", "? "


@dataclass(frozen=True)
class Line:
    """One line: the table's name, its words as they are written, and the mark behind them."""

    name: str
    words: str
    mark: str = ""

    @property
    def is_settled(self) -> bool:
        return self.mark.startswith(SETTLED)

    @property
    def parsed(self) -> dict[str, Any]:
        """The words."""
        return dict(yaml.load(self.words, Loader=_LOADER))

    def keep_description_and_order(self, old: Line | None) -> Line:
        """This line with the description and the order that a person wrote on the old one; the rules write neither."""
        words = r"""\{(about: (?:"[^"]*"|[^,]*), )?.*?(, order: \[[^\]]*\])?\}"""
        match = re.fullmatch(words, old.words) if old else None
        about, order = match.groups("") if match else ("", "")
        return replace(self, words=f"{{{about}{self.words[1:-1]}{order}}}")

    def __str__(self) -> str:
        return f"  {self.name}: {self.words}" + (f"  # {self.mark}" if self.mark else "")


@dataclass
class File:
    """A file of lines: what stands above `tables:`, and the lines by name."""

    path: Path
    head: str = ""
    lines: dict[str, Line] = field(default_factory=dict)

    @property
    def settled(self) -> dict[str, Line]:
        """The lines that a person settled."""
        return {name: line for name, line in self.lines.items() if line.is_settled}

    def write(self) -> None:
        """Write the file; remove it if no line is left."""
        if not self.lines:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = (str(self.lines[name]) for name in sorted(self.lines))
        self.path.write_text(self.head + "tables:\n" + "".join(f"{line}\n" for line in lines), "utf-8")


def read_file(path: Path) -> File:
    """The file at `path`; without lines if there is none."""
    if not path.is_file():
        return File(path)
    head, _, tables = path.read_text("utf-8").partition("tables:\n")
    lines = {}
    for number, text in enumerate(tables.splitlines(), head.count("\n") + 2):
        match = _LINE.fullmatch(text)
        if not match:
            raise SystemExit(f"{path}:{number}: expected one line a table, found {text!r}")
        lines[match["name"]] = Line(match["name"], match["words"], match["mark"] or "")
    return File(path, head, lines)


def read_own_files(folder: Path) -> dict[str, dict[str, Any]]:
    """The words of the tables that have files of their own, by name."""
    return {
        path.stem: yaml.load(path.read_text("utf-8"), Loader=_LOADER)
        for path in sorted(folder.glob("*.yaml"))
        if not path.stem.startswith("_")
    }


def format_words(words: Mapping[str, Any]) -> str:
    """`{list: ListRoles, key: role_name}`; words without a value are left out, and a list of one element is that."""
    given = {
        name: value[0] if isinstance(value, tuple) and len(value) == 1 else value
        for name, value in words.items()
        if value
    }
    return yaml.safe_dump(given, default_flow_style=True, sort_keys=False, width=10**6).strip()
