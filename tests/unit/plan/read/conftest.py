from __future__ import annotations

import pytest

from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table


@pytest.fixture(scope="session")
def experiments() -> Table:
    return Catalog().get_table("aws", "sagemaker", "inference_experiments")


@pytest.fixture(scope="session")
def models() -> Table:
    return Catalog().get_table("aws", "sagemaker", "models")
