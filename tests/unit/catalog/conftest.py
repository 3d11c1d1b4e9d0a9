from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Table]:
    """Loads a text as the table `aws.sagemaker.tiny`."""

    def load(text: str, service: str = "") -> Table:
        folder = tmp_path / "aws" / "sagemaker"
        folder.mkdir(parents=True)
        (folder / "_service.yaml").write_text(
            service or Path(__file__).with_name("tiny_service.yaml").read_text()
        )
        (folder / "tiny.yaml").write_text(text)
        return Catalog([tmp_path]).get_table("aws", "sagemaker", "tiny")

    return load
