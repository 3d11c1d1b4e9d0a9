"""Reads times and JSON that a service sends as numbers or text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson

_NUMBER = r"-?\d+(\.\d+)?"


def to_epoch_seconds(value: Any, per_second: int = 1) -> float:
    """Seconds since 1970 of a time: a datetime, ISO 8601 text, or a number of `1 / per_second` seconds, also as text.

    A time without a zone is in UTC.

    Raises:
        TypeError, ValueError: `value` is not a time.
    """
    if isinstance(value, str) and not re.fullmatch(_NUMBER, value):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value) / per_second


def parse_time(value: Any, per_second: int = 1) -> datetime:
    """The time that `to_epoch_seconds` reads, with a zone.

    Raises:
        TypeError, ValueError, OverflowError: `value` is not a time.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(to_epoch_seconds(value, per_second), UTC)


def to_json_text(value: Any) -> str:
    """A value as JSON text: JSON as it is, also URL-encoded as IAM sends it; any other text as a JSON string."""
    text = _decode_json(value) if isinstance(value, str) else None
    return orjson.dumps(value).decode() if text is None else text


def parse_json(value: Any) -> Any:
    """The value of `to_json_text`, parsed."""
    return orjson.loads(to_json_text(value))


def _decode_json(value: str) -> str | None:
    """JSON text, which may be URL-encoded; `None` if `value` is not JSON."""
    text = unquote(value) if value[:3].upper() in ("%7B", "%5B") else value
    try:
        orjson.loads(text)
    except ValueError:
        return None
    return text
