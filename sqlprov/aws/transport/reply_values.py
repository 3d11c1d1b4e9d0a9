"""Values of replies that readers of several protocols share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from botocore.utils import parse_timestamp

from sqlprov.aws.transport.errors import MalformedReply


class Memo(dict[str, Any]):
    """Calls `find` once for each key."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        self._find = find

    def __missing__(self, key: str) -> Any:
        value = self[key] = self._find(key)
        return value


def parse_time(text: str) -> float:
    """Seconds since the epoch of a time in any format that botocore reads; without a zone, it is in UTC.

    Raises:
        ValueError, RuntimeError: `text` is not a time.
    """
    try:
        # botocore takes a text that may be a number for one.
        moment = datetime.fromisoformat(text) if text[4:5] == "-" else parse_timestamp(text)
    except ValueError:
        moment = parse_timestamp(text)
    return float((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def parse_object(body: bytes, request_id: str = "") -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        MalformedReply: it is not a JSON object.
    """
    begin = body[:40].decode("utf-8", "replace")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        text = f"the reply is not JSON ({error}); it begins with {begin!r}"
        raise MalformedReply(text, request_id) from None
    if not isinstance(value, dict):
        raise MalformedReply(f"the reply is JSON but not an object: {begin!r}", request_id)
    return value


def describe_unknown(members: set[str]) -> str:
    """Why a reply with these members need not be the service's; empty if there are none."""
    return f"the model does not know its {', '.join(sorted(members))}" if members else ""
