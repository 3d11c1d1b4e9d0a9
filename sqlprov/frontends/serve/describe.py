"""Describes statements before they run: the columns of their rows, and the types of their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from sqlprov.frontends.serve import commands
from sqlprov.frontends.serve.portal import ResultColumn
from sqlprov.frontends.serve.session import READS, ClientSession
from sqlprov.frontends.serve.sqlstates import ServerError
from sqlprov.frontends.serve.types import ARRAYS, INT8, TEXT, TEXT_ARRAY, UNKNOWN, find_type
from sqlprov.sql import CatalogStatement, Delete, Explain, Insert, Query, Statement, Update, parse
from sqlprov.sql.lexer import Token, TokenKind, list_parameters, quote_path, tokenize

_SHOWS = ("DESCRIBE", "DESC", "SHOW", "EXPLAIN", "PRAGMA", "CALL")
"""Verbs that return rows and change nothing, but are not queries."""
_MOST_PARAMETERS = 65535
"""The protocol counts them in 16 bits."""


def describe(session: ClientSession, text: str, oids: Sequence[int]) -> tuple[ResultColumn, ...] | None:
    """The columns of a statement that has not run; `None` if it returns no rows.

    Args:
        session: the client's.
        text: one statement, or none.
        oids: the types of its parameters; 0 for unknown.
    """
    tokens = tokenize(text)
    if not tokens:
        return None
    verb = tokens[0].text.upper()
    if commands.is_command(session, verb, tokens):
        return commands.describe(session, verb, tokens)
    (statement,) = parse(text)
    if isinstance(statement, CatalogStatement | Explain) or (
        isinstance(statement, Query) and statement.verb in _SHOWS
    ):
        if "ANALYZE" in (token.text.upper() for token in tokens[:2]):
            return list_columns_of_explain()
        portal = session.run(text, {str(number): None for number, _ in enumerate(oids, start=1)})
        portal.close()
        return portal.columns
    query = _write_description(statement, text)
    if query is None:
        return None
    portal = session.run(f"FROM (\n{_fill(query, oids)}\n) LIMIT 0", {})
    portal.close()
    return portal.columns


def find_parameter_types(session: ClientSession, text: str, oids: Sequence[int]) -> list[int]:
    """The type of each parameter of a statement: as the client says, or as DuckDB's plan has it; text otherwise.

    Raises:
        ServerError: the number of a parameter is not one of 1 to 65535.
    """
    tokens = tokenize(text)
    numbers = [int(name[:9]) for name in list_parameters(text) if name.isdecimal()]
    for number in numbers:
        if not 1 <= number <= _MOST_PARAMETERS:
            raise ServerError("42P02", f"there is no parameter ${number}; they have the numbers 1 to 65535")
    types = [*oids, *[0] * (max(numbers, default=0) - len(oids))]
    if all(types):
        return types
    inferred = _read_casts(tokens) | _read_plan(session, text, tokens)
    return [oid or inferred.get(number, 25) for number, oid in enumerate(types, start=1)]


def _read_plan(session: ClientSession, text: str, tokens: Sequence[Token]) -> dict[int, int]:
    """The types that DuckDB's plan gives to parameters; it has no plan of live tables and of writes."""
    if not tokens[0].is_one_of("SELECT", "WITH", "FROM", "VALUES") or session.status == "E":
        return {}
    quoted = text.replace("'", "''")
    ((plan,),) = session.run_quietly(f"SELECT json_serialize_plan('{quoted}')")
    types: dict[int, int] = {}
    nodes: list[Any] = [orjson.loads(plan)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            if node.get("type") == "VALUE_PARAMETER" and str(node.get("identifier")).isdecimal():
                types[int(node["identifier"])] = _find_planned_type(node.get("return_type") or {})
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
    return types


def _find_planned_type(kind: Any) -> int:
    """The type of a parameter in a serialized plan."""
    if kind["id"] == "LIST":
        element = _find_planned_type(kind["type_info"]["child_type"])
        return next((array for array, each in ARRAYS.items() if each == element), TEXT)
    return find_type(_SPELLED.get(kind["id"], kind["id"])).oid


_SPELLED = {"TIMESTAMP_TZ": "TIMESTAMP WITH TIME ZONE", "INTEGER_LITERAL": "BIGINT"}
"""Names in a serialized plan -> names in a result."""


def list_columns_of_explain() -> tuple[ResultColumn, ...]:
    """The columns of EXPLAIN."""
    return tuple(ResultColumn(name, find_type("VARCHAR")) for name in ("explain_key", "explain_value"))


def _write_description(statement: Statement, text: str) -> str | None:
    """A query with the columns of a statement; `None` if it returns no rows."""
    if isinstance(statement, Query):
        if statement.verb in READS:
            return text
        target, returning = statement.target, _find_returning(statement.tokens, text)
    elif isinstance(statement, Insert | Update | Delete):
        target, returning = statement.target, statement.returning or ""
    else:
        return None
    if target is None or not returning:
        return None
    return f"SELECT {returning} FROM {quote_path(*target)}"


def _find_returning(tokens: Sequence[Token], text: str) -> str:
    at = next((each.end for each in tokens if each.is_one_of("RETURNING")), len(text))
    return text[at:].strip()


def _fill(text: str, oids: Sequence[int]) -> str:
    """The text with NULLs of the right types for its parameters."""
    pieces, at = [], 0
    for token in tokenize(text):
        if token.kind is TokenKind.PARAMETER and token.text[1:].isdecimal():
            number = int(token.text[1:])
            name = _CASTS.get(oids[number - 1] if 0 < number <= len(oids) else 0)
            pieces += [text[at : token.start], f"CAST(NULL AS {name})" if name else "NULL"]
            at = token.end
    return "".join([*pieces, text[at:]])


_CASTS = {
    16: "BOOLEAN",
    17: "BLOB",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    700: "FLOAT",
    701: "DOUBLE",
    1082: "DATE",
    1083: "TIME",
    1114: "TIMESTAMP",
    1184: "TIMESTAMPTZ",
    1186: "INTERVAL",
    1700: "DECIMAL(38, 10)",
    2950: "UUID",
}
_WORDS = {
    "INT": 23,
    "INTEGER": 23,
    "INT4": 23,
    "BIGINT": 20,
    "INT8": 20,
    "SMALLINT": 21,
    "TEXT": 25,
    "VARCHAR": 25,
    "DOUBLE": 701,
    "FLOAT8": 701,
    "BOOLEAN": 16,
    "BOOL": 16,
    "DATE": 1082,
    "TIMESTAMP": 1114,
    "TIMESTAMPTZ": 1184,
    "UUID": 2950,
    "NUMERIC": 1700,
    "DECIMAL": 1700,
    "INTERVAL": 1186,
    "BYTEA": 17,
    "BLOB": 17,
}


def find_arrays(text: str, oids: Sequence[int]) -> list[int]:
    """The types of parameters as the client says, with arrays of texts where it leaves that of ANY($1) open."""
    if "(" not in text:
        return list(oids)
    casts = _read_casts(tokenize(text))
    last = max((number for number, oid in casts.items() if oid == TEXT_ARRAY), default=0)
    padded = [*oids, *[0] * (last - len(oids))]
    return [
        oid or (TEXT_ARRAY if casts.get(number) == TEXT_ARRAY else 0)
        for number, oid in enumerate(padded, start=1)
    ]


def _read_casts(tokens: Sequence[Token]) -> dict[int, int]:
    """The types that stand beside parameters, as in `$1::int` and LIMIT $2."""
    types: dict[int, int] = {}
    for at, token in enumerate(tokens):
        if token.kind is not TokenKind.PARAMETER or not token.text[1:].isdecimal():
            continue
        number = int(token.text[1:])
        if at and tokens[at - 1].is_one_of("LIMIT", "OFFSET"):
            types[number] = INT8
        if at + 2 < len(tokens) and tokens[at + 1].text == "::":
            types[number] = _WORDS.get(tokens[at + 2].text.upper(), UNKNOWN)
        if at > 1 and tokens[at - 1].text == "(" and tokens[at - 2].is_one_of("ANY", "ALL", "SOME"):
            types[number] = TEXT_ARRAY
    return types
