"""Applies the rules to one service and places each line: in the catalog if it is sound, otherwise in the drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .check import Loader
from .describes import find_describe
from .files import DOUBT, RESOURCES, File, Line, format_words, read_file, read_own_files
from .keys import find_key
from .lists import find_lists, find_settings, name_scalars
from .parents import find_parents, join_parents
from .scope import find_scope
from .service import ClientOperations, Draft


def generate(client: str, folder: Path = RESOURCES) -> tuple[tuple[File, File], tuple[File, File]]:
    """The files of a service in `folder` as they are and as they should be: the catalog's and the drafts'."""
    service = ClientOperations(client)
    paths = (folder / "aws" / f"{service.name}.yaml", folder / "drafts" / "aws" / f"{service.name}.yaml")
    shipped, drafted = old = (read_file(paths[0]), read_file(paths[1]))
    settled = {line.name: line.parsed for line in shipped.settled.values()} | read_own_files(
        folder / "aws" / service.name
    )
    left_out = {line.name: line.parsed for line in drafted.settled.values()}
    drafts = draft_tables(service, settled)
    taken = {words["list"] for words in (*settled.values(), *left_out.values()) if "list" in words}
    new_drafts = [d for d in drafts if d.list not in taken and d.name not in {*settled, *left_out}]
    head = shipped.head or write_head(service)
    lines = to_lines(new_drafts, service, head, settled)
    sound = {
        name: line.keep_description_and_order(shipped.lines.get(name))
        for name, line in lines.items()
        if not line.mark
    }
    doubted = {name: line for name, line in lines.items() if line.mark}
    new = (
        File(paths[0], head, sound | shipped.settled),
        File(paths[1], drafted.head, doubted | drafted.settled),
    )
    return old, new


def draft_tables(service: ClientOperations, settled: Mapping[str, Mapping[str, Any]]) -> list[Draft]:
    """The drafts of all tables of a service; those that a person settled as they are, for their children.

    Args:
        service: the service.
        settled: name -> words of the tables that the generator does not write.
    """
    drafts = find_lists(service)
    for draft in drafts:
        name_scalars(draft)
        find_describe(draft)
        find_key(draft)
    by_call = {words.get("list"): (name, words) for name, words in settled.items()}
    others = [draft for draft in drafts if draft.list not in by_call]
    for draft in drafts:
        if draft.list in by_call:
            adopt(draft, *by_call[draft.list])
    for draft in others:
        find_scope(draft)
        find_parents(draft, drafts)
    join_parents(others)
    settings = find_settings(service, drafts)
    for draft in settings:
        find_parents(draft, drafts)
    return drafts + settings


def adopt(draft: Draft, name: str, words: Mapping[str, Any]) -> None:
    """Take what a person decided."""
    key, each = words["key"], words.get("each", {})
    draft.settled, draft.key = name, (key,) if isinstance(key, str) else tuple(key)
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
    drafts: Sequence[Draft], service: ClientOperations, head: str, settled: Mapping[str, Mapping[str, Any]]
) -> dict[str, Line]:
    """The lines of the drafts as the product loads them beside the settled ones; their marks say the doubts."""
    tables = {draft.name: format_words(draft.words) for draft in drafts}
    tables |= {name: format_words(words) for name, words in settled.items()}
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
    return head
