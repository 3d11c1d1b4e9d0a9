from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doc_blocks import (
    EXAMPLES,
    PAGES,
    ROOT,
    RUN,
    DocBlock,
    normalize_output,
    parse_blocks,
    run_example,
    run_page,
)

WRITTEN = [page for page in PAGES if "tables" not in page.parts]
NOT_RUN = {"console", "json", "yaml"}


@pytest.fixture(scope="session")
def outputs() -> Iterator[Callable[[Path], list[tuple[DocBlock, str]]]]:
    """The outputs of a page; two pages run at a time, unless pytest itself runs two tests at a time."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        yield run_page
        return
    with ThreadPoolExecutor(2) as pool:
        running = {page: pool.submit(run_page, page) for page in WRITTEN}
        yield lambda page: running[page].result()


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_block_has_the_output_on_its_page(
    page: Path, outputs: Callable[[Path], list[tuple[DocBlock, str]]]
) -> None:
    for block, output in outputs(page):
        if block.output is not None:
            assert output == normalize_output(block.output), f"{page}:{block.line}; run `make docs`"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_block_has_a_known_language(page: Path) -> None:
    for block in parse_blocks(page.read_text()):
        assert block.language in (*RUN, *NOT_RUN), f"{page}:{block.line}: {block.language!r}"


def test_every_make_target_on_a_page_exists() -> None:
    targets = {line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ":" in line}
    named = {
        line.split()[2]
        for page in WRITTEN
        for block in parse_blocks(page.read_text())
        for line in block.code.splitlines()
        if line.startswith("$ make ")
    }
    assert {"run", "test", "docs"} <= named <= targets


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_has_the_stored_output(file: Path) -> None:
    assert run_example(file) == file.with_suffix(".txt").read_text()


def test_make_run_runs_an_example() -> None:
    assert f"examples/{EXAMPLES[1].name}" == "examples/overview.py"
    assert "examples/overview.py" in (ROOT / "Makefile").read_text()


def test_every_link_between_pages_has_a_target() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            assert file.exists(), f"{page} links to {target}"
            if not anchor:
                continue
            heads = [line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("#")]
            anchors = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in anchors, f"{page} links to {target}"
