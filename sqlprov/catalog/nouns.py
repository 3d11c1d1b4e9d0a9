"""Compares the names of tables, parameters and members, which AWS writes in many ways."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from functools import cache
from typing import Any

from .service_model import to_snake_case

_FLAT = re.compile(r"[^a-z0-9]")
_IDENTIFIERS = ("identifier", "id", "name", "arn")
_PREPOSITIONS = ("by", "for", "of", "in", "to")
# Endings of a parameter without its noun -> the endings of columns that may fill it, best first.
_FILLS = {
    "": _IDENTIFIERS,
    "identifier": _IDENTIFIERS,
    "resource": _IDENTIFIERS,
    "resourceidentifier": _IDENTIFIERS,
    "id": ("id", "identifier", "arn", "name"),
    "name": ("name", "identifier", "id"),
    "arn": ("arn",),
    "resourcearn": ("arn",),
}
_COMMON_SHAPES = r"(?i)_*(non|empty|generic|resource|name|str(ing)?|id|arn|identifier|\d)*"


def flatten(name: str) -> str:
    """`AutoMLJobName` and `auto_ml_job_name` -> `automljobname`."""
    return _FLAT.sub("", name.lower())


@cache
def list_nouns(table: str, operation: str = "") -> tuple[str, ...]:
    """The ways to write the noun of a table and of its list operation: `db_caches` -> dbcaches, dbcache, cache, …"""
    nouns = set()
    for words in (table.split("_"), to_snake_case(operation).split("_")[1:]):
        words = words[: next((at for at, word in enumerate(words) if at and word in _PREPOSITIONS), None)]
        for start in range(len(words)):
            plural = "".join(words[start:])
            nouns |= {plural, plural.removesuffix("s"), plural.removesuffix("es")}
            if plural.endswith("ies"):
                nouns.add(f"{plural[:-3]}y")
            if plural.endswith("ices"):
                nouns.add(f"{plural[:-4]}ex")
    return tuple(sorted(filter(None, nouns), key=lambda noun: (-len(noun), noun)))


def strip_noun(name: str, nouns: Container[str]) -> str:
    """The part of a name that is not the table's noun: `RoleName` -> `name`; empty if it is the noun."""
    words = to_snake_case(name).split("_")
    for count in range(len(words), 0, -1):
        if "".join(words[:count]) in nouns:
            return "".join(words[count:])
    return "".join(words)


def match_column(
    parameter: str, shape: Any, columns: Mapping[str, Any], nouns: Container[str], *, by_shape: bool = True
) -> str:
    """The column that fills a parameter; empty if none does for sure.

    Args:
        parameter, shape: the parameter's name and shape; for a list of values, those of one value.
        columns: name -> shape, the key's first.
        nouns: of the table, as `list_nouns` returns them.
        by_shape: whether the only column of the same shape fills it.
    """
    names = [name for name, known in columns.items() if known.type_name == shape.type_name]
    flat, bare = flatten(parameter), strip_noun(parameter, nouns)
    stripped = {name: strip_noun(name, nouns) for name in names}
    for name in names:
        if flatten(name) == flat:
            return name
    if bare:
        for name in names:
            if stripped[name] == bare:
                return name
    if by_shape and not re.fullmatch(_COMMON_SHAPES, shape.name):
        alike = [name for name in names if columns[name].name == shape.name]
        if len(alike) == 1:
            return alike[0]
    for ending in _FILLS.get(bare, ()):
        for name in names:
            if stripped[name] == ending:
                return name
    return ""
