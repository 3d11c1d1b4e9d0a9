"""Parses `state:`, and derives it: the column with an enum of states, and the busy ones by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pyarrow as pa

from .column import Column
from .nouns import flatten
from .table import StateRule
from .yaml_nodes import Node

_BUSY = (
    r"(?i).*(ing([_-]?(back|up|down|in|out))?|in[_-]?progress|queued|submitted|initiated|requested)|"
    r"pending.*|.*_pending"
)
_STEADY = r"(?i)(.*[_-])?(running|existing|missing|failing|warning|listening|monitoring)"


def parse_state(node: Node | None, columns: Mapping[str, Column]) -> StateRule:
    """The rule that a file writes."""
    if node is None:
        return StateRule()
    block = node.read_block(["column"], ["busy"])
    name = block["column"].choose("column", columns)
    if columns[name].type != pa.string():
        raise block["column"].fail(f"column {name!r} is not a string")
    states = columns[name].constraint.enum  # empty for many services, which document their states as text
    busy = block["busy"].read_strings() if "busy" in block else ()
    for state in busy if states else ():
        block["busy"].check("state", state, states)
    return StateRule(name, busy)


def derive_state(nouns: Iterable[str], columns: Mapping[str, Column]) -> StateRule:
    """The rule for a table whose file does not say it; `nouns` are those of `list_nouns`."""
    name = find_state(nouns, {name: column for name, column in columns.items() if column.constraint.enum})
    states = columns[name].constraint.enum if name else ()
    return StateRule(
        name, tuple(s for s in states if re.fullmatch(_BUSY, s) and not re.fullmatch(_STEADY, s))
    )


def find_state(nouns: Iterable[str], columns: Iterable[str]) -> str:
    """The column called `status`, `state` or so; empty if there is none."""
    known = {flatten(name): name for name in columns}
    wanted = (noun + ending for noun in (*nouns, "") for ending in ("status", "state"))
    return next((known[name] for name in wanted if name in known), "")
