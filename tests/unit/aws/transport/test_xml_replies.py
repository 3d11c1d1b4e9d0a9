"""Replies of every operation that tables of XML services use: their members are those of botocore's parser."""

from __future__ import annotations

import random
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError, create_parser
from slices import take_slice
from xml_values import write_reply

from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.xml_replies import XmlReader
from sqlprov.catalog import Catalog
from sqlprov.catalog.service_model import load_model
from sqlprov.emulator.model_server import list_calls

CATALOG = Catalog()
SERVICES = (
    *(
        "autoscaling",
        "cloudformation",
        "cloudfront",
        "docdb",
        "ec2",
        "elasticache",
        "elasticbeanstalk",
        "elb",
    ),
    *("elbv2", "iam", "neptune", "rds", "redshift", "route53", "s3", "s3control", "ses", "sns"),
)
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


def make_value(shape: Any, chance: random.Random, depth: int = 0) -> Any:
    """A value of a shape: three quarters of the members, up to three items, less the deeper it is."""
    few = 2 if depth < 3 else 1 if depth < DEEPEST else 0
    match shape.type_name:
        case "structure":
            names = [name for name in shape.members if depth < DEEPEST and chance.random() < 0.75]
            names = [chance.choice(list(shape.members))] if shape.is_tagged_union else names
            return {name: make_value(shape.members[name], chance, depth + 1) for name in names}
        case "list":
            least = int(bool(shape.serialization.get("flattened")))  # an empty one is not in the reply
            count = chance.randint(least, max(least, few))
            return [make_value(shape.member, chance, depth + 1) for _ in range(count)]
        case "map":
            parts = range(chance.randint(0, few))
            return {
                make_value(shape.key, chance) or "key": make_value(shape.value, chance, depth + 1)
                for _ in parts
            }
    return chance.choice(SCALARS[shape.type_name])


