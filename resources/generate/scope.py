"""Finds optional parameters without which a list answers only a part: such a table would be short in silence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlprov.catalog.nouns import flatten

from .describes import to_text
from .parents import SURE, score_parent
from .service import PAGING, Draft

_PART = re.compile(
    r"by default|defaults? (is|are|value|to\b)|default:|default \w+ (is|are) (used|assumed)|\bomit|assum|implicit"
    r"|if no\b.{0,40} (is|are) (specif|provid|includ|suppl)"
    r"|if .{0,60}(do not|don.t|isn.t|not) (specif|provid|includ|suppl)"
    r"|must (specify|provide|be (specified|provided|included))|at least one of|required (if|when|unless)",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\b(all|any|both|every|regardless|unfiltered|entire|isn.t filtered|account id|account number|registry)\b"
    r"|\(default\)|default (page|limit)|(page|list) size|number of|maximum|up to|valid values|sorted|no upper|no lower"
    r"|current time|permission|opt-in|your\b.{0,30}\baccount",
    re.IGNORECASE,
)
_REQUIRED = re.compile(r"you must (specify|provide)|implicitly|at least one of", re.IGNORECASE)
# A condition that has nothing to do with the rows: another list for each parent would repeat them.
_CONDITION = re.compile(r"required (if|when|unless)", re.IGNORECASE)
_FILTER = re.compile(
    r"\b(filter|only|limit|restrict|narrow|match|search|whose|specific|optional|subset|interested)",
    re.IGNORECASE,
)
# They choose an order, a form, a language or what is said of each row, not which rows.
_FORM = re.compile(
    r"sort|order|direction|locale|language|format|detail|include(?!d|deleted|shared|planned|deprecated|resolved|all)"
    r"|fields|attributes|properties|filters?$|payer|callas|rolearn|principal$|clienttoken|version$|metrics?$|registryid"
    r"|catalogid|expectedbucketowner|return|namespace$|marker|token$|exclusivestart|start(?!time|date|ed)\w+|text$|prefix$"
)


def find_scope(draft: Draft, drafts: Sequence[Draft]) -> None:
    """Read the list for each parent that an optional parameter names, where rows are left out otherwise."""
    inputs, service = draft.service.get_inputs(draft.list), draft.service
    about = _split(to_text(service.operations[draft.list].documentation))
    requires = any(_REQUIRED.search(sentence) for sentence in about)
    said = [s for s in about if "by default" in s.lower() and not _WHOLE.search(s)]
    held = {flatten(column) for column in draft.columns}
    for parameter, shape in inputs.items():
        flat = flatten(parameter)
        if parameter in service.get_required(draft.list) or PAGING.fullmatch(flat) or _FORM.search(flat):
            continue
        if flat.startswith(flatten(draft.noun)) or (
            shape.type_name == "list" and re.search(r"(id|name|arn|identifier)s$", flat)
        ):
            continue  # the keys of the rows
        parent = find_optional_parent(draft, parameter, shape, drafts)
        if parent and (requires or says_part(shape)) and not _CONDITION.search(to_text(shape.documentation)):
            draft.scoped = (*draft.scoped, parameter)
        elif says_part(shape) or (
            parent
            and flat not in held
            and not says_filter(shape)
            and not any(_WHOLE.search(s) for s in about[:1])
        ):
            draft.doubts["scope"] = parameter
    if len(draft.scoped) > 1:
        draft.doubts["scope"] = ", ".join(draft.scoped)
        draft.scoped = draft.scoped[:1]
    elif said and not draft.scoped:
        draft.doubts["scope"] = said[0][:100]


def says_part(shape: Any) -> bool:
    """Whether a sentence about a parameter says what happens without it, and not that everything is listed."""
    sentences = _split(to_text(shape.documentation))
    return any(_PART.search(sentence) and not _WHOLE.search(sentence) for sentence in sentences)


def says_filter(shape: Any) -> bool:
    """Whether a parameter is a filter of a list that otherwise holds everything."""
    text = to_text(shape.documentation)
    return bool(_FILTER.search(text) or (_PART.search(text) and _WHOLE.search(text)))


def find_optional_parent(draft: Draft, parameter: str, shape: Any, drafts: Sequence[Draft]) -> Draft | None:
    """The table whose row an optional parameter names in full; not one that names the rows themselves."""
    if shape.type_name != "string" or shape.metadata.get("enum"):
        return None
    for other in drafts:
        if other is not draft and score_parent(draft, parameter, shape, other)[0] > SURE:
            return other
    return None


def _split(text: str) -> list[str]:
    return re.split(r"(?<=[.;!?])\s+", text)
