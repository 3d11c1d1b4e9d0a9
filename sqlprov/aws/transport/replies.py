"""Decodes replies and rejects incomplete ones, which botocore reports as successful empty pages.

JSON replies are decoded here, in botocore's `before-parse` event, a hundred times faster than botocore parses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson

from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.errors import format_count

DECODED = "sqlprov_decoded"


def decode(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: Any, **_: Any
) -> None:
    """Check a raw reply and put the JSON of a successful one under DECODED: a `before-parse` handler of botocore.

    Raises:
        MalformedReply: the body is truncated, empty, or not a JSON object.
    """
    if operation_model.has_streaming_output:
        return
    body: bytes = response_dict["body"]
    status: int = response_dict["status_code"]
    declared = response_dict["headers"].get("content-length")
    request_id = response_dict["headers"].get("x-amzn-requestid", "")
    if declared is not None and declared.isdigit() and int(declared) != len(body):
        whole = format_count(int(declared), "byte")
        raise MalformedReply(f"the reply was cut off after {len(body):,} of {whole}", request_id)
    protocol = operation_model.service_model.resolved_protocol
    if status >= 300:
        # botocore turns a truncated error into one without a code, which looks like a permanent refusal. With
        # a status other than 400, the reply may be a proxy's, which is not JSON.
        if protocol == "json" and (status == 400 or _is_json(body)):
            _parse_object(body, request_id)
        return
    output = operation_model.output_shape
    if output is None:
        return  # such as DeleteModel: the reply has no body
    if protocol == "json":
        customized_response_dict[DECODED] = _parse_object(body, request_id)
        response_dict["body"] = b"{}"  # botocore need not parse it again
    elif protocol == "rest-json":
        # All members may be in headers, and a payload member need not be JSON.
        if body and "payload" not in output.serialization:
            _parse_object(body, request_id)
    else:
        # botocore's XML parser raises KeyError for an HTML page of a proxy.
        wrapper = output.serialization.get("resultWrapper", "")
        if wrapper.encode() not in body:
            begin = body[:40].decode("utf-8", "replace")
            raise MalformedReply(f"the reply has no {wrapper}; it begins with {begin!r}", request_id)


def _is_json(body: bytes) -> bool:
    with suppress(orjson.JSONDecodeError):
        orjson.loads(body)
        return True
    return False


def _parse_object(body: bytes, request_id: str) -> dict[str, Any]:
    begin = body[:40].decode("utf-8", "replace")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        text = f"the reply is not JSON ({error}); it begins with {begin!r}"
        raise MalformedReply(text, request_id) from None
    if not isinstance(value, dict):
        raise MalformedReply(f"the reply is JSON but not an object: {begin!r}", request_id)
    return value


def check_reply(
    reply: Mapping[str, Any], members: tuple[str, ...], rows: Callable[[dict[str, Any]], int]
) -> tuple[dict[str, Any], int]:
    """The decoded reply, and the number of its rows according to `rows`.

    Raises:
        MalformedReply: a member is absent that every complete reply has, or `rows` raises it.
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
