"""Finds the resources of a stack that can be built at once: none uses another's export, table or key."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlprov.errors import Error
from sqlprov.frontends.deploy.command import StackCommand
from sqlprov.frontends.deploy.filters import parse_json_text
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.rendering import list_texts
from sqlprov.frontends.deploy.sql_resource import SqlResource
from sqlprov.frontends.deploy.table_resource import TableResource
from sqlprov.records import dataclass
from sqlprov.sql.lexer import TokenKind, tokenize

_PLAIN = ("SELECT", "FROM", "WITH", "INSERT", "UPDATE", "DELETE", "EXEC")
"""First words of statements that depend on no other statement of their connection."""

_BEFORE_TABLES = ("from", "join", "into", "update")
_MAKES_TEXT = frozenset({"|", "concat", "concat_ws", "format", "printf", "replace", "query", "query_table"})
"""What makes a name that no literal has."""


@dataclass(frozen=True)
class _Uses:
    """What a resource reads and writes.

    Attributes:
        texts: every text in its values or statements.
        keys: those that may identify it.
        tables: the tables in its statements, which may read any of their rows.
        row_table: the table of which it is a row; empty for statements.
    """

    texts: frozenset[str]
    keys: frozenset[str]
    tables: frozenset[str] = frozenset()
    row_table: str = ""

    def is_tied_to(self, earlier: _Uses) -> bool:
        """Whether it may need what an earlier resource makes, or read what it leaves."""
        if self.tables & {*earlier.tables, earlier.row_table} or self.row_table in earlier.tables:
            return True
        return any(_mentions(text, key) for text in self.texts for key in earlier.keys)


def group_resources(command: StackCommand) -> Iterator[list[StackResource]]:
    """The resources in order; neighbors are together if none uses what another makes."""
    group: list[StackResource] = []
    exports: set[str] = set()
    members: list[_Uses] = []
    for resource in command.stack.manifest.resources:
        uses = None if exports & command.stack.list_uses(resource) else _find_uses(command, resource)
        if group and (uses is None or any(uses.is_tied_to(each) for each in members)):
            yield group
            group, exports, members = [], set(), []
            uses = _find_uses(command, resource)
        if uses is None:
            yield [resource]
            continue
        group.append(resource)
        exports |= {name for _, name in resource.exports}
        members.append(uses)
    if group:
        yield group


def _find_uses(command: StackCommand, resource: StackResource) -> _Uses | None:
    """What a resource uses; `None` if that is not known yet, or may be anything."""
    made = {name for each in command.stack.manifest.resources for _, name in each.exports}
    unknown = made - command.stack.renderer.context.keys()
    if resource.type not in ("resource", "multi") or unknown & command.stack.list_uses(resource):
        return None
    deployable = command.create(resource, command.stack.renderer.build_context(resource))
    if isinstance(deployable, TableResource):
        texts = {
            text for text in list_texts([parse_json_text(v) for v in deployable.values.values()]) if text
        }
        keys = {text for text in texts if _mentions(deployable.condition, text)}
        keys |= set(filter(None, deployable.identity.values()))
        return _Uses(frozenset(texts), frozenset(keys), row_table=resource.table.lower())
    assert isinstance(deployable, SqlResource)
    renderer = command.stack.renderer
    shared = {str(renderer.context.get(name, "")) for name in (*renderer.exported, "region", "stack_env")}
    return _read_uses(deployable, shared)


def _read_uses(deployable: SqlResource, shared: set[str]) -> _Uses | None:
    """What statements use; `shared` are texts that name no new resource, such as the region and earlier exports."""
    texts, tables = set[str](), set[str]()
    try:
        queries = [*deployable.list_queries().values()]
        plain = [deployable.runner.connection.check(query) for query in queries]
    except Error:  # a block `delete` with its own export, or a mistake that its run reports
        return None
    for statement in (statement for statements in plain for statement in statements):
        tokens = tokenize(statement.text)
        if not tokens[0].is_one_of(*_PLAIN):
            return None
        texts |= {token.value for token in tokens if token.kind is TokenKind.STRING}
        words = [token.value.lower() if token.is_name else token.text.lower() for token in tokens]
        paths = [words[at : at + 5] for at in range(len(words))]
        own = {path[0] for path in paths if path[1:3] == ["as", "("]}
        read = [path[1:] for path in paths if path[0] in _BEFORE_TABLES]
        is_unclear = any(
            path[:1] != ["("] and own.isdisjoint(path[:1]) and path[1::2] != [".", "."] for path in read
        )
        if is_unclear or not _MAKES_TEXT.isdisjoint(words):
            return None  # USE or a view decides the table, or the statement makes the name
        tables |= {"".join(path) for path in paths if path[1::2] == [".", "."]}
    return _Uses(frozenset(texts), frozenset(texts - shared), frozenset(tables))


def _mentions(text: str, key: str) -> bool:
    """Whether a text is a key, or has it as a part, as an ARN has a name."""
    return re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", text, re.IGNORECASE) is not None
