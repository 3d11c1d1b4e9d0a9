"""Reads requests and writes replies in the protocols of all AWS services, with botocore's models.

moto, which is in the extra `local`, has parsers of requests and serializers of XML; botocore has the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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
        self._description = get_loader().load_service_model(client, "service-2")
        self.model = ServiceModel(self._description, client)
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
        operation = self.get_operation(name)
        if self._routes and not labels.keys() >= _list_labels(operation):
            return None  # the bucket of S3 may be in the host
        return name, self._parse(operation, request, path, query, values, labels)

    def encode(self, operation: str, result: Mapping[str, Any]) -> HttpReply:
        """A reply with the members of the operation's output."""
        if self.protocol in ("rest-xml", *_QUERY):
            from moto.core.serialize import SerializationContext, get_serializer_class

            make = get_serializer_class(self.client, self.protocol)
            made = make(self.get_operation(operation), SerializationContext()).serialize(result)
            text, headers, status = made["body"], dict(made["headers"]), made["status_code"]
            body = text if isinstance(text, bytes) else text.encode()
        else:
            from botocore.serialize import create_serializer

            serializer = create_serializer(self.protocol, include_validation=False)
            made = serializer.serialize_to_request(result, self._turn_around(operation))
            body, headers, status = made["body"], dict(made["headers"]), 200
        return HttpReply(body, headers.pop("Content-Type", _JSON), status, headers)

    def _turn_around(self, operation: str) -> Any:
        """An operation that sends what this one returns: JSON and CBOR are the same in both directions."""
        from botocore.model import OperationModel

        own = {"http": {"method": "POST", "requestUri": "/"}}
        if output := self._description["operations"][operation].get("output"):
            own["input"] = output
        return OperationModel(own, self.model, operation)

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


def _list_labels(operation: OperationModel) -> set[str]:
    """The names of the members that are in the path."""
    shape = operation.input_shape
    return {
        member.serialization.get("name", name)
        for name, member in (shape.members.items() if shape else ())
        if member.serialization.get("location") == "uri"
    }


def encode_error(model: Any, error: ApiError) -> HttpReply:
    """An error in the protocol of a botocore model; it does not need moto."""
    protocol = model.resolved_protocol
    if protocol == _CBOR:
        return _make_cbor_error(error)
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
    return {name: value for name, value in parsed.items() if value not in ({}, [], None)}


def _make_cbor_error(error: ApiError) -> HttpReply:
    """A map of two texts in CBOR (RFC 8949), each with a length of two bytes."""
    texts = [text.encode() for text in ("__type", error.code, "message", error.text)]
    body = b"\xa2" + b"".join(b"\x79" + len(text).to_bytes(2, "big") + text for text in texts)
    return HttpReply(body, "application/cbor", error.status, {"smithy-protocol": "rpc-v2-cbor"})


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
