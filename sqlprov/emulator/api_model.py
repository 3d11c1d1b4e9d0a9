"""The parts of botocore's models that the server uses: resource kinds and input validation."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape

from sqlprov.emulator.errors import make_constraint_error
from sqlprov.emulator.validation import find_violations

_PAGING = {"SortBy", "SortOrder", "NextToken", "MaxResults"}


@dataclass(frozen=True)
class InputFilter:
    """An input member of a List operation that narrows the list; its suffix says how.

    Args:
        test: Contains, Equals, After or Before.
        column: index into a record's values.
    """

    test: str
    column: int


@dataclass(frozen=True)
class ResourceKind:
    """A kind of resource; all but `words` and `arn_part` come from botocore's model.

    Args:
        noun: as in `CreateModel`.
        arn_part: the part of an ARN before the name.
        words: its name in error messages.
        key: the member that holds the name, `Name` or `ModelName`.
        arn: the output member of Describe that holds the ARN.
        items: the output member of List.
        item_members: members of a list item.
        describe_members: members of Describe's output.
        columns: the item members that filters and sorts use, the key first.
        filters: input member of List -> InputFilter.
        sorts: value of SortBy -> index into `columns`.
    """

    noun: str
    arn_part: str
    words: str
    key: str
    arn: str
    items: str
    item_members: tuple[str, ...]
    describe_members: tuple[str, ...]
    columns: tuple[str, ...]
    filters: dict[str, InputFilter]
    sorts: dict[str, int]


@cache
def load_model(service: str = "sagemaker") -> ServiceModel:
    # Reading the newest file directly takes 20 ms, botocore's loader 100 ms, at each start of `--local`.
    newest = max((Path(Loader.BUILTIN_DATA_PATH) / service).glob("*/service-2.json*"))
    data = newest.read_bytes()
    return ServiceModel(orjson.loads(gzip.decompress(data) if newest.suffix == ".gz" else data), service)


@cache
def load_resource_kinds() -> dict[str, ResourceKind]:
    """Every kind of resource that the server holds, by noun."""
    return {
        "InferenceExperiment": _derive("InferenceExperiment", "inference-experiment", "inference experiment"),
        "Model": _derive("Model", "model", "model"),
        "EndpointConfig": _derive("EndpointConfig", "endpoint-config", "endpoint configuration"),
        "Endpoint": _derive("Endpoint", "endpoint", "endpoint"),
    }


def build_arn(account: str, noun: str, region: str, name: str) -> str:
    """SageMaker writes names in ARNs in lower case."""
    return f"arn:aws:sagemaker:{region}:{account}:{load_resource_kinds()[noun].arn_part}/{name.lower()}"


def check_input(operation: str, parameters: dict[str, Any], service: str = "sagemaker") -> None:
    """Raises one ApiError for all violations of a request."""
    shape = load_model(service).operation_model(operation).input_shape
    if shape is not None and (violations := list(find_violations(shape, parameters))):
        raise make_constraint_error(violations)


def _derive(noun: str, arn_part: str, words: str) -> ResourceKind:
    list_model = load_model().operation_model(f"List{noun}s")
    describe_members = tuple(load_model().operation_model(f"Describe{noun}").output_shape.members)
    outputs, inputs = list_model.output_shape.members, list_model.input_shape.members
    items = next(name for name, shape in outputs.items() if shape.type_name == "list")
    item: StructureShape = outputs[items].member

    def member(base: str) -> str:
        return base if base in item.members else noun + base

    columns = [member("Name")]

    def column(base: str) -> int:
        if member(base) not in columns:
            columns.append(member(base))
        return columns.index(member(base))

    filters = {}
    for name in inputs:
        test = next((test for test in ("Contains", "Equals", "After", "Before") if name.endswith(test)), "")
        if test:
            filters[name] = InputFilter(test, column(name.removesuffix(test)))
        elif name not in _PAGING and name in item.members:
            filters[name] = InputFilter("Equals", column(name))
    sorts = {base: column(base) for base in inputs["SortBy"].enum}
    return ResourceKind(
        noun=noun,
        arn_part=arn_part,
        words=words,
        key=member("Name"),
        arn="Arn" if "Arn" in describe_members else noun + "Arn",
        items=items,
        item_members=tuple(item.members),
        describe_members=describe_members,
        columns=tuple(columns),
        filters=filters,
        sorts=sorts,
    )
