"""Finds what identifies a row: what Describe takes, CloudFormation's identifier, what Delete takes, or names."""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlprov.catalog.columns import name_column
from sqlprov.catalog.nouns import flatten, list_nouns

from .describes import is_sure, match
from .service import Draft
from .words import get_head, to_plural

_DELETES = ("Delete", "Deregister", "Terminate", "Remove", "Release", "Cancel", "Disassociate", "Stop")
_UPDATES = ("Update", "Modify")


def find_key(draft: Draft) -> None:
    """Fill `key`; doubt one that only names suggest."""
    parents = list(dict.fromkeys(draft.parent_columns.values()))
    if draft.scalar:
        takes = set(draft.arguments.values())
        draft.key = (*(p for p in parents if not draft.describe or p in takes), draft.scalar)
        return
    from_describe, from_type, from_delete = (
        _find_key_of_describe(draft),
        _find_key_of_type(draft),
        _find_key_of_delete(draft),
    )
    by_name, sure = _key_of_names(draft)
    if from_describe:
        draft.key = from_describe
        unsure = [p for p, column in draft.arguments.items() if not is_sure(draft, p, column)]
        if unsure and set(from_describe) != set(from_type):
            draft.doubts["key"] = f"{unsure[0]} <- {draft.arguments[unsure[0]]}"
    elif from_type:
        draft.key = from_type
    elif from_delete or by_name:
        own = from_delete or by_name
        draft.key = tuple(dict.fromkeys((*parents, *own)))
        if not from_delete and not sure:
            draft.doubts["key"] = "by its name only"
    else:
        draft.key = tuple(parents)
        draft.doubts["key"] = "none"
    if not from_describe:
        _add_version(draft)


def _find_key_of_describe(draft: Draft) -> tuple[str, ...]:
    """What Describe takes; a name is unique within the parent that Describe may take as well."""
    own = set(draft.arguments.values())
    if draft.describe and not any(re.search(r"(id|arn)$", column) for column in own):
        inputs = set(map(flatten, draft.service.get_inputs(draft.describe)))
        own |= {column for parameter, column in draft.parent_columns.items() if flatten(parameter) in inputs}
    return _sort_parents_first(draft, own)


def _sort_parents_first(draft: Draft, columns: Collection[str]) -> tuple[str, ...]:
    """The columns of parents first."""
    order = [*draft.parent_columns.values(), *draft.columns]
    return tuple(sorted(columns, key=order.index))


def _find_key_of_type(draft: Draft) -> tuple[str, ...]:
    """CloudFormation's identifier, if the rows or the parents have all of it."""
    if draft.type is None:
        return ()
    noun = flatten(draft.noun)
    known = {flatten(c): c for c in (*draft.parent_columns.values(), *draft.columns)}
    bare = {name.removeprefix(noun): column for name, column in known.items()}
    key = []
    for part in map(flatten, draft.type.identifier):
        column = known.get(part) or known.get(noun + part) or bare.get(part.removeprefix(noun) or part)
        if not column:
            return ()
        key.append(column)
    return _sort_parents_first(draft, set(key)) if set(key) & set(draft.columns) else ()


def _find_key_of_delete(draft: Draft) -> tuple[str, ...]:
    """What a Delete requires of the row, otherwise the strings that an Update requires."""
    for verb in (*_DELETES, *_UPDATES):
        call = draft.service.find(verb + draft.noun)
        inputs = draft.service.get_inputs(call) if call else {}
        required = (
            [p for p in draft.service.get_required(call) if inputs[p].type_name == "string"] if call else []
        )
        arguments = {p: match(draft, p, inputs[p]) for p in required}
        if verb in _UPDATES:
            arguments = {p: column for p, column in arguments.items() if column}
        if all(column and is_sure(draft, p, column) for p, column in arguments.items()):
            own = tuple(c for c in arguments.values() if c not in draft.parent_columns.values())
            if own:
                return own
    return ()


def _key_of_names(draft: Draft) -> tuple[tuple[str, ...], bool]:
    """A column named like the noun's identifier, and whether that is enough: an id or an ARN is, a name may not be."""
    own = {
        flatten(c.replace("resource_account_id", "account_id")): c
        for c, shape in draft.columns.items()
        if shape.type_name == "string" and c not in draft.parent_columns.values()
    }
    wanted = {name_column(member) for member in draft.item.required_members}
    nouns = list_nouns(to_plural(get_head(draft.noun)))
    exact = [noun + ending for ending in ("id", "arn", "identifier") for noun in nouns]
    for word in (*exact, "id", "arn", "identifier"):
        if word in own:
            return (own[word],), True
    texts = {
        word: c
        for word, c in own.items()
        if word.endswith("name") or not draft.columns[c].metadata.get("enum")
    }
    for word in (*(f"{noun}name" for noun in nouns), *nouns, "name", "key"):
        if word in texts:
            others = [
                c for c in own.values() if c != own[word] and re.search(r"(^|_)(id|arn|identifier)$", c)
            ]
            return (own[word],), not others
    required = draft.item.required_members if draft.item.type_name == "structure" else ()
    ends = [c for c in own.values() if re.search(r"(id|arn|identifier|name)$", c)]
    wanted = {name_column(member) for member in required}
    return tuple(c for c in ends if c in wanted) or tuple(ends[:1]), False


def _add_version(draft: Draft) -> None:
    """The versions of a row have its identifier in common; the version's own number tells them apart."""
    last = get_head(draft.noun).rpartition("_")[2]
    if last not in ("version", "revision") or any(last in column for column in draft.key):
        return
    names = (last, f"{last}_number", f"{last}_id", f"{draft.noun}_number", f"{draft.noun}_id", f"{last}_name")
    number = next((name for name in names if name in draft.columns), "")
    parents = tuple(draft.parent_columns.values())
    if number and parents:
        draft.key = (*parents, number)
        draft.doubts.pop("key", None)
    else:
        draft.doubts["key"] = f"of each {last}?"
