"""The text of one of botocore's data files in, its data out; what is large is decoded where it is asked for.

SageMaker's model has 3,600 operations and shapes, of which a statement takes a tenth.
"""

from __future__ import annotations

import re
from collections.abc import ItemsView, Iterator, ValuesView
from typing import Any

import orjson

_NAMES = ("operations", "shapes", "services")
# A section begins on a line of its own and ends with the next line of its margin: JSON's texts have no lines.
_SECTION = re.compile(rb'(\n  |\n    )"(?:%s)" ?: ?(?=\{\n)' % "|".join(_NAMES).encode())


class Entries(dict[str, Any]):
    """Names and values; a value is the bytes of its JSON until it is asked for.

    A dict, for botocore merges what it adds to a model into nothing else.
    """

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if isinstance(value, bytes):
            value = self[name] = orjson.loads(value)
        return value

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()  # of its own, or dict(entries) would copy bytes

    def __eq__(self, other: object) -> bool:
        return dict(self) == other

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def items(self) -> Any:
        return ItemsView(self)

    def values(self) -> Any:
        return ValuesView(self)


def decode(text: bytes) -> Any:
    """The data of a model, of endpoints.json, or of any other JSON.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return _by_lines(text)
    except ValueError:  # it is laid out otherwise than botocore's files
        return orjson.loads(text)


def _by_lines(text: bytes) -> Any:
    """The data, its sections as Entries; ValueError where the lines do not tell them."""
    rest: list[bytes] = []
    sections: list[Entries] = []
    at = 0
    while found := _SECTION.search(text, at):
        margin, begin = found[1], found.end()
        end = text.index(margin + b"}", begin)
        rest += [text[at:begin], b"%d" % len(sections)]
        sections.append(_entries(text, begin + 1, end, margin + b"  "))
        at = end + len(margin) + 1
    data = orjson.loads(b"".join([*rest, text[at:]]))
    if sections:
        holders = (data, *data.get("partitions", ()))
        places = [(holder, name) for holder in holders for name in holder if name in _NAMES]
        if [holder[name] for holder, name in places] != [*range(len(sections))]:
            raise ValueError("a section is elsewhere")
        for (holder, name), section in zip(places, sections, strict=True):
            holder[name] = section
    return data


def _entries(text: bytes, begin: int, end: int, margin: bytes) -> Entries:
    """The entries between `begin` and `end`, each after a `margin`; ValueError where the first is not."""
    found = [*re.compile(margin + rb'"([^"\\]+)" ?: ?').finditer(text, begin, end)]
    if not found or found[0].start() != begin:
        raise ValueError("an entry is elsewhere")
    entries = Entries()
    for one, after in zip(found, [*(each.start() - 1 for each in found[1:]), end], strict=True):
        value = text[one.end() : after]
        # One whose end is not to be seen by its margin has to be decoded.
        entries[str(one[1], "utf-8")] = value if value.endswith(margin + b"}") else orjson.loads(value)
    return entries
