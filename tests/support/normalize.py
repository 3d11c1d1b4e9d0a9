"""Normalizes values of botocore and of Arrow so that they can be compared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa


def normalize(value: Any, kind: pa.DataType) -> Any:
    """`value` without null members, which botocore omits and Arrow has; times in UTC."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        parts = {field.name: normalize(value.get(field.name), field.type) for field in kind}
        return {name: part for name, part in parts.items() if part is not None}
    if pa.types.is_list(kind):
        return [normalize(item, kind.value_type) for item in value]
    if pa.types.is_map(kind):
        return {str(key): normalize(item, kind.item_type) for key, item in dict(value).items()}
    return value.astimezone(UTC) if isinstance(value, datetime) else value
