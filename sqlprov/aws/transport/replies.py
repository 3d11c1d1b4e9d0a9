"""Raw HTTP replies in, decoded JSON out; what is no whole answer raises instead of passing for an empty one.

botocore reports a 200 reply that is cut off, not JSON or empty as a successful empty page. So JSON replies are
read here, in botocore's `before-parse` event; credentials, endpoints, signing and errors stay botocore's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.errors import format_count

DECODED = "sqlprov_decoded"


def decode(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: Any, **_: Any
) -> None:
    """botocore's `before-parse` handler: puts the JSON of a successful reply under DECODED.

    Raises:
        MalformedReply: the body is cut off, empty, or no JSON object; that of an error too.
    """
    if operation_model.has_streaming_output:
        return
    body: bytes = response_dict["body"]
    declared = response_dict["headers"].get("content-length")
    request_id = response_dict["headers"].get("x-amzn-requestid", "")
    if declared is not None and declared.isdigit() and int(declared) != len(body):
        whole = format_count(int(declared), "byte")
        raise MalformedReply(f"the reply was cut off after {len(body):,} of {whole}", request_id)
    protocol = operation_model.service_model.resolved_protocol
    spoken = protocol == "json"
    if response_dict["status_code"] >= 300:
        # An error, which botocore reads; of one that is cut it makes an error without a code, which nobody can
        # tell from a refusal for good. With another status than 400 a proxy may have spoken, which knows no JSON.
        if spoken and response_dict["status_code"] == 400:
            _parse_object(body, request_id)
        return
    output = operation_model.output_shape
    if output is None:
        return  # DeleteModel and its like answer with nothing
    if protocol == "rest-json":
        # botocore's parser stumbles over what is no object. All may be in the headers, or the body no JSON by design.
        if body and "payload" not in output.serialization:
            _parse_object(body, request_id)
        return
    if not spoken:
        # botocore's parser of XML raises KeyError for a page of a proxy.
        wrapper = output.serialization.get("resultWrapper", "")
        if wrapper.encode() not in body:
            begin = body[:40].decode("utf-8", "replace")
            raise MalformedReply(f"the reply holds no {wrapper}; it begins {begin!r}", request_id)
        return
    customized_response_dict[DECODED] = _parse_object(body, request_id)
    # What is decoded need not be parsed a second time, a hundred times slower.
    response_dict["body"] = b"{}"


def _parse_object(body: bytes, request_id: str) -> dict[str, Any]:
    begin = body[:40].decode("utf-8", "replace")
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedReply(f"the reply is not JSON ({error}); it begins {begin!r}", request_id) from None
    if not isinstance(decoded, dict):
        raise MalformedReply(f"the reply is JSON but no object: {begin!r}", request_id)
    return decoded


def check_reply(
    reply: Mapping[str, Any], members: tuple[str, ...], rows: Callable[[dict[str, Any]], int]
) -> tuple[dict[str, Any], int]:
    """The decoded reply, and the rows that `rows` counts in it.

    Raises:
        MalformedReply: a member that every whole reply holds is absent, or `rows` raises it.
    """
    body: dict[str, Any] = reply.get(DECODED) or {
        key: value for key, value in reply.items() if key != "ResponseMetadata"
    }
    try:
        if absent := [member for member in members if body.get(member) is None]:
            raise MalformedReply(f"the reply lacks {', '.join(absent)}")
        return body, rows(body)
    except MalformedReply as error:
        error.request_id = reply.get("ResponseMetadata", {}).get("RequestId", "")
        raise
