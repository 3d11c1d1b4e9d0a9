"""Writes values as JSON, with the names that a model says."""

from __future__ import annotations

import base64
from typing import Any


def to_json(shape: Any, value: Any) -> Any:
    """A value as the service may write it in JSON: a time as a number or a string, a whole number without a point."""
    if value is None:
        return None
    match shape.type_name:
        case "structure":
            members = {name: shape.members[name] for name in value}
            return {
                member.serialization.get("name", name): to_json(member, value[name])
                for name, member in members.items()
                if "location" not in member.serialization
            }
        case "list":
            return [to_json(shape.member, each) for each in value]
        case "map":
            return {key: to_json(shape.value, each) for key, each in value.items()}
        case "timestamp" if value.second % 2:
            return value.isoformat()
        case "timestamp":
            return int(value.timestamp()) if value.microsecond == 0 else value.timestamp()
        case "double" if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case "blob":
            return base64.b64encode(value).decode()
    return value
