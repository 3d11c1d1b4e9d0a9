"""Reads requests and writes replies in the protocols of all AWS services, with botocore's models.

moto has parsers of requests and serializers of replies for all of them but CBOR; it is in the extra `local`.
"""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from sqlprov.catalog.service_model import get_loader
from sqlprov.emulator.account import encode_xml_error
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.exchange import HttpReply, HttpRequest

if TYPE_CHECKING:
    from moto.core.model import OperationModel

_CBOR = "smithy-rpc-v2-cbor"
_JSON = "application/x-amz-json-1.1"
_QUERY = ("query", "ec2")
_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")


class Api:
    """One client's operations, and its protocol.

    Args:
        client: botocore's name of the service, such as `ec2`.
    """

    def __init__(self, client: str) -> None:
        from moto.core.model import ServiceModel

        self.client = client
        self.model = ServiceModel(get_loader().load_service_model(client, "service-2"), client)
        self.protocol: str = self.model.resolved_protocol
        self._routes = [] if self.protocol in ("json", _CBOR, *_QUERY) else _list_routes(self.model)

    def get_operation(self, name: str) -> OperationModel:
        operation: OperationModel = self.model.operation_model(name)
        return operation

    def read(self, request: HttpRequest) -> tuple[str, dict[str, Any]] | None:
        """Operation and parameters of a request; `None` if the client has no such operation."""
        path, _, query = request.path.partition("?")
        labels: dict[str, str] = {}
        values = dict(parse_qsl(request.body.decode() if self.protocol in _QUERY else query, True))
        if self.protocol == "json":
            prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
            name = name if prefix == self.model.metadata.get("targetPrefix") else ""
        elif self.protocol == _CBOR:
            name = path.rpartition("/operation/")[2]
        elif self.protocol in _QUERY:
            name = values.get("Action", "") if values.get("Version") == self.model.api_version else ""
        else:
            name, labels = self._find_route(request, path, values)
        if name not in self.model.operation_names:
            return None
        return name, self._parse(self.get_operation(name), request, path, query, values, labels)

    def encode(self, operation: str, result: Mapping[str, Any]) -> HttpReply:
        """A reply with the members of the operation's output."""
        if self.protocol == _CBOR:
            return _make_cbor_reply(result)
        shape = self.get_operation(operation).output_shape
        if self.protocol in ("json", "rest-json") and _is_body(shape):
            return HttpReply(orjson.dumps(_to_json(shape, result) if shape else {}), _JSON)
        from moto.core.serialize import SerializationContext, get_serializer_class

        make = get_serializer_class(self.client, self.protocol)
        made = make(self.get_operation(operation), SerializationContext()).serialize(result)
        body: str | bytes = made["body"]
        headers = dict(made["headers"])
        return HttpReply(
            body if isinstance(body, bytes) else body.encode(),
            headers.pop("Content-Type", "text/plain"),
            made["status_code"],
            headers,
        )

    def encode_error(self, error: ApiError) -> HttpReply:
        """An error in the client's protocol."""
        return encode_error(self.model, error)

    def _find_route(
        self, request: HttpRequest, path: str, values: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        routes = self._routes
        if request.scope is not None and request.scope.service == "s3express":
            routes = sorted(routes, key=lambda route: not route.is_express)
        for route in routes:
            if (
                route.method == request.method
                and route.has_query(values)
                and (match := route.path.fullmatch(path))
            ):
                return route.operation, dict(zip(route.labels, match.groups(), strict=True))
        return "", {}

    def _parse(
        self,
        operation: OperationModel,
        request: HttpRequest,
        path: str,
        query: str,
        values: Mapping[str, str],
        labels: Mapping[str, str],
    ) -> dict[str, Any]:
        from botocore.utils import parse_timestamp
        from moto.core.parse import PROTOCOL_PARSERS
        from werkzeug.datastructures import Headers, MultiDict

        if self.protocol == _CBOR:
            return _parse_cbor(operation, request.body)
        parts = {
            "body": request.body,
            "headers": Headers(list(request.headers.items())),
            "method": request.method,
            "url_params": labels,
            "url_path": path,
            "values": values if self.protocol in _QUERY else MultiDict(parse_qsl(query, True)),
        }
        parser = PROTOCOL_PARSERS[self.protocol](operation, timestamp_parser=parse_timestamp)
        parsed: dict[str, Any] = parser.parse(parts)  # type: ignore[arg-type]
        return _narrow_query(operation.input_shape, parsed)


def encode_error(model: Any, error: ApiError) -> HttpReply:
    """An error in the protocol of a botocore model; it does not need moto."""
    protocol = model.resolved_protocol
    if protocol == _CBOR:
        return _make_cbor_reply({"__type": error.code, "message": error.text}, error.status)
    if protocol in ("rest-xml", *_QUERY):
        return HttpReply(encode_xml_error(error, model.service_name), "text/xml", error.status)
    headers = {"x-amzn-ErrorType": error.code}
    if "awsQueryCompatible" in model.metadata:
        headers["x-amzn-query-error"] = f"{error.code};Sender"
    return HttpReply(
        orjson.dumps({"__type": error.code, "message": error.text}), _JSON, error.status, headers
    )


@lru_cache(maxsize=16)
def load_api(client: str) -> Api:
    """The API of a client. A model may take 50 MB, and a sweep reads the services one after another."""
    return Api(client)


@dataclass(frozen=True)
class Route:
    """How a request of a REST service names an operation.

    Attributes:
        path: pattern, with a group for each of `labels`.
        query: parameter -> value, or '' for any; an operation may differ from another in them only.
        is_express: whether it is signed for directory buckets, as ListDirectoryBuckets is, unlike ListBuckets.
        rank: routes are tried in this order, the narrowest first.
    """

    operation: str
    method: str
    path: re.Pattern[str]
    labels: tuple[str, ...]
    query: Mapping[str, str]
    is_express: bool
    rank: tuple[Any, ...]

    def has_query(self, values: Mapping[str, str]) -> bool:
        return all(name in values and value in ("", values[name]) for name, value in self.query.items())


def _list_routes(model: Any) -> list[Route]:
    """The routes of a REST service."""
    routes = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, fixed = operation.http["requestUri"].partition("?")
        query = dict(parse_qsl(fixed, True)) | _list_required_query(operation.input_shape)
        parts = _LABEL.split(path.rstrip("/"))  # text, label, '+' or '', text, …
        pattern = "".join(
            re.escape(part) if place % 3 == 0 else "(.+)" if part else "([^/]+)"
            for place, part in enumerate(parts)
            if place % 3 != 1
        )
        width = [2 if "+}" in part else 1 if "{" in part else 0 for part in path.split("/")]
        rank = (-len(query), -len(width), width, operation.deprecated)
        method = operation.http["method"]
        compiled, labels = re.compile(pattern + "/?"), tuple(parts[1::3])
        settings = {each.name for each in operation.static_context_parameters}
        is_express = "UseS3ExpressControlEndpoint" in settings
        routes.append(Route(name, method, compiled, labels, query, is_express, rank))
    return sorted(routes, key=lambda route: route.rank)


def _list_required_query(shape: Any) -> dict[str, str]:
    members = {name: shape.members[name].serialization for name in shape.required_members} if shape else {}
    return {
        place.get("name", name): ""
        for name, place in members.items()
        if place.get("location") == "querystring"
    }


def _narrow_query(shape: Any, parsed: dict[str, Any]) -> dict[str, Any]:
    """A map that takes the rest of the query has none of the parameters that have a name."""
    if shape is not None:
        places = {name: member.serialization for name, member in shape.members.items()}
        named = {place.get("name", name) for name, place in places.items()}
        for name, place in places.items():
            if place.get("location") == "querystring" and shape.members[name].type_name == "map":
                parsed[name] = {key: value for key, value in parsed.get(name, {}).items() if key not in named}
    return {name: value for name, value in parsed.items() if value not in ({}, None)}


def _is_body(shape: Any) -> bool:
    """Whether all of a reply is in its body's JSON object."""
    if shape is None:
        return True
    return "payload" not in shape.serialization and not any(
        "location" in member.serialization for member in shape.members.values()
    )


def _to_json(shape: Any, value: Any) -> Any:
    """A value as JSON. moto's serializer is slower, and mistakes a member named `body`."""
    match shape.type_name:
        case "structure" if not getattr(shape, "is_document_type", False):
            members = {name: shape.members[name] for name in value if name in shape.members}
            return {
                member.serialization.get("name", name): _to_json(member, value[name])
                for name, member in members.items()
                if value[name] is not None
            }
        case "list":
            return [_to_json(shape.member, item) for item in value]
        case "map":
            return {key: _to_json(shape.value, item) for key, item in value.items()}
        case "timestamp":
            match shape.serialization.get("timestampFormat"):
                case "iso8601":
                    return value.strftime("%Y-%m-%dT%H:%M:%SZ")
                case "rfc822":
                    return format_datetime(value, usegmt=True)
            return value.timestamp()
        case "blob":
            return b64encode(value).decode()
    return value


def _make_cbor_reply(value: Mapping[str, Any], status: int = 200) -> HttpReply:
    return HttpReply(encode_cbor(value), "application/cbor", status, {"smithy-protocol": "rpc-v2-cbor"})


def encode_cbor(value: Any) -> bytes:
    """CBOR (RFC 8949) of the types that replies have; times are seconds with tag 1."""
    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _encode_head(0, value) if value >= 0 else _encode_head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case datetime():
            return b"\xc1" + encode_cbor(value.timestamp())
        case bytes():
            return _encode_head(2, len(value)) + value
        case str():
            text = value.encode()
            return _encode_head(3, len(text)) + text
        case list():
            return _encode_head(4, len(value)) + b"".join(map(encode_cbor, value))
        case Mapping():
            pairs = [encode_cbor(name) + encode_cbor(item) for name, item in value.items()]
            return _encode_head(5, len(pairs)) + b"".join(pairs)
    raise TypeError(f"no CBOR for {value!r}")


def _encode_head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    return bytes([major << 5 | 27]) + number.to_bytes(8, "big")


def _parse_cbor(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """The parameters, by botocore's parser of replies: the encoding is the same."""
    from botocore.parsers import create_parser

    shape = operation.input_shape
    if shape is None or not body:
        return {}
    parsed: dict[str, Any] = create_parser(_CBOR).parse(
        {"status_code": 200, "headers": {}, "body": body}, shape
    )
    parsed.pop("ResponseMetadata", None)
    return parsed
