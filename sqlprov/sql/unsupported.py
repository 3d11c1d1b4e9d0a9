"""Refuses StackQL statements that sqlprov does not support."""

from __future__ import annotations

from sqlprov.errors import NotSupportedError, show_caret
from sqlprov.sql.parser import Parser
from sqlprov.sql.statement import Statement

_REASONS = {
    ("REGISTRY",): "there is no registry; the tables come with sqlprov. SHOW PROVIDERS lists them.",
    ("EXPLAIN", "ANALYZE", "EXEC"): "it would make the call. EXPLAIN EXEC shows the call without making it.",
}


class Unsupported(Statement):
    """Never instantiated: `parse` raises NotSupportedError or returns `None`."""

    @classmethod
    def parse(cls, parser: Parser) -> None:
        for words, reason in _REASONS.items():
            after = parser.tokens[parser.index + len(words) :]
            # Alone or before a dot the last word is a name: FROM registry.
            if parser.next and parser.is_at(*words) and after and not after[0].is_one_of("."):
                place = show_caret(parser.script, parser.next.start)
                raise NotSupportedError(f"{' '.join(words)} is not supported: {reason}\n{place}")
