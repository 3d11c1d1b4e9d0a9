"""The name of a botocore client in, its operations, Arrow types, constraints and plain descriptions out."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pyarrow as pa

from ..errors import suggest
from .shapes import Constraint, Shape
from .table import Parameter
from .yaml_nodes import Node

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
# JSON carries these two differently from how users see them.
_WIRE = {"timestamp": pa.float64(), "blob": pa.string()}


class Api:
    """One service's model; `Any` below is a botocore shape or operation, which are not typed."""

    def __init__(self, client: str) -> None:
        # botocore takes 50 ms that naming tables need not pay.
        from botocore.exceptions import UnknownServiceError
        from botocore.model import ServiceModel

        self.client = client
        self.model: Any = ServiceModel(loader().load_service_model(client, "service-2"), client)
        try:
            self._pagers: Any = loader().load_service_model(client, "paginators-1")["pagination"]
        except UnknownServiceError:  # how botocore says that there is no such file
            self._pagers = {}

    def operation(self, node: Node) -> Any:
        """The operation that `node` names."""
        name = node.text()
        if name not in self.model.operation_names:
            words = tuple(self.model.operation_names)
            raise node.fail(f"unknown operation {name!r} of {self.client}.{suggest(name, words)}")
        return self.model.operation_model(name)

    def pager(self, operation: Any) -> dict[str, Any]:
        """botocore's paginator of an operation, else one of NextToken and MaxResults where it has them."""
        known = self._pagers.get(operation.name)
        if known is not None:
            return dict(known)
        inputs, outputs = members(operation.input_shape), members(operation.output_shape)
        pager: dict[str, Any] = {}
        for token in ("NextToken", "nextToken"):
            if token in inputs and token in outputs:
                pager = {"input_token": token, "output_token": token}
        for limit in ("MaxResults", "maxResults"):
            if limit in inputs:
                pager["limit_key"] = limit
        return pager


@cache
def loader() -> Any:
    """botocore's data loader, one for each process."""
    from botocore.loaders import create_loader

    return create_loader()


@cache
def load_api(client: str) -> Api:
    """The model of a client, loaded once for each process (SageMaker: about 15 ms)."""
    return Api(client)


def find_api(node: Node) -> Api:
    """The model of the client that `node` names."""
    name = node.text()
    known = loader().list_available_services("service-2")
    if name not in known:
        raise node.fail(f"unknown botocore client {name!r}.{suggest(name, known)}")
    return load_api(name)


def members(shape: Any) -> dict[str, Any]:
    """Members of a structure; none for an operation without input or output."""
    return dict(shape.members) if shape is not None and shape.type_name == "structure" else {}


def snake(member: str) -> str:
    """`DestinationS3Uri` -> `destination_s3_uri`, as botocore and so boto3's users know it."""
    from botocore import xform_name

    name: str = xform_name(member)
    return name


def resolve(shape: Any, path: tuple[str, ...]) -> Any:
    """The shape that `path` leads to; `None` if a member on the way does not exist."""
    for member in path:
        shape = members(shape).get(member)
        if shape is None:
            return None
    return shape


def arrow_type(shape: Any, *, wire: bool = False, within: tuple[str, ...] = ()) -> pa.DataType:
    """The Arrow type of a shape; with `wire`, of its JSON before timestamps and blobs are converted.

    Documents (any JSON) and shapes that contain themselves have no Arrow type: they are JSON text.
    """
    if shape.name in within or getattr(shape, "is_document_type", False):
        return pa.string()
    within = (*within, shape.name)
    if shape.type_name == "structure":
        return pa.struct(
            [(name, arrow_type(member, wire=wire, within=within)) for name, member in shape.members.items()]
        )
    if shape.type_name == "list":
        return pa.list_(arrow_type(shape.member, wire=wire, within=within))
    if shape.type_name == "map":
        return pa.map_(pa.string(), arrow_type(shape.value, wire=wire, within=within))
    return (_WIRE if wire and shape.type_name in _WIRE else _SCALARS)[shape.type_name]


def constraint(shape: Any) -> Constraint:
    """What the service accepts for a text; nothing is said about other types."""
    if shape.type_name != "string":
        return Constraint()
    said = shape.metadata
    return Constraint(tuple(said.get("enum", ())), said.get("pattern"), said.get("min"), said.get("max"))


def parameters(operation: Any) -> tuple[Parameter, ...]:
    """The parameters of an operation in the model's order."""
    shape = operation.input_shape
    return tuple(
        Parameter(name, member.name, name in shape.required_members, plain(member.documentation))
        for name, member in members(shape).items()
    )


def plain(documentation: str) -> str:
    """The first paragraph as plain text, without a last sentence that only announces a list (`…:`)."""
    for paragraph in re.split(
        r"</?(?:p|ul|ol|li|note|important|div|dl|dt|dd|table|tr|td)\b[^>]*>", documentation
    ):
        text = " ".join(html.unescape(re.sub(r"<[^>]*>", "", paragraph)).split())
        if text:
            return re.sub(r"(?<=[.!?]) [^.!?]*:$", "", text)
    return ""


class _Members(Mapping[str, Shape]):
    """Members of a structure, each built when it is asked for; every shape that contains itself does so here."""

    def __init__(self, shapes: Mapping[str, Any]) -> None:
        self._shapes = shapes
        self._built: dict[str, Shape] = {}

    def __getitem__(self, name: str) -> Shape:
        if name not in self._built:
            self._built[name] = shape_of(self._shapes[name])
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def input_of(operation: Any) -> Shape:
    """The input of an operation of botocore's model; one without input is a structure without members."""
    shape = operation.input_shape
    return Shape(f"{operation.name}Input", "structure") if shape is None else shape_of(shape)


def shape_of(shape: Any) -> Shape:
    """The typed model of a botocore shape."""
    said, kind = shape.metadata, shape.type_name
    document = getattr(shape, "is_document_type", False)
    structure = kind == "structure" and not document
    text = kind in ("string", "character")
    return Shape(
        name=shape.name,
        kind="document" if document else "string" if text else kind,
        members=_Members(shape.members) if structure else {},
        required=tuple(shape.required_members) if structure else (),
        union=structure and bool(shape.is_tagged_union),
        item=shape_of(shape.member) if kind == "list" else None,
        key=shape_of(shape.key) if kind == "map" else None,
        value=shape_of(shape.value) if kind == "map" else None,
        constraint=constraint(shape),
        low=None if text else said.get("min"),
        high=None if text else said.get("max"),
        sensitive=bool(said.get("sensitive", False)),
        documentation=plain(shape.documentation),
    )
