"""EXPLAIN of a query or a change: the calls that it would make."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlprov.sql.delete import Delete
from sqlprov.sql.exec import Exec
from sqlprov.sql.insert import Insert
from sqlprov.sql.phrase import Phrase
from sqlprov.sql.query import Query
from sqlprov.sql.statement import Statement
from sqlprov.sql.unsupported import refuse
from sqlprov.sql.update import Update
from sqlprov.sql.write import Write, waits

_KINDS = (Exec, Insert, Update, Delete, Query)


@dataclass(frozen=True)
class Explain(Statement):
    """`EXPLAIN <query, INSERT, UPDATE, DELETE or EXEC>`; with ANALYZE or (options) the statement is DuckDB's."""

    inner: Query | Exec

    @classmethod
    def read(cls, phrase: Phrase) -> Explain | None:
        if not phrase.take("EXPLAIN"):
            return None
        if phrase.sees("ANALYZE") or _options(phrase):
            return None
        if phrase.next is None:
            phrase.refuse("a query after EXPLAIN")
        refuse(phrase)
        inner = _inner(Phrase(phrase.script, phrase.tokens[1:], phrase.next.start, phrase.end))
        if isinstance(inner, Write | Exec) and waits(phrase, 0, 1):
            inner = replace(inner, wait=True)
        return cls(phrase.text, phrase.offset, inner)


def _inner(phrase: Phrase) -> Query | Exec:
    for kind in _KINDS:
        phrase.at = 0
        if statement := kind.read(phrase):
            return statement
    raise AssertionError("Query takes everything")


def _options(phrase: Phrase) -> bool:
    return phrase.sees("(", "FORMAT") or phrase.sees("(", "ANALYZE")
