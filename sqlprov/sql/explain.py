"""EXPLAIN of a query or a write: the calls that it would make."""

from __future__ import annotations

from dataclasses import replace

from sqlprov.records import dataclass
from sqlprov.sql.delete import Delete
from sqlprov.sql.exec import Exec
from sqlprov.sql.insert import Insert
from sqlprov.sql.parser import Parser
from sqlprov.sql.query import Query
from sqlprov.sql.statement import Statement
from sqlprov.sql.unsupported import Unsupported
from sqlprov.sql.update import Update
from sqlprov.sql.write import has_await_hint


@dataclass(frozen=True)
class Explain(Statement):
    """`EXPLAIN <query, INSERT, UPDATE, DELETE or EXEC>`; EXPLAIN ANALYZE and EXPLAIN (…) are DuckDB's."""

    inner: Query | Exec

    @classmethod
    def parse(cls, parser: Parser) -> Explain | None:
        if not parser.accept("EXPLAIN"):
            return None
        if parser.is_at("ANALYZE") or parser.is_at("(", "FORMAT") or parser.is_at("(", "ANALYZE"):
            return None
        if parser.next is None:
            parser.fail("a query after EXPLAIN")
        Unsupported.parse(parser)
        inside = Parser(parser.script, parser.tokens[1:], parser.next.start, parser.end)
        write = Exec.parse(inside) or Insert.parse(inside) or Update.parse(inside) or Delete.parse(inside)
        if write and has_await_hint(parser, 0, 1):
            write = replace(write, wait=True)
        return cls(parser.text, parser.offset, write or Query(inside.text, inside.offset))
