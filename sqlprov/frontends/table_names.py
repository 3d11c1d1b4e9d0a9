"""Lists and chooses tables by name, without reading a resource file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlprov.errors import UnknownName, suggest

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog


def list_tables(catalog: Catalog, providers: Iterable[str]) -> list[str]:
    """The full names of the tables."""
    return [
        f"{provider}.{service}.{table}"
        for provider in providers
        for service in catalog.list_services(provider)
        for table in catalog.list_tables(provider, service)
    ]


def compile_like(pattern: str) -> re.Pattern[str]:
    """The regular expression of a LIKE pattern; without a %, of a part of the text."""
    # Not `sql.show.is_like`: it would load pyarrow.
    pattern = pattern if "%" in pattern else f"%{pattern}%"
    regex = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile(regex, re.IGNORECASE)


def choose_tables(known: Sequence[str], patterns: Sequence[str], skip: Sequence[str]) -> list[str]:
    """The names that a pattern matches and none of `skip`."""
    chosen = set[str]()
    for pattern in patterns:
        is_name = pattern.lower() in known  # not also a part of others
        found = {pattern.lower()} if is_name else set(filter(compile_like(pattern).fullmatch, known))
        if not found:
            raise UnknownName(f"{pattern!r}: no table has such a name.{suggest(pattern, known)}")
        chosen |= found
    return sorted(name for name in chosen if not any(compile_like(each).fullmatch(name) for each in skip))
