"""Statements of StackQL that are known and not offered."""

from __future__ import annotations

from sqlprov.errors import NotSupportedError, show_caret
from sqlprov.sql.parser import Parser

_REASONS = {
    ("REGISTRY",): "there is no registry, the tables are installed with sqlprov. SHOW PROVIDERS lists them.",
    (
        "EXPLAIN",
        "ANALYZE",
        "EXEC",
    ): "it would make the call. EXPLAIN EXEC shows the call and does not make it.",
}


class Unsupported:
    """Refuses; no statement is made of it."""

    @classmethod
    def parse(cls, parser: Parser) -> None:
        refuse_unsupported(parser)


def refuse_unsupported(parser: Parser) -> None:
    """Raise NotSupportedError if the statement that begins here is one of these."""
    for words, reason in _REASONS.items():
        after = parser.tokens[parser.index + len(words) :]
        # Alone or before a dot the last word is a name: DESCRIBE method.
        if parser.next and parser.is_at(*words) and after and not after[0].is_one_of("."):
            verb = " ".join(words)
            raise NotSupportedError(
                f"{verb} is not supported: {reason}\n{show_caret(parser.script, parser.next.start)}"
            )
