"""One request in, one Answer out: protocols, permissions, throttling, faults, and the operation itself."""

from __future__ import annotations

import logging
import random
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import orjson

from sqlprov.emulator import endpoints, experiments, identity, tags
from sqlprov.emulator.api_model import compile_input_check, kinds
from sqlprov.emulator.context import ACCOUNT, Members, Operation, Reply, World, arn
from sqlprov.emulator.errors import ApiError, denied
from sqlprov.emulator.faults import (
    SILENT_AFTER,
    SILENT_BEFORE,
    Faults,
    distorted,
    error_before,
    internal_failure,
    throttled,
)
from sqlprov.emulator.options import Call, Fault, Options
from sqlprov.emulator.pages import page
from sqlprov.emulator.regions import check_open, describe_regions, list_regions
from sqlprov.emulator.store import Store

logger = logging.getLogger(__name__)

MOST_SKEW = 300.0
"""Seconds that the clocks may differ before the service refuses a signature."""
_JSON, _XML = "application/x-amz-json-1.1", "text/xml"
_JSON_SERVICES = {"sagemaker", "account"}
_GLOBAL_SERVICES = {"account", "iam"}
_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass
class Answer:
    """What the server sends, and how.

    Args:
        delay: seconds to wait before.
        declared: Content-Length, if it is to differ from the body's.
        silent: `hold` keeps the connection open without a word, `reset` breaks it; empty sends the reply.
        hold: seconds of silence.
    """

    call: Call
    status: int
    body: bytes
    content_type: str
    delay: float = 0.0
    declared: int | None = None
    silent: str = ""
    hold: float = 0.0


def list_operation(noun: str) -> Operation:
    def operation(world: World, region: str, given: Members) -> Reply:
        kind = kinds()[noun]
        return Reply(page(kind, region, world.store.shelf(kind, region), given, world.options))

    return operation


OPERATIONS: dict[str, Operation] = {
    **experiments.OPERATIONS,
    **endpoints.OPERATIONS,
    **tags.OPERATIONS,
    **{
        f"List{noun}s": list_operation(noun)
        for noun in ("InferenceExperiment", "Model", "EndpointConfig", "Endpoint")
    },
}


