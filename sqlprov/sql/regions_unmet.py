"""A condition that no region meets in; the sentence that tells so, with the word that may be meant, out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlprov.errors import suggest

_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_PARAMETER = re.compile(r"\$(\w+)")
_SHOWN = 120


def unmet(condition: str, values: Mapping[str, Any], known: Sequence[str]) -> str:
    """What a person should know of a condition that leaves no rows because no region meets it.

    Args:
        condition: as it is written.
        values: the statement's parameters by name.
        known: every region that may be named.
    """
    condition = " ".join(condition.split())
    given = [values.get(name) for name in _PARAMETER.findall(condition)]
    texts = [*_LITERAL.findall(condition), *(value for value in given if isinstance(value, str))]
    near = next(filter(None, (_near(text, known) for text in texts)), "")
    short = condition if len(condition) <= _SHOWN else f"{condition[: _SHOWN - 1]}…"
    return f"No region meets {short}: it leaves no rows.{near}"


def _near(text: str, known: Sequence[str]) -> str:
    """Advice to write the region that is near `text`; if `text` is a pattern, the beginning or end of one."""
    length = len(text.strip("%"))
    words = list(known)
    if text.endswith("%") and not text.startswith("%"):
        words = [f"{region[:length]}%" for region in known]
    elif text.startswith("%") and not text.endswith("%"):
        words = [f"%{region[-length:]}" for region in known]
    return "" if text in words else suggest(text, words)
