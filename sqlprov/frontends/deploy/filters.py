"""The values of a stack's templates, and Jinja's further filters for them.

A variable is text, a number, true, false or null; a list or a mapping is its JSON text, as SQL takes it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse_json_text(value: Any) -> Any:
    """The list, mapping, number or constant whose JSON a text is; otherwise the value itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


class JsonText(str):
    """The JSON text of a list or a mapping; a template can name its items, as in `{{ tags[0].Key }}`."""

    def __getitem__(self, item: Any) -> Any:
        return to_variable(json.loads(self)[item])

    def __iter__(self) -> Iterator[Any]:
        return map(to_variable, json.loads(self))


def parse_variable(value: Any) -> Any:
    """The list or the mapping of a variable; any other value as it is."""
    return json.loads(value) if isinstance(value, JsonText) else value


def to_variable(value: Any) -> Any:
    """A value as a variable of templates."""
    if isinstance(value, list | dict):
        return JsonText(to_json(value))
    return (
        JsonText(value)
        if isinstance(value, str) and isinstance(parse_json_text(value), list | dict)
        else value
    )


def _parse(value: Any, kind: type) -> Any:
    parsed = json.loads(value) if isinstance(value, str) else value
    if not isinstance(parsed, kind):
        raise ValueError(f"expected {'a list' if kind is list else 'a mapping'}, found {value!r}")
    return parsed


def merge_lists(first: Any, second: Any) -> list[Any]:
    """The items of both lists in order, each once."""
    items: dict[str, Any] = {}
    for item in (*_parse(first, list), *_parse(second, list)):
        items.setdefault(json.dumps(item, sort_keys=True), item)
    return list(items.values())


def generate_patch_document(properties: Any) -> str:
    """The JSON Patch (RFC 6902) that sets each property, as Cloud Control takes it."""
    return to_json(
        [
            {"op": "add", "path": f"/{name}", "value": parse_json_text(value)}
            for name, value in _parse(properties, dict).items()
        ]
    )


def list_sql(value: Any) -> str:
    """A list as SQL: `('a','b')`; of an empty one, `(NULL)`."""
    items = parse_json_text(value)
    items = items if isinstance(items, list) else [value]
    quoted = ("'{}'".format(str(item).replace("'", "''")) for item in items)
    return f"({','.join(quoted) or 'NULL'})"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "from_json": json.loads,
    "base64_encode": lambda value: base64.b64encode(str(value).encode()).decode(),
    "merge_lists": merge_lists,
    "generate_patch_document": generate_patch_document,
    "sql_list": list_sql,
    # A value in a literal is escaped in any case.
    "sql_escape": lambda value: value,
}
