"""Finds the values of the parameters that a list requires: a parent's column, an enum, the caller's account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlprov.catalog.nouns import flatten

from .service import ACCOUNT, Draft

SURE = 12
"""The points of a parent that need no second look."""
_ENDINGS = ("", "name", "id", "arn", "identifier", "url")
LONGEST_ENUM = 20
"""The most values of an enum for each of which a list is worth reading."""


def find_parents(draft: Draft, drafts: Sequence[Draft]) -> None:
    """Fill `each` and `sources`; doubt a parent that only a part of the name suggests."""
    for parameter in draft.required:
        shape = draft.service.get_inputs(draft.list)[parameter]
        values = shape.metadata.get("enum", ())
        if shape.type_name == "string" and flatten(parameter) in ACCOUNT:
            draft.each[parameter] = "account_id"
        elif values:
            draft.each[parameter] = "enum"
            if len(values) > LONGEST_ENUM:
                draft.doubts["parent"] = f"{parameter} has {len(values)} values"
        else:
            _choose_parent(draft, parameter, shape, drafts)


def _choose_parent(draft: Draft, parameter: str, shape: Any, drafts: Sequence[Draft]) -> None:
    known = [(score_parent(draft, parameter, shape, other), other) for other in drafts if other is not draft]
    (score, column), best = max(
        known, key=lambda pair: (pair[0][0], -len(pair[1].required)), default=((0, ""), draft)
    )
    if shape.type_name != "string" or not score:
        draft.each[parameter] = "?"
        draft.doubts["parent"] = f"{parameter} has none"
        return
    draft.each[parameter], draft.sources[parameter] = f"{best.name}.{column}", best
    rivals = [other for (points, _), other in known if other is not best and points >= score]
    if score < SURE or rivals:
        draft.doubts["parent"] = f"{parameter} by a part of its name"


def score_parent(draft: Draft, parameter: str, shape: Any, parent: Draft) -> tuple[int, str]:
    """How well a table fits as a parent, and the column with the values.

    20: the parameter is the parent's noun with an ending; 8: the last word of its noun with one, 6 more if that is the
    parent's key. Less by 1 for each parent of the parent.
    """
    flat, noun = flatten(parameter), flatten(parent.noun)
    last = flatten(parent.noun.rpartition("_")[2])
    own = [flatten(c) for c in parent.key if c not in parent.parent_columns.values()]
    best = (0, "")
    for ending in _ENDINGS:
        points = 20 if flat == noun + ending else 0
        if not points and flat == last + ending:
            points = 14 if own == [flat] else 8
        if points > best[0] and (column := _find_column(parent, flat, ending, shape)):
            best = (points, column)
    points, column = best
    return (points - len(parent.required), column) if points else (0, "")


def _find_column(parent: Draft, flat: str, ending: str, shape: Any) -> str:
    """The listed column of a parent that a parameter takes; empty if the list does not have it."""
    noun, last = flatten(parent.noun), flatten(parent.noun.rpartition("_")[2])
    texts = {flatten(c): c for c, s in parent.columns.items() if s.type_name == "string"}
    for name in (flat, noun + ending, ending, last + ending):
        if name and name in texts and (ending or name == flat):
            return texts[name]
    own = [c for c in parent.key if c in parent.columns and parent.columns[c].type_name == "string"]
    return own[0] if len(own) == 1 and ending in ("", "identifier", "name", "id") else ""


def join_parents(drafts: Sequence[Draft]) -> None:
    """Take all parameters from the nearest parent that has them: a partition's database and table from `tables`."""
    for draft in drafts:
        for parameter, parent in list(draft.sources.items()):
            for other, value in parent.each.items():
                for mine, theirs in draft.each.items():
                    if mine != parameter and theirs == value and "." in value:
                        draft.each[mine], draft.sources[mine] = (
                            f"{parent.name}.{parent.parent_columns[other]}",
                            parent,
                        )
