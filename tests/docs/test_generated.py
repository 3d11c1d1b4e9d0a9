from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from doc_blocks import ROOT

from sqlprov.catalog import Catalog


@pytest.fixture(scope="module")
def pages() -> dict[Path, str]:
    built: dict[Path, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["build_pages"]()
    return built


def test_the_generated_pages_are_up_to_date(pages: dict[Path, str]) -> None:
    stale = [file for file, text in pages.items() if not file.exists() or file.read_text() != text]
    assert stale == [], "`make docs` writes them"


def test_every_page_of_a_table_is_generated(pages: dict[Path, str]) -> None:
    assert {file for file in ROOT.glob("docs/tables/**/*") if file.is_file()} <= set(pages)


def test_the_page_of_a_service_says_what_confirms_each_table(pages: dict[Path, str]) -> None:
    catalog = Catalog()
    confirmed = catalog.list_confirmations("aws")
    for service in catalog.list_services("aws"):
        page = pages[ROOT / "docs" / "tables" / "aws" / f"{service}.md"]
        for name, paragraph in re.findall(r"(?ms)^## (\w+)\n(.*?)(?=^## |\Z)", page):
            sources = confirmed.get(f"{service}.{name}")
            says = f" Confirmed by: {', '.join(sources)}.\n" if sources else " Unconfirmed.\n"
            assert says in paragraph, f"{service}.{name}"
        assert re.findall(r"(?m)^## (\w+)$", page) == list(catalog.list_tables("aws", service))


def test_every_page_or_a_folder_of_it_is_linked_from_the_readme(pages: dict[Path, str]) -> None:
    readme = (ROOT / "README.md").read_text()
    for file in filter(lambda file: file.suffix == ".md", pages):
        page = file.relative_to(ROOT)
        assert f"({page})" in readme or any(f"({folder}/)" in readme for folder in page.parents), page
