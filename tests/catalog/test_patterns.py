from __future__ import annotations

import pytest

from sqlprov.catalog.patterns import compiled


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
    found = compiled(pattern)
    assert found is not None
    assert [text for text in (*fits, *differs) if found.fullmatch(text)] == fits


@pytest.mark.parametrize("pattern", [r"[\p{LD}]*", "a{2}{3}", "(", "["])
def test_a_pattern_that_nobody_can_read_is_none(pattern: str) -> None:
    assert compiled(pattern) is None
