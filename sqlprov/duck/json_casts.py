"""Finds where DuckDB itself would convert nested columns to JSON: a COPY converts them first, the rest is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import duckdb

from sqlprov.duck.json_functions import NESTED
from sqlprov.records import dataclass
from sqlprov.sql.lexer import Token, TokenKind, find_closing, quote_identifier, skip, tokenize

_WRITES_JSON = "to_json(struct_pack("
"""The call in DuckDB's plan of a COPY that writes JSON."""
_FORMATS = ("TIMESTAMPFORMAT", "TIMESTAMP_FORMAT")
_COLUMNS = re.compile(r'(?:list_value\()?("?\w+"?(?:, "?\w+"?)*)\)?')
_CAST = re.compile(rf"CAST\((#\d+|{_COLUMNS.pattern}) AS JSON(?:\[\])?\)")
_TEXT_TYPES = ("VARCHAR", "TEXT", "STRING", "CHAR", "BPCHAR", "NVARCHAR")
_SIGNS = ("=", "!=", "<>", "<", ">", "<=", ">=", "DISTINCT", "FROM")
_SETS = ("UNION", "EXCEPT", "INTERSECT")
_QUERIES = ("SELECT", "FROM", "VALUES")


@dataclass(frozen=True)
class Probe:
    """Asks DuckDB about a part of a statement, and about what it does not accept answers nothing.

    Attributes:
        duck: the connection; an error aborts its transaction.
        parameters: of the statement; `None` if it is only prepared.
        bind: runs its first argument with a text and parameters, once all that the text names is there.
    """

    duck: duckdb.DuckDBPyConnection
    parameters: Mapping[str, Any] | Sequence[Any] | None
    bind: Callable[[Callable[[str, Any], Any], str, Any], Any]

    def explain(self, text: str) -> str:
        """DuckDB's plan, as JSON."""
        rows = self._ask(
            lambda text, values: self.duck.execute(f"EXPLAIN (FORMAT json) {text}", values).fetchall(), text
        )
        return str(rows[0][1]) if rows else ""

    def list_types(self, query: str) -> list[tuple[str, str]]:
        """The columns of a query, and their types."""
        relation = self._ask(lambda text, values: self.duck.sql(text, params=values), query)
        if relation is None:
            return []
        return list(zip(relation.columns, map(str, relation.types), strict=True))

    def _ask(self, how: Callable[[str, Any], Any], text: str) -> Any:
        values = self.parameters
        try:
            if not isinstance(values, Mapping):
                named = self.duck.extract_statements(text)[-1].named_parameters
                given = [*(values or ()), *(None for _ in named)][: len(named)]
                values = given if all(map(str.isdecimal, named)) else dict.fromkeys(named)
            return self.bind(how, text, values)
        except (duckdb.Error, IndexError):  # the statement itself reports it
            return None


def convert_copies(text: str, probe: Probe) -> str:
    """`text` with `COPY (SELECT * REPLACE (json_cast(s) AS s) FROM …) TO` for each COPY that writes JSON.

    A COPY with a format for times, which DuckDB uses for those in nested columns too, stays DuckDB's.

    Args:
        text: a statement.
        probe: of its connection.
    """
    tokens = tokenize(text)
    for copy, to, end in reversed(list(_find_copies(tokens))):
        if _WRITES_JSON not in probe.explain(_use_other_name(text[tokens[copy].start : tokens[end - 1].end])):
            continue
        source = _write_source(text, tokens[copy + 1 : to])
        if not any(token.is_one_of(*_FORMATS) for token in tokens[to:end]):
            source = _convert_columns(source, probe)
        text = f"{text[: tokens[copy].end]} ({_use_other_name(source)}) {text[tokens[to].start :]}"
    return text


def find_cast(text: str, nested: Collection[str], probe: Probe) -> str | None:
    """The column whose nested value DuckDB would convert to JSON; `None` if there is none.

    Args:
        text: a statement, whose own casts are calls.
        nested: the columns of live tables whose JSON is not DuckDB's.
        probe: as in `convert_copies`.
    """
    plan = probe.explain(text)
    casts = (name for root in json.loads(plan or "[]") for name in _list_casts(root) if name in nested)
    return next(casts, None) or _find_mixed(text, probe)


