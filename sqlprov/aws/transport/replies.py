"""Decodes replies and rejects incomplete ones, which botocore reports as successful empty pages.

The bodies of JSON and XML replies are decoded here, in botocore's `before-parse` event, several times faster than
botocore parses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson

from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.reply_values import describe_unknown, parse_object
from sqlprov.aws.transport.rest_json_replies import RestJsonReader
from sqlprov.aws.transport.xml_replies import XmlReader
from sqlprov.errors import format_count

UNLIKE = "sqlprov_unlike"
"""Member of a decoded reply: why another that it lacks may be lost instead of empty; an empty text if it is empty."""
IN_JSON = "JSON has empty lists"
"""Why a JSON reply may lack no list."""
READERS = {"rest-json": RestJsonReader, "query": XmlReader, "ec2": XmlReader, "rest-xml": XmlReader}
"""Protocol -> reads the members in a body."""
_ERROR = rb"\s*(<\?xml[^>]*>)?\s*<Error[\s>]"
"""The beginning of an error of S3, which may come with status 200."""
CBOR_MAP = 5
"""CBOR's major type of maps."""


def decode(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: Any, **_: Any
) -> None:
    """Check a raw reply, and decode the body of a successful one: a `before-parse` handler of botocore.

    Args:
        customized_response_dict: takes the members, and UNLIKE.

    Raises:
        MalformedReply: the body is truncated, empty, or not what the protocol has.
    """
    if operation_model.has_streaming_output or operation_model.has_event_stream_output:
        return
    body: bytes = response_dict["body"]
    declared = response_dict["headers"].get("content-length")
    request_id = _find_request_id(response_dict["headers"])
    if declared is not None and declared.isdecimal() and int(declared) != len(body):
        whole = format_count(int(declared), "byte")
        raise MalformedReply(f"the reply was cut off after {len(body):,} of {whole}", request_id)
    protocol, output = operation_model.service_model.resolved_protocol, operation_model.output_shape
    is_s3 = (
        operation_model.service_model.service_name == "s3" and output is not None and _is_in_protocol(output)
    )
    if is_s3 and response_dict["status_code"] == 200 and re.match(_ERROR, body):
        response_dict["status_code"] = 500  # as botocore's own handler does
    if response_dict["status_code"] >= 300:
        _check_error(protocol, response_dict, request_id)
    elif output is None:
        pass  # such as DeleteModel: the reply has no body
    elif protocol == "json":
        value = parse_object(body, request_id)
        members = output.members
        customized_response_dict.update({name: each for name, each in value.items() if name in members})
        if unknown := value.keys() - members.keys():
            customized_response_dict[UNLIKE] = describe_unknown(unknown)
        elif "awsQueryCompatible" in operation_model.service_model.metadata:
            customized_response_dict[UNLIKE] = ""  # SQS leaves out empty lists, as it did in XML
        response_dict["body"] = b"{}"  # botocore need not parse it again
    elif not _is_in_protocol(output):
        customized_response_dict[UNLIKE] = ""
    elif protocol in READERS:
        customized_response_dict.update(_read_members(operation_model, response_dict, request_id))
    else:
        if not _is_cbor_map(body):
            begin = body[:40].decode("utf-8", "replace")
            raise MalformedReply(f"the reply is not a CBOR map; it begins with {begin!r}", request_id)
        customized_response_dict[UNLIKE] = ""


def _is_in_protocol(output: Any) -> bool:
    """Whether the body is in the protocol's format; otherwise it is one member."""
    payload = output.serialization.get("payload")
    return payload is None or output.members[payload].type_name == "structure"


def _read_members(operation: Any, response: dict[str, Any], request_id: str) -> dict[str, Any]:
    """The members in a body, and UNLIKE; leaves botocore a body without members.

    Raises:
        MalformedReply: the body is not the operation's reply.
    """
    reader = vars(operation).get("sqlprov_reader")
    if reader is None:
        reader = operation.sqlprov_reader = READERS[operation.service_model.resolved_protocol](operation)
    try:
        members, unlike = reader.read(response["body"])
    except MalformedReply as error:
        error.request_id = request_id
        raise
    response["body"] = reader.rest
    return {**members, UNLIKE: unlike}


def _check_error(protocol: str, response: dict[str, Any], request_id: str) -> None:
    """Reject the reply of an error that was cut off: without its code, it would look like a permanent refusal.

    With a status other than 400, the reply may be a proxy's, in any format.
    """
    body, status = response["body"], response["status_code"]
    if protocol == "json":
        if status == 400 or _is_json(body):
            parse_object(body, request_id)
    elif protocol.endswith("cbor") and not _is_cbor_map(body):
        if status < 500:
            begin = body[:40].decode("utf-8", "replace")
            raise MalformedReply(f"the error is not a CBOR map; it begins with {begin!r}", request_id)
        response["body"] = b""  # botocore then takes the status for the code


def _is_cbor_map(body: bytes) -> bool:
    """Whether botocore's parser can read a body: it expects a map, and raises anything for other values."""
    return bool(body) and body[0] >> 5 == CBOR_MAP


def check_omission(reply: Mapping[str, Any], member: str, default: str = "") -> None:
    """Check that a reply may leave out a member, such as a list that is empty.

    Args:
        reply: the decoded reply.
        member: what it lacks.
        default: why it must have it, if its protocol usually sends empty lists.

    Raises:
        MalformedReply: it must have it, or the reply holds something else than the model says.
    """
    if unlike := reply.get(UNLIKE, default):
        raise MalformedReply(f"the reply lacks {member}, and {unlike}")


def _find_request_id(headers: Mapping[str, str]) -> str:
    return headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or ""


def _is_json(body: bytes) -> bool:
    with suppress(orjson.JSONDecodeError):
        orjson.loads(body)
        return True
    return False


def check_reply(
    reply: Mapping[str, Any], members: tuple[str, ...], rows: Callable[[dict[str, Any]], int]
) -> tuple[dict[str, Any], int]:
    """The decoded reply, and the number of its rows according to `rows`.

    Raises:
        MalformedReply: a member is absent that every complete reply has, or `rows` raises it.
    """
    body = {key: value for key, value in reply.items() if key != "ResponseMetadata"}
    try:
        if absent := [member for member in members if body.get(member) is None]:
            raise MalformedReply(f"the reply lacks {', '.join(absent)}")
        return body, rows(body)
    except MalformedReply as error:
        error.request_id = _find_request_id(reply.get("ResponseMetadata", {}).get("HTTPHeaders", {}))
        raise
