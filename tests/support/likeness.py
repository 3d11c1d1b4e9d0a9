"""What botocore and Arrow give for one value in, the same form of both out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa


def plain(value: Any, kind: pa.DataType) -> Any:
    """A value of botocore or of Arrow, in a form that both have: absent and null members are the same."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        parts = {field.name: plain(value.get(field.name), field.type) for field in kind}
        return {name: part for name, part in parts.items() if part is not None}
    if pa.types.is_list(kind):
        return [plain(item, kind.value_type) for item in value]
    if pa.types.is_map(kind):
        return {key: plain(item, kind.item_type) for key, item in dict(value).items()}
    return value.astimezone(UTC) if isinstance(value, datetime) else value
