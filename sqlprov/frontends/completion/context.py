"""Finds which kind of word fits at the cursor, from the SQL text alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum, auto

from sqlprov.records import dataclass
from sqlprov.sql.lexer import Token, TokenKind, find_unterminated, tokenize
from sqlprov.sql.outline import read_name


class WordKind(Enum):
    """A kind of word that fits at the cursor."""

    STATEMENT = auto()
    TABLE = auto()
    METHOD = auto()
    PARAMETER = auto()
    SETTING = auto()
    SETTING_VALUE = auto()
    NOUN = auto()
    NAME = auto()
    VALUE = auto()
    EXPRESSION = auto()


@dataclass(frozen=True)
class SqlContext:
    """The cursor in a statement.

    Attributes:
        kind: the kind of word.
        typed: the part of the word before the cursor.
        start: offset of `typed`, after an open quote.
        prefix: the names before it, `a` and `b` in `a.b.typed`.
        tables: alias and name of each table in the statement; without an alias, the last part of the name.
        subject: VALUE: the column or parameter; SETTING_VALUE: the setting; PARAMETER: an `@`, if there is one; NAME:
            the noun.
        method: the method that EXEC calls.
        quoted: whether the word is inside quotes.
        closed: whether a closing quote follows.
        ctes: the names of the statement's CTEs.
    """

    kind: WordKind
    typed: str
    start: int
    prefix: tuple[str, ...] = ()
    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()
    subject: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    quoted: bool = False
    closed: bool = False
    ctes: tuple[str, ...] = ()


_TABLE_AFTER = ("FROM", "JOIN", "INTO", "UPDATE", "SUMMARIZE", "PIVOT", "UNPIVOT")
_CLAUSES = (
    "SELECT", "FROM", "JOIN", "WHERE", "GROUP", "ORDER", "HAVING", "SET", "VALUES", "USING", "ON", "LIMIT",
    "QUALIFY", "WINDOW", "RETURNING", "INTO", "UPDATE", "DELETE",
)  # fmt: skip
_COMPARISONS = ("=", "==", "<>", "!=", "LIKE", "ILIKE")


def find_context(text: str, at: int, keywords: Collection[str]) -> SqlContext | None:
    """The context of offset `at` in `text`; `None` inside a comment or a quoted name.

    Args:
        keywords: DuckDB's, in upper case: after AS alone, a keyword can be an alias.
    """
    before, after = text[:at], text[at:]
    opened = find_unterminated(before)
    if opened is not None and text[opened] != "'":
        return None
    start = at if opened is None else opened + 1
    tokens = _find_last_statement(tokenize(before if opened is None else before[:opened], comments=True))
    if opened is None and tokens and tokens[-1].text.startswith("--") and tokens[-1].end == at:
        return None
    tokens = [token for token in tokens if token.kind is not TokenKind.COMMENT]
    if opened is None and tokens and tokens[-1].kind is TokenKind.WORD and tokens[-1].end == at:
        start = tokens.pop().start
    elif opened is None and tokens and tokens[-1].kind is TokenKind.NUMBER and tokens[-1].end == at:
        return None
    prefix: list[str] = []
    while opened is None and len(tokens) > 1 and tokens[-1].is_one_of(".") and tokens[-2].is_name:
        prefix.insert(0, tokens[-2].value)
        del tokens[-2:]
    closed = opened is not None and after.split("\n")[0].count("'") % 2 == 1
    rest = _find_first_statement(after.partition("'")[2] if closed else after)
    kind, subject, method = _expect(tokens, opened is not None)
    return SqlContext(
        kind,
        text[start:at],
        start,
        tuple(prefix),
        _list_tables([*tokens, *rest], keywords),
        subject,
        method,
        opened is not None,
        closed,
        _list_ctes(tokens),
    )


def _find_last_statement(tokens: list[Token]) -> list[Token]:
    """The tokens after the last `;`."""
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index].is_one_of(";"):
            return tokens[index + 1 :]
    return tokens


def _find_first_statement(text: str) -> list[Token]:
    """The tokens up to the first `;`, or up to an open quote."""
    tokens = tokenize(text[: find_unterminated(text)])
    end = next((index for index, token in enumerate(tokens) if token.is_one_of(";")), len(tokens))
    return tokens[:end]


Expected = tuple[WordKind, tuple[str, ...], tuple[str, ...]]


def _expect(tokens: list[Token], quoted: bool) -> Expected:
    """The kind of word after `tokens`, its subject and its method."""
    nothing: tuple[str, ...] = ()
    while tokens and tokens[0].is_one_of("EXPLAIN"):
        tokens = tokens[1:]
    if not tokens:
        return WordKind.STATEMENT, nothing, nothing
    head, last = tokens[0], tokens[-1]
    if head.is_one_of("SHOW"):
        return _expect_in_show(tokens)
    if head.is_one_of("SET", "RESET") and len(tokens) <= 3:
        named = [token.value for token in tokens[1:2]]
        return (
            (WordKind.SETTING, nothing, nothing)
            if not named
            else (WordKind.SETTING_VALUE, tuple(named), nothing)
        )
    if head.is_one_of("EXEC"):
        return _expect_in_exec(tokens)
    if head.is_one_of("DESCRIBE", "DESC") and not quoted:
        if last.is_one_of("METHOD"):
            return WordKind.METHOD, nothing, nothing
        return (WordKind.TABLE if len(tokens) <= 2 else WordKind.EXPRESSION), nothing, nothing
    if (
        head.is_one_of("USE")
        or last.is_one_of(*_TABLE_AFTER)
        or (last.is_one_of(",") and _find_clause(tokens) in ("FROM", "JOIN"))
    ):
        return WordKind.TABLE, nothing, nothing
    column = _find_compared_column(tokens)
    if column:
        return WordKind.VALUE, column, nothing
    return WordKind.EXPRESSION, nothing, nothing


def _expect_in_show(tokens: Sequence[Token]) -> Expected:
    words = [token.value.upper() for token in tokens[1:] if not token.is_one_of("EXTENDED")]
    if not words:
        return WordKind.NOUN, (), ()
    if tokens[-1].is_one_of("IN", "FROM"):
        return WordKind.NAME, (words[0],), ()
    return WordKind.EXPRESSION, (), ()


def _expect_in_exec(tokens: Sequence[Token]) -> Expected:
    name = read_name(tokens, 1)
    if not name:
        return WordKind.METHOD, (), ()
    if tokens[-1].is_one_of("=") and len(tokens) > 2 and tokens[-2].is_name:
        return WordKind.VALUE, (tokens[-2].value,), name
    return WordKind.PARAMETER, ("@",) if tokens[-1].is_one_of("@") else (), name


def _find_compared_column(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The column compared with a value at the end; empty if there is none."""
    end = len(tokens)
    if tokens[end - 1].is_one_of("(", ","):
        while end and (tokens[end - 1].kind is TokenKind.STRING or tokens[end - 1].is_one_of(",")):
            end -= 1
        if end < 2 or not tokens[end - 1].is_one_of("(") or not tokens[end - 2].is_one_of("IN"):
            return ()
        end -= 2
    elif tokens[end - 1].is_one_of(*_COMPARISONS):
        end -= 1
    else:
        return ()
    if end and tokens[end - 1].is_one_of("NOT"):
        end -= 1
    return tuple(reversed(read_name(tokens[:end][::-1], 0)))