def find_read(text: str) -> str:
    """The query whose rows a statement shows, stores or copies; empty if there is none."""
    tokens = tokenize(text)
    for at, token in enumerate(tokens):
        if token.is_one_of("SELECT", "WITH", "FROM"):
            end = find_closing(tokens, at - 1) if at and tokens[at - 1].is_one_of("(") else len(tokens)
            return text[token.start : tokens[end - 1].end]
    return ""


def mixes_json_with_text(text: str, bodies: Sequence[str], probe: Probe) -> bool:
    """Whether DuckDB reads a text as JSON, or a value in JSON as text with its quotes, without a cast in the statement.

    The plan has each cast, also those that DuckDB adds where JSON meets text.

    Args:
        text: a query, whose own casts to JSON are calls.
        bodies: the views and macros that it reaches.
        probe: as in `convert_copies`.
    """
    tokens = tokenize(text)
    written = [tokens, *map(tokenize, bodies)]
    sources = {"json_extract", "json_value"}
    if any(token.is_one_of("JSON_EACH", "JSON_TREE") for each in written for token in each):
        sources |= {"value", "atom"}
    sources |= {name for each in written for name in _list_aliases(each)}
    types = {
        token.value.upper()
        for each in written
        for before, token in pairwise(each)
        if before.is_one_of("AS", "::")
    }
    for token in reversed(tokens):
        if token.is_one_of("JSON_CAST"):  # whose body is a cast that looks like DuckDB's own
            text = f"{text[: token.start]}json{text[token.end :]}"
    roots = json.loads(probe.explain(text) or "[]")
    expressions = [tokenize(each) for root in roots for each in _list_expressions(root)]
    return any(
        ("JSON" not in types and _compares_text(each, sources))
        or (types.isdisjoint(_TEXT_TYPES) and _keeps_quotes(each, sources))
        for each in expressions
    )


def _list_aliases(tokens: Sequence[Token]) -> Iterator[str]:
    """The names of columns that are values in JSON."""
    for at, token in enumerate(tokens[:-1]):
        if token.is_one_of("JSON_EXTRACT", "JSON_VALUE") and tokens[at + 1].is_one_of("("):
            following = tokens[find_closing(tokens, at + 1) + 1 :][:2]
            if len(following) > 1 and following[0].is_one_of("AS"):
                yield following[1].value.lower()


def _list_expressions(node: dict[str, Any]) -> Iterator[str]:
    for value in node["extra_info"].values():
        yield (
            value if isinstance(value, str) else "\n".join(map(str, value))
        )  # DuckDB splits a text at its line ends
    for child in node["children"]:
        yield from _list_expressions(child)


def _list_cast_places(tokens: Sequence[Token], kind: str) -> Iterator[tuple[int, int]]:
    """The word CAST and the closing parenthesis of each cast to a type."""
    for at, token in enumerate(tokens[:-1]):
        if token.is_one_of("CAST") and tokens[at + 1].is_one_of("("):
            close = find_closing(tokens, at + 1)
            if (
                close < len(tokens)
                and tokens[close - 1].is_one_of(kind)
                and tokens[close - 2].is_one_of("AS")
            ):
                yield at, close


def _compares_text(tokens: Sequence[Token], sources: Collection[str]) -> bool:
    """Whether what is compared becomes JSON; a literal is checked before."""
    for at, close in _list_cast_places(tokens, "JSON"):
        operand = tokens[at + 2]
        around = [*tokens[at - 1 : at], *tokens[close + 1 : close + 2]]
        is_text = operand.value.lower() not in sources and operand.kind is not TokenKind.STRING
        if is_text and any(each.is_one_of(*_SIGNS) for each in around):
            return True
    return False


def _keeps_quotes(tokens: Sequence[Token], sources: Collection[str]) -> bool:
    """Whether a value in JSON becomes text where its quotes count, which they do not in a search within it."""
    for at, close in _list_cast_places(tokens, "VARCHAR"):
        if tokens[at + 2].value.lower() not in sources:
            continue
        is_search = at > 1 and tokens[at - 2].is_one_of("CONTAINS", "REGEXP_MATCHES")
        pattern = next((each.value for each in tokens[close + 1 :] if each.kind is TokenKind.STRING), "")
        is_like = close + 1 < len(tokens) and tokens[close + 1].text.startswith("~")
        if not is_search and not (is_like and pattern.startswith("%") and pattern.endswith("%")):
            return True
    return False


