from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from blocks import EXAMPLES, PAGES, ROOT, RUN, Block, blocks, example_run, page_run, plain

WRITTEN = [page for page in PAGES if "tables" not in page.parts]
SHOWN_ELSEWHERE = {"console", "yaml"}  # the first tells a person what to type, the second is tested below


@pytest.fixture(scope="session")
def ran() -> Iterator[Callable[[Path], list[tuple[Block, str]]]]:
    """What each page prints; two pages are run at a time, unless pytest itself runs two tests at a time."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        yield page_run
        return
    with ThreadPoolExecutor(2) as pool:
        running = {page: pool.submit(page_run, page) for page in WRITTEN}
        yield lambda page: running[page].result()


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_block_prints_what_its_page_shows(
    page: Path, ran: Callable[[Path], list[tuple[Block, str]]]
) -> None:
    for block, printed in ran(page):
        if block.shown is not None:
            assert printed == plain(block.shown), f"{page}:{block.line}; `make docs` writes it anew"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_block_is_of_a_kind_that_is_tested(page: Path) -> None:
    for block in blocks(page.read_text()):
        assert block.language in (*RUN, *SHOWN_ELSEWHERE), f"{page}:{block.line}: {block.language!r}"


def test_every_make_target_on_a_page_exists() -> None:
    targets = {line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ":" in line}
    named = {
        line.split()[2]
        for page in WRITTEN
        for block in blocks(page.read_text())
        for line in block.code.splitlines()
        if line.startswith("$ make ")
    }
    assert {"run", "test", "docs"} <= named <= targets


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_prints_what_stands_beside_it(file: Path) -> None:
    assert example_run(file) == file.with_suffix(".txt").read_text()


def test_make_run_runs_an_example() -> None:
    assert f"examples/{EXAMPLES[1].name}" == "examples/overview.py"
    assert "examples/overview.py" in (ROOT / "Makefile").read_text()


def test_every_link_between_pages_leads_somewhere() -> None:
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
