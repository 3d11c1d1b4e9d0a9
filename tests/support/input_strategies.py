"""Generates random valid inputs of a shape, in each form a user may write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from sqlprov.catalog.shapes import Constraint, Shape
from sqlprov.plan.write.values import ValueProblem, coerce

CREATES = {
    "inference_experiments": "CreateInferenceExperiment",
    "models": "CreateModel",
    "endpoint_configs": "CreateEndpointConfig",
    "endpoints": "CreateEndpoint",
}

Answer = tuple[Any, list[ValueProblem], list[ValueProblem]]


class Duck:
    """One DuckDB connection in Berlin's time zone."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("SET TimeZone = 'Europe/Berlin'")

    def column(self, expression: str, *parameters: Any) -> tuple[Any, pa.DataType, bool]:
        """Value and Arrow type of an SQL expression, and whether DuckDB's type for it is JSON."""
        relation = self.connection.sql(f"SELECT {expression} AS c", params=list(parameters))
        table = relation.to_arrow_table()
        return table.column(0).to_pylist()[0], table.schema.field(0).type, str(relation.types[0]) == "JSON"

    def coerce(self, expression: str, shape: Shape, *parameters: Any, column: str = "c") -> Answer:
        value, type, is_json = self.column(expression, *parameters)
        return coerce(value, type, is_json, shape, row=1, column=column, zone="Europe/Berlin")


class Coerce(Protocol):
    def __call__(self, expression: str, shape: Shape, *parameters: Any) -> Any: ...


class Refuse(Protocol):
    def __call__(self, expression: str, shape: Shape, *parameters: Any) -> dict[str, str]: ...


_LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
# What Java's \p{L}, \p{Z} and \p{N} stand for in the pattern of tags.
_TAGGED = st.text(alphabet="aZ9é日 _.:/=+-@", min_size=1, max_size=12)


def valid(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that a shape accepts, small ones first; members that are not required are rarely given."""
    if shape.kind == "structure":
        return st.one_of(_structures(shape, depth), _structures(shape, depth, some=False))
    least = int(shape.low or 0)
    most = max(least, min(2, int(2 if shape.high is None else shape.high)))
    if shape.item is not None:
        keys = (lambda tag: tag["Key"]) if "Key" in shape.item.members else None
        return st.lists(valid(shape.item, depth + 1), min_size=least, max_size=most, unique_by=keys)
    if shape.key is not None and shape.value is not None:
        return st.dictionaries(valid(shape.key), valid(shape.value), min_size=least, max_size=most)
    return _scalars(shape)


@st.composite
def _structures(draw: st.DrawFn, shape: Shape, depth: int, some: bool = True) -> dict[str, Any]:
    optional = [name for name in shape.members if name not in shape.required]
    most = 3 if depth < 3 else 1
    chosen = (
        draw(st.lists(st.sampled_from(optional), unique=True, max_size=most)) if optional and some else []
    )
    return {
        name: draw(valid(member, depth + 1))
        for name, member in shape.members.items()
        if name in shape.required or name in chosen
    }


def _scalars(shape: Shape) -> st.SearchStrategy[Any]:
    if shape.kind in ("integer", "long"):
        least = int(shape.low) if shape.low is not None else -1000
        return st.integers(least, int(shape.high) if shape.high is not None else 2**31 - 1)
    if shape.kind in ("float", "double"):
        return st.floats(shape.low or 0, 1e6, allow_nan=False, width=32)
    if shape.kind == "boolean":
        return st.booleans()
    if shape.kind == "timestamp":
        return st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
    return _texts(shape.constraint)


@cache
def _texts(said: Constraint) -> st.SearchStrategy[str]:
    if said.enum:
        return st.sampled_from(said.enum)
    if said.pattern is None or said.pattern == ".*":
        line = st.characters(codec="utf-8", exclude_characters="\0\n")
        return st.text(line, min_size=said.min or 0, max_size=12)
    if r"\p{" in said.pattern:
        return _TAGGED
    low, high = said.min or 0, said.max or 100
    texts = st.from_regex(re.compile(said.pattern, re.ASCII), fullmatch=True, alphabet=_LETTERS)
    return texts.filter(lambda text: low <= len(text) <= high)


def as_json(value: Any) -> str:
    """JSON text; times as ISO 8601."""
    return json.dumps(value, default=lambda moment: moment.isoformat(), ensure_ascii=False)


def as_sql(value: Any, shape: Shape, tags_as_map: bool = False) -> str:
    """A DuckDB expression: STRUCT, LIST, MAP and scalars."""
    if shape.kind == "structure":
        parts = [f"{_quote(name)}: {as_sql(part, shape.members[name])}" for name, part in value.items()]
        return "{" + ", ".join(parts) + "}"
    if shape.kind == "map":
        return _map(value)
    if shape.kind == "list":
        assert shape.item is not None
        if tags_as_map:
            return _map({tag["Key"]: tag["Value"] for tag in value})
        # DuckDB makes one STRUCT of a list's items, but not of {} and another.
        empty = next(
            (f"{{{_quote(name)}: NULL}}" for item in value if isinstance(item, dict) for name in item), "{}"
        )
        return "[" + ", ".join(as_sql(item, shape.item) if item != {} else empty for item in value) + "]"
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.isoformat()}'"
    return _quote(value) if isinstance(value, str) else repr(value)


def _map(pairs: dict[str, str]) -> str:
    return "MAP {" + ", ".join(f"{_quote(key)}: {_quote(value)}" for key, value in pairs.items()) + "}"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def pad(shape: Shape) -> st.SearchStrategy[Any]:
    """Valid values that a padded STRUCT can express: it cannot tell an empty structure from NULL."""
    return valid(shape).map(lambda value: _drop_empty(value, shape))


def _drop_empty(value: Any, shape: Shape, item: bool = True) -> Any:
    if isinstance(value, dict):
        shapes = shape.members or dict.fromkeys(value, shape.value)
        inner = {name: _drop_empty(part, shapes[name], item=False) for name, part in value.items()}
        kept = {name: part for name, part in inner.items() if part is not None}
        assume(kept.keys() >= set(shape.required))
        return kept if kept or item else None
    return [_drop_empty(part, shape.item) for part in value] if isinstance(value, list) else value


def for_random_inputs(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test for each create, with `data` that draws its random inputs."""
    moderate = settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # shrinking a whole input takes minutes
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    return pytest.mark.parametrize("operation", CREATES.values())(moderate(given(data=st.data())(test)))
