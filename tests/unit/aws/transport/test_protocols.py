"""Random replies in each of botocore's protocols: their Arrow arrays hold what boto3 would return."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError, create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_values import to_json
from normalize import normalize
from xml_values import write_xml

from sqlprov.aws.read.decoder import Decoder, build_array
from sqlprov.aws.read.list_replies import make_row_counter
from sqlprov.aws.transport.errors import MalformedReply, Next, classify, is_parse_failure
from sqlprov.aws.transport.replies import check_reply, decode
from sqlprov.catalog.column import Column, ColumnSource
from sqlprov.catalog.service_model import to_arrow_type
from sqlprov.catalog.table import IamActions, ListCall

CBOR = "smithy-rpc-v2-cbor"
XML = ("query", "ec2", "rest-xml")
PROTOCOLS = ("json", "rest-json", *XML, CBOR)
SCALARS = ("string", "integer", "long", "double", "boolean", "timestamp", "blob")
# Bytes that are base64 as they stand are those that a second decoding would spoil.
BLOBS = st.binary(max_size=6) | st.sampled_from([b"abcd", b"aGVsbG8=", b""])
TEXTS = st.text(
    st.characters(min_codepoint=33, exclude_categories=("Cs", "Cn"), max_codepoint=0x2FF), max_size=9
)
STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "timestamp": st.integers(0, 4_102_444_800_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))
    | st.integers(0, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    "blob": BLOBS,
}
Shapes = dict[str, dict[str, Any]]


def shapes(draw: st.DrawFn, into: Shapes, depth: int, protocol: str) -> dict[str, Any]:
    """A reference to a random shape, which is added to `into`; it may have a name of its own in the body."""
    kinds = ["structure", "list", *([] if protocol == "ec2" else ["map"])] if depth else []
    kind = draw(st.sampled_from([*SCALARS, *kinds]))
    made: dict[str, Any] = {"type": kind}
    if kind == "structure":
        parts = [shapes(draw, into, depth - 1, protocol) for _ in range(draw(st.integers(1, 3)))]
        made["members"] = {f"M{at}": flatten(draw, into, part, protocol) for at, part in enumerate(parts)}
    elif kind == "list":
        made["member"] = shapes(draw, into, depth - 1, protocol)
    elif kind == "map":
        # Keys of maps are strings in JSON.
        keys = ("Text",) if "json" in protocol else ("Text", "Number")
        made["key"] = {"shape": draw(st.sampled_from(keys))}
        made["value"] = shapes(draw, into, depth - 1, protocol)
    name = f"Shape{len(into)}"
    into[name] = made
    is_named = protocol in ("rest-json", *XML) and draw(st.booleans())
    return {"shape": name} | ({"locationName": f"a.{name}"} if is_named else {})


def flatten(draw: st.DrawFn, into: Shapes, member: dict[str, Any], protocol: str) -> dict[str, Any]:
    """A member of a structure; in XML, it may be an attribute, or a list or map without an element of its own."""
    kind = into[member["shape"]]["type"]
    if protocol not in XML or kind not in ("list", "map", "string") or draw(st.booleans()):
        return member
    if kind != "string":
        return member | {"flattened": True}
    return member | {
        "xmlAttribute": True,
        "locationName": draw(st.sampled_from(["x:", ""])) + member["shape"],
    }


@st.composite
def models(draw: st.DrawFn, protocol: str) -> Any:
    """A service whose rows have two to four members."""
    made: Shapes = {"Text": {"type": "string"}, "Number": {"type": "integer"}}
    parts = [shapes(draw, made, 2, protocol) for _ in range(draw(st.integers(2, 4)))]
    row = {f"C{at}": flatten(draw, made, part, protocol) for at, part in enumerate(parts)}
    made["Row"] = {"type": "structure", "members": row}
    made["Rows"] = {"type": "list", "member": {"shape": "Row"}}
    return service(protocol, made)


def service(protocol: str, made: Shapes) -> Any:
    """The model of a service of one operation, List, whose reply holds Rows."""
    reply = {"Reply": {"type": "structure", "members": {"Rows": {"shape": "Rows"}}}}
    output = {"shape": "Reply"} | ({"resultWrapper": "ListResult"} if protocol == "query" else {})
    operation = {"name": "List", "http": {"method": "POST", "requestUri": "/"}, "output": output}
    meta = {"protocol": protocol, "protocols": [protocol], "serviceId": "Any", "apiVersion": "1"}
    return ServiceModel({"metadata": meta, "operations": {"List": operation}, "shapes": made | reply}, "any")


def values(shape: Any, null: st.SearchStrategy[None]) -> st.SearchStrategy[Any]:
    """Values of a shape; those of members may also come from `null`."""
    match shape.type_name:
        case "structure":
            members = {name: values(each, null) | null for name, each in shape.members.items()}
            return st.fixed_dictionaries({}, optional=members)
        case "list":
            return st.lists(values(shape.member, null), max_size=3)
        case "map":
            keys = TEXTS.filter(bool) if shape.key.type_name == "string" else STRATEGIES["integer"]
            return st.dictionaries(keys, values(shape.value, null), max_size=2)
    return STRATEGIES[shape.type_name]


def cbor(value: Any) -> bytes:
    """A value as CBOR."""
    if value is None or isinstance(value, bool):
        return b"\xf6" if value is None else b"\xf5" if value else b"\xf4"
    if isinstance(value, datetime):
        return b"\xc1" + cbor(value.timestamp())
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return cbor_head(0, value) if value >= 0 else cbor_head(1, -1 - value)
    if isinstance(value, bytes):
        return cbor_head(2, len(value)) + value
    if isinstance(value, str):
        return cbor_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return cbor_head(4, len(value)) + b"".join(map(cbor, value))
    return cbor_head(5, len(value)) + b"".join(cbor(key) + cbor(each) for key, each in value.items())


def cbor_head(major: int, number: int) -> bytes:
    return bytes([major << 5 | 27]) + struct.pack(">Q", number)


def write(model: Any, page: Any) -> bytes:
    """The body of a reply."""
    listing, protocol = model.operation_model("List").output_shape, model.resolved_protocol
    if protocol == CBOR:
        return cbor(page)
    if "json" in protocol:
        return orjson.dumps(to_json(listing, page))
    return write_xml(model.operation_model("List"), page)


def reply(model: Any, body: bytes) -> dict[str, Any]:
    """What the client's own method returns for a body, with the `before-parse` handler."""
    operation = model.operation_model("List")
    response = {"body": body, "headers": {"content-length": str(len(body))}, "status_code": 200}
    added: dict[str, Any] = {}
    decode(operation, response, added)
    parsed: dict[str, Any] = create_parser(model.resolved_protocol).parse(response, operation.output_shape)
    return parsed | added


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=75, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_page_holds_what_boto3_would_return(protocol: str, data: Any) -> None:
    model = data.draw(models(protocol))
    listing = model.operation_model("List").output_shape
    row = listing.members["Rows"].member
    may_be_null = "json" in protocol or protocol == CBOR
    rows = st.lists(
        values(row, st.none() if may_be_null else st.nothing()), min_size=1 - may_be_null, max_size=3
    )
    body = write(model, {"Rows": data.draw(rows)})
    response = {"body": body, "headers": {}, "status_code": 200}
    expected = create_parser(protocol).parse(response, listing)["Rows"]
    body_members, _ = check_reply(reply(model, body), ("Rows",), lambda read: len(read["Rows"]))
    columns = [
        Column(name, to_arrow_type(shape), to_arrow_type(shape, as_json=True), "", ColumnSource.LIST, (name,))
        for name, shape in row.members.items()
    ]
    together = Decoder(columns).build_arrays(body_members["Rows"])
    for column in columns:
        wanted = [normalize(each.get(column.name), column.type) for each in expected]
        alone = build_array(column, (each.get(column.name) for each in body_members["Rows"]))
        for made in (together[column.name], alone):
            assert made.type == column.type
            assert [normalize(value, column.type) for value in made.to_pylist()] == wanted, column.name


