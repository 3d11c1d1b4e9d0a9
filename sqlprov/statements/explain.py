"""EXPLAIN <query>: the calls that the query would make."""

from __future__ import annotations

from dataclasses import dataclass

from sqlprov.statements.phrase import Phrase
from sqlprov.statements.query import Query
from sqlprov.statements.statement import Statement
from sqlprov.statements.unsupported import refuse


@dataclass(frozen=True)
class Explain(Statement):
    """`EXPLAIN <query>`; with ANALYZE or (options) the statement is DuckDB's."""

    inner: Query

    @classmethod
    def read(cls, phrase: Phrase) -> Explain | None:
        if not phrase.take("EXPLAIN"):
            return None
        if phrase.sees("ANALYZE") or _options(phrase):
            return None
        if phrase.next is None:
            phrase.refuse("a query after EXPLAIN")
        refuse(phrase)
        start = phrase.next.start
        return cls(phrase.text, phrase.offset, Query(phrase.script[start : phrase.end], start))


def _options(phrase: Phrase) -> bool:
    return phrase.sees("(", "FORMAT") or phrase.sees("(", "ANALYZE")
