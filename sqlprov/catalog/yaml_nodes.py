"""Reads a YAML file as a tree of nodes with line numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlprov.records import dataclass

from ..errors import ResourceFileError, suggest


@dataclass(frozen=True)
class Node:
    """A value of a YAML file.

    Attributes:
        file: path of the file, for messages.
        line: line of the value's key, or of the value itself in a list; from 1.
        value: every scalar is text (YAML would read `On` or `No` as a boolean, and AWS has such enum values).
    """

    file: str
    line: int
    value: str | tuple[Node, ...] | Mapping[str, Node]

    def fail(self, message: str) -> ResourceFileError:
        """The error to raise about this node; its message begins with file and line."""
        return ResourceFileError(f"{self.file}:{self.line}: {message}")

    def check(self, what: str, written: str, known: Iterable[str]) -> str:
        """`written`; raises ResourceFileError if it is not among `known`."""
        words = tuple(known)
        if written not in words:
            expected = ", ".join(words)
            raise self.fail(
                f"unknown {what} {written!r}; expected one of {expected}.{suggest(written, words)}"
            )
        return written

    def choose(self, what: str, known: Iterable[str]) -> str:
        """The text of this node, which must be among `known`."""
        return self.check(what, self.read_text(), known)

    def read_text(self) -> str:
        """The text of this node; refuses a list, a mapping and an empty value."""
        if not isinstance(self.value, str) or not self.value:
            raise self.fail(f"expected text, found {self._name_kind()}")
        return self.value

    def read_number(self) -> int:
        """The number that this node holds."""
        if not self.read_text().isdecimal():
            raise self.fail(f"expected a number, found {self.read_text()!r}")
        return int(self.read_text())

    def items(self) -> tuple[Node, ...]:
        """The elements of a list; a single string counts as a list of one."""
        if isinstance(self.value, str) and self.value:
            return (self,)
        if not isinstance(self.value, tuple):
            raise self.fail(f"expected a list, found {self._name_kind()}")
        return self.value

    def read_strings(self) -> tuple[str, ...]:
        """The elements of a list of strings."""
        return tuple(item.read_text() for item in self.items())

    def read_pairs(self) -> Mapping[str, Node]:
        """The pairs of a mapping with free keys."""
        if not isinstance(self.value, dict):
            raise self.fail(f"expected a mapping, found {self._name_kind()}")
        return self.value

    def read_block(self, required: Iterable[str], optional: Iterable[str] = ()) -> Mapping[str, Node]:
        """The pairs of a mapping with fixed keys."""
        pairs, mandatory = self.read_pairs(), tuple(required)
        for key, node in pairs.items():
            node.check("key", key, (*mandatory, *optional))
        for key in mandatory:
            if key not in pairs:
                raise self.fail(f"missing key {key!r}; expected {', '.join(mandatory)}")
        return pairs

    def _name_kind(self) -> str:
        if isinstance(self.value, str):
            return repr(self.value) if self.value else "nothing"
        return "a list" if isinstance(self.value, tuple) else "a mapping"


def get_text(block: Mapping[str, Node], key: str) -> str:
    """The text under a key; empty if the block does not have it."""
    return block[key].read_text() if key in block else ""


def get_pairs(block: Mapping[str, Node], key: str) -> Mapping[str, Node]:
    """The pairs under a key; none if the block does not have it."""
    return block[key].read_pairs() if key in block else {}


def parse_file(file: Path) -> Node:
    """The root of a YAML file; raises ResourceFileError if it is not UTF-8 or valid YAML, or repeats a key."""
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise fail_decoding(str(file), error) from error
    return parse_text(text, str(file))


def fail_decoding(file: str, error: UnicodeDecodeError) -> ResourceFileError:
    """The error of a file that is not UTF-8."""
    line = error.object.count(b"\n", 0, error.start) + 1
    return Node(file, line, "").fail(f"expected UTF-8, found the byte 0x{error.object[error.start]:02x}")


def parse_text(text: str, file: str, above: int = 0) -> Node:
    """The root of a part of a YAML file; `above` is the number of lines above it."""
    import yaml  # 30 ms, which listing tables does not need

    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = mark.line + 1 if mark else 1
        raise Node(file, above + line, "").fail(f"malformed YAML: {problem or error}") from error
    if root is None:
        raise Node(file, above + 1, "").fail("expected a mapping, found an empty file")
    return _build_node(file, root, root.start_mark.line + 1, above)


def _build_node(file: str, composed: Any, line: int, above: int) -> Node:
    if composed.id == "scalar":
        return Node(file, above + line, composed.value)
    if composed.id == "sequence":
        items = (_build_node(file, item, item.start_mark.line + 1, above) for item in composed.value)
        return Node(file, above + line, tuple(items))
    pairs: dict[str, Node] = {}
    for key, value in composed.value:
        node = _build_node(file, value, key.start_mark.line + 1, above)
        if key.id != "scalar":
            raise node.fail("expected text as a key")
        if key.value in pairs:
            raise node.fail(f"duplicate key {key.value!r}, already on line {pairs[key.value].line}")
        pairs[key.value] = node
    return Node(file, above + line, pairs)
