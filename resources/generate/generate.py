"""Applies the rules to one service and places each line: in the catalogue if it is sound, otherwise in the drafts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlprov.catalog.columns import find_spelling
from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.service_model import get_members

from .check import Loader
from .describes import find_describe, lacks_members
from .files import DOUBT, RESOURCES, File, Line, format_words, read_file, read_own_files
from .keys import find_key
from .lists import find_lists, find_settings, name_scalars
from .parents import find_circles, find_parents, join_parents
from .scope import find_scope
from .service import Draft, Service


def generate(client: str) -> tuple[tuple[File, File], tuple[File, File]]:
    """The files of a service as they are and as they should be: the catalogue's and the drafts'."""
    service = Service(client)
    paths = (
        RESOURCES / "aws" / f"{service.name}.yaml",
        RESOURCES / "drafts" / "aws" / f"{service.name}.yaml",
    )
    shipped, drafted = old = (read_file(paths[0]), read_file(paths[1]))
    settled = {line.name: line for file in old for line in file.lines.values() if line.is_settled}
    own = read_own_files(service.name)
    covered = {words["list"]: name for name, words in own.items() if "list" in words}
    covered |= {line.parsed["list"]: line.name for line in settled.values()}
    head = shipped.head or write_head(service)
    drafts = [d for d in draft_tables(service) if d.list not in covered and d.name not in {*own, *settled}]
    lines = to_lines(drafts, service, head, {line.name: line.words for line in settled.values()})
    sound = {name: line for name, line in lines.items() if not line.mark}
    new = (
        File(paths[0], head, {**sound, **_settled(shipped)}),
        File(paths[1], drafted.head, {**{n: li for n, li in lines.items() if li.mark}, **_settled(drafted)}),
    )
    return old, new


def _settled(file: File) -> dict[str, Line]:
    return {line.name: line for line in file.lines.values() if line.is_settled}


def draft_tables(service: Service) -> list[Draft]:
    """The drafts of all tables of a service."""
    drafts = find_lists(service)
    for draft in drafts:
        name_scalars(draft)
        find_describe(draft)
        find_key(draft)
    for draft in drafts:
        find_scope(draft, drafts)
    for draft in drafts:
        if draft.scoped:
            draft.doubts.pop("key", None)
            find_describe(draft)
            find_key(draft)
    for draft in drafts:
        find_parents(draft, drafts)
    join_parents(drafts)
    find_circles(drafts)
    drafts += find_settings(service, drafts)
    for draft in drafts:
        if says := lacks_members(draft):
            draft.doubts["lacks"] = says[:80]
    return drafts


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
    drafts: Sequence[Draft], service: Service, head: str, settled: Mapping[str, str]
) -> dict[str, Line]:
    """The lines of the drafts as the product loads them beside the settled ones; their marks say the doubts."""
    tables = {draft.name: format_words(draft.words) for draft in drafts} | settled
    loader = Loader(service.name, head, tables)
    for draft in drafts:
        loader.complete(draft)
    doubt_children(drafts)
    return {draft.name: Line(draft.name, loader.get_words(draft.name), write_mark(draft)) for draft in drafts}


def write_mark(draft: Draft) -> str:
    """`? key (by its name only), parent (JobId has none)`"""
    doubts = ", ".join(f"{code} ({why})" if why else code for code, why in draft.doubts.items())
    return DOUBT + doubts if doubts else ""


def write_head(service: Service) -> str:
    """What stands above a new service's tables."""
    meta = service.model.metadata
    head = f"title: {meta.get('serviceAbbreviation') or meta['serviceFullName']}\n"
    if service.name.replace("_", "-") != service.client:
        head += f"client: {service.client}\n"
    if tags := find_tags(service):
        head += f"tags: {format_words(tags)}\n"
    return head


def find_tags(service: Service) -> dict[str, str]:
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