def _list_casts(node: dict[str, Any]) -> Iterator[str]:
    """The columns that the steps of a plan convert to JSON."""
    for child in node["children"]:
        yield from _list_casts(child)
    below = [] if not node["children"] else node["children"][0]["extra_info"].get("Projections", [])
    names = [below] if isinstance(below, str) else below
    for info in node["extra_info"].values():
        for operand, _ in _CAST.findall(str(info)):
            if operand.startswith("#"):  # what the step below computes
                operand = "".join(names[int(operand[1:]) :][:1])
            if columns := _COLUMNS.fullmatch(operand):
                yield from columns[1].replace('"', "").split(", ")


def _find_mixed(text: str, probe: Probe) -> str | None:
    """The nested column that a UNION puts under JSON, which the plan does not show."""
    tokens = tokenize(text)
    start = next((at for at, token in enumerate(tokens) if token.is_one_of("WITH", *_QUERIES)), len(tokens))
    tops, at = list[int](), start
    while at < len(tokens):
        tops.append(at)
        at = skip(tokens, at)
    main = next((at for at in tops if tokens[at].is_one_of(*_QUERIES)), None)
    sets = [at for at in tops if tokens[at].is_one_of(*_SETS)]
    if main is None or not sets:
        return None
    begins = [main]
    for each in sets:
        begins += [at for at in tops if at > each and tokens[at].is_one_of("(", *_QUERIES)][:1]
    ends = [*(tokens[at].start for at in sets), len(text)]
    ctes = text[tokens[start].start : tokens[main].start]
    sides = [
        probe.list_types(ctes + text[tokens[at].start : end]) for at, end in zip(begins, ends, strict=False)
    ]
    for columns in zip(*sides, strict=False):
        if any(kind == "JSON" for _, kind in columns):
            return next((name for name, kind in columns if re.search(NESTED, kind)), None)
    return None


def _find_copies(tokens: Sequence[Token]) -> Iterator[tuple[int, int, int]]:
    """Where each COPY … TO has its two words, and where it ends."""
    for at, token in enumerate(tokens):
        if not token.is_one_of("COPY"):
            continue
        to = at + 1
        while to < len(tokens) and (tokens[to].is_name or tokens[to].is_one_of("(", ".")):
            if tokens[to].is_one_of("TO"):
                opening = at - 1 if at and tokens[at - 1].is_one_of("(") else None
                yield at, to, len(tokens) if opening is None else find_closing(tokens, opening)
                break
            to = find_closing(tokens, to) + 1 if tokens[to].is_one_of("(") else to + 1


def _write_source(text: str, tokens: Sequence[Token]) -> str:
    """The query whose rows are copied: of `(SELECT …)`, `t` or `t (a, b)`."""
    first, last = tokens[0], tokens[-1]
    if first.is_one_of("("):
        return text[first.end : last.start]
    if not last.is_one_of(")"):
        return f"FROM {text[first.start : last.end]}"
    opening = next(token for token in tokens if token.is_one_of("("))
    return f"SELECT {text[opening.end : last.start]} FROM {text[first.start : opening.start]}"


def _convert_columns(source: str, probe: Probe) -> str:
    """The query with AWS's JSON for its nested columns and times, and with the names that its columns have."""
    named = [name for name, _ in probe.list_types(f"FROM ({source})")]
    query = f"FROM ({_use_other_name(source)})"
    columns = probe.list_types(query)
    changes = [_convert(name, kind) for name, kind in columns if re.search(NESTED, kind)]
    names = [
        f"{quote_identifier(now)} AS {quote_identifier(before)}"
        for before, (now, _) in zip(named, columns, strict=False)
        if before != now
    ]
    if changes:
        query = f"SELECT * REPLACE ({', '.join(changes)}) {query}"
    return f"SELECT * RENAME ({', '.join(names)}) FROM ({query})" if names else query


def _convert(name: str, kind: str) -> str:
    column = quote_identifier(name)
    value = f"json_cast({column})"
    return f"{value} AS {column}" if "STRUCT" in kind else f"json_extract_string({value}, '$') AS {column}"


def _use_other_name(text: str) -> str:
    """`text` with `json_quote` for `to_json`: DuckDB finds what it calls to write the row by that name."""
    tokens = tokenize(text)
    for token, following in reversed(list(pairwise(tokens))):
        if token.is_name and token.value.lower() == "to_json" and following.text == "(":
            text = f"{text[: token.start]}json_quote{text[token.end :]}"
    return text