NO_REPLIES = (
    b"",
    b"{",
    b"[1]",
    b"{}",
    b"<html><body>busy</body></html>",
    b"<ListResponse><Rows><memb",
    b"\xff\xfe",
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("body", NO_REPLIES)
def test_a_body_that_is_not_a_reply_is_retried(protocol: str, body: bytes) -> None:
    texts: Shapes = {"Text": {"type": "string"}, "Rows": {"type": "list", "member": {"shape": "Text"}}}
    model = service(protocol, texts)
    with pytest.raises((MalformedReply, ResponseParserError)) as met:
        check_reply(reply(model, body), ("Rows",), lambda read: len(read["Rows"]))
    assert classify(met.value, "List", "us-east-1", IamActions("any")).next is Next.RETRY


LISTING = ListCall("List", ("Rows",), may_omit_rows=True)
ONE: Shapes = {
    "Text": {"type": "string"},
    "Row": {"type": "structure", "members": {"Name": {"shape": "Text"}}},
    "Rows": {"type": "list", "member": {"shape": "Row"}},
}
EMPTY = {
    "rest-json": b"{}",
    "query": b"<ListResponse><ListResult/></ListResponse>",
    "ec2": b"<ListResponse/>",
    "rest-xml": b"<ListResponse/>",
}
NOT_EMPTY = {
    "rest-json": (b"", b'{"message": "busy"}', b'{"Rows": null, "Error": {}}', b"<html/>"),
    "query": (b"", b"<html><body>busy</body></html>", b"<ListResponse/>"),
    "ec2": (b"", b"<html><body>busy</body></html>"),
    "rest-xml": (b"", b"<html><body>busy</body></html>", b"<!DOCTYPE html><html></html>"),
}


def count_rows(protocol: str, body: bytes) -> int:
    _, count = check_reply(reply(service(protocol, ONE), body), (), make_row_counter(LISTING, set()))
    return count


@pytest.mark.parametrize("protocol", EMPTY)
def test_a_list_may_be_left_out_when_it_is_empty(protocol: str) -> None:
    assert count_rows(protocol, EMPTY[protocol]) == 0


@pytest.mark.parametrize(
    ("protocol", "body"), [(protocol, body) for protocol, bodies in NOT_EMPTY.items() for body in bodies]
)
def test_a_reply_that_leaves_out_its_list_and_is_not_the_services_is_malformed(
    protocol: str, body: bytes
) -> None:
    with pytest.raises((MalformedReply, ResponseParserError)):
        count_rows(protocol, body)


WRONG = {
    "rest-json": (b'{"Rows": 5}', b'{"Rows": [5]}', b'{"Rows": [{"Name": {}}, "x"]}'),
    CBOR: (cbor({"Rows": 5}), cbor({"Rows": [5]}), cbor([1]), cbor({"Rows": [{}]})[:-1]),
    "query": (b"<ListResponse><ListResult><Rows><member><Name", b"<a>ListResult</a>"),
}


@pytest.mark.parametrize(
    ("protocol", "body"), [(protocol, body) for protocol, bodies in WRONG.items() for body in bodies]
)
def test_a_value_that_botocores_parser_does_not_expect_is_malformed(protocol: str, body: bytes) -> None:
    with pytest.raises(Exception, match=r".") as met:
        count_rows(protocol, body)
    assert isinstance(met.value, MalformedReply | ResponseParserError) or is_parse_failure(met.value)


def test_an_error_of_this_program_is_not_the_parsers() -> None:
    with pytest.raises(ValueError, match="invalid literal") as met:
        int("x")
    assert not is_parse_failure(met.value)


@pytest.mark.parametrize("body", [b"busy", b"", b"<html></html>"])
def test_an_error_without_cbor_takes_its_status_for_a_code(body: bytes) -> None:
    operation = service(CBOR, ONE).operation_model("List")
    response = {"body": body, "headers": {}, "status_code": 503}
    decode(operation, response, {})
    parsed = create_parser(CBOR).parse(response, operation.output_shape)
    assert parsed["Error"]["Code"] == "503"
    with pytest.raises(MalformedReply):
        decode(operation, {"body": body, "headers": {}, "status_code": 400}, {})
