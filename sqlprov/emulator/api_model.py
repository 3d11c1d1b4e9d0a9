"""botocore's SageMaker model in, what the server needs of it out: input checks, and a Kind per resource type."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape

from sqlprov.emulator.errors import constraints
from sqlprov.emulator.validation import compile_shape

SUFFIXES = ("Contains", "Equals", "After", "Before")
_PAGING = {"SortBy", "SortOrder", "NextToken", "MaxResults"}


@dataclass(frozen=True)
class Filter:
    """An input member of a List operation that narrows it, by AWS's rule for naming such members.

    Args:
        test: Contains, Equals, After or Before.
        column: index into a record's values.
    """

    test: str
    column: int


@dataclass(frozen=True)
class Kind:
    """A resource type; all but `words` and `arn_part` is derived from botocore's model.

    Args:
        noun: as in `CreateModel`.
        arn_part: what stands before the name in an ARN.
        words: how error messages call one.
        key: the member that holds the name, `Name` or `ModelName`.
        arn: the output member of Describe that holds the ARN.
        status: the member that holds the state; empty for types without states.
        items: the output member of List.
        item_members: members of a list item.
        described: members of Describe's output.
        columns: the item members that filters and sorts use, the key first.
        filters: input member of List -> Filter.
        sorts: value of SortBy -> index into `columns`.
    """

    noun: str
    arn_part: str
    words: str
    key: str
    arn: str
    status: str
    items: str
    item_members: tuple[str, ...]
    described: tuple[str, ...]
    columns: tuple[str, ...]
    filters: dict[str, Filter]
    sorts: dict[str, int]


_NOUNS = {
    "InferenceExperiment": ("inference-experiment", "inference experiment"),
    "Model": ("model", "model"),
    "EndpointConfig": ("endpoint-config", "endpoint configuration"),
    "Endpoint": ("endpoint", "endpoint"),
}


@cache
def service_model(service: str = "sagemaker") -> ServiceModel:
    # Reading the newest file ourselves takes 20 ms, botocore's loader 100 ms: `--local` pays it at each start.
    newest = max((Path(Loader.BUILTIN_DATA_PATH) / service).glob("*/service-2.json*"))
    data = newest.read_bytes()
    return ServiceModel(orjson.loads(gzip.decompress(data) if newest.suffix == ".gz" else data), service)


@cache
def kinds() -> dict[str, Kind]:
    """Every resource type served, by noun."""
    return {noun: _kind(noun, *words) for noun, words in _NOUNS.items()}


@cache
def compile_input_check(operation: str, service: str = "sagemaker") -> Callable[[dict[str, Any]], None]:
    """The check of an operation's input; it raises ApiError with all faults of a request at once."""
    shape = service_model(service).operation_model(operation).input_shape
    check = compile_shape(shape)

    def checked(parameters: dict[str, Any]) -> None:
        faults: list[str] = []
        check(parameters, "", faults)
        if faults:
            raise constraints(faults)

    return checked


def _kind(noun: str, arn_part: str, words: str) -> Kind:
    model = service_model()
    listing = model.operation_model(f"List{noun}s")
    described = tuple(model.operation_model(f"Describe{noun}").output_shape.members)
    items = next(name for name, shape in listing.output_shape.members.items() if shape.type_name == "list")
    item: StructureShape = listing.output_shape.members[items].member

    def member(base: str) -> str:
        return base if base in item.members else noun + base

    filters, sorts = {}, {}
    columns = [member("Name")]

    def column(base: str) -> int:
        if member(base) not in columns:
            columns.append(member(base))
        return columns.index(member(base))

    for name in listing.input_shape.members:
        suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
        if suffix:
            filters[name] = Filter(suffix, column(name.removesuffix(suffix)))
        elif name not in _PAGING and name in item.members:
            filters[name] = Filter("Equals", column(name))
    for base in listing.input_shape.members["SortBy"].enum:
        sorts[base] = column(base)
    return Kind(
        noun=noun,
        arn_part=arn_part,
        words=words,
        key=member("Name"),
        arn="Arn" if "Arn" in described else noun + "Arn",
        status=next((name for name in ("Status", noun + "Status") if name in described), ""),
        items=items,
        item_members=tuple(item.members),
        described=described,
        columns=tuple(columns),
        filters=filters,
        sorts=sorts,
    )
