"""A pattern of botocore's model, written for Java, in; what Python matches a text with out."""

from __future__ import annotations

import re
from functools import cache
from typing import Protocol

# Characters beyond the first 65,536 as Java writes them: two halves of four digits each.
_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_BRACED = re.compile(r"\\x\{([0-9a-fA-F]{1,4})\}")
_OPERATOR = re.compile(r"([|~])\1")  # to Java two characters of a set
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_ASCII = {
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\s": r"[ \t\n\x0B\f\r]",
    r"\S": r"[^ \t\n\x0B\f\r]",
    r"\w": "[a-zA-Z0-9_]",
    r"\W": "[^a-zA-Z0-9_]",
    r"\z": r"\Z",
}


class Pattern(Protocol):
    """What texts are matched with."""

    def fullmatch(self, string: str, /) -> object | None:
        """Not `None` if the whole text matches."""


@cache
def compile_pattern(pattern: str) -> Pattern | None:
    r"""A pattern as the service means it: \d, \s and \w are ASCII. `None` if Python cannot tell."""
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        return _java(pattern)


def _java(pattern: str) -> Pattern | None:
    r"""What the standard library cannot read, such as `\p{L}` and sets within sets."""
    import regex  # 10 ms that most patterns do not need

    pattern = _PAIR.sub(lambda found: f"\\U{_joined(found[1], found[2]):08X}", pattern)
    pattern = _BRACED.sub(lambda found: f"\\u{found[1]:0>4}", pattern)
    pattern = _OPERATOR.sub(r"\\\1\\\1", pattern)
    # Its own ASCII flag would take \p{L} for a class of ASCII letters.
    pattern = _ESCAPE.sub(lambda found: _ASCII.get(found[0], found[0]), pattern)
    try:
        found: Pattern = regex.compile(pattern, regex.VERSION1)
    except regex.error:
        return None
    return found


def _joined(high: str, low: str) -> int:
    return 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)
