"""Drafts the lines that a service lacks and places each: in the catalog if it is sound, otherwise in the drafts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlprov.catalog.columns import find_spelling
from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.service_model import get_members

from .check import Loader
from .describes import find_describe
from .files import DOUBT, RESOURCES, File, Line, format_words, read_file, read_own_files, to_text
from .keys import find_key
from .lists import find_lists, find_settings, name_scalars
from .parents import doubt_part, find_parents, join_parents
from .service import ClientOperations, Draft


def generate(client: str, folder: Path = RESOURCES) -> tuple[tuple[File, File], tuple[File, File]]:
    """The files of a service in `folder`, the catalog's and the drafts': as they are, and with the missing lines."""
    service = ClientOperations(client)
    paths = (folder / "aws" / f"{service.name}.yaml", folder / "drafts" / "aws" / f"{service.name}.yaml")
    shipped, drafted = old = (read_file(paths[0]), read_file(paths[1]))
    known = {line.name: line.parsed for line in shipped.lines.values()}
    known |= read_own_files(folder / "aws" / service.name)
    waiting = {line.name: line.parsed for line in drafted.lines.values()}
    head = shipped.head or write_head(service)
    lines = to_lines(draft_tables(service, known, waiting), service, head, known | waiting)
    sound = {name: line for name, line in lines.items() if not line.mark}
    doubted = {name: line for name, line in lines.items() if line.mark}
    new = (
        File(paths[0], head, shipped.lines | sound),
        File(paths[1], drafted.head, drafted.lines | doubted),
    )
    return old, new


def draft_tables(
    service: ClientOperations,
    known: Mapping[str, Mapping[str, Any]],
    waiting: Mapping[str, Mapping[str, Any]],
) -> list[Draft]:
    """Drafts of the tables that a service lacks.

    Args:
        service: the service.
        known: name -> words of its tables.
        waiting: name -> words of its drafts.
    """
    taken = {**waiting, **known}
    by_call = {words.get("list"): (name, words) for name, words in taken.items()}
    lists = find_lists(service)
    settings = find_settings(service, lists)
    for draft in lists:
        name_scalars(draft)
        if draft.list in by_call:
            adopt(draft, *by_call[draft.list])
            if draft.name in waiting:
                draft.doubts["drafted"] = ""
        else:
            draft.committed = draft.name if draft.name in taken else ""
            find_describe(draft)
            find_key(draft)
    drafts = [d for d in (*lists, *settings) if d.list not in by_call and d.name not in taken]
    for draft in drafts:
        find_parents(draft, lists)
        if draft not in settings:
            doubt_part(draft, lists)
    join_parents(drafts)
    return drafts


def adopt(draft: Draft, name: str, words: Mapping[str, Any]) -> None:
    """Fill a draft with what its line says."""
    key, each = words.get("key", "?"), words.get("each", {})
    draft.committed, draft.key = name, (key,) if isinstance(key, str) else tuple(key)
    draft.each = {parameter: str(value) for parameter, value in each.items()}
    if draft.scalar:
        own = (name for name in draft.key if name not in draft.parent_columns.values())
        draft.scalar = next(own, draft.scalar)
        vars(draft).pop("columns", None)  # they may be cached under the other name
    draft.doubts.clear()


def doubt_children(drafts: Sequence[Draft]) -> None:
    """A table does not ship before its parents do."""
    changed = True
    while changed:
        changed = False
        for draft in drafts:
            doubted = [parent.name for parent in draft.sources.values() if parent.doubts]
            if doubted and not draft.doubts:
                draft.doubts["waits"] = doubted[0]
                changed = True


def to_lines(
    drafts: Sequence[Draft], service: ClientOperations, head: str, known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Line]:
    """The lines of the drafts as the product loads them beside those that are known; their marks say the doubts."""
    tables = {draft.name: format_words(draft.words) for draft in drafts}
    tables |= {name: to_text(words) for name, words in known.items()}
    loader = Loader(service.name, head, tables)
    for draft in drafts:
        loader.complete(draft)
    doubt_children(drafts)
    return {draft.name: Line(draft.name, loader.get_words(draft.name), write_mark(draft)) for draft in drafts}


def write_mark(draft: Draft) -> str:
    """`? key (by its name only), parent (JobId has none)`"""
    doubts = ", ".join(f"{code} ({why})" if why else code for code, why in draft.doubts.items())
    return DOUBT + doubts if doubts else ""


def write_head(service: ClientOperations) -> str:
    """What stands above a new service's tables."""
    meta = service.model.metadata
    head = f"title: {meta.get('serviceAbbreviation') or meta['serviceFullName']}\n"
    if service.name.replace("_", "-") != service.client:
        head += f"client: {service.client}\n"
    if tags := find_tags(service):
        head += f"tags: {format_words(tags)}\n"
    return head


def find_tags(service: ClientOperations) -> dict[str, str]:
    """The tag calls of a service that take any ARN."""
    call = service.find(
        "ListTagsForResource", "ListTags", "ListTagsOfResource", "ListResourceTags", "GetTags", "DescribeTags"
    )
    if not call:
        return {}
    arns = [
        p
        for p in service.get_required(call)
        if re.fullmatch(r"(resource)?(arn|id|identifier|name)?", flatten(p))
    ]
    outputs = get_members(service.operations[call].output_shape)
    items = [member for member, shape in outputs.items() if find_spelling(shape)]
    if len(arns) != 1 or len(items) != 1 or len(service.get_required(call)) != 1:
        return {}
    tags = {"call": call, "argument": arns[0], "items": items[0]}
    add, remove = (
        service.find("TagResource", "AddTags", "AddTagsToResource"),
        service.find("UntagResource", "RemoveTags", "DeleteTags", "RemoveTagsFromResource"),
    )
    keys = [p for p in service.get_inputs(remove) if "keys" in flatten(p)] if remove else []
    if add and keys and arns[0] in service.get_inputs(add) and items[0] in service.get_inputs(add):
        tags |= {"add": add, "remove": remove, "keys": keys[0]}
    return tags
