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
    """`EXPLAIN [(FORMAT json)] <query, INSERT, UPDATE, DELETE or EXEC>`; the others, as EXPLAIN ANALYZE, are DuckDB's.

    Attributes:
        inner: the query or the write.
        as_json: whether (FORMAT json) is written.
    """

    inner: Query | Exec
    as_json: bool = False

    @classmethod
    def parse(cls, parser: Parser) -> Explain | None:
        if not parser.accept("EXPLAIN"):
            return None
        as_json = parser.is_at("(", "FORMAT", "JSON", ")")
        if as_json:
            parser.index += 4
        elif parser.is_at("ANALYZE") or parser.is_at("(", "FORMAT") or parser.is_at("(", "ANALYZE"):
            return None
        if parser.next is None:
            parser.fail("a query after EXPLAIN")
        if not as_json:
            Unsupported.parse(parser)
        inside = Parser(parser.script, parser.tokens[parser.index :], parser.next.start, parser.end)
        write = Exec.parse(inside) or Insert.parse(inside) or Update.parse(inside) or Delete.parse(inside)
        if write and has_await_hint(parser, 0, 1):
            write = replace(write, wait=True)
        return cls(parser.text, parser.offset, write or Query(inside.text, inside.offset), as_json)
