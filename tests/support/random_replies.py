"""Random replies of any operation, and what botocore makes of them, alone and behind sqlprov's decoding."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import orjson
from botocore.parsers import create_parser
from json_values import to_json
from xml_values import write_xml

from sqlprov.aws.transport.replies import UNLIKE, decode

DEEPEST = 6
SCALARS: dict[str, list[Any]] = {
    "string": ["", "text", " a  b ", "<&>\"'", "é\u2028", "true", "5", "2024-01-01"],
    "character": ["x"],
    "integer": [0, -1, 2**31 - 1],
    "long": [0, -(2**63), 2**63 - 1],
    "float": [0.0, -1.5, 1e300],
    "double": [0.0, -1.5, 1e300],
    "boolean": [True, False],
    "timestamp": [datetime(2024, 2, 29, 23, 59, 59, 123000, UTC), datetime(1999, 1, 1, tzinfo=UTC)],
    "blob": [b"", b"abcd", b"aGVsbG8=", b"\xff\x00"],
}


def make_value(shape: Any, chance: random.Random, nulls: float = 0, depth: int = 0) -> Any:
    """A value of a shape: three quarters of the members, up to three items, less the deeper it is.

    Args:
        shape: botocore's.
        chance: decides.
        nulls: the part of the members and items that are null; of a union, all members but one.
    """

    def make(inner: Any) -> Any:
        return None if chance.random() < nulls else make_value(inner, chance, nulls, depth + 1)

    few = 2 if depth < 3 else 1 if depth < DEEPEST else 0
    match shape.type_name:
        case "structure" if shape.is_tagged_union:
            name = chance.choice(list(shape.members))
            others = {other: None for other in shape.members if nulls and other != name}
            return {**others, name: make_value(shape.members[name], chance, nulls, depth + 1)}
        case "structure":
            names = [name for name in shape.members if depth < DEEPEST and chance.random() < 0.75]
            return {name: make(shape.members[name]) for name in names}
        case "list":
            least = int(bool(shape.serialization.get("flattened")))  # an empty one is not in the reply
            return [make(shape.member) for _ in range(chance.randint(least, max(least, few)))]
        case "map":
            parts = range(chance.randint(0, few))
            return {make_value(shape.key, chance) or "key": make(shape.value) for _ in parts}
    return chance.choice(SCALARS[shape.type_name])


def normalize(value: Any) -> Any:
    """A value of botocore's with times as seconds."""
    if isinstance(value, dict):
        return {name: normalize(each) for name, each in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [normalize(each) for each in value]
    return value.timestamp() if isinstance(value, datetime) else value


def write_reply(operation: Any, values: Any) -> bytes:
    """The body of a reply in JSON or XML."""
    if "json" not in operation.service_model.resolved_protocol:
        return write_xml(operation, values)
    payload = operation.output_shape.serialization.get("payload")
    shape = operation.output_shape.members[payload] if payload else operation.output_shape
    return orjson.dumps(to_json(shape, values.get(payload, {}) if payload else values))


def parse(operation: Any, body: bytes) -> Any:
    """The members of a reply according to botocore."""
    response = {"body": body, "headers": {}, "status_code": 200}
    parser = create_parser(operation.service_model.resolved_protocol)
    return normalize(parser.parse(response, operation.output_shape))


def decode_and_parse(operation: Any, body: bytes) -> Any:
    """The members of a reply that sqlprov decodes before botocore parses it."""
    response, members = {"body": body, "headers": {}, "status_code": 200}, dict[str, Any]()
    decode(operation, response, members)
    parser = create_parser(operation.service_model.resolved_protocol)
    parsed = parser.parse(response, operation.output_shape) | members
    return normalize({name: value for name, value in parsed.items() if name != UNLIKE})
