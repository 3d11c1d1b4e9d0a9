"""A query in, whether reading it makes no call out."""

from __future__ import annotations

from sqlglot import exp

from sqlprov.sql import regions_conditions as conditions
from sqlprov.sql.query import syntax_tree
from sqlprov.sql.regions_model import Cte, Names, World

DEPTH = 20  # views within views


def is_free(world: World, node: exp.Expr, ctes: dict[str, Cte]) -> bool:
    """Whether reading it makes no call."""
    own = {cte.alias.lower() for cte in node.find_all(exp.CTE)}
    for table in node.find_all(exp.Table):
        parts = tuple(part.name for part in table.parts)
        if isinstance(table.this, exp.Func):
            if not conditions.table_function(table.this):
                return False
        elif world.live(parts):
            return False  # even if some query within has a CTE of that name: it may not be this one
        elif len(parts) == 1 and parts[0].lower() in own:
            continue
        elif len(parts) == 1 and parts[0].lower() in ctes:
            if not ctes[parts[0].lower()].free:
                return False
        elif not _free(world, parts):
            return False
    called = {call.name for call in node.find_all(exp.Anonymous)}
    return not node.find(exp.DML) and all(harmless(world, name) for name in called)


def harmless(world: World, macro: str) -> bool:
    """Whether calling a function makes no call: DuckDB's own, or a macro that reads nothing live."""
    text = world.macro(macro)
    return text is None or _free_text(world, text)


def _free(world: World, parts: Names) -> bool:
    text = world.view(parts)
    return world.free(parts) if text is None else _free_text(world, text)


def _free_text(world: World, text: str) -> bool:
    tree = syntax_tree(text)
    if tree is None:
        return False
    world.depth += 1
    free = world.depth < DEPTH and is_free(world, tree, {})
    world.depth -= 1
    return free
