"""Drafts the `columns:` of each service: numbers and texts whose documentation says that they are times or JSON.

`python -m resources.generate.types [service …]` prints those that the heads lack. A person settles each: adds it to the
head, or leaves it out where the documentation does not say what the service sends.
"""

from __future__ import annotations

import html
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

import pyarrow as pa

from sqlprov.catalog import Catalog
from sqlprov.catalog.column import Column
from sqlprov.catalog.service_model import load_model, summarize
from sqlprov.catalog.table import Table

from .files import RESOURCES

_MILLISECONDS = re.compile(
    r"millisecond.{0,40}(1970|epoch)|epoch.{0,20}millisecond|timestamp \(in millisecond", re.IGNORECASE
)
_SECONDS = re.compile(r"seconds since (the )?(unix )?epoch|epoch( \(unix\))? seconds", re.IGNORECASE)
_ISO = re.compile(r"\bISO.?-?8601|RFC.?3339|\bISO format", re.IGNORECASE)
_NO_TIME = re.compile(r"duration|frequency|guidelines|identif|unique|length of time", re.IGNORECASE)
_ISO_SHAPE = re.compile(r"ISO_?(8601|Date|Time|String)|ZonedDateTime", re.IGNORECASE)
_JSON = re.compile(
    r"\bJSON[- ](policy|document|string|structure|object|text|formatted|encoded)|(in|as|is a)n? JSON\b(?! key)"
    r"|policy (document|text)\b.* JSON|valid JSON text",
    re.IGNORECASE,
)
_JSON_SHAPE = re.compile(
    r"policy_?document(type)?|.*json(document|string)|iampolicy|eventpattern", re.IGNORECASE
)
_NO_JSON = re.compile(r"S3 location|JSONPath|the name of|\bARN\b|Cedar", re.IGNORECASE)


def draft_types(table: Table) -> Iterator[tuple[str, str]]:
    """Column and word of each number or text of a table that is a time or JSON, by its documentation."""
    documents = read_documentation(table.client)
    for column in table.columns:
        is_plain = column.type == column.json_type and not (column.is_json or column.constraint.enum)
        if not is_plain or not column.path or column.name in table.key:
            continue
        text = documents.get((column.path[-1], column.description), column.description)
        if word := _draft_type(column, text):
            yield column.name, word


def _draft_type(column: Column, text: str) -> str:
    if pa.types.is_integer(column.type) or column.type == pa.float64():
        return "timestamp_ms" if _MILLISECONDS.search(text) else "timestamp" if _SECONDS.search(text) else ""
    if not pa.types.is_string(column.type):
        return ""
    if _ISO_SHAPE.search(column.shape) or (_ISO.search(text) and not _NO_TIME.search(text)):
        return "timestamp"
    is_json = _JSON_SHAPE.fullmatch(column.shape) or _JSON.search(text)
    return "json" if is_json and not _NO_JSON.search(text) else ""


@cache
def read_documentation(client: str) -> Mapping[tuple[str, str], str]:
    """Member and first paragraph -> the whole documentation, as plain text."""
    model = load_model(client)
    texts = {}
    for name in model.shape_names:
        shape = model.shape_for(name)
        for member, inner in shape.members.items() if shape.type_name == "structure" else ():
            whole = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", inner.documentation)).split())
            texts[member, summarize(inner.documentation)] = whole
    return texts


def main() -> None:
    """Print the drafts, a line for each service."""
    catalog = Catalog([RESOURCES])
    for service in sys.argv[1:] or catalog.list_services("aws"):
        drafts: dict[str, Counter[str]] = {}
        for name in catalog.list_tables("aws", service):
            for column, word in draft_types(catalog.get_table("aws", service, name)):
                drafts.setdefault(column, Counter())[word] += 1
        if drafts:
            words = ", ".join(f"{column}: {' or '.join(words)}" for column, words in sorted(drafts.items()))
            print(f"{service}: columns: {{{words}}}")


if __name__ == "__main__":
    main()
