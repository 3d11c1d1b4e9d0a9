"""Loads the lines as the product does: what it would derive otherwise is written, what it refuses is doubted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlprov.catalog.list_call import Siblings
from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.resource_files import load_service, load_table
from sqlprov.catalog.service_model import get_members
from sqlprov.catalog.table import Table
from sqlprov.catalog.yaml_nodes import parse_text
from sqlprov.errors import ResourceFileError

from .files import format_words
from .service import Draft

_PAGES = re.compile(
    r"(max|page)(results|items|size|records)|limit|istruncated|hasmore\w*|next\w*(token|marker)"
)


class Loader:
    """Loads the tables of one service from words in memory.

    Args:
        service: the service's name.
        head: what stands above its tables.
        tables: name -> words, as they stand in a line.
    """

    def __init__(self, service: str, head: str, tables: Mapping[str, str]) -> None:
        self._service = load_service(f"{service}.yaml", head, "aws", service)
        self._tables = dict(tables)
        self._completed: set[str] = set()

    def get_words(self, name: str) -> str:
        """The words of a table."""
        return self._tables[name]

    def load(self, name: str, words: str = "") -> Table:
        """The table; raises ResourceFileError."""
        node = parse_text(words or self._tables[name], f"{name}.yaml")
        return load_table(node, "aws", self._service, Siblings(name, self._tables, self.load))

    def complete(self, draft: Draft, seen: tuple[Draft, ...] = ()) -> None:
        """Add the words of a line that the product would derive otherwise; the parents' first."""
        if draft.name not in self._tables:
            return  # a person left it out
        if draft.settled or draft.name in self._completed or draft in seen:
            return
        for parent in draft.sources.values():
            self.complete(parent, (*seen, draft))
        words = draft.words
        if "?" not in self._tables[draft.name]:
            words |= self._find_rows(draft, words)
            words |= self._find_others(draft, words)
        self._tables[draft.name] = format_words(words)
        self._completed.add(draft.name)

    def _find_rows(self, draft: Draft, words: dict[str, Any]) -> dict[str, Any]:
        """`rows`, if the product would find others."""
        for extra in ({}, {"rows": ".".join(draft.rows)}):
            try:
                if self.load(draft.name, format_words(words | extra)).list.rows == draft.rows:
                    return extra
            except ResourceFileError:
                pass
        return {}

    def _find_others(self, draft: Draft, words: dict[str, Any]) -> dict[str, Any]:
        """`tags: none` for what has none; a doubt if the product refuses the words, or fills other arguments."""
        try:
            table = self.load(draft.name, format_words(words))
            for parent in table.list.parents:
                if parent.load and "?" not in self._tables[parent.table]:
                    parent.load()
        except ResourceFileError as refusal:
            draft.doubts["loader"] = re.sub(r"\s+", " ", str(refusal).partition(": ")[2])[:120]
            return {}
        filled = dict(table.describe.arguments) if table.describe else draft.arguments
        if not draft.arguments.items() <= filled.items():
            draft.doubts["loader"] = f"arguments: {filled}"
        if not table.list.tokens and (part := find_lost_page(draft)):
            draft.doubts["paging"] = part
        is_plain = table.tags and not table.tags.column and not _has_tags(draft)
        return {"tags": "none"} if is_plain else {}


def find_lost_page(draft: Draft) -> str:
    """A member of a call without page tokens that suggests that it has pages."""
    outputs = get_members(draft.service.operations[draft.list].output_shape)
    for name in (*draft.service.get_inputs(draft.list), *outputs):
        if _PAGES.fullmatch(flatten(name)):
            return name
    return ""


def _has_tags(draft: Draft) -> bool:
    """Whether the create of a resource takes tags."""
    service = draft.service
    create = service.find(
        *(verb + draft.noun for verb in ("Create", "Put", "Register", "Run", "Start", "Import"))
    )
    return any("tag" in parameter.lower() for parameter in service.get_inputs(create)) if create else False
