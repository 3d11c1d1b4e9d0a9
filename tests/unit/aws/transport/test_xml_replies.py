"""Elements of XML replies that are unusual, and bodies that are not replies; test_every_reply has the usual ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError
from random_replies import parse

from sqlprov.aws.transport import xml_replies
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.xml_replies import XmlReader

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
        "members": {
            "Name": {"shape": "Text"},
            "Row": {"shape": "Row"},
            "Rows": {"shape": "Rows"},
            "Box": {"shape": "Box"},
            "Boxes": {"shape": "Boxes"},
        },
    },
    "Boxes": {"type": "list", "member": {"shape": "Box", "locationName": "B"}, "flattened": True},
    "Box": {
        "type": "structure",
        "members": {"Name": {"shape": "Text"}, "Kept": {"shape": "Texts"}, "Inner": {"shape": "Box"}},
    },
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
    "<Box><More/><More/><Name>a</Name></Box>",
    "<Box><More/></Box>",
    "<Box><Kept>1</Kept><Name>a</Name><Kept>2</Kept></Box>",
    "<Box><Inner><Name>a</Name></Inner><Inner><Name>b</Name></Inner></Box>",
    "<B><Name>a</Name></B><Name/><B><Name>b</Name></B><B/><More/>",
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
@pytest.mark.parametrize("chunk", [1, 20, xml_replies.CHUNK])
def test_elements_that_are_unusual_have_botocores_values(
    protocol: str, content: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_replies, "CHUNK", chunk)
    operation, body = make_operation(protocol), wrap(protocol, content)
    naive = "<At>2024-01-01<" in content  # which botocore leaves without a zone
    expected = (
        parse(operation, body) if not naive else {"Row": {"At": datetime(2024, 1, 1, tzinfo=UTC).timestamp()}}
    )
    assert expected
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
    "<Box><Name>a</Name><Name>b</Name></Box>",
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
