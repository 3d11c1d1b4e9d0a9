from __future__ import annotations

from typing import Any

import pytest
from value_inputs import CREATES, Coerce, Duck, Refuse

from sqlprov.catalog import Catalog
from sqlprov.catalog.shapes import Shape


@pytest.fixture(scope="session")
def inputs() -> dict[str, Shape]:
    """Operation -> shape of its input."""
    catalog = Catalog()
    return {
        operation: catalog.get_input_shape(catalog.get_table("aws", "sagemaker", table), operation)
        for table, operation in CREATES.items()
    }


@pytest.fixture(scope="session")
def experiment(inputs: dict[str, Shape]) -> Shape:
    return inputs["CreateInferenceExperiment"]


@pytest.fixture(scope="session")
def duck() -> Duck:
    return Duck()


@pytest.fixture
def taken(duck: Duck) -> Coerce:
    """What is sent for an SQL expression that fits."""

    def taken(expression: str, shape: Shape, *parameters: Any) -> Any:
        value, faults, warnings = duck.coerce(expression, shape, *parameters)
        assert not faults and not warnings
        return value

    return taken


@pytest.fixture
def refused(duck: Duck) -> Refuse:
    """Path -> what was expected, for an SQL expression that does not fit."""

    def refused(expression: str, shape: Shape, *parameters: Any) -> dict[str, str]:
        value, faults, _ = duck.coerce(expression, shape, *parameters)
        assert value is None and faults
        return {fault.path: fault.expected for fault in faults}

    return refused
