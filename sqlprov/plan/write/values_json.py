"""Parses JSON without losing how it was written, and formats values for messages."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from sqlprov.errors import format_count

MAX_SHOWN = 60
"""Characters of a value that a message shows."""


class InvalidValue(Exception):
    """A value does not fit; the message says what was expected."""


class JsonObject(list[tuple[str, Any]]):
    """A JSON object as pairs, because a dict would silently drop a repeated key."""


def parse_json(text: str, wanted: str) -> Any:
    """Parse JSON text: objects as `Pairs`, numbers with a point as Decimal, digits as written.

    Raises:
        InvalidValue: it is not valid JSON; the message begins with `wanted` and says where.
    """
    try:
        return json.loads(
            text, object_pairs_hook=JsonObject, parse_float=Decimal, parse_constant=_reject_constant
        )
    except json.JSONDecodeError as error:
        before = text[max(error.pos - 20, 0) : error.pos]
        place = f"line {error.lineno}, column {error.colno}" + (f", after {before!r}" if before else "")
        raise InvalidValue(f"{wanted} as JSON ({error.msg.removesuffix(' at')} at {place})") from None
    except RecursionError:
        raise InvalidValue(f"{wanted} as JSON that is nested less deeply") from None
    except (ValueError, ArithmeticError):  # NaN, Infinity, or more digits than Python reads
        raise InvalidValue(f"{wanted} as JSON, with numbers that other programs can read") from None


def coerce_document(value: Any, *, from_json: bool) -> Any:
    """Coerce any value to a document, as boto3 takes it.

    Args:
        from_json: whether the user wrote it as JSON; otherwise it is a STRUCT, which DuckDB pads with NULLs.

    Raises:
        InvalidValue: JSON has no form for a part of it.
    """
    match value:
        case JsonObject() | dict():
            pairs = value if isinstance(value, JsonObject) else value.items()
            return {
                key: coerce_document(part, from_json=from_json)
                for key, part in pairs
                if from_json or part is not None
            }
        case [(_, _), *_] if all(isinstance(part, tuple) for part in value):  # a MAP, as pyarrow returns it
            return {str(key): coerce_document(part, from_json=from_json) for key, part in value}
        case list():
            return [coerce_document(part, from_json=from_json) for part in value]
        case Decimal():
            return float(value) if value != value.to_integral_value() or value.adjusted() > 30 else int(value)
        case str() | bool() | int() | float() | None:
            return value
    raise InvalidValue("values that JSON can hold")


def abbreviate(value: Any) -> str:
    """A value as the user wrote it, shortened for a message."""
    match value:
        case None:
            text = "NULL"
        case str():
            text = value
        case bytes():
            text = format_count(len(value), "byte")
        case JsonObject() | list() | dict() | bool():
            text = format_json(value)
        case _:
            text = str(value)
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def format_json(value: Any) -> str:
    """A value as JSON text; a value from `parse_json` looks as it was written."""
    match value:
        case JsonObject() | dict():
            pairs = value if isinstance(value, JsonObject) else value.items()
            return "{" + ", ".join(f"{format_json(key)}: {format_json(part)}" for key, part in pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(format_json, value)) + "]"
        case str() | bool() | None:
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _reject_constant(_: str) -> NoReturn:
    raise ValueError
