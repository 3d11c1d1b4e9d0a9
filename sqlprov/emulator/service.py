"""The service behind the socket: parses a request, applies permissions, throttling and faults, and runs it."""

from __future__ import annotations

import logging
import random
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sqlprov.emulator import account, endpoints, experiments, tags
from sqlprov.emulator.api_model import check_input, resource_kinds
from sqlprov.emulator.context import Context, Members, Operation, build_arn
from sqlprov.emulator.errors import ApiError, access_denied_error, internal_error, throttling_error
from sqlprov.emulator.faults import SILENT_AFTER, SILENT_BEFORE, Faults, distort, make_error
from sqlprov.emulator.options import Call, Fault, Options
from sqlprov.emulator.pages import make_list
from sqlprov.emulator.store import Store

logger = logging.getLogger(__name__)

_MOST_SKEW = 300.0  # seconds between the clocks before the service refuses a signature
_JSON, _XML = "application/x-amz-json-1.1", "text/xml"
_JSON_SERVICES = {"sagemaker", "account"}
_GLOBAL_SERVICES = {"account", "iam"}
_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass
class Response:
    """What the server sends, and how.

    Args:
        delay: seconds to wait before.
        content_length: the Content-Length header, if it differs from the body's length.
        silence: `hold` keeps the connection open without a reply, `reset` breaks it, and '' sends the reply.
        hold: seconds of silence.
    """

    call: Call
    status: int
    body: bytes
    content_type: str
    delay: float = 0.0
    content_length: int | None = None
    silence: str = ""
    hold: float = 0.0


OPERATIONS: dict[str, Operation] = {
    **experiments.OPERATIONS,
    **endpoints.OPERATIONS,
    **tags.OPERATIONS,
    "ListInferenceExperiments": make_list("InferenceExperiment"),
    "ListModels": make_list("Model"),
    "ListEndpointConfigs": make_list("EndpointConfig"),
    "ListEndpoints": make_list("Endpoint"),
}


