"""Reads botocore's service models: operations, paginators, Arrow types, constraints and descriptions.

`Any` stands for a botocore model, operation or shape; botocore has no types.
"""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
import pyarrow as pa

from ..errors import suggest
from .shapes import Constraint, Shape
from .yaml_nodes import Node

GZIP = 16 + zlib.MAX_WBITS
"""zlib's word for a gzip header; the module gzip is slower, because it also reads a file in pieces."""
TIMESTAMP = pa.timestamp("us", "UTC")
_SCALARS = {
    "string": pa.string(),
    "character": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float64(),
    "double": pa.float64(),
    "timestamp": TIMESTAMP,
    "blob": pa.binary(),
}
_JSON_SCALARS = {**_SCALARS, "timestamp": pa.float64(), "blob": pa.string()}
MISSING = re.compile(r"NotFound|NoSuch|DoesNotExist|NotExist|NonExistent", re.IGNORECASE)
"""Names of errors that mean that a resource does not exist."""
_TOKEN = re.compile(r"(client(request)?|idempotency)token|creatorrequestid|callerreference", re.IGNORECASE)
"""Names of tokens whose trait some models leave out."""
_TAG = re.compile(r"<[^>]*>")
_BLOCK_TAGS = re.compile(r"</?(?:p|ul|ol|li|note|important|div|dl|dt|dd|table|tr|td)\b[^>]*>")


_ANY_UUID = str(UUID(int=0, version=4))


@cache
def get_loader() -> Any:
    """botocore's data loader, one for each process; orjson takes half the time of botocore's JSON reader."""
    from botocore.exceptions import DataNotFoundError
    from botocore.loaders import JSONFileLoader, Loader, instance_cache

    class Reader(JSONFileLoader):  # type: ignore[misc]
        def load_file(self, file_path: str) -> Any:
            path = Path(f"{file_path}.json.gz")
            if path.is_file():
                return orjson.loads(zlib.decompress(path.read_bytes(), GZIP))
            path = Path(f"{file_path}.json")  # endpoints.json
            return orjson.loads(path.read_bytes()) if path.is_file() else super().load_file(file_path)

    class ServiceLoader(Loader):  # type: ignore[misc]
        @instance_cache  # type: ignore[untyped-decorator]
        def load_service_model(
            self, service_name: str, type_name: str, api_version: str | None = None
        ) -> Any:
            # botocore's own looks for the files of every service first, 12 ms for each type of file.
            try:
                version = api_version or self.determine_latest_version(service_name, type_name)
                model = self.load_data(f"{service_name}/{version}/{type_name}")
                self._extras_processor.process(model, self._find_extras(service_name, type_name, version))
                return model
            except (AttributeError, DataNotFoundError):  # which botocore's own reports
                return super().load_service_model(service_name, type_name, api_version)

    return ServiceLoader(file_loader=Reader())


@cache
def load_model(client: str) -> Any:
    """botocore's model of a client, loaded once for each process (SageMaker: about 50 ms)."""
    from botocore.model import ServiceModel  # 50 ms, which listing tables does not need

    return ServiceModel(get_loader().load_service_model(client, "service-2"), client)


def find_model(node: Node) -> Any:
    """The model of the client that `node` names."""
    from botocore.exceptions import UnknownServiceError

    name = node.read_text()
    try:
        return load_model(name)
    except UnknownServiceError:
        known = get_loader().list_available_services("service-2")
        raise node.fail(f"unknown client {name!r} in {_describe_botocore()}.{suggest(name, known)}") from None


def _describe_botocore() -> str:
    """The installed version, which may be older than the line."""
    from botocore import __version__

    return f"botocore {__version__}; a newer version may have it"


def find_operation(model: Any, node: Node) -> Any:
    """The operation that `node` names."""
    name, known = node.read_text(), model.operation_names
    if name not in known:
        place = f"{model.service_name} in {_describe_botocore()}"
        raise node.fail(f"unknown operation {name!r} of {place}.{suggest(name, known)}")
    return model.operation_model(name)


def find_reading(model: Any, node: Node) -> Any:
    """The operation that `node` names, which returns a structure."""
    operation = find_operation(model, node)
    if operation.output_shape is None:
        raise node.fail(f"{operation.name} returns nothing; expected an operation that reads")
    if operation.has_streaming_output or operation.has_event_stream_output:
        raise node.fail(f"{operation.name} returns a stream; expected an operation that returns members")
    return operation


def list_error_codes(operation: Any, names: re.Pattern[str]) -> tuple[str, ...]:
    """The codes of an operation's errors that match `names`."""
    # A service that has changed its protocol may send another code than the name.
    codes = (
        code
        for error in operation.error_shapes
        for code in (str(error.metadata.get("error", {}).get("code", error.name)), error.name)
    )
    return tuple(dict.fromkeys(code for code in codes if names.search(code)))


@cache
def _load_paginators(client: str) -> Any:
    from botocore.exceptions import UnknownServiceError

    try:
        return get_loader().load_service_model(client, "paginators-1")["pagination"]
    except UnknownServiceError:  # the client has no such file
        return {}


def find_paginator(operation: Any) -> dict[str, Any]:
    """botocore's paginator of an operation; empty if it has none."""
    return dict(_load_paginators(operation.service_model.service_name).get(operation.name) or {})


def get_members(shape: Any) -> dict[str, Any]:
    """Members of a structure; none for an operation without input or output."""
    return dict(shape.members) if shape is not None and shape.type_name == "structure" else {}