def normalize(value: Any) -> Any:
    """A value of botocore's with times as seconds."""
    if isinstance(value, dict):
        return {name: normalize(each) for name, each in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [normalize(each) for each in value]
    return value.timestamp() if isinstance(value, datetime) else value


def parse(operation: Any, body: bytes) -> Any:
    """The members of a body according to botocore's parser."""
    response = {"body": body, "headers": {}, "status_code": 200}
    parser = create_parser(operation.service_model.resolved_protocol)
    return normalize(parser.parse(response, operation.output_shape))


def is_xml(operation: Any) -> bool:
    """Whether the reply's body is XML with members."""
    output = operation.output_shape
    payload = output.serialization.get("payload") if output else None
    return output is not None and (payload is None or output.members[payload].type_name == "structure")


@pytest.mark.parametrize("service", take_slice(SERVICES, 5))
def test_the_reply_of_every_operation_has_the_members_of_botocores_parser(service: str) -> None:
    tables = [CATALOG.get_table("aws", service, name) for name in CATALOG.list_tables("aws", service)]
    calls = sorted({(table.client, call) for table in tables for call in list_calls(table)})
    assert calls
    for client, call in calls:
        operation = load_model(client).operation_model(call)
        if not is_xml(operation):
            continue
        chance, reader = random.Random(zlib.crc32(call.encode())), XmlReader(operation)
        for _ in range(8):
            body = write_reply(operation, make_value(operation.output_shape, chance))
            expected = parse(operation, body)
            assert reader.read(body) == (expected, ""), call


ROW = {
    "Name": {"shape": "Text"},
    "Size": {"shape": "Number"},
    "At": {"shape": "Time"},
    "Inner": {"shape": "Row"},
    "Kept": {"shape": "Texts"},
    "Flat": {"shape": "Flat"},
    "Facts": {"shape": "Facts"},
    "Kind": {"shape": "Text", "xmlAttribute": True, "locationName": "xsi:type"},
    "Sort": {"shape": "Text", "xmlAttribute": True, "locationName": "sort"},
    "Choice": {"shape": "Choice"},
}
SHAPES: dict[str, Any] = {
    "Text": {"type": "string"},
    "Number": {"type": "integer"},
    "Time": {"type": "timestamp"},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "Flat": {"type": "list", "member": {"shape": "Text", "locationName": "Piece"}, "flattened": True},
    "Facts": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Number"}},
    "Choice": {
        "type": "structure",
        "union": True,
        "members": {"A": {"shape": "Text"}, "B": {"shape": "Text"}},
    },
    "Plain": {
        "type": "structure",
        "members": {"Name": {"shape": "Text"}, "Row": {"shape": "Row"}, "Rows": {"shape": "Rows"}},
    },
    "Box": {"type": "structure", "members": {"Name": {"shape": "Text"}}},
    "Row": {"type": "structure", "members": ROW},
    "Rows": {"type": "list", "member": {"shape": "Row"}},
}


def make_operation(protocol: str) -> Any:
    """An operation whose reply is a Plain."""
    output = {"shape": "Plain"} | ({"resultWrapper": "GetResult"} if protocol == "query" else {})
    operation = {"name": "Get", "http": {"method": "POST", "requestUri": "/"}, "output": output}
    meta = {"protocol": protocol, "protocols": [protocol], "serviceId": "Any", "apiVersion": "1"}
    return ServiceModel(
        {"metadata": meta, "operations": {"Get": operation}, "shapes": SHAPES}, "any"
    ).operation_model("Get")


CONTENTS = [
    "<Name/><Row/><Rows/>",
    "<Name>a<!-- b -->c</Name>",
    "<Name>a<b/>c</Name><More><x/></More>",
    "<More/><More/><Name>a</Name>",
    "<Box><Name>a</Name></Box><Box><Name>b</Name></Box>",
    "<Rows><member><Name>a</Name></member><item><Name>b</Name></item></Rows>",
    "<Rows><Name>a</Name></Rows><Rows><Name>b</Name></Rows>",
    "<Row><Piece>a</Piece><Piece>b</Piece><Kept><x>1</x></Kept></Row>",
    "<Row><Kept/><Facts/><Inner><Inner><Name>deep</Name></Inner></Inner></Row>",
    "<Row><Kept><member/></Kept><Kept><member>b</member></Kept></Row>",
    "<Row><Facts><entry><value>1</value><key>a</key></entry></Facts></Row>",
    '<Row xmlns:i="urn:x" i:type="User" sort="b" i:sort="c" type="d"/>',
    "<Row><Choice><B>b</B></Choice></Row>",
    "<Row><Size> 7 </Size></Row>",
    *(
        f"<Row><At>{text}</At></Row>"
        for text in ("2024-01-01", "2024-02-03T04:05:06Z", "1735689600", "20240101")
    ),
    *(
        f"<Row><At>{text}</At></Row>"
        for text in ("2024-02-03T04:05:06.7+02:00", "Wed, 01 May 2024 10:00:00 GMT")
    ),
    *(
        f"<Row><At>{text}</At></Row>"
        for text in ("2024-02-03 04:05:06 UTC", "1.7e9", " 2024-02-03T04:05:06Z ")
    ),
]


def wrap(protocol: str, content: str) -> bytes:
    inner = f"<GetResult>{content}</GetResult>" if protocol == "query" else content
    return f'<GetResponse xmlns="https://example.com/">{inner}</GetResponse>'.encode()


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("protocol", ["query", "ec2", "rest-xml"])
def test_elements_that_are_unusual_have_botocores_values(protocol: str, content: str) -> None:
    operation, body = make_operation(protocol), wrap(protocol, content)
    naive = "<At>2024-01-01<" in content  # which botocore leaves without a zone
    expected = (
        parse(operation, body) if not naive else {"Row": {"At": datetime(2024, 1, 1, tzinfo=UTC).timestamp()}}
    )
    assert XmlReader(operation).read(body)[0] == expected


def test_a_member_that_the_model_does_not_know_does_not_matter_beside_one_that_it_knows() -> None:
    reader = XmlReader(make_operation("query"))
    assert reader.read(wrap("query", "<More/><Name/>")) == ({"Name": ""}, "")
    assert reader.read(wrap("query", "<More/><Other/>")) == ({}, "the model does not know its More, Other")
    assert reader.read(wrap("query", "")) == ({}, "")


def test_a_choice_that_the_model_does_not_know_has_no_value() -> None:
    members, _ = XmlReader(make_operation("ec2")).read(wrap("ec2", "<Row><Choice><C/></Choice></Row>"))
    assert members == {"Row": {"Choice": {}}}


BROKEN = [
    "<Row><Size/></Row>",
    "<Row><Size>many</Size></Row>",
    "<Row><At/></Row>",
    "<Row><At>soon</At></Row>",
    "<Row><Choice><A/><B/></Choice></Row>",
    "<Row><Choice/></Row>",
    "<Row><Facts><entry><key>a</key></entry></Facts></Row>",
    "<Row><Facts><entry><key>a</key><other/></entry></Facts></Row>",
    "<Name>a</Name><Name>b</Name>",
    "<Name>a</Row>",
    "<Name>&more;</Name>",
]


@pytest.mark.parametrize("content", BROKEN)
def test_an_element_that_does_not_fit_the_model_is_malformed(content: str) -> None:
    with pytest.raises(MalformedReply):
        XmlReader(make_operation("query")).read(wrap("query", content))


@pytest.mark.parametrize("protocol", ["query", "ec2", "rest-xml"])
@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>busy</body></html>",
        b"<HTML/>",
        b"<Error><Code>InternalError</Code></Error>",
        b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
        b"{}",
        b"busy",
    ],
)
def test_a_body_that_is_not_the_operations_reply_is_malformed(protocol: str, body: bytes) -> None:
    with pytest.raises(MalformedReply, match="it begins with"):
        XmlReader(make_operation(protocol)).read(body)


def test_every_cut_of_a_body_is_malformed() -> None:
    operation = make_operation("rest-xml")
    body = wrap("rest-xml", "<Name>a</Name><Rows><member><Size>7</Size></member></Rows>")
    for length in range(1, len(body)):
        with pytest.raises(MalformedReply):
            XmlReader(operation).read(body[:length])
        with pytest.raises(ResponseParserError):
            parse(operation, body[:length])
