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
def test_a_pattern_means_what_it_means_to_the_service(
    pattern: str, fits: list[str], differs: list[str]
) -> None:
    found = compile_pattern(pattern)
    assert found is not None
    assert [text for text in (*fits, *differs) if found.fullmatch(text)] == fits


@pytest.mark.parametrize("pattern", [r"[\p{LD}]*", "a{2}{3}", "(", "["])
def test_a_pattern_that_nobody_can_read_is_none(pattern: str) -> None:
    assert compile_pattern(pattern) is None


def patterns(shape: Shape, seen: set[str]) -> Iterator[str]:
    if shape.name in seen:
        return
    seen.add(shape.name)
    if shape.constraint.pattern:
        yield shape.constraint.pattern
    for part in (*shape.members.values(), shape.item, shape.key, shape.value):
        if part is not None:
            yield from patterns(part, seen)


def test_every_pattern_that_our_tables_are_written_with_can_be_read() -> None:
    catalog = Catalog()
    found = {
        pattern
        for name in catalog.list_tables("aws", "sagemaker")
        for method in catalog.get_table("aws", "sagemaker", name).methods
        for pattern in patterns(method.input_shape, set())
    }
    assert len(found) > 20
    assert [pattern for pattern in found if compile_pattern(pattern) is None] == []
