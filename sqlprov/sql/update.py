"""UPDATE t SET …: the columns to change, and a query for the rows with their new values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlprov.errors import counted
from sqlprov.sql.lexer import find_closing
from sqlprov.sql.phrase import Phrase
from sqlprov.sql.write import AFTER_TABLES, Write, quoted, refused, waits

_ENDS = ("FROM", "WHERE", "RETURNING")


@dataclass(frozen=True)
class Update(Write):
    """`UPDATE t [AS a] SET column = expression, … [FROM …] [WHERE …] [RETURNING …]`.

    Attributes:
        assignments: column as written, without quotes, and the text of its new value.
        from_: what stands after FROM; `None` if nothing does.
        where: the condition; `None`, which is refused, if there is none.
    """

    assignments: tuple[tuple[str, str], ...]
    from_: str | None
    where: str | None

    VERB: ClassVar[str] = "UPDATE"

    @classmethod
    def parts(cls, phrase: Phrase) -> Update:
        start = phrase.at
        verb = phrase.expect(cls.VERB)
        name = phrase.name("a table")
        alias = phrase.alias("SET")
        phrase.expect("SET")
        reasons: list[str] = []
        assignments = tuple(_assignments(phrase, reasons))
        from_ = phrase.clause("a table", *AFTER_TABLES) if phrase.take("FROM") else None
        where = phrase.clause("a condition", "RETURNING") if phrase.take("WHERE") else None
        returning = phrase.clause("an expression") if phrase.take("RETURNING") else None
        phrase.finish("FROM, WHERE, RETURNING or the end of the statement")
        if where is None:
            advice = "say which rows, as in WHERE data__Identifier = '…' AND region = '…'."
            reasons.append(refused(phrase, verb, f"UPDATE without WHERE would change every row: {advice}"))
        return cls(
            text=phrase.text,
            offset=phrase.offset,
            name=name,
            alias=alias,
            ctes=phrase.cut(0, start) or None,
            returning=returning,
            wait=waits(phrase, 0, start, start + 1),
            refused=reasons[0] if reasons else None,
            assignments=assignments,
            from_=from_,
            where=where,
        )

    def rows_query(self, table_sql: str, key: Sequence[str]) -> str:
        """The query for region and key of the rows to change, and the new values as `set_0`, `set_1`, …

        A row comes several times if FROM joins it to several.

        Args:
            table_sql: the table's name in SQL, ending with the name that the statement writes.
            key: key columns.
        """
        values = [
            f"({text}) AS {quoted(f'set_{number}')}" for number, (_, text) in enumerate(self.assignments)
        ]
        return self.rows(table_sql, ", ".join([self.keys(key), *values]), self.from_, self.where)


def _assignments(phrase: Phrase, reasons: list[str]) -> Iterator[tuple[str, str]]:
    while True:
        columns = list(_columns(phrase)) if phrase.take("(") else [phrase.part("a column")]
        listed = phrase.tokens[phrase.at - 1].is_one_of(")")
        phrase.expect("=")
        start = phrase.at
        phrase.clause("an expression", ",", *_ENDS)
        values = _values(phrase, start, phrase.at) if listed else [(start, phrase.at)]
        if len(values) == 1:  # DuckDB gives one value to every column
            values *= len(columns)
        if len(values) != len(columns):
            phrase.refuse(counted(len(columns), "value"))
        for column, (first, end) in zip(columns, values, strict=True):
            if _is_default(phrase, first, end):
                reason = "DEFAULT is not supported on live tables: write the value."
                reasons.append(refused(phrase, phrase.tokens[first], reason))
            yield column, phrase.cut(first, end)
        if not phrase.take(",") or phrase.next is None or phrase.next.is_one_of(*_ENDS):
            break


def _columns(phrase: Phrase) -> Iterator[str]:
    """The columns of `(a, b) = …`."""
    yield phrase.part("a column")
    while not phrase.take(")"):
        phrase.expect(",")
        if not phrase.sees(")"):
            yield phrase.part("a column")


def _values(phrase: Phrase, start: int, end: int) -> list[tuple[int, int]]:
    """Where each value of `(x, y)` or `ROW(x, y)` begins and ends; of another expression, the whole."""
    found = phrase.tokens
    opening = start + 1 if found[start].is_one_of("ROW") and end - start > 1 else start
    if not found[opening].is_one_of("(") or find_closing(found, opening) != end - 1:
        return [(start, end)]
    if found[opening + 1].is_one_of("SELECT", "FROM", "WITH", "VALUES", "TABLE"):
        return [(start, end)]
    values = []
    at = first = opening + 1
    while at < end - 1:
        if found[at].is_one_of(","):
            values.append((first, at))
            first = at + 1
        at = find_closing(found, at) + 1 if found[at].is_one_of("(", "[", "{") else at + 1
    if first < end - 1:
        values.append((first, end - 1))
    return _values(phrase, *values[0]) if len(values) == 1 and opening == start else values


def _is_default(phrase: Phrase, start: int, end: int) -> bool:
    inner = [token for token in phrase.tokens[start:end] if not token.is_one_of("(", ")")]
    return len(inner) == 1 and inner[0].is_one_of("DEFAULT")
