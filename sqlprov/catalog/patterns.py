"""Compiles the regular expressions of botocore's models, which are written for Java."""

from __future__ import annotations

import re
from functools import cache
from typing import Protocol

# Java writes characters beyond U+FFFF as two surrogates of four digits each.
_SURROGATES = r"(?i)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})"
_BRACED = r"\\x\{([0-9a-fA-F]{1,4})\}"
_SET_OPERATOR = r"([|~])\1"  # in Java two plain characters of a set
_ESCAPE = r"(?s)\\."
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
    """A compiled pattern, of `re` or of `regex`."""

    def fullmatch(self, string: str, /) -> object | None:
        """Not `None` if the whole text matches."""


@cache
def compile_pattern(pattern: str) -> Pattern | None:
    r"""A pattern with the service's meaning: \d, \s and \w are ASCII. `None` if it cannot be compiled."""
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        return _compile_java_pattern(pattern)


def _compile_java_pattern(pattern: str) -> Pattern | None:
    r"""Compile what the standard library cannot, such as `\p{L}` and nested sets."""
    import regex  # 10 ms, which most patterns do not need

    pattern = re.sub(_SURROGATES, lambda pair: f"\\U{_join_surrogates(pair[1], pair[2]):08X}", pattern)
    pattern = re.sub(_BRACED, lambda digits: f"\\u{digits[1]:0>4}", pattern)
    pattern = re.sub(_SET_OPERATOR, r"\\\1\\\1", pattern)
    # With its ASCII flag, `regex` would take \p{L} for ASCII letters.
    pattern = re.sub(_ESCAPE, lambda escape: _ASCII.get(escape[0], escape[0]), pattern)
    try:
        compiled: Pattern = regex.compile(pattern, regex.VERSION1)
    except regex.error:
        return None
    return compiled


def _join_surrogates(high: str, low: str) -> int:
    return 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)
