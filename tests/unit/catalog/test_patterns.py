from __future__ import annotations

from collections.abc import Iterator

import pytest

from sqlprov.catalog import Catalog
from sqlprov.catalog.patterns import compile_pattern
from sqlprov.catalog.shapes import Shape


@pytest.mark.parametrize(
    ("pattern", "fits", "differs"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["", "é日 1", "a\u00a0b", "٣"], ["a\nb", "O'Brien", "[]", "é!"]),
        (r"([\p{L}]*)${1,128}", ["é", ""], ["1"]),
        (r"[\p{L}\d]+", ["é1"], ["٣", "-"]),
        (r"[\w-_]+", ["a-_"], ["é", "."]),
        (r"[^\P{L}\s]+", ["é"], ["1", " "]),
        (r"[\p{L}||\p{N}]+", ["a|1"], ["-"]),
        (r"[\p{Print}&&[^|:/]]+", ["a b"], ["a:b"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["a\t😀"], ["a\n", "\ufffe"]),
        (r"[a\x{62}]+", ["ab"], ["x"]),
        (r"\A[a-z]+\z", ["a"], ["a\n"]),
        (r"\d+\w\s", ["1a "], ["٣a ", "1é ", "1a\u00a0"]),
        (r"\\d\p{L}", [r"\dé"], ["1é"]),
    ],
)
def test_a_pattern_has_the_meaning_that_the_service_gives_it(
    pattern: str, fits: list[str], differs: list[str]
) -> None:
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert [text for text in (*fits, *differs) if compiled.fullmatch(text)] == fits


@pytest.mark.parametrize("pattern", [r"[\p{LD}]*", "a{2}{3}", "(", "["])
def test_an_invalid_pattern_is_none(pattern: str) -> None:
    assert compile_pattern(pattern) is None


def list_patterns(shape: Shape, seen: set[str]) -> Iterator[str]:
    if shape.name in seen:
        return
    seen.add(shape.name)
    if shape.constraint.pattern:
        yield shape.constraint.pattern
    for part in (*shape.members.values(), shape.item, shape.key, shape.value):
        if part is not None:
            yield from list_patterns(part, seen)


def test_every_pattern_of_our_tables_can_be_compiled() -> None:
    catalog = Catalog()
    used = {
        pattern
        for name in catalog.list_tables("aws", "sagemaker")
        for method in catalog.get_table("aws", "sagemaker", name).methods
        for pattern in list_patterns(method.input_shape, set())
    }
    assert len(used) > 20
    assert [pattern for pattern in used if compile_pattern(pattern) is None] == []
