"""Has DuckDB plan a statement with JSON as it will run, and refuses it where `JsonCasts` finds a reason."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb

from sqlprov.catalog.provider_tables import ACCOUNTS, REGIONS
from sqlprov.duck.explain_plan import Node
from sqlprov.duck.json_casts import JsonCasts, explain_json
from sqlprov.duck.json_functions import write_macros
from sqlprov.duck.serialized_plan import serialize_plan, write_stub, write_table_stub
from sqlprov.duck.session import MAIN, OWN, Session
from sqlprov.duck.status_tables import STATUS_TABLES, TABLES
from sqlprov.errors import NotSupportedError, show_caret
from sqlprov.sql import Query
from sqlprov.sql.json_calls import rewrite
from sqlprov.sql.lexer import TokenKind, find_closing, quote_path, quote_text, tokenize

log = logging.getLogger("sqlprov")

_WRITTEN = re.compile(r'(?i)(?:\bAS|::)\s*"?(?:JSON|VARCHAR|TEXT|STRING|CHAR|BPCHAR)\b')
_PRINTED = re.compile(r'CAST\("?(\w+)"? AS JSON')

Ask = Callable[[Callable[[str, Any], Any], str], Any]
"""Runs its first argument with a text and its parameters, once all that the text names is there."""


class JsonCheck:
    """The check of one statement.

    Args:
        session: the session.
        duck: a connection on which a statement may fail.
        query: the statement.
        bodies: the views and macros that it reaches.
        nested: the nested columns of its live tables.
        parameters: of the statement; `None` if it is only prepared.
        ask: as its type says.
        variables: the temporary views of the caller's variables.
    """

    def __init__(
        self,
        session: Session,
        duck: duckdb.DuckDBPyConnection,
        query: Query,
        bodies: Sequence[str],
        nested: frozenset[str],
        parameters: Mapping[str, Any] | Sequence[Any] | None,
        ask: Ask,
        variables: Sequence[str],
    ) -> None:
        self._session, self._duck, self._query, self._bodies = session, duck, query, bodies
        self._nested, self._parameters, self._ask, self._variables = nested, parameters, ask, variables

    def check(self) -> None:
        """Refuse the statement if JSON or text in it would not be what AWS sent.

        Raises:
            NotSupportedError: it is refused.
        """
        query = self._query
        start = query.inner_offset
        is_read = query.verb in ("COPY", "CREATE")
        text = find_read(query.text) if is_read else query.text[start:]
        planned = rewrite(self._write_parameters(text))
        elsewhere = any(_WRITTEN.search(body) for body in self._bodies)
        shows_texts = "summarize" in query.words  # DuckDB's own of each column
        roots = self.serialize(text)
        try:
            casts = JsonCasts(roots, planned, texts_are_meant=elsewhere or shows_texts)
            refusal = casts.find() if roots else self._find_printed(text)
        except (LookupError, TypeError, ValueError):  # a step that no test has
            log.debug("the casts of a plan cannot be read", exc_info=True)
            refusal = self._find_printed(text)
        if refusal:
            reason, place = refusal
            place = _find_place(query.text, planned, place)
            raise NotSupportedError(f"{reason}\n{show_caret(query.text, place)}")

    def _find_printed(self, text: str) -> tuple[str, int] | None:
        """Why a statement whose plan cannot be read is refused, as one with read_csv: what EXPLAIN shows."""

        def explain(text: str, _: object) -> str:
            return str(self._duck.execute(f"EXPLAIN (FORMAT json) {text}").fetchall())

        try:
            plan = self._ask(explain, self._write_parameters(text))
        except duckdb.Error:  # the statement itself reports it
            return None
        names = (name for name in _PRINTED.findall(plan) if name in self._nested)
        return next(((explain_json(name), max(text.find(name), 0)) for name in names), None)

    def serialize(self, text: str) -> Sequence[Node]:
        """The plans of a text; none if DuckDB does not bind it, or cannot serialize a step."""
        try:
            plans: Sequence[Node] = self._ask(self._serialize, self._write_parameters(text))
        except (duckdb.Error, LookupError):  # the statement itself reports it
            return []
        return plans

    def list_types(self, text: str) -> list[tuple[str, str]]:
        """The columns of a query, and their types."""
        try:
            relation = self._ask(lambda text, _: self._duck.sql(text), self._write_parameters(text))
        except duckdb.Error:
            return []
        return list(zip(relation.columns, map(str, relation.types), strict=True))

    def _serialize(self, text: str, _: object) -> Sequence[Node]:
        session, words = self._session, Query(text, 0).words | Query(" ".join(self._bodies), 0).words
        macros = write_macros([text, *self._bodies], plain=True)
        stubs = [f'CREATE OR REPLACE TEMP MACRO "{name}"{body}' for name, body in macros.items()]
        named = (name for name in session.registered if any(name[-1] in word for word in words))
        stubs += (write_table_stub(session.catalog.get_table(*name), words) for name in named)
        providers = session.catalog.list_providers()
        paths = [(provider, MAIN, name) for provider in providers for name in (REGIONS, ACCOUNTS)]
        paths += [(OWN, MAIN, name) for name in (*STATUS_TABLES, TABLES)]
        for path in [*(each for each in paths if each[-1] in words), *((name,) for name in self._variables)]:
            try:
                relation = self._duck.sql(f"FROM {quote_path(*path)} LIMIT 0")
            except duckdb.Error:  # not registered
                continue
            types = [str(each) for each in relation.types]
            stubs.append(write_stub(path, relation.columns, types, kind="" if len(path) > 1 else "TEMP"))
        return serialize_plan(session, self._duck, text, stubs, optimize=False)

    def _write_parameters(self, text: str) -> str:
        """The text with the values of its parameters, as far as they matter to the types of expressions."""
        given = self._parameters or {}
        values = given if isinstance(given, Mapping) else {str(at): each for at, each in enumerate(given, 1)}
        for token in reversed(list(tokenize(text))):
            if token.kind is TokenKind.PARAMETER:
                name = token.text[1:] or str(sum(each.text == "?" for each in tokenize(text[: token.end])))
                text = f"{text[: token.start]}{_write_literal(values.get(name))}{text[token.end :]}"
        return text


def find_read(text: str) -> str:
    """The query whose rows a statement shows, stores or copies; empty if there is none."""
    tokens = tokenize(text)
    for at, token in enumerate(tokens):
        if token.is_one_of("SELECT", "WITH", "FROM"):
            end = find_closing(tokens, at - 1) if at and tokens[at - 1].is_one_of("(") else len(tokens)
            return text[token.start : tokens[end - 1].end]
    return ""


def _write_literal(value: object) -> str:
    if isinstance(value, str):
        return quote_text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_write_literal, value))}]"
    return str(value) if isinstance(value, int | float) else "NULL"


def _find_place(text: str, planned: str, place: int) -> int:
    """The offset in `text` of what is at `place` in the text that was planned: the calls in it differ."""
    before = [token.text for token in tokenize(planned) if token.start < place]
    for token in tokenize(planned):
        if token.start >= place and token.kind is not TokenKind.SYMBOL:
            same = [each.start for each in tokenize(text) if each.text == token.text]
            if before.count(token.text) < len(same):
                return same[before.count(token.text)]
    return 0
