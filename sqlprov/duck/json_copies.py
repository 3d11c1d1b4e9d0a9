"""Writes AWS's JSON for the nested columns of each COPY to a JSON or CSV file, as sqlprov's own outputs do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from sqlprov.duck.explain_plan import Node
from sqlprov.sql.lexer import Token, find_closing, quote_identifier, tokenize

_FORMATS = ("TIMESTAMPFORMAT", "TIMESTAMP_FORMAT")
_JSON, _CSV = "json", "csv"
_CHANGED = {
    _JSON: r"STRUCT\(|TIMESTAMP WITH TIME ZONE",
    _CSV: r"STRUCT\(|MAP\(|\[\d*\]$|TIMESTAMP WITH TIME ZONE$",
}
"""The types whose values a file of this format would have in DuckDB's spelling."""

Serialize = Callable[[str], Sequence[Node]]
"""The serialized plan of a statement; empty if DuckDB does not bind it."""
ListTypes = Callable[[str], Sequence[tuple[str, str]]]
"""The columns of a query, and their types."""


def convert_copies(text: str, serialize: Serialize, list_types: ListTypes) -> str:
    """`text` with `COPY (SELECT * REPLACE (json_cast(s) AS s) FROM …) TO` for each COPY that writes JSON or CSV.

    A format for times is DuckDB's: a JSON file then stays as DuckDB writes it, because DuckDB uses the format for times
    in nested columns too.
    """
    tokens = tokenize(text)
    for copy, to, end in reversed(list(_find_copies(tokens))):
        format_ = _find_format(serialize(text[tokens[copy].start : tokens[end - 1].end]))
        if format_ not in _CHANGED:
            continue
        source = _write_source(text, tokens[copy + 1 : to])
        has_times = any(token.is_one_of(*_FORMATS) for token in tokens[to:end])
        if not (has_times and format_ == _JSON):
            source = _convert_columns(source, list_types, format_, has_times=has_times)
        text = f"{text[: tokens[copy].end]} ({_use_other_name(source)}) {text[tokens[to].start :]}"
    return text


def _find_format(roots: Sequence[Node]) -> str:
    return next((str(root["file_extension"]) for root in roots if root["type"] == "LOGICAL_COPY_TO_FILE"), "")


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


def _convert_columns(source: str, list_types: ListTypes, format_: str, *, has_times: bool) -> str:
    """The query with AWS's JSON for its nested columns and times, and with the names that its columns have."""
    named = [name for name, _ in list_types(f"FROM ({source})")]
    query = f"FROM ({_use_other_name(source)})"
    columns = list_types(query)
    changes = [
        _convert(name, kind)
        for name, kind in columns
        if re.search(_CHANGED[format_], kind) and not (has_times and kind.startswith("TIMESTAMP"))
    ]
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
    is_time = kind.startswith("TIMESTAMP WITH TIME ZONE") and not kind.endswith("]")
    value = f"json_cast({column})"
    return f"json_extract_string({value}, '$') AS {column}" if is_time else f"{value} AS {column}"


def _use_other_name(text: str) -> str:
    """`text` with `json_quote` for `to_json`: DuckDB finds what it calls to write the row by that name."""
    tokens = tokenize(text)
    for token, following in reversed(list(pairwise(tokens))):
        if token.is_name and token.value.lower() == "to_json" and following.text == "(":
            text = f"{text[: token.start]}json_quote{text[token.end :]}"
    return text
