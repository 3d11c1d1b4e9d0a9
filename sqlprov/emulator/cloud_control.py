"""The local Cloud Control: requests that are accepted first and carried out later, on resources of any type.

Sources: the API reference for errors, states and tokens; the user guide for patch documents, and for what a list needs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jsonpatch
import orjson

from sqlprov.catalog.catalog import find_packaged_folder
from sqlprov.catalog.cloud_control import TypeFacts, find_type
from sqlprov.emulator.api_model import check_input
from sqlprov.emulator.cloud_experiments import TYPE, Experiments
from sqlprov.emulator.cloud_resources import Documents, HandlerFailed
from sqlprov.emulator.context import Context, Members
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.options import Call
from sqlprov.emulator.pages import cut_page

logger = logging.getLogger(__name__)

_PAGE_SIZE = 100
_UNDER_WAY = "IN_PROGRESS"


@dataclass
class ResourceRequest:
    """A request to create, update or delete a resource.

    Attributes:
        given: operation and parameters, without the token.
        carry_out: does it, and returns the resource's identifier; raises HandlerFailed.
        ready: when it ends, in epoch seconds.
        event: what is reported of it.
    """

    given: tuple[str, Members]
    carry_out: Callable[[], str]
    ready: float
    event: Members

    def advance(self, now: float) -> None:
        """Carry it out if it is time."""
        if self.event["OperationStatus"] != _UNDER_WAY or now < self.ready:
            return
        try:
            self.event |= {"OperationStatus": "SUCCESS", "Identifier": self.carry_out()}
        except HandlerFailed as error:
            failure = {"ErrorCode": error.code, "StatusMessage": error.text}
            self.event |= {"OperationStatus": "FAILED", **failure}
        except Exception as error:
            logger.exception("the local Cloud Control failed")
            failure = {"ErrorCode": "InternalFailure", "StatusMessage": f"{type(error).__name__}: {error}"}
            self.event |= {"OperationStatus": "FAILED", **failure}
        self.event["EventTime"] = now


class CloudControl:
    """Resources of every type of `resources/awscc`.

    Args:
        context: the local SageMaker, whose experiments it has, too.
        has_moto: whether it creates resources in moto, where moto's CloudFormation has their type.
    """

    def __init__(self, context: Context, has_moto: bool) -> None:
        self._context = context
        self._documents = Documents(has_moto, context.store.account)
        self._experiments = Experiments(context)
        self._requests: dict[tuple[str, str], ResourceRequest] = {}  # by region and token
        self._by_client_token: dict[tuple[str, str], ResourceRequest] = {}
        self._operations: dict[str, Callable[[str, Members], Members]] = {
            "ListResources": self._list,
            "GetResource": self._get,
            "CreateResource": self._create,
            "UpdateResource": self._update,
            "DeleteResource": self._delete,
            "GetResourceRequestStatus": lambda region, given: {
                "ProgressEvent": self._find(region, given).event
            },
            "ListResourceRequests": self._list_requests,
            "CancelResourceRequest": self._cancel,
        }

    def run(self, call: Call) -> Members:
        """The reply of a call; raises ApiError."""
        if call.operation not in self._operations:
            raise ApiError("UnknownOperationException", f"The operation {call.operation} is not known.")
        check_input(call.operation, call.parameters, "cloudcontrol")
        self._context.now = self._context.options.read_clock()
        for request in self._requests.values():
            request.advance(self._context.now)
        return self._operations[call.operation](call.region, call.parameters)

    def _list(self, region: str, given: Members) -> Members:
        type = _find_type(given)
        model = _read_object("ResourceModel", given.get("ResourceModel", "{}"))
        if lacking := [name for name in type.parents if name not in model]:
            text = f"Required property: {lacking}"
            raise _refuse(
                f"Missing or invalid ResourceModel property in {type.name} list handler request. {text}"
            )
        if unknown := model.keys() - type.properties.keys():
            raise _refuse(f"Model validation failed (#: extraneous key {sorted(unknown)} is not permitted)")
        rows = {
            name: row
            for name, row in self._find_handler(type).list_rows(type, region).items()
            if model.items() <= row.items()
        }
        names, token = cut_page(
            "ListResources", region, given, sorted(rows), _PAGE_SIZE, self._context.options
        )
        shown = {*type.parts, *type.parents}
        found = [
            _describe(name, {part: rows[name][part] for part in shown if part in rows[name]})
            for name in names
        ]
        return {"TypeName": type.name, "ResourceDescriptions": found} | token

    def _get(self, region: str, given: Members) -> Members:
        type = _find_type(given)
        row = self._read(type, region, given["Identifier"])
        return {"TypeName": type.name, "ResourceDescription": _describe(given["Identifier"], row)}

    def _create(self, region: str, given: Members) -> Members:
        type, properties = _find_type(given), _read_object("DesiredState", given["DesiredState"])
        known = {**type.properties, **type.write_only}
        for problem, names in (
            ("readOnly properties", [name for name in properties if name in type.read_only]),
            ("extraneous key", [name for name in properties if name not in known]),
            ("required key, not found:", [name for name in type.required if name not in properties]),
        ):
            if names:
                raise _refuse(f"Model validation failed ({problem} {names})")
        handler = self._find_handler(type)
        return self._accept("CREATE", type, region, given, lambda: handler.create(type, region, properties))

    def _update(self, region: str, given: Members) -> Members:
        type, name = _find_type(given), str(given["Identifier"])
        if "update" not in type.actions:
            raise ApiError(
                "UnsupportedActionException", f"Resource type {type.name} does not support UPDATE action"
            )
        if (again := self._find_same("UPDATE", region, given)) is not None:
            return again
        before = self._read(type, region, name)
        after = _apply(given["PatchDocument"], before)
        changed = {part for part in {*before, *after} if before.get(part) != after.get(part)}
        if fixed := sorted(changed & {*type.read_only, *type.create_only, *type.parts}):
            text = f"Invalid patch update: {fixed} cannot be updated"
            raise ApiError("NotUpdatableException", text)
        handler = self._find_handler(type)

        def update() -> str:
            handler.update(type, region, name, {part: after.get(part) for part in changed})
            return name

        return self._accept("UPDATE", type, region, given, update)

    def _delete(self, region: str, given: Members) -> Members:
        type, name = _find_type(given), given["Identifier"]

        def delete() -> str:
            if self._find_handler(type).read(type, region, name) is None:
                raise HandlerFailed(
                    "NotFound", f"Resource of type '{type.name}' with identifier '{name}' was not found."
                )
            self._find_handler(type).delete(type, region, name)
            return str(name)

        return self._accept("DELETE", type, region, given, delete)

    def _accept(
        self, operation: str, type: TypeFacts, region: str, given: Members, carry_out: Callable[[], str]
    ) -> Members:
        """Begin a request: what it does is seen by the next call, once the time of a transition has passed."""
        if (again := self._find_same(operation, region, given)) is not None:
            return again
        name, now = given.get("Identifier"), self._context.now
        for (place, _), other in self._requests.items():
            event = other.event
            same = (event["TypeName"], event.get("Identifier"), event["OperationStatus"])
            if name and place == region and same == (type.name, name, _UNDER_WAY):
                raise ApiError(
                    "ConcurrentOperationException", "Another operation is in progress on this resource."
                )
        event = {"TypeName": type.name, "RequestToken": str(uuid4()), "Operation": operation}
        event |= {"OperationStatus": _UNDER_WAY, "EventTime": now} | ({"Identifier": name} if name else {})
        request = ResourceRequest(
            (operation, _drop_token(given)), carry_out, now + self._context.options.transition, event
        )
        self._requests[region, event["RequestToken"]] = request
        if token := given.get("ClientToken"):
            self._by_client_token[region, token] = request
        return {"ProgressEvent": dict(event)}

    def _find_same(self, operation: str, region: str, given: Members) -> Members | None:
        """The event of the request with the same client token."""
        known = self._by_client_token.get((region, given.get("ClientToken", "")))
        if known is None:
            return None
        if known.given != (operation, _drop_token(given)):
            text = "The client token has already been used in another resource request."
            raise ApiError("ClientTokenConflictException", text)
        return {"ProgressEvent": known.event}

    def _find(self, region: str, given: Members) -> ResourceRequest:
        token = given["RequestToken"]
        if (region, token) not in self._requests:
            raise ApiError("RequestTokenNotFoundException", f"Request with token {token} was not found.")
        return self._requests[region, token]

    def _list_requests(self, region: str, given: Members) -> Members:
        wanted = given.get("ResourceRequestStatusFilter", {})
        operations, states = wanted.get("Operations"), wanted.get("OperationStatuses")
        events = {
            token: request.event
            for (place, token), request in self._requests.items()
            if place == region
            and (not operations or request.event["Operation"] in operations)
            and (not states or request.event["OperationStatus"] in states)
        }
        options = self._context.options
        names, token = cut_page("ListResourceRequests", region, given, sorted(events), _PAGE_SIZE, options)
        return {"ResourceRequestStatusSummaries": [events[name] for name in names]} | token

    def _cancel(self, region: str, given: Members) -> Members:
        request = self._find(region, given)
        if request.event["OperationStatus"] != _UNDER_WAY:
            raise ApiError("ConcurrentModificationException", "The request has ended.")
        request.event["OperationStatus"] = "CANCEL_COMPLETE"
        return {"ProgressEvent": request.event}

    def _find_handler(self, type: TypeFacts) -> Documents | Experiments:
        return self._experiments if type.name == TYPE else self._documents

    def _read(self, type: TypeFacts, region: str, name: str) -> Members:
        row = self._find_handler(type).read(type, region, name)
        if row is None:
            text = f"Resource of type '{type.name}' with identifier '{name}' was not found."
            raise ApiError("ResourceNotFoundException", text)
        return {part: value for part, value in row.items() if part not in type.write_only}


def _find_type(given: Members) -> TypeFacts:
    name = given["TypeName"]
    service = name.split("::")[1].lower()
    type = find_type(name, find_packaged_folder() / "awscc", service) if name.startswith("AWS::") else None
    if type is None:
        raise ApiError("TypeNotFoundException", f"The type '{name}' cannot be found.")
    return type


def _read_object(parameter: str, text: str) -> Members:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refuse(f"{parameter} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise _refuse(f"{parameter} is not a JSON object")
    return value


def _apply(document: str, before: Members) -> Members:
    """The properties after a patch; a path may lack its first slash, as in the user guide."""
    try:
        operations = orjson.loads(document)
        for operation in operations:
            operation["path"] = "/" + operation["path"].removeprefix("/")
        after = jsonpatch.JsonPatch(operations).apply(before)
    except (
        ValueError,
        TypeError,
        LookupError,
        jsonpatch.JsonPatchException,
        jsonpatch.JsonPointerException,
    ) as error:
        raise _refuse(f"Invalid patch document: {error}") from error
    assert isinstance(after, dict), "a patch of an object cannot replace it through its first member"
    return after


def _describe(name: str, row: Mapping[str, Any]) -> Members:
    return {"Identifier": name, "Properties": orjson.dumps(row).decode()}


def _drop_token(given: Members) -> Members:
    return {name: value for name, value in given.items() if name != "ClientToken"}


def _refuse(text: str) -> ApiError:
    return ApiError("InvalidRequestException", text)