class Service:
    """The service behind the socket; all state is in its store."""

    def __init__(self, store: Store, options: Options) -> None:
        self.world = World(store, options)
        self.faults = Faults()
        self.calls: list[Call] = []
        self.record_calls = True
        self._allowance: dict[str, tuple[float, float]] = {}  # region -> calls left, at monotonic seconds
        self._random = random.Random(0)

    def answer(self, target: str, authorization: str, body: bytes) -> Answer:
        """Run one request.

        Args:
            target: the X-Amz-Target header, or the path of a REST request; empty for the Query protocol.
            authorization: the header; its scope names the region. Signatures are not checked.
        """
        scope = _SCOPE.search(authorization)
        access_key, region, service = scope.groups() if scope else ("", "", "sagemaker" if target else "sts")
        content_type = _JSON if service in _JSON_SERVICES else _XML
        operation, parameters, unreadable = _parse(target, body)
        call = Call(operation, region, access_key, parameters, time.monotonic())
        if self.record_calls:
            self.calls.append(call)
        fault = self.faults.match(call)
        if fault is not None and fault.kind in SILENT_BEFORE:
            return self._silence(call, fault)
        status = 200
        try:
            if scope is None:
                raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
            reply = self._run(call, fault, service, unreadable)
        except Exception as raised:
            error = (raised if isinstance(raised, ApiError) else internal_failure()).as_service(service)
            if not isinstance(raised, ApiError):
                logger.exception("the local SageMaker failed in %s", operation)
            status, call.error = error.status, error.code
            reply = orjson.dumps(error.body) if content_type == _JSON else _xml_error(error, service)
        if fault is not None and fault.kind in SILENT_AFTER:
            return self._silence(call, fault)
        return self._reply(call, status, reply, content_type, fault)

    def _run(self, call: Call, fault: Fault | None, service: str, unreadable: bool) -> bytes:
        """The reply of a call that succeeds; raises ApiError for its own errors and for the fault's."""
        if fault is not None:
            refusal = error_before(fault, f"{service}:{call.operation}")
            if refusal is not None:
                raise refusal
        if abs(self.world.options.skew) > MOST_SKEW:
            raise ApiError("InvalidSignatureException", "Signature expired: it is not of this time.")
        if unreadable:
            raise ApiError("SerializationException", "The body is not a JSON object.")
        if service not in _GLOBAL_SERVICES:
            check_open(call.region, self.world.options)
        reply = self._sagemaker(call) if service == "sagemaker" else self._account(call, service)
        if fault is not None and fault.kind == "error500_after":
            raise internal_failure()
        return self.faults.token(call, reply, fault is not None and fault.kind == "repeated_token")

    def _reply(self, call: Call, status: int, body: bytes, content_type: str, fault: Fault | None) -> Answer:
        answer = Answer(call, status, body, content_type, self._delay())
        if fault is not None:
            if fault.kind in ("html", "empty", "missing_member"):
                answer.status = 200
            answer.body, answer.content_type = distorted(fault, body, content_type)
            if fault.kind == "truncated":
                answer.declared = max(len(body), 64)
                answer.body = body[: len(body) // 2]
        call.status = answer.status
        return answer

    def _silence(self, call: Call, fault: Fault) -> Answer:
        call.status, call.error = 0, ""
        silent = "reset" if fault.kind.startswith("reset") else "hold"
        delay = self._delay() if silent == "reset" else 0.0
        return Answer(call, 0, b"", "", delay, silent=silent, hold=fault.hold)

    def _delay(self) -> float:
        options = self.world.options
        return options.latency + (options.jitter * self._random.random() if options.jitter else 0.0)

    def _sagemaker(self, call: Call) -> bytes:
        options = self.world.options
        if options.throttle:
            self._throttle(call.region, options.throttle)
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise ApiError("UnknownOperationException", f"The operation {call.operation} is not known.")
        if call.region in options.denied_regions or call.operation in options.denied_actions:
            raise denied(ACCOUNT, f"sagemaker:{call.operation}", _resource(call))
        compile_input_check(call.operation)(call.parameters)
        reads = call.operation.startswith(("List", "Describe"))
        store, now = self.world.store, round(time.time(), 3)
        with store.reading(now) if reads else store.writing(now):
            self.world.now = now
            reply = operation(self.world, call.region, call.parameters)
            if reply.changes:
                store.commit(reply.changes)
                call.committed = True
        return reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)

    def _account(self, call: Call, service: str) -> bytes:
        """The reply of a service that knows the account, not its resources."""
        options = self.world.options
        if call.operation in options.denied_actions:
            raise denied(ACCOUNT, f"{service}:{call.operation}", identity.USER)
        match service, call.operation:
            case "account", "ListRegions":
                compile_input_check("ListRegions", "account")(call.parameters)
                return orjson.dumps(list_regions(call, options))
            case "ec2", "DescribeRegions":
                return describe_regions(call, options)
        return identity.answer(call, options)

    def _throttle(self, region: str, rate: float) -> None:
        """A bucket that holds one second's calls."""
        now = time.monotonic()
        full = max(rate, 1.0)
        left, at = self._allowance.get(region, (full, now))
        left = min(full, left + (now - at) * rate)
        if left < 1:
            self._allowance[region] = (left, now)
            raise throttled()
        self._allowance[region] = (left - 1, now)


def _parse(target: str, body: bytes) -> tuple[str, Members, bool]:
    """Operation, parameters, and whether the body could not be read."""
    if not target:
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        return form.pop("Action", ""), form, False
    operation = target.removeprefix("SageMaker.")
    operation = operation[:1].upper() + operation[1:]  # the account service's path is `/listRegions`
    try:
        parameters = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return operation, {}, True
    if not isinstance(parameters, dict):
        return operation, {}, True
    return operation, _without_nulls(parameters) if b"null" in body else parameters, False


def _without_nulls(value: Any) -> Any:
    """A member that is null is absent; in a list it stays, and is refused later."""
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _resource(call: Call) -> str:
    """The ARN that an AccessDeniedException names."""
    if "ResourceArn" in call.parameters:
        return str(call.parameters["ResourceArn"])
    kind = max(
        (kind for kind in kinds().values() if kind.noun in call.operation), key=lambda kind: len(kind.noun)
    )
    return arn(kind, call.region, str(call.parameters.get(kind.key, "*")))


def _xml_error(error: ApiError, service: str) -> bytes:
    """EC2 wraps its errors in other elements than the rest of the Query protocol."""
    code = f"<Code>{escape(error.code)}</Code><Message>{escape(error.text)}</Message>"
    if service == "ec2":
        return f"<Response><Errors><Error>{code}</Error></Errors></Response>".encode()
    return (
        f'<ErrorResponse xmlns="{identity.STS}"><Error><Type>Sender</Type>{code}</Error></ErrorResponse>'
    ).encode()
