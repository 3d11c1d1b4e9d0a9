"""A Cloud Control that holds resources of any type, two on a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from json_service import Answer, ServiceFailure

PAGE = 2


@dataclass
class PagedResources:
    """The resources: type -> primary identifier -> properties.

    Attributes:
        listed: the properties that a list returns; AWS returns few or all of them, as the type's handler likes.
        operations: its operations, for `run_json_service`.
    """

    resources: dict[str, dict[str, dict[str, Any]]]
    listed: tuple[str, ...] = ()
    operations: dict[str, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.operations |= {"ListResources": self.list_resources, "GetResource": self.get_resource}

    def list_resources(self, given: Mapping[str, Any]) -> dict[str, Any]:
        known, begin = self.resources.get(given["TypeName"], {}), int(given.get("NextToken", 0))
        model = json.loads(given.get("ResourceModel", "{}"))
        found = [each for each in known.items() if model.items() <= each[1].items()]
        page = found[begin : begin + PAGE]
        reply: dict[str, Any] = {"TypeName": given["TypeName"]}
        reply["ResourceDescriptions"] = [
            {
                "Identifier": name,
                "Properties": json.dumps({key: value[key] for key in self.listed if key in value}),
            }
            for name, value in page
        ]
        return reply | ({"NextToken": str(begin + PAGE)} if len(found) > begin + PAGE else {})

    def get_resource(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["Identifier"]
        try:
            properties = self.resources[given["TypeName"]][name]
        except KeyError:
            raise ServiceFailure("ResourceNotFoundException") from None
        resource = {"Identifier": name, "Properties": json.dumps(properties)}
        return {"TypeName": given["TypeName"], "ResourceDescription": resource}
