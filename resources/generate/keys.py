"""Finds what identifies a row: what Describe takes, what Delete takes, or names."""

from __future__ import annotations

import re

from sqlprov.catalog.nouns import flatten, list_nouns

from .describes import is_sure, match
from .service import Draft
from .words import get_head, to_plural

_DELETES = ("Delete", "Deregister", "Terminate", "Remove", "Release", "Cancel", "Disassociate", "Stop")


def find_key(draft: Draft) -> None:
    """Fill `key`; doubt one that only names suggest."""
    parents = list(dict.fromkeys(draft.parent_columns.values()))
    if draft.scalar:
        takes = set(draft.arguments.values())
        draft.key = (*(p for p in parents if not draft.describe or p in takes), draft.scalar)
        return
    if draft.describe:
        draft.key = _find_key_of_describe(draft)
        if unsure := [p for p, column in draft.arguments.items() if not is_sure(draft, p, column)]:
            draft.doubts["key"] = f"{unsure[0]} <- {draft.arguments[unsure[0]]}"
        return
    own, is_known = _find_key_of_delete(draft), True
    if not own:
        own, is_known = _find_key_of_names(draft)
    draft.key = tuple(dict.fromkeys((*parents, *own)))
    last = get_head(draft.noun).rpartition("_")[2]
    if last in ("version", "revision") and not any(last in column for column in draft.key):
        draft.doubts["key"] = f"of each {last}?"
    elif not is_known:
        draft.doubts["key"] = "by its name only" if own else "none"


def _find_key_of_describe(draft: Draft) -> tuple[str, ...]:
    """What Describe takes, the parents' columns first; a name is unique within the parent that it may take as well."""
    own = set(draft.arguments.values())
    if not any(re.search(r"(id|arn)$", column) for column in own):
        inputs = set(map(flatten, draft.service.get_inputs(draft.describe)))
        own |= {column for parameter, column in draft.parent_columns.items() if flatten(parameter) in inputs}
    order = [*draft.parent_columns.values(), *draft.columns]
    return tuple(sorted(own, key=order.index))


def _find_key_of_delete(draft: Draft) -> tuple[str, ...]:
    """What a Delete requires of the row."""
    for verb in _DELETES:
        call = draft.service.find(verb + draft.noun)
        inputs = draft.service.get_inputs(call) if call else {}
        required = draft.service.get_required(call) if call else []
        arguments = {p: match(draft, p, inputs[p]) for p in required if inputs[p].type_name == "string"}
        if all(column and is_sure(draft, p, column) for p, column in arguments.items()):
            own = tuple(c for c in arguments.values() if c not in draft.parent_columns.values())
            if own:
                return own
    return ()


def _find_key_of_names(draft: Draft) -> tuple[tuple[str, ...], bool]:
    """A column named like the noun's identifier, and whether that is enough: an id or an ARN is, a name may not be."""
    own = {
        flatten(c.replace("resource_account_id", "account_id")): c
        for c, shape in draft.columns.items()
        if shape.type_name == "string" and c not in draft.parent_columns.values()
    }
    nouns = list_nouns(to_plural(get_head(draft.noun)))
    exact = [noun + ending for ending in ("id", "arn", "identifier") for noun in nouns]
    for word in (*exact, "id", "arn", "identifier"):
        if word in own:
            return (own[word],), True
    for word in (*(f"{noun}name" for noun in nouns), *nouns, "name", "key"):
        if word in own:
            others = [c for c in own.values() if re.search(r"(^|_)(id|arn|identifier)$", c)]
            return (own[word],), not others
    return (), False