class Service:
    """The local services; all resources are in the store."""

    def __init__(self, store: Store, options: Options) -> None:
        self.context = Context(store, options)
        self.faults = Faults()
        self.calls: list[Call] = []
        self.record_calls = True
        self._allowance: dict[str, tuple[float, float]] = {}  # region -> calls left, and when
        self._random = random.Random(0)

    def answer(self, target: str, authorization: str, body: bytes) -> Response:
        """Run one request.

        Args:
            target: the X-Amz-Target header, or the path of a REST request; empty for the Query protocol.
            authorization: the header; its scope names region and service. Signatures are not checked.
        """
        scope = _SCOPE.search(authorization)
        access_key, region, service = scope.groups() if scope else ("", "", "sagemaker" if target else "sts")
        content_type = _JSON if service in _JSON_SERVICES else _XML
        operation, parameters, readable = _parse(target, body)
        call = Call(operation, region, access_key, parameters, time.monotonic())
        if self.record_calls:
            self.calls.append(call)
        fault = self.faults.match(call)
        if fault is not None and fault.kind in SILENT_BEFORE:
            return self._keep_silent(call, fault)
        status = 200
        try:
            if scope is None:
                raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
            reply = self._run(service, call, fault, readable)
        except Exception as raised:
            if not isinstance(raised, ApiError):
                logger.exception("the local SageMaker failed in %s", operation)
            error = (raised if isinstance(raised, ApiError) else internal_error()).translate(service)
            status, call.error = error.status, error.code
            json = content_type == _JSON
            reply = orjson.dumps(error.body) if json else account.encode_xml_error(error, service)
        if fault is not None and fault.kind in SILENT_AFTER:
            return self._keep_silent(call, fault)
        return self._respond(call, status, reply, content_type, fault)

    def _run(self, service: str, call: Call, fault: Fault | None, readable: bool) -> bytes:
        """The reply of a call that succeeds; raises ApiError for its own errors and for the fault's."""
        options = self.context.options
        if fault is not None and (error := make_error(fault, f"{service}:{call.operation}")) is not None:
            raise error
        if abs(options.clock() - time.time()) > _MOST_SKEW:
            raise ApiError(
                "InvalidSignatureException", "Signature expired: its time is too far from the server's."
            )
        if not readable:
            raise ApiError("SerializationException", "The body is not a JSON object.")
        if service not in _GLOBAL_SERVICES and call.region in options.closed_regions:
            raise ApiError(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        reply = (
            self._run_sagemaker(call) if service == "sagemaker" else account.answer(service, call, options)
        )
        if fault is not None and fault.kind == "error500_after":
            raise internal_error()
        return self.faults.repeat_token(call, reply, fault is not None and fault.kind == "repeated_token")

    def _respond(
        self, call: Call, status: int, body: bytes, content_type: str, fault: Fault | None
    ) -> Response:
        response = Response(call, status, body, content_type, self._draw_delay())
        if fault is not None:
            response.body, response.content_type = distort(fault, body, content_type)
            if fault.kind in ("html", "empty", "missing_member"):
                response.status = 200
            if fault.kind == "truncated":
                response.content_length = max(len(body), 64)
        call.status = response.status
        return response

    def _keep_silent(self, call: Call, fault: Fault) -> Response:
        call.status, call.error = 0, ""
        if fault.kind.startswith("reset"):
            return Response(call, 0, b"", "", self._draw_delay(), silence="reset")
        return Response(call, 0, b"", "", silence="hold", hold=fault.hold)

    def _draw_delay(self) -> float:
        options = self.context.options
        return options.latency + (options.jitter * self._random.random() if options.jitter else 0.0)

    def _run_sagemaker(self, call: Call) -> bytes:
        options = self.context.options
        if options.throttle:
            self._throttle(call.region, options.throttle)
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise ApiError("UnknownOperationException", f"The operation {call.operation} is not known.")
        if call.region in options.denied_regions or call.operation in options.denied_actions:
            raise access_denied_error(f"sagemaker:{call.operation}", _build_arn(call))
        check_input(call.operation, call.parameters)
        reads = call.operation.startswith(("List", "Describe"))
        store, now = self.context.store, options.read_clock()
        with store.read_lock(now) if reads else store.write_lock(now):
            self.context.now = now
            output = operation(self.context, call.region, call.parameters)
            if output.changes:
                store.commit(output.changes)
                call.committed = True
        return output.body if isinstance(output.body, bytes) else orjson.dumps(output.body)

    def _throttle(self, region: str, rate: float) -> None:
        """Take one call from a bucket that holds one second's calls; raises ApiError if it is empty."""
        now = self.context.options.clock()
        full = max(rate, 1.0)
        left, at = self._allowance.get(region, (full, now))
        left = min(full, left + (now - at) * rate)
        self._allowance[region] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            raise throttling_error()


def _parse(target: str, body: bytes) -> tuple[str, Members, bool]:
    """Operation, parameters, and whether the body was readable."""
    if not target:
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        return form.pop("Action", ""), form, True
    operation = target.removeprefix("SageMaker.")
    operation = operation[:1].upper() + operation[1:]  # the path of the account service is `/listRegions`
    try:
        parameters = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return operation, {}, False
    if not isinstance(parameters, dict):
        return operation, {}, False
    return operation, _drop_nulls(parameters) if b"null" in body else parameters, True


def _drop_nulls(value: Any) -> Any:
    """A member that is null is absent; in a list it stays, and the input check refuses it."""
    if isinstance(value, dict):
        return {name: _drop_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_drop_nulls(item) for item in value]
    return value


def _build_arn(call: Call) -> str:
    """The ARN that an AccessDeniedException names."""
    if "ResourceArn" in call.parameters:
        return str(call.parameters["ResourceArn"])
    kinds = [kind for kind in resource_kinds().values() if kind.noun in call.operation]
    kind = max(kinds, key=lambda kind: len(kind.noun))  # EndpointConfig, not Endpoint
    return build_arn(kind.noun, call.region, str(call.parameters.get(kind.key, "*")))
