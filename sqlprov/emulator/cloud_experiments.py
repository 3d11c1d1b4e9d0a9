"""Inference experiments of the local SageMaker as Cloud Control has them: properties of CloudFormation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from sqlprov.catalog.cloud_control import TypeFacts
from sqlprov.emulator import experiments, tags
from sqlprov.emulator.api_model import check_input
from sqlprov.emulator.cloud_resources import HandlerFailed
from sqlprov.emulator.context import Context, Members
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.pages import make_list

TYPE = "AWS::SageMaker::InferenceExperiment"
_NOUN = "InferenceExperiment"
_OPERATIONS = experiments.OPERATIONS | tags.OPERATIONS | {f"List{_NOUN}s": make_list(_NOUN)}
_CODES = {
    "ResourceInUse": "AlreadyExists",
    "ResourceNotFound": "NotFound",
    "ConflictException": "ResourceConflict",
    "ResourceLimitExceeded": "ServiceLimitExceeded",
    "ValidationException": "InvalidRequest",
}
_FIELDS = ("Description", "ModelVariants", "DataStorageConfig", "ShadowModeConfig", "Schedule")
_STATES = ("DesiredState", "StatusReason")
_TIMES = ("StartTime", "EndTime", "CreationTime", "LastModifiedTime")


class Experiments:
    """The handlers of the type, which call SageMaker's operations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def list_rows(self, type: TypeFacts, region: str) -> dict[str, Members]:
        """Name -> properties."""
        names: list[str] = []
        page: Members | None = {}
        while page is not None:
            reply = self._call(f"List{_NOUN}s", region, page)
            names += [each["Name"] for each in reply["InferenceExperiments"]]
            page = {"NextToken": reply["NextToken"]} if "NextToken" in reply else None
        rows = {name: self.read(type, region, name) for name in names}
        return {name: row for name, row in rows.items() if row is not None}

    def read(self, type: TypeFacts, region: str, name: str) -> Members | None:
        """The properties; `None` if the experiment does not exist."""
        try:
            row = self._call(f"Describe{_NOUN}", region, {"Name": name})
        except HandlerFailed as error:
            if error.code == "NotFound":
                return None
            raise
        row["EndpointName"] = row["EndpointMetadata"]["EndpointName"]
        found = self._call("ListTags", region, {"ResourceArn": self._context.build_arn(_NOUN, region, name)})
        known = {part: value for part, value in row.items() if part in {*type.properties, *type.write_only}}
        properties: Members = _convert(known | {"Tags": found["Tags"]}, _write_time)
        return properties

    def create(self, type: TypeFacts, region: str, properties: Members) -> str:
        """Create one; its desired state is not sent, as AWS's handler has no permission to start it."""
        given = {name: value for name, value in properties.items() if name not in _STATES}
        self._call(f"Create{_NOUN}", region, _convert(given, _read_time))
        return str(properties["Name"])

    def update(self, type: TypeFacts, region: str, name: str, changes: Members) -> None:
        """Update the fields, the tags, and then the state."""
        if fields := {part: changes[part] for part in _FIELDS if changes.get(part) is not None}:
            self._call(f"Update{_NOUN}", region, {"Name": name, **_convert(fields, _read_time)})
        if "Tags" in changes:
            self._replace_tags(region, name, changes["Tags"] or [])
        match changes.get("DesiredState"):
            case "Running":
                self._call(f"Start{_NOUN}", region, {"Name": name})
            case "Completed" | "Cancelled" as state:
                self._stop(region, name, state, changes.get("StatusReason"))

    def delete(self, type: TypeFacts, region: str, name: str) -> None:
        """Stop it if it runs, and delete it."""
        if self._call(f"Describe{_NOUN}", region, {"Name": name})["Status"] == "Running":
            self._stop(region, name, "Completed", None)
        self._call(f"Delete{_NOUN}", region, {"Name": name})

    def _stop(self, region: str, name: str, state: str, reason: str | None) -> None:
        variants = self._call(f"Describe{_NOUN}", region, {"Name": name})["ModelVariants"]
        actions = {variant["VariantName"]: "Retain" for variant in variants}
        given = {"Name": name, "ModelVariantActions": actions, "DesiredState": state}
        self._call(f"Stop{_NOUN}", region, given | ({"Reason": reason} if reason else {}))

    def _replace_tags(self, region: str, name: str, wanted: list[Members]) -> None:
        place = {"ResourceArn": self._context.build_arn(_NOUN, region, name)}
        keys = {tag["Key"] for tag in wanted}
        known = self._call("ListTags", region, place)["Tags"]
        if old := [tag["Key"] for tag in known if tag["Key"] not in keys]:
            self._call("DeleteTags", region, place | {"TagKeys": old})
        if wanted:
            self._call("AddTags", region, place | {"Tags": wanted})

    def _call(self, operation: str, region: str, parameters: Members) -> Members:
        """The reply of SageMaker; raises HandlerFailed."""
        store, now = self._context.store, self._context.now
        try:
            check_input(operation, parameters)
            with store.write_lock(now):
                reply = _OPERATIONS[operation](self._context, region, parameters)
        except ApiError as error:
            raise HandlerFailed(_CODES.get(error.code, "GeneralServiceException"), error.text) from error
        decoded: Members = orjson.loads(reply if isinstance(reply, bytes) else orjson.dumps(reply))
        return decoded


def _convert(value: Any, convert: Any, name: str = "") -> Any:
    """The value with its times converted."""
    if isinstance(value, dict):
        return {part: _convert(inner, convert, part) for part, inner in value.items()}
    if isinstance(value, list):
        return [_convert(inner, convert) for inner in value]
    return convert(value) if name in _TIMES else value


def _write_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _read_time(text: Any) -> Any:
    return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else text
