"""EXPLAIN of a query or a change: the calls that it would make."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlprov.sql.delete import Delete
from sqlprov.sql.exec import Exec
from sqlprov.sql.insert import Insert
from sqlprov.sql.parser import Parser
from sqlprov.sql.query import Query
from sqlprov.sql.statement import Statement
from sqlprov.sql.unsupported import refuse_unsupported
from sqlprov.sql.update import Update
from sqlprov.sql.write import WriteStatement, has_await_hint

_KINDS = (Exec, Insert, Update, Delete, Query)


@dataclass(frozen=True)
class Explain(Statement):
    """`EXPLAIN <query, INSERT, UPDATE, DELETE or EXEC>`; with ANALYZE or (options) the statement is DuckDB's."""

    inner: Query | Exec

    @classmethod
    def parse(cls, parser: Parser) -> Explain | None:
        if not parser.accept("EXPLAIN"):
            return None
        if parser.is_at("ANALYZE") or _options(parser):
            return None
        if parser.next is None:
            parser.fail("a query after EXPLAIN")
        refuse_unsupported(parser)
        inner = _inner(Parser(parser.script, parser.tokens[1:], parser.next.start, parser.end))
        if isinstance(inner, WriteStatement | Exec) and has_await_hint(parser, 0, 1):
            inner = replace(inner, wait=True)
        return cls(parser.text, parser.offset, inner)


def _inner(parser: Parser) -> Query | Exec:
    for kind in _KINDS:
        parser.index = 0
        if statement := kind.parse(parser):
            return statement
    raise AssertionError("Query takes everything")


def _options(parser: Parser) -> bool:
    return parser.is_at("(", "FORMAT") or parser.is_at("(", "ANALYZE")
