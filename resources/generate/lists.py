"""Finds the operations that list resources, and where their replies hold the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.service_model import find_paginator, get_members, to_snake_case

from .service import ACCOUNT, PAGING, ClientOperations, Draft
from .words import is_mass, is_plural, to_singular

_LISTS = re.compile(r"(List|Describe|Get)(?:All)?([A-Z].+)")
_TAGS = re.compile(r"(List|Get|Describe)\w*(Tags?|TagKeys|TagValues)(For\w+|Of\w+)?")
# What a query finds is not a resource.
_QUERIES = re.compile(
    r"Get\w*(Recommendations?|Statistics|Metrics\w*|Data)|\w+(Utterance|Suggestions|Predictions)|SearchResources"
)
# What an account has once, but nobody would look up in a table.
_NO_SETTINGS = re.compile(
    r"\w*(Token|Url|Code|Password|Report|Template|Statistics|Count|Stats)(For\w+|Creation)?"
    r"|GetCallerIdentity"
)
_CALLS = ("Create", "Delete", "Describe", "Get", "Put", "Register")
_SHORT_FORMS = re.compile(r"_(summary|summaries|details?|descriptions?|infos?|metadata|overview)$")
_WORDLESS = ("item", "list", "result", "entry", "element", "value", "resource", "data")


def find_lists(service: ClientOperations) -> list[Draft]:
    """A draft for each noun that the service lists, by the operation that suits it best."""
    by_noun: dict[str, list[Draft]] = {}
    for name in service.operations:
        if (draft := _draft_list(service, name)) is not None:
            by_noun.setdefault(flatten(draft.noun), []).append(draft)
    return [min(drafts, key=_weigh) for drafts in by_noun.values()]


def find_settings(service: ClientOperations, drafts: Sequence[Draft]) -> list[Draft]:
    """A draft for each operation whose reply is the one row that an account has in a region."""
    taken, settings = {flatten(draft.noun) for draft in drafts}, []
    for name, operation in service.operations.items():
        match = re.fullmatch(r"(?:Get|Describe)([A-Z].+)", name)
        outputs = get_members(operation.output_shape)
        if not match or not outputs or _NO_SETTINGS.fullmatch(name) or operation.has_streaming_output:
            continue
        if not _asks_nothing(service, name):
            continue
        only = next(iter(outputs.values()))
        if len(outputs) == 1 and (
            only.type_name == "list" or (only.type_name == "structure" and not only.members)
        ):
            continue
        is_wrapped = len(outputs) == 1 and only.type_name == "structure"
        noun = to_singular(to_snake_case(match[1]))
        if flatten(noun) not in taken:
            rows, item = ((next(iter(outputs)),), only) if is_wrapped else ((), operation.output_shape)
            draft = Draft(service, noun, name, rows, item)
            own = "resource_account_id" if "resource_account_id" in draft.columns else "account_id"
            draft.key = tuple(draft.parent_columns.values()) or (own,)
            settings.append(draft)
    return settings


def _asks_nothing(service: ClientOperations, name: str) -> bool:
    """Whether an operation takes at most the account, and one of the values of an enum."""
    required = service.get_required(name)
    for parameter, shape in service.get_inputs(name).items():
        flat = flatten(parameter)
        is_value = parameter in required and bool(shape.metadata.get("enum"))
        if not (is_value or PAGING.fullmatch(flat) or flat in (*ACCOUNT, "catalogid", "registryid")):
            return False
    return True


def _draft_list(service: ClientOperations, name: str) -> Draft | None:
    match = _LISTS.fullmatch(name)
    if not match or _QUERIES.fullmatch(name) or (_TAGS.fullmatch(name) and service.get_required(name)):
        return None
    verb, noun = match[1], to_snake_case(match[2])
    operation, inputs = service.operations[name], service.get_inputs(name)
    if operation.has_streaming_output or operation.has_event_stream_output:
        return None
    is_paged = any(PAGING.fullmatch(flatten(parameter)) for parameter in inputs)
    if verb != "List" and not is_plural(noun) and not (is_paged and is_mass(noun)):
        return None
    if any(
        inputs[p].type_name in ("list", "structure", "timestamp", "map") for p in service.get_required(name)
    ):
        return None  # a Describe of the keys that it is given, or a query
    place = _find_rows(operation, noun)
    if place is None:
        return None
    rows, item, several = place
    draft = Draft(service, _name_noun(service, to_singular(noun)), name, rows, item)
    if several:
        draft.doubts["rows"] = several
    return draft


def _find_rows(operation: Any, noun: str) -> tuple[tuple[str, ...], Any, str] | None:
    """The members that lead to the rows, the shape of a row, and the other lists of the reply; None without rows."""
    outputs = get_members(operation.output_shape)
    lists = [member for member, shape in outputs.items() if shape.type_name == "list"]
    keys = find_paginator(operation).get("result_key") or []
    paths = [
        key for key in ([keys] if isinstance(keys, str) else keys) if re.fullmatch(r"[\w.]+", key)
    ] or lists
    named = [path for path in paths if _is_named(path.rpartition(".")[2], noun)]
    if not paths:
        return None
    if len(paths) > 1 and len(named) != 1 and paths is lists and not operation.name.startswith("List"):
        return None  # a resource that holds lists
    path = tuple((named or paths)[0].split("."))
    several = ", ".join(other for other in paths if len(named) != 1 and len(paths) > 1)
    shape = operation.output_shape
    for member in path:
        shape = get_members(shape).get(member)
        if shape is None:
            return None
        shape = shape.member if shape.type_name == "list" else shape
    if shape.type_name not in ("structure", "string") or getattr(shape, "is_document_type", False):
        return None
    return path, shape, several


def _is_named(member: str, noun: str) -> bool:
    """Whether a member is named after a noun."""
    return flatten(to_singular(to_snake_case(member))) == flatten(to_singular(noun))


def _name_noun(service: ClientOperations, noun: str) -> str:
    """The noun without `summary` or `name`, if the service has calls for the rest and none for the whole."""
    bare = re.sub(r"_(name|id|arn|identifier)$", "", _SHORT_FORMS.sub("", noun))
    known = [word for word in (noun, bare) if service.find(*(verb + word for verb in _CALLS))]
    return bare if known == [bare] or (bare in known and _SHORT_FORMS.search(noun)) else noun


def _weigh(draft: Draft) -> tuple[int, bool, bool, str]:
    """What makes a list worse than another of the same noun: it is confined, says less, or is not called so."""
    is_bare = draft.item.type_name == "string"
    return len(draft.required), is_bare, not draft.list.startswith("List"), draft.list


def name_scalars(draft: Draft) -> None:
    """Name the column of bare strings as the reply does."""
    if draft.item.type_name == "string":
        member = to_singular(to_snake_case(draft.rows[-1]))
        draft.scalar = f"{draft.noun}_name" if member in _WORDLESS else member
