"""Packs the properties of a resource as Cloud Control takes them: as JSON text, or as a JSON Patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sqlprov.records import dataclass

IDENTIFIER, KEY = "Identifier", "PrimaryIdentifier"
"""The parameter that names a resource, and its name among the properties, where no property is called so."""
DESIRED_STATE, PATCH_DOCUMENT = "DesiredState", "PatchDocument"
"""The parameters that take the properties."""


@dataclass(frozen=True)
class Packing:
    """How a call of Cloud Control takes the properties of a resource.

    Attributes:
        type: the type of the resource, such as `AWS::SQS::Queue`.
        parameter: takes the properties: DESIRED_STATE, or PATCH_DOCUMENT for those that change; empty if none does.
        token: takes the token by which Cloud Control knows another attempt.
        progress: the operation that reports how an accepted call goes on.
        event: the member of the replies that says so.
    """

    type: str
    parameter: str = ""
    token: str = "ClientToken"
    progress: str = "GetResourceRequestStatus"
    event: str = "ProgressEvent"

    def pack(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of the call; a property that is `None` is removed."""
        packed: dict[str, Any] = {"TypeName": self.type}
        properties = {name: value for name, value in values.items() if name != KEY}
        if KEY in values:
            packed[IDENTIFIER] = values[KEY]
        if self.parameter == PATCH_DOCUMENT:
            operations = properties.get(PATCH_DOCUMENT) or [
                _build_operation(name, value) for name, value in properties.items()
            ]
            packed[PATCH_DOCUMENT] = orjson.dumps(operations).decode()
        elif self.parameter:
            packed[self.parameter] = orjson.dumps(properties).decode()
        return packed


def _build_operation(name: str, value: Any) -> dict[str, Any]:
    """`add` also replaces, and fits a property that reads do not return (terraform-provider-awscc #1737)."""
    path = "/" + name.replace("~", "~0").replace("/", "~1")
    return {"op": "remove", "path": path} if value is None else {"op": "add", "path": path, "value": value}
