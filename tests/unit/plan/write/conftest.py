from __future__ import annotations

from typing import Any

import pytest
from input_strategies import CREATES, Coerce, Duck, Refuse

from sqlprov.catalog.service_model import build_input_shape, load_model
from sqlprov.catalog.shapes import Shape


@pytest.fixture(scope="session")
def inputs() -> dict[str, Shape]:
    """Operation -> shape of its input."""
    model = load_model("sagemaker")
    return {operation: build_input_shape(model.operation_model(operation)) for operation in CREATES.values()}


@pytest.fixture(scope="session")
def duck() -> Duck:
    return Duck()


@pytest.fixture
def convert(duck: Duck) -> Coerce:
    """What is sent for an SQL expression that fits."""

    def convert(expression: str, shape: Shape, *parameters: Any) -> Any:
        value, errors, warnings = duck.coerce(expression, shape, *parameters)
        assert not errors and not warnings
        return value

    return convert


@pytest.fixture
def find_refusals(duck: Duck) -> Refuse:
    """Path -> what was expected, for an SQL expression that does not fit."""

    def find_refusals(expression: str, shape: Shape, *parameters: Any) -> dict[str, str]:
        value, errors, _ = duck.coerce(expression, shape, *parameters)
        assert value is None and errors
        return {error.path: error.expected for error in errors}

    return find_refusals
