"""JSON text in, values that still know how they were written out; and any value as text for a message."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from sqlprov.errors import format_count

SHOWN = 60
"""Characters of a value that a message shows."""


class InvalidValue(Exception):
    """A value does not fit; the text says what was expected."""


class JsonObject(list[tuple[str, Any]]):
    """A JSON object; a dict would drop a key that stands twice without a word."""


def parse_json(text: str, wanted: str) -> Any:
    """The value of a JSON text: objects as `Pairs`, numbers with a point as Decimal, digits as written.

    Raises:
        Misfit: it is no JSON; the message begins with `wanted` and says where.
    """
    try:
        return json.loads(text, object_pairs_hook=JsonObject, parse_float=Decimal, parse_constant=_no_json)
    except json.JSONDecodeError as error:
        before = text[max(error.pos - 20, 0) : error.pos]
        place = f"line {error.lineno}, column {error.colno}" + (f", after {before!r}" if before else "")
        raise InvalidValue(f"{wanted} as JSON ({error.msg.removesuffix(' at')} at {place})") from None
    except RecursionError:
        raise InvalidValue(f"{wanted} as JSON that is nested less deeply") from None
    except (ValueError, ArithmeticError):  # NaN, Infinity, or more digits than Python reads
        raise InvalidValue(f"{wanted} as JSON, with numbers that other programs can read") from None


def coerce_document(value: Any, *, from_json: bool) -> Any:
    """Any value as boto3 takes a document.

    Args:
        from_json: whether the user wrote it as JSON; else it is a STRUCT, which DuckDB pads with NULLs.

    Raises:
        Misfit: a part of it has no form in JSON.
    """
    match value:
        case JsonObject() | dict():
            pairs = value if isinstance(value, JsonObject) else value.items()
            return {
                key: coerce_document(part, from_json=from_json)
                for key, part in pairs
                if from_json or part is not None
            }
        case [(_, _), *_] if all(isinstance(part, tuple) for part in value):  # how pyarrow gives a MAP
            return {str(key): coerce_document(part, from_json=from_json) for key, part in value}
        case list():
            return [coerce_document(part, from_json=from_json) for part in value]
        case Decimal():
            return float(value) if value != value.to_integral_value() or value.adjusted() > 30 else int(value)
        case str() | bool() | int() | float() | None:
            return value
    raise InvalidValue("values that JSON knows")


def abbreviate(value: Any) -> str:
    """A value as it was written, shortened for a message."""
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
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def format_json(value: Any) -> str:
    """A value as JSON text; what `parse` read is written as it was."""
    match value:
        case JsonObject() | dict():
            pairs = value if isinstance(value, JsonObject) else value.items()
            return "{" + ", ".join(f"{format_json(key)}: {format_json(part)}" for key, part in pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(format_json, value)) + "]"
        case str() | bool() | None:
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _no_json(_: str) -> NoReturn:
    raise ValueError
