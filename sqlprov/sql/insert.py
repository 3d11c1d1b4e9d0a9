"""INSERT INTO t: the rows as a query of their own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from sqlprov.sql.lexer import TokenKind
from sqlprov.sql.phrase import Phrase
from sqlprov.sql.write import Write, refused, waits

# What else DuckDB takes for a source (SHOW, SUMMARIZE) is no query by itself.
_QUERIES = (
    "SELECT",
    "VALUES",
    "WITH",
    "FROM",
    "TABLE",
    "PIVOT",
    "PIVOT_WIDER",
    "UNPIVOT",
    "PIVOT_LONGER",
    "(",
)
_LIST = "a list of columns"


@dataclass(frozen=True)
class Insert(Write):
    """`INSERT INTO t [AS a] [BY NAME | BY POSITION] [(columns)] <query> [RETURNING …]`.

    Attributes:
        columns: as written, without quotes; `None` if there is no list.
        by_name: whether the source's columns are matched by name.
        source: the query for the rows, whole; empty for DEFAULT VALUES, which is refused.
    """

    columns: tuple[str, ...] | None
    by_name: bool
    source: str

    VERB: ClassVar[str] = "INSERT"

    @classmethod
    def parts(cls, phrase: Phrase) -> Insert:
        start = phrase.at
        ctes = phrase.cut(0, start)
        phrase.expect(cls.VERB)
        reasons: list[str] = []
        if token := phrase.take("OR"):
            what = phrase.expect("REPLACE", "IGNORE").text.upper()
            advice = "UPDATE changes rows that exist."
            reasons.append(
                refused(phrase, token, f"INSERT OR {what} is not supported on live tables: {advice}")
            )
        phrase.expect("INTO")
        name = phrase.name("a table")
        alias = phrase.alias() if phrase.sees("AS") else None
        by_name = _by_name(phrase)
        token = phrase.next
        columns = _columns(phrase)
        if by_name and columns:
            reasons.append(refused(phrase, token, "BY NAME takes no list of columns: the query names them."))
        source = _source(phrase, reasons)
        returning = phrase.clause("an expression") if phrase.take("RETURNING") else None
        phrase.finish("RETURNING or the end of the statement")
        return cls(
            text=phrase.text,
            offset=phrase.offset,
            name=name,
            alias=alias,
            ctes=ctes or None,
            returning=returning,
            wait=waits(phrase, 0, start, start + 1),
            refused=reasons[0] if reasons else None,
            columns=columns,
            by_name=by_name,
            source=_whole(ctes, source),
        )


def _by_name(phrase: Phrase) -> bool:
    return bool(phrase.take("BY")) and phrase.expect("NAME", "POSITION").is_one_of("NAME")


def _columns(phrase: Phrase) -> tuple[str, ...] | None:
    """The list of columns; a query in parentheses is none."""
    start = phrase.at
    if not phrase.take("("):
        return None
    columns: list[str] = []
    while phrase.next and phrase.next.kind in (TokenKind.WORD, TokenKind.QUOTED):
        columns.append(phrase.part(_LIST))
        if not phrase.take(","):
            break
    if columns and phrase.take(")") and phrase.next and phrase.next.is_one_of(*_QUERIES, "(", "DEFAULT"):
        return tuple(columns)
    phrase.at = start
    return None


def _source(phrase: Phrase, reasons: list[str]) -> str:
    """The query for the rows; passes over ON CONFLICT."""
    token = phrase.next
    if phrase.take("DEFAULT"):
        phrase.expect("VALUES")
        reasons.append(
            refused(phrase, token, "DEFAULT VALUES is not supported on live tables: a row needs its key.")
        )
        return ""
    start = phrase.at
    while phrase.take("("):
        pass
    if phrase.next is None or not phrase.next.is_one_of(*_QUERIES):
        phrase.refuse("a query", _QUERIES)
    phrase.at = start
    # DO cannot stand in a query, whose JOIN … ON may go on with a column called conflict.
    ends = ("RETURNING", "ON CONFLICT") if _does(phrase) else ("RETURNING",)
    source = phrase.clause("a query", *ends)
    if default := _default(phrase, start):
        advice = "leave the column out, or write NULL."
        reasons.append(
            refused(phrase, phrase.tokens[default], f"DEFAULT is not supported on live tables: {advice}")
        )
    if phrase.sees("ON", "CONFLICT"):
        advice = "a row that exists makes INSERT fail."
        reasons.append(refused(phrase, phrase.next, f"ON CONFLICT is not supported on live tables: {advice}"))
        phrase.clause("ON CONFLICT", "RETURNING")
    return source


def _does(phrase: Phrase) -> bool:
    rest = phrase.tokens[phrase.at :]
    return any(
        token.is_one_of("DO") and after.is_one_of("NOTHING", "UPDATE") for token, after in pairwise(rest)
    )


def _default(phrase: Phrase, start: int) -> int:
    """Index of a DEFAULT among the values from `start` on; 0 if there is none."""
    found = phrase.tokens
    if not found[start].is_one_of("VALUES"):
        return 0
    return next(
        (
            index
            for index in range(start + 1, phrase.at - 1)
            if found[index].is_one_of("DEFAULT")
            and found[index - 1].is_one_of("(", ",")
            and found[index + 1].is_one_of(")", ",")
        ),
        0,
    )


def _whole(ctes: str, source: str) -> str:
    if not ctes or not source:
        return source
    # A second WITH cannot follow the first, and DuckDB loses the CTEs of one in parentheses.
    nested = source.startswith("(") or source[:4].upper() == "WITH"
    return f"{ctes}\nFROM ({source})" if nested else f"{ctes}\n{source}"