@cache
def to_snake_case(member: str) -> str:
    """`DestinationS3Uri` -> `destination_s3_uri`, as boto3 spells it."""
    from botocore import xform_name

    return str(xform_name(member))


def resolve_path(shape: Any, path: tuple[str, ...]) -> Any:
    """The shape that `path` leads to; `None` if a member on the way does not exist. A map may have any member."""
    for member in path:
        shape = shape.value if shape.type_name == "map" else get_members(shape).get(member)
        if shape is None:
            return None
    return shape


def to_arrow_type(shape: Any, *, as_json: bool = False) -> pa.DataType:
    """The Arrow type of a shape; with `as_json`, the type of its JSON before timestamps and blobs are converted.

    Documents (any JSON) and shapes that contain themselves have no Arrow type; they are JSON text, and so are
    structures without members, which Parquet cannot hold.
    """
    # Shapes are built for each use, and their types are most of the work; a model's shapes share a resolver.
    resolver = getattr(shape, "_shape_resolver", None)
    known = _types.setdefault(resolver, {}) if resolver is not None else {}
    return _convert(shape, as_json, (), known)[0]


_types: WeakKeyDictionary[Any, dict[tuple[str, bool], pa.DataType]] = WeakKeyDictionary()


def _convert(
    shape: Any, as_json: bool, within: tuple[str, ...], known: dict[tuple[str, bool], pa.DataType]
) -> tuple[pa.DataType, bool]:
    """The type, and whether it holds wherever the shape is used: one that contains itself is cut where it recurs."""
    key = shape.name, as_json
    if key in known:
        return known[key], True
    if shape.name in within:
        return pa.string(), False
    if getattr(shape, "is_document_type", False) or (shape.type_name == "structure" and not shape.members):
        return pa.string(), True
    within, is_fixed = (*within, shape.name), True

    def convert(inner: Any) -> pa.DataType:
        nonlocal is_fixed
        type, is_whole = _convert(inner, as_json, within, known)
        is_fixed = is_fixed and is_whole
        return type

    match shape.type_name:
        case "structure":
            type = pa.struct([(name, convert(member)) for name, member in shape.members.items()])
        case "list":
            type = pa.list_(convert(shape.member))
        case "map":
            type = pa.map_(pa.string(), convert(shape.value))
        case scalar:
            type = (_JSON_SCALARS if as_json else _SCALARS)[scalar]
    if is_fixed:
        known[key] = type
    return type, is_fixed


def read_constraint(shape: Any) -> Constraint:
    """The service's constraints on a string; empty for other types."""
    if shape.type_name != "string":
        return Constraint()
    limits = shape.metadata
    return Constraint(
        tuple(limits.get("enum", ())), limits.get("pattern"), limits.get("min"), limits.get("max")
    )


def summarize(documentation: str) -> str:
    """The first paragraph as plain text, without a last sentence that only introduces a list (`…:`)."""
    return re.sub(r"(?<=[.!?]) [^.!?]*:$", "", next(read_paragraphs(documentation), ""))


def read_paragraphs(documentation: str) -> Iterator[str]:
    """The paragraphs as plain text."""
    start = 0
    while start < len(documentation):
        tag = _BLOCK_TAGS.search(documentation, start)
        paragraph = documentation[start : tag.start() if tag else None]
        start = tag.end() if tag else len(documentation)
        if text := " ".join(html.unescape(_TAG.sub("", paragraph)).split()):
            yield text


class _Members(Mapping[str, Shape]):
    """Members of a structure, each built on first use, because a shape may contain itself."""

    def __init__(self, shapes: Mapping[str, Any]) -> None:
        self._shapes = shapes
        self._built: dict[str, Shape] = {}

    def __getitem__(self, name: str) -> Shape:
        if name not in self._built:
            self._built[name] = build_shape(self._shapes[name])
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def build_input_shape(operation: Any) -> Shape:
    """The input of an operation; without input, a structure without members. Tokens are not required."""
    if operation.input_shape is None:
        return Shape(f"{operation.name}Input", "structure")
    shape, tokens = build_shape(operation.input_shape), list_tokens(operation)
    return replace(shape, required=tuple(name for name in shape.required if name not in tokens))


def list_tokens(operation: Any) -> tuple[str, ...]:
    """The parameters by which the service knows another attempt of the same call; they take a UUID."""
    members = get_members(operation.input_shape)
    named = (
        name
        for name, shape in members.items()
        if _TOKEN.fullmatch(name) and read_constraint(shape).accepts(_ANY_UUID)
    )
    return tuple(dict.fromkeys((*operation.idempotent_members, *named)))


def build_shape(shape: Any) -> Shape:
    """The typed model of a botocore shape."""
    limits, kind = shape.metadata, shape.type_name
    document = getattr(shape, "is_document_type", False)
    structure = kind == "structure" and not document
    text = kind in ("string", "character")
    return Shape(
        name=shape.name,
        kind="document" if document else "string" if text else kind,
        members=_Members(shape.members) if structure else {},
        required=tuple(shape.required_members) if structure else (),
        union=structure and bool(shape.is_tagged_union),
        item=build_shape(shape.member) if kind == "list" else None,
        key=build_shape(shape.key) if kind == "map" else None,
        value=build_shape(shape.value) if kind == "map" else None,
        constraint=read_constraint(shape),
        low=None if text else limits.get("min"),
        high=None if text else limits.get("max"),
        sensitive=bool(limits.get("sensitive", False)),
        documentation=summarize(shape.documentation),
    )
