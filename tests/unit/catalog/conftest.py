from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table

HEAD = Path(__file__).with_name("tiny_service.yaml").read_text()


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Table]:
    """Loads a text as the file of the table `aws.sagemaker.tiny`."""

    def load(text: str, head: str = HEAD) -> Table:
        folder = tmp_path / "aws" / "sagemaker"
        folder.mkdir(parents=True)
        folder.with_suffix(".yaml").write_text(head)
        (folder / "tiny.yaml").write_text(text)
        return Catalog([tmp_path]).get_table("aws", "sagemaker", "tiny")

    return load


@pytest.fixture
def load_lines(tmp_path: Path) -> Callable[..., Table]:
    """Loads the first of some lines (`name: {…}`) of a service."""

    def load_lines(service: str, *lines: str, head: str = "title: Some service") -> Table:
        file = tmp_path / "aws" / f"{service}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join([head, "tables:", *(f"  {line}" for line in lines), ""]))
        return Catalog([tmp_path]).get_table("aws", service, lines[0].partition(":")[0])

    return load_lines
