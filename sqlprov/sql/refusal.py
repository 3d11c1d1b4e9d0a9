"""Says why live tables, or the catalogs that hold them, do not support a statement."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlprov.catalog.provider_tables import PROVIDER_TABLES
from sqlprov.errors import show_caret
from sqlprov.sql import names, outline
from sqlprov.sql.exec import Exec
from sqlprov.sql.explain import Explain
from sqlprov.sql.lexer import TokenKind, tokenize
from sqlprov.sql.query import Query
from sqlprov.sql.statement import Statement
from sqlprov.sql.write import WriteStatement

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

Path = Callable[[], tuple[str, ...]]

_DML = ("INSERT", "UPDATE", "DELETE")
_DATABASES = ("ATTACH", "DETACH")
"""Their names do not depend on USE."""
_NAMING = ("ATTACH", "CREATE", "COPY")
_INSTEAD = {
    "MERGE": "write INSERT, UPDATE or DELETE.",
    "TRUNCATE": "write DELETE FROM … WHERE …, which names the rows.",
    "COPY": "write INSERT INTO … SELECT … FROM 'file'.",
}
# With a colon the braces are JSON, DuckDB's (MAP {{'a': 1}: 2}) or CloudFormation's ({{resolve:ssm:name}}).
_PLACEHOLDER = re.compile(r"\{\{[^{}:]*\w[^{}:]*\}\}")


def find_refusal(statement: Statement, catalog: Catalog, path: Path) -> str | None:
    """Why a statement is refused, with a caret; `None` if it is not.

    Args:
        statement: of any kind.
        catalog: the providers.
        path: reads the path that USE chose; called only if it matters.
    """
    if isinstance(statement, Explain):
        statement = statement.inner
    if isinstance(statement, Exec):
        return _refuse_placeholder(statement)
    if not isinstance(statement, Query):
        return None
    nested = statement.nested_mutations
    if isinstance(statement, WriteStatement) and _is_live(statement.target, catalog, path):
        return _refuse_placeholder(statement) or statement.refusal or _refuse_nested(statement, nested)
    live = [each for each in nested if _is_live(each.target, catalog, path)]
    return _refuse_nested(statement, live) or _refuse_mutation(statement, catalog, path)


def find_placeholder_refusal(statements: Sequence[Statement], script: str, catalog: Catalog) -> str | None:
    """Why a script is not run: a write in it has a `{{ name }}` left; `None` if none has.

    A write whose target depends on USE is checked when its turn comes.
    """
    for statement in statements:
        is_write = isinstance(statement, Exec) or (
            isinstance(statement, WriteStatement) and statement.is_ours(catalog, ())
        )
        if is_write and (placeholder := _find_placeholder(statement)):
            return _format_placeholder(placeholder, script, statement.offset + placeholder.start())
    return None


def _is_live(target: tuple[str, ...], catalog: Catalog, path: Path) -> bool:
    chosen = path() if len(target) < len(names.LEVELS) else ()
    return names.find_live_name(catalog, target, chosen) is not None


def _refuse_placeholder(statement: Statement) -> str | None:
    placeholder = _find_placeholder(statement)
    return _format_placeholder(placeholder, statement.text, placeholder.start()) if placeholder else None


def _find_placeholder(statement: Statement) -> re.Match[str] | None:
    """The first `{{ name }}` inside a literal or a quoted name, or outside both."""
    if "{{" not in statement.text:
        return None
    for token in tokenize(statement.text):
        if token.kind in (TokenKind.STRING, TokenKind.QUOTED):
            match = _PLACEHOLDER.search(statement.text, token.start, token.end)
        else:
            match = _PLACEHOLDER.match(statement.text, token.start) if token.text == "{" else None
        if match:
            return match
    return None


def _format_placeholder(placeholder: re.Match[str], text: str, offset: int) -> str:
    name = placeholder.group()[2:-2].strip()
    how = f", for example with sqlprov exec --var {name}=…" if name.isidentifier() else ""
    return f"{placeholder.group()} is a placeholder; fill it in{how}.\n{show_caret(text, offset)}"


def _refuse_nested(query: Query, mutations: Sequence[outline.Mutation]) -> str | None:
    if not mutations:
        return None
    verb = mutations[0].verb
    problem = f"{verb.text.upper()} within another statement is not supported on live tables"
    return f"{problem}; write it as a separate statement.\n{show_caret(query.text, verb.start)}"


def _refuse_mutation(query: Query, catalog: Catalog, path: Path) -> str | None:
    mutation = query.mutation
    if mutation is None or query.is_temporary:
        return None
    place = f"\n{show_caret(query.text, mutation.verb.start)}"
    verb, target = mutation.verb.text.upper(), mutation.target
    if verb in (*_DML, *_INSTEAD):
        if _is_live(target, catalog, path):
            return _refuse_on_live_table(query, verb, place)
        # path is read only for a name that may be such a table
        is_path_needed = len(target) == 1 and target[0].lower() in PROVIDER_TABLES
        if table := names.find_provider_table(catalog, target, path() if is_path_needed else ()):
            return f"{verb} of {'.'.join(target)} is not supported; it is {table.about}.{place}"
    provider = None if verb in _DML else _find_provider(verb, target, catalog, path)
    if provider is None:
        return None
    problem = (
        f"{verb} {'.'.join(target)} would change the catalog {provider!r}, which holds live tables only."
    )
    if len(target) > 1 or target[0].lower() != provider:
        own = f"{verb} … memory.main.{target[-1]} (or the name of your database)"
        return f"{problem} Write {own}, or USE memory first.{place}"
    return (
        f"{problem} Choose another name, such as my_{provider}.{place}"
        if verb in _NAMING
        else problem + place
    )


def _refuse_on_live_table(query: Query, verb: str, place: str) -> str | None:
    start = f"\n{show_caret(query.text, query.tokens[0].start)}"
    if query.verb == "PREPARE":
        advice = f"write the {verb} itself, which accepts parameters too."
        return f"PREPARE of {verb} is not supported on live tables; {advice}{start}"
    if query.verb == "EXPLAIN" and verb in _DML:
        problem = f"EXPLAIN ANALYZE or (…) of {verb} is not supported on live tables"
        return f"{problem}; EXPLAIN shows its calls and makes none.{start}"
    # DuckDB reports the error of a malformed INSERT, UPDATE or DELETE.
    return f"{verb} is not supported on live tables; {_INSTEAD[verb]}{place}" if verb in _INSTEAD else None


def _find_provider(verb: str, target: tuple[str, ...], catalog: Catalog, path: Path) -> str | None:
    """The provider whose catalog holds what `target` names; `None` if none does."""
    if target[0].lower() in catalog.list_providers():
        return target[0].lower()
    if verb in _DATABASES or len(target) >= len(names.LEVELS):
        return None
    chosen = path()
    if not chosen or chosen[0] not in catalog.list_providers():
        return None
    # The first of two parts may name another database.
    is_inside = len(target) == 1 or target[0].lower() in (*catalog.list_services(chosen[0]), "main")
    return chosen[0] if is_inside else None
