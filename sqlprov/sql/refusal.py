"""A statement in, the reason out why live tables do not take it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlprov.catalog.regions import REGIONS
from sqlprov.errors import show_caret
from sqlprov.sql import names, outline
from sqlprov.sql.exec import Exec
from sqlprov.sql.explain import Explain
from sqlprov.sql.lexer import Token, TokenKind, tokenize
from sqlprov.sql.query import Query
from sqlprov.sql.statement import Statement
from sqlprov.sql.write import WriteStatement

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

Path = Callable[[], tuple[str, ...]]

_DML = ("INSERT", "UPDATE", "DELETE")
_DATABASES = ("ATTACH", "DETACH")
"""What they name is no part of what USE chose."""
_NAMING = ("ATTACH", "CREATE", "COPY")
_INSTEAD = {
    "MERGE": "write INSERT, UPDATE or DELETE.",
    "TRUNCATE": "write DELETE FROM … WHERE …, which says which rows.",
    "COPY": "write INSERT INTO … SELECT … FROM 'file'.",
}
# A colon within is JSON's, DuckDB's (MAP {{'a': 1}: 2}) or CloudFormation's ({{resolve:ssm:name}}).
_PLACEHOLDER = re.compile(r"\{\{[^{}:]*\w[^{}:]*\}\}")


def find_refusal(statement: Statement, catalog: Catalog, path: Path) -> str | None:
    """Why a statement is refused: a change that a provider's catalog or its tables do not take; `None` if it is not.

    Args:
        statement: of any kind.
        catalog: the providers.
        path: tells what USE chose; asked only if it matters.
    """
    if isinstance(statement, Explain):
        statement = statement.inner
    if isinstance(statement, Exec):
        return _placeholder(statement)
    if not isinstance(statement, Query):
        return None
    if isinstance(statement, WriteStatement) and _is_live(statement.target, catalog, path):
        return (
            _placeholder(statement) or statement.refusal or _nested(statement, statement.nested_mutations[:1])
        )
    live = [each for each in statement.nested_mutations if _is_live(each.target, catalog, path)]
    changed = statement.mutation
    return _nested(statement, live[:1]) or (changed and _changed(statement, changed, catalog, path))


def find_placeholder_refusal(statements: Sequence[Statement], script: str, catalog: Catalog) -> str | None:
    """The refusal of a script that holds a write with a `{{ name }}`: none of its statements is to be run.

    A write whose target USE decides is refused when its turn comes.
    """
    for statement in statements:
        found = _unfilled(statement)
        if found and (isinstance(statement, Exec) or _is_live_anyway(statement, catalog)):
            return _asking(found, script, statement.offset + found.start())
    return None


def _is_live_anyway(statement: Statement, catalog: Catalog) -> bool:
    return (
        isinstance(statement, WriteStatement)
        and names.find_live_table(catalog, statement.target, ()) is not None
    )


def _is_live(target: tuple[str, ...], catalog: Catalog, path: Path) -> bool:
    if target[-1].lower() not in catalog.services_by_table:
        return False
    return (
        names.find_live_table(catalog, target, path() if len(target) < len(names.LEVELS) else ()) is not None
    )


def _placeholder(statement: Statement) -> str | None:
    """The refusal of a write that holds a `{{ name }}`."""
    found = _unfilled(statement)
    return _asking(found, statement.text, found.start()) if found else None


def _unfilled(statement: Statement) -> re.Match[str] | None:
    """The first `{{ name }}` within a literal or a quoted name, or outside of both."""
    if "{{" not in statement.text:
        return None
    for token in tokenize(statement.text):
        if token.kind in (TokenKind.STRING, TokenKind.QUOTED):
            found = _PLACEHOLDER.search(statement.text, token.start, token.end)
        else:
            found = _PLACEHOLDER.match(statement.text, token.start) if token.text == "{" else None
        if found:
            return found
    return None


def _asking(placeholder: re.Match[str], text: str, offset: int) -> str:
    name = placeholder.group()[2:-2].strip()
    how = f", as sqlprov exec --var {name}=… does" if name.isidentifier() else ""
    return f"{placeholder.group()} is a placeholder: fill it in{how}.\n{show_caret(text, offset)}"


def _nested(query: Query, changes: Sequence[outline.Mutation]) -> str | None:
    for change in changes:
        what = f"{change.verb.text.upper()} within another statement"
        return _refused(query, change.verb, what, "write it as a statement of its own.")
    return None


def _changed(query: Query, change: outline.Mutation, catalog: Catalog, path: Path) -> str | None:
    verb = change.verb.text.upper()
    if query.is_temporary:
        return None
    if verb in (*_DML, *_INSTEAD) and _is_live(change.target, catalog, path):
        if query.verb == "PREPARE":
            advice = f"write the {verb} itself, which takes parameters too."
            return _refused(query, query.tokens[0], f"PREPARE of {verb}", advice)
        if query.verb == "EXPLAIN" and verb in _DML:
            return _refused(
                query,
                query.tokens[0],
                f"EXPLAIN ANALYZE or (…) of {verb}",
                "EXPLAIN shows its calls and makes none.",
            )
        # What DuckDB cannot read either, it refuses with a reason of its own.
        return _refused(query, change.verb, verb, _INSTEAD[verb]) if verb in _INSTEAD else None
    if verb in (*_DML, *_INSTEAD) and change.target[-1].lower() == REGIONS:
        chosen = path() if len(change.target) == 1 else ()
        if names.is_regions_table(catalog, change.target, chosen):
            place = show_caret(query.text, change.verb.start)
            return (
                f"{verb} of {'.'.join(change.target)}: it is botocore's list, and cannot be changed.\n{place}"
            )
    within = (lambda: ()) if verb in _DATABASES else path
    provider = None if verb in _DML else _provider(change.target, catalog, within)
    if provider is None:
        return None
    if len(change.target) > 1 or change.target[0].lower() != provider:
        own = f"{verb} … memory.main.{change.target[-1]} (or the name of your database)"
        advice = f" Write {own}, or USE memory before."
    else:
        advice = f" Choose another name, such as my_{provider}." if verb in _NAMING else ""
    return (
        f"{verb} {'.'.join(change.target)} would change the catalog {provider!r}, which holds live tables only."
        f"{advice}\n{show_caret(query.text, change.verb.start)}"
    )


def _provider(target: tuple[str, ...], catalog: Catalog, path: Path) -> str | None:
    """The provider whose catalog holds what the name stands for; `None` if none does."""
    if target[0].lower() in catalog.list_providers():
        return target[0].lower()
    if len(target) >= len(names.LEVELS):
        return None
    chosen = path()
    if not chosen or chosen[0] not in catalog.list_providers():
        return None
    # Of two parts the first may be another database.
    inside = len(target) == 1 or target[0].lower() in (*catalog.list_services(chosen[0]), "main")
    return chosen[0] if inside else None


def _refused(query: Query, token: Token, what: str, advice: str) -> str:
    return f"{what} is not supported on live tables: {advice}\n{show_caret(query.text, token.start)}"
