"""Finds what identifies a row: what Describe takes, or names."""

from __future__ import annotations

import re

from sqlprov.catalog.nouns import flatten, list_nouns

from .service import Draft
from .words import get_head, to_plural


def find_key(draft: Draft) -> None:
    """Fill `key`; doubt one that only names suggest."""
    parents, takes = list(dict.fromkeys(draft.parent_columns.values())), set(draft.arguments.values())
    if draft.scalar:
        draft.key = (*(p for p in parents if not draft.describe or p in takes), draft.scalar)
    elif draft.describe:
        draft.key = tuple(sorted(takes, key=[*parents, *draft.columns].index))
    else:
        own, is_sure = _find_named(draft)
        draft.key = tuple(filter(None, (*parents, own)))
        if not is_sure:
            draft.doubts["key"] = "by its name only" if own else "none"


def _find_named(draft: Draft) -> tuple[str, bool]:
    """A column named like the noun's identifier, and whether that is enough: an id or an ARN is, a name may not be."""
    own = {
        flatten(c.replace("resource_account_id", "account_id")): c
        for c, shape in draft.columns.items()
        if shape.type_name == "string" and c not in draft.parent_columns.values()
    }
    nouns = list_nouns(to_plural(get_head(draft.noun)))
    exact = (noun + ending for ending in ("id", "arn", "identifier") for noun in nouns)
    for word in (*exact, "id", "arn", "identifier"):
        if word in own:
            return own[word], True
    for word in (*(f"{noun}name" for noun in nouns), *nouns, "name", "key"):
        if word in own:
            return own[word], not any(re.search(r"(id|arn|identifier)$", name) for name in own)
    return "", False
