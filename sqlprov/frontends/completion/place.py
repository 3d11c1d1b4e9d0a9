"""SQL text and a cursor in; what may stand at the cursor out. Nothing is looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sqlprov.errors import MalformedSQL
from sqlprov.sql.lexer import Token, TokenKind, find_unterminated, tokenize


class Expect(Enum):
    """What kind of word may stand at the cursor."""

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
class Place:
    """A place in a statement.

    Attributes:
        expect: what may stand there.
        typed: what stands there already, up to the cursor.
        start: offset of `typed`, behind an open quote.
        prefix: names before it, `a` and `b` of `a.b.typed`.
        tables: alias -> name, of the tables that the statement reads or writes; the alias may be the last name.
        subject: VALUE: the column that it is compared with; SETTING_VALUE: the setting; PARAMETER: the method;
            NAME: the noun; of a parameter's value `method` and then the parameter.
        quoted: whether it is within quotes, and whether they are closed behind it.
        names: names that the statement gives to its CTEs.
    """

    expect: Expect
    typed: str
    start: int
    prefix: tuple[str, ...] = ()
    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()
    subject: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    quoted: bool = False
    closed: bool = False
    names: tuple[str, ...] = ()


_TABLE_AFTER = ("FROM", "JOIN", "INTO", "UPDATE", "SUMMARIZE", "PIVOT", "UNPIVOT")
_CLAUSES = (
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "GROUP",
        "ORDER",
        "HAVING",
        "SET",
        "VALUES",
        "USING",
        "ON",
        "LIMIT",
        "QUALIFY",
    ),
    *("WINDOW", "RETURNING", "INTO", "UPDATE", "DELETE"),
)
_NO_ALIAS = (
    *_CLAUSES,
    *("JOIN", "LEFT", "RIGHT", "INNER", "FULL", "CROSS", "NATURAL", "SEMI", "ANTI", "ASOF", "POSITIONAL"),
    *("UNION", "EXCEPT", "INTERSECT", "AS", "TABLESAMPLE", "OFFSET", "WITH", "BY"),
)
_COMPARISONS = ("=", "==", "<>", "!=", "LIKE", "ILIKE")


def place(text: str, at: int) -> Place | None:
    """What may stand at offset `at` of `text`; `None` within a comment or a quoted name."""
    before, after = text[:at], text[at:]
    opened = find_unterminated(before)
    if opened is not None and text[opened] != "'":
        return None
    start = at if opened is None else opened + 1
    found = _last(tokenize(before if opened is None else before[:opened], comments=True))
    if opened is None and found and found[-1].text.startswith("--") and found[-1].end == at:
        return None
    found = [token for token in found if token.kind is not TokenKind.COMMENT]
    if opened is None and found and found[-1].kind is TokenKind.WORD and found[-1].end == at:
        start = found.pop().start
    elif opened is None and found and found[-1].kind is TokenKind.NUMBER and found[-1].end == at:
        return None
    prefix: list[str] = []
    while opened is None and len(found) > 1 and found[-1].is_one_of(".") and _is_name(found[-2]):
        prefix.insert(0, found[-2].value)
        del found[-2:]
    closed = opened is not None and after.split("\n")[0].count("'") % 2 == 1
    rest = _first(after.partition("'")[2] if closed else after)
    expect, subject, method = _expected(found, opened is not None)
    return Place(
        expect,
        text[start:at],
        start,
        tuple(prefix),
        tables_of([*found, *rest]),
        subject,
        method,
        opened is not None,
        closed,
        _names(found),
    )


def _last(found: list[Token]) -> list[Token]:
    """The tokens after the last `;`."""
    for index in range(len(found) - 1, -1, -1):
        if found[index].is_one_of(";"):
            return found[index + 1 :]
    return found


def _first(text: str) -> list[Token]:
    """The tokens up to the first `;`, as far as they can be read."""
    opened = find_unterminated(text)
    try:
        found = tokenize(text[:opened])
    except MalformedSQL:  # pragma: no cover - what is open has been cut off
        return []
    end = next((index for index, token in enumerate(found) if token.is_one_of(";")), len(found))
    return found[:end]


def _is_name(token: Token) -> bool:
    return token.kind in (TokenKind.WORD, TokenKind.QUOTED)


Expected = tuple[Expect, tuple[str, ...], tuple[str, ...]]


def _expected(found: list[Token], quoted: bool) -> Expected:
    """What is expected after `found`, its subject and its method."""
    nothing: tuple[str, ...] = ()
    while found and found[0].is_one_of("EXPLAIN"):
        found = found[1:]
    if not found:
        return Expect.STATEMENT, nothing, nothing
    head, last = found[0], found[-1]
    if head.is_one_of("SHOW"):
        return _show(found)
    if head.is_one_of("SET", "RESET") and len(found) <= 3:
        named = [token.value for token in found[1:2]]
        return (
            (Expect.SETTING, nothing, nothing) if not named else (Expect.SETTING_VALUE, tuple(named), nothing)
        )
    if head.is_one_of("EXEC"):
        return _exec(found)
    if head.is_one_of("DESCRIBE", "DESC") and not quoted:
        if last.is_one_of("METHOD"):
            return Expect.METHOD, nothing, nothing
        return (Expect.TABLE if len(found) <= 2 else Expect.EXPRESSION), nothing, nothing
    if (
        head.is_one_of("USE")
        or last.is_one_of(*_TABLE_AFTER)
        or (last.is_one_of(",") and _clause(found) in ("FROM", "JOIN"))
    ):
        return Expect.TABLE, nothing, nothing
    compared = _compared(found)
    if compared:
        return Expect.VALUE, compared, nothing
    return Expect.EXPRESSION, nothing, nothing


def _show(found: Sequence[Token]) -> Expected:
    words = [token.value.upper() for token in found[1:] if not token.is_one_of("EXTENDED")]
    if not words:
        return Expect.NOUN, (), ()
    if found[-1].is_one_of("IN", "FROM"):
        return Expect.NAME, (words[0],), ()
    return Expect.EXPRESSION, (), ()


def _exec(found: Sequence[Token]) -> Expected:
    name = _dotted(found, 1)
    if not name:
        return Expect.METHOD, (), ()
    if found[-1].is_one_of("=") and len(found) > 2 and _is_name(found[-2]):
        return Expect.VALUE, (found[-2].value,), name
    return Expect.PARAMETER, ("@",) if found[-1].is_one_of("@") else (), name


def _dotted(found: Sequence[Token], at: int) -> tuple[str, ...]:
    """The dotted name that begins at an index; empty if none does."""
    parts: list[str] = []
    while at < len(found) and _is_name(found[at]):
        parts.append(found[at].value)
        if at + 1 < len(found) and found[at + 1].is_one_of("."):
            at += 2
            continue
        break
    return tuple(parts)


def _dotted_before(found: Sequence[Token], end: int) -> tuple[str, ...]:
    """The dotted name that ends before an index."""
    parts: list[str] = []
    while end > 0 and _is_name(found[end - 1]):
        parts.insert(0, found[end - 1].value)
        if end > 1 and found[end - 2].is_one_of("."):
            end -= 2
            continue
        break
    return tuple(parts)


def _compared(found: Sequence[Token]) -> tuple[str, ...]:
    """The column that a value at the end would be compared with; empty if there is none."""
    end = len(found)
    if found[end - 1].is_one_of("(", ","):
        while end and (found[end - 1].kind is TokenKind.STRING or found[end - 1].is_one_of(",")):
            end -= 1
        if end < 2 or not found[end - 1].is_one_of("(") or not found[end - 2].is_one_of("IN"):
            return ()
        end -= 2
    elif found[end - 1].is_one_of(*_COMPARISONS):
        end -= 1
    else:
        return ()
    if end and found[end - 1].is_one_of("NOT"):
        end -= 1
    return _dotted_before(found, end)


def _clause(found: Sequence[Token]) -> str:
    """The clause that the end is in, outside of parentheses."""
    depth = 0
    for token in reversed(found):
        if token.is_one_of(")"):
            depth += 1
        elif token.is_one_of("("):
            depth -= 1
            if depth < 0:
                return ""
        elif not depth and token.is_one_of(*_CLAUSES, "JOIN"):
            return token.text.upper()
    return ""


def _names(found: Sequence[Token]) -> tuple[str, ...]:
    """The names of CTEs."""
    return tuple(
        found[index - 1].value
        for index, token in enumerate(found)
        if token.is_one_of("AS")
        and index
        and _is_name(found[index - 1])
        and index + 1 < len(found)
        and found[index + 1].is_one_of("(", "MATERIALIZED")
    )


def tables_of(found: Sequence[Token]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Alias and name of each table that a statement names, at any depth."""
    tables: list[tuple[str, tuple[str, ...]]] = []
    for index, token in enumerate(found):
        listed = token.is_one_of(",") and _clause(found[:index]) in ("FROM", "JOIN")
        if not (token.is_one_of(*_TABLE_AFTER) or listed):
            continue
        name = _dotted(found, index + 1)
        if not name or (len(name) == 1 and found[index + 1].is_one_of("SELECT", "LATERAL", "UNNEST")):
            continue
        behind = index + 2 * len(name)
        behind += behind < len(found) and found[behind].is_one_of("AS")
        alias = name[-1]
        if behind < len(found) and _is_name(found[behind]) and not found[behind].is_one_of(*_NO_ALIAS):
            alias = found[behind].value
        tables.append((alias, name))
    return tuple(tables)
