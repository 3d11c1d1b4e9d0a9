"""Hides sensitive text of rows, such as passwords, before it becomes Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlprov.catalog.column import Column
from sqlprov.catalog.sensitive import ANY, HIDDEN, Path, format_path

Warn = Callable[[str], object]


def hide(column: Column, values: Iterable[Any], warn: Warn | None) -> list[Any]:
    """The values of a column, as in the service's JSON, without its sensitive text; warns if there was any."""
    items = list(values)
    for path in column.sensitive:
        hidden = [_hide(item, path) for item in items]
        if warn and any(new is not old for new, old in zip(hidden, items, strict=True)):
            name = format_path(column.name, path)
            warn(
                f"{name} is sensitive: its text is {HIDDEN!r}, also in expressions. "
                "SET sqlprov_show_sensitive = on shows it."
            )
        items = hidden
    return items


def _hide(value: Any, path: Path) -> Any:
    """`value` itself if it has no sensitive text at `path`; an ARN only says where it is kept."""
    if not path:
        return value if not value or str(value).startswith("arn:") else HIDDEN
    member, rest = path[0], path[1:]
    if member == ANY and isinstance(value, list):
        items: Any = [_hide(item, rest) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, Mapping):
        names = value if member == ANY else {member} & value.keys()
        items = {name: _hide(value[name], rest) for name in names}
        return {**value, **items} if any(items[name] is not value[name] for name in names) else value
    return value
