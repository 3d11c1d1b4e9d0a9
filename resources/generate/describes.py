"""Finds the operation that describes a row, and the columns that fill its parameters."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from sqlprov.catalog.nouns import flatten, list_nouns, match_column, strip_noun
from sqlprov.catalog.service_model import get_members

from .service import PAGING, Draft
from .words import to_noun, to_plural, to_singular

SAFE_BATCH = 10
"""The keys a call, where neither the model nor its text says how many: few Describes take fewer."""
_ENDINGS = ("", "_summary", "_details", "_detail", "_attributes", "_metadata", "_v2")
_CHOICES = re.compile(r"include|attribute|filter|field|metric|feature|type", re.IGNORECASE)


def find_describe(draft: Draft) -> None:
    """Fill `describe`, `arguments` and `batch`."""
    service, noun = draft.service, draft.noun
    calls = [service.find(verb + noun + ending) for ending in _ENDINGS for verb in ("Describe", "Get")]
    for call in filter(None, calls):
        if call != draft.list and (arguments := _fill(draft, call)) and _returns_one(draft, call):
            draft.describe, draft.arguments = call, arguments
            return
    plural = to_plural(noun)
    calls = [service.find(verb + word) for word in (plural, noun) for verb in ("BatchGet", "BatchDescribe")]
    calls += [service.find(verb + plural) for verb in ("Describe", "Get")]
    for call in filter(None, calls):
        if call != draft.list and (arguments := _fill_batch(draft, call)):
            draft.describe, draft.arguments = call, arguments
            draft.batch = _read_batch(draft, call, next(iter(arguments)))
            return


def match_required(draft: Draft, call: str) -> dict[str, str] | None:
    """Parameter -> column for all that an operation requires; None if something is left open."""
    arguments: dict[str, str] = {}
    for parameter in draft.service.get_required(call):
        column = match(draft, parameter, draft.service.get_inputs(call)[parameter])
        if not column:
            return None
        arguments[parameter] = column
    return arguments


def match(draft: Draft, parameter: str, shape: Any) -> str:
    """The column of a row, or of its parents, that fills a parameter; empty if none does."""
    exact = next((column for column in draft.columns if flatten(column) == flatten(parameter)), "")
    parents = {flatten(name): column for name, column in draft.parent_columns.items()}
    if not exact and flatten(parameter) in parents:
        return parents[flatten(parameter)]
    if shape.metadata.get("enum") and not exact:
        return ""
    return match_column(parameter, shape, draft.columns, list_nouns(draft.name))


def is_sure(draft: Draft, parameter: str, column: str) -> bool:
    """Whether the names say that a column fills a parameter: the same name, or an identifier for `Identifier`."""
    nouns = list_nouns(draft.name)
    wanted = strip_noun(to_singular(to_noun(parameter)), nouns)
    given = strip_noun(column.removeprefix("resource_"), nouns)
    if column in (*draft.parent_columns.values(), draft.scalar) or flatten(parameter) == flatten(column):
        return True
    if wanted == given:
        return True
    return wanted in ("", "identifier", "resourceidentifier") and given.endswith(
        ("id", "arn", "identifier", "name")
    )


def _fill(draft: Draft, call: str) -> dict[str, str]:
    """The arguments of a Describe of one row; empty if the row does not fill them."""
    operation, inputs = draft.service.operations[call], draft.service.get_inputs(call)
    if operation.has_streaming_output or operation.has_event_stream_output:
        return {}  # it downloads the content
    arguments = match_required(draft, call)
    if arguments is None:
        return {}
    if set(arguments.values()) <= set(draft.parent_columns.values()):
        # What the parent gives does not identify a row; an optional parameter must.
        nouns = list_nouns(draft.name)
        for parameter, shape in inputs.items():
            bare = strip_noun(parameter, nouns)
            if parameter in arguments or PAGING.fullmatch(flatten(parameter)) or shape.type_name != "string":
                continue
            column = match(draft, parameter, shape) if bare in ("", "name", "id", "arn", "identifier") else ""
            if column and column not in draft.parent_columns.values() and is_sure(draft, parameter, column):
                return {**arguments, parameter: column}
        return {}
    return arguments


def _returns_one(draft: Draft, call: str) -> bool:
    """Whether the reply is a resource, not a list of something else."""
    outputs = get_members(draft.service.operations[call].output_shape)
    if len(outputs) != 1:
        return bool(outputs)
    member, shape = next(iter(outputs.items()))
    if shape.type_name == "list":
        named = flatten(to_singular(to_noun(member)))
        return shape.member.type_name == "structure" and named in list_nouns(draft.name)
    return bool(shape.type_name == "structure")


def _fill_batch(draft: Draft, call: str) -> dict[str, str]:
    """The arguments of a Describe of many rows, the list of keys first."""
    inputs, required = draft.service.get_inputs(call), draft.service.get_required(call)
    outputs = get_members(draft.service.operations[call].output_shape)
    if not any(
        shape.type_name == "list" and shape.member.type_name == "structure" for shape in outputs.values()
    ):
        return {}
    lists = [
        p for p, shape in inputs.items() if shape.type_name == "list" and shape.member.type_name == "string"
    ]
    for many in sorted((p for p in lists if not _CHOICES.search(p)), key=lambda p: p not in required):
        column = match(draft, to_singular(to_noun(many)), inputs[many].member)
        rest = {p: match(draft, p, inputs[p]) for p in required if p != many}
        if column and column not in draft.parent_columns.values() and all(rest.values()):
            return {many: column, **rest}
    return {}


def _read_batch(draft: Draft, call: str, parameter: str) -> int:
    shape = draft.service.get_inputs(call)[parameter]
    if known := int(shape.metadata.get("max", 0)):
        return min(known, 100)
    text = to_text(f"{shape.documentation} {draft.service.operations[call].documentation}")
    said = re.search(r"(?:up to|maximum of|limit of|maximum number of \w+ is) (\d+)\b", text)
    return int(said[1]) if said and 1 < int(said[1]) <= 100 else SAFE_BATCH


def to_text(documentation: str) -> str:
    """The text of a documentation without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", documentation or "")).split())


def lacks_members(draft: Draft) -> str:
    """The sentence that says that the list leaves members empty; empty if there is none."""
    outputs = get_members(draft.service.operations[draft.describe].output_shape) if draft.describe else {}
    described: Mapping[str, Any] = outputs
    for shape in outputs.values():
        inner = get_members(shape.member if shape.type_name == "list" else shape)
        described = {**described, **inner}
    text = to_text(draft.service.operations[draft.list].documentation)
    if not draft.scalar and set(described) & set(get_members(draft.item)):
        says = re.search(
            r"[^.]*(?:(?:does not|doesn't|do not|don't|not) (?:return|include)|subset of|only (?:some|a subset))[^.]*",
            text,
        )
        return says[0].strip() if says else ""
    return ""