def _find_clause(tokens: Sequence[Token]) -> str:
    """The clause at the end, not counting those in closed parentheses."""
    depth = 0
    for token in reversed(tokens):
        if token.is_one_of(")"):
            depth += 1
        elif token.is_one_of("("):
            depth -= 1
            if depth < 0:
                return ""
        elif not depth and token.is_one_of(*_CLAUSES):
            return token.text.upper()
    return ""


def _list_ctes(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The names of CTEs."""
    return tuple(
        tokens[index - 1].value
        for index, token in enumerate(tokens)
        if token.is_one_of("AS")
        and index
        and tokens[index - 1].is_name
        and index + 1 < len(tokens)
        and tokens[index + 1].is_one_of("(", "MATERIALIZED")
    )


def _list_tables(
    tokens: Sequence[Token], keywords: Collection[str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Alias and name of each table in a statement, at any depth."""
    tables: list[tuple[str, tuple[str, ...]]] = []
    for index, token in enumerate(tokens):
        follows_table = token.is_one_of(",") and _find_clause(tokens[:index]) in ("FROM", "JOIN")
        if not (token.is_one_of(*_TABLE_AFTER) or follows_table):
            continue
        name = read_name(tokens, index + 1)
        if not name or (len(name) == 1 and tokens[index + 1].is_one_of("SELECT", "LATERAL", "UNNEST")):
            continue
        after, alias = index + 2 * len(name), name[-1]
        has_as = after < len(tokens) and tokens[after].is_one_of("AS")
        after += has_as
        if after < len(tokens) and tokens[after].is_name:
            word = tokens[after]
            if has_as or word.kind is TokenKind.QUOTED or word.text.upper() not in keywords:
                alias = word.value
        tables.append((alias, name))
    return tuple(tables)
