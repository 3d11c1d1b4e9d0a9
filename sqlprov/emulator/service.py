"""The local SageMaker and Cloud Control: parses a request, applies permissions and throttling, and runs it."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from sqlprov.emulator import account, endpoints, experiments, tags
from sqlprov.emulator.api_model import build_arn, check_input, load_resource_kinds
from sqlprov.emulator.context import Context, Members, Operation
from sqlprov.emulator.errors import (
    ApiError,
    make_access_denied_error,
    make_closed_region_error,
    make_throttling_error,
)
from sqlprov.emulator.exchange import CredentialScope, Exchange, FaultyService, HttpReply, HttpRequest
from sqlprov.emulator.options import Call, Fault, Options
from sqlprov.emulator.pages import make_list
from sqlprov.emulator.store import Store

if TYPE_CHECKING:
    from sqlprov.emulator.cloud_control import CloudControl

_MOST_SKEW = 300.0  # seconds between the clocks before the service refuses a signature
_JSON, _XML = "application/x-amz-json-1.1", "text/xml"
CLOUD_CONTROL = "cloudcontrolapi"
"""The name that signs requests to Cloud Control."""
_JSON_SERVICES = {"sagemaker", "account", CLOUD_CONTROL}
_GLOBAL_SERVICES = {"account", "iam"}


OPERATIONS: dict[str, Operation] = {
    **experiments.OPERATIONS,
    **endpoints.OPERATIONS,
    **tags.OPERATIONS,
    "ListInferenceExperiments": make_list("InferenceExperiment"),
    "ListModels": make_list("Model"),
    "ListEndpointConfigs": make_list("EndpointConfig"),
    "ListEndpoints": make_list("Endpoint"),
}


class Service(FaultyService):
    """The local services; all resources are in the store."""

    def __init__(self, store: Store, options: Options) -> None:
        super().__init__()
        self.context = Context(store, options)
        self.has_moto = False  # whether resources of Cloud Control are moto's, too
        self._allowance: dict[str, tuple[float, float]] = {}  # region -> calls left, and when

    @cached_property
    def cloud_control(self) -> CloudControl:
        from sqlprov.emulator.cloud_control import CloudControl  # the catalog takes 30 MB

        return CloudControl(self.context, self.has_moto)

    @property
    def options(self) -> Options:
        return self.context.options

    def open(self, request: HttpRequest) -> Exchange:
        return _ServiceExchange(self, request)

    def run(self, service: str, call: Call) -> bytes:
        """The reply of a call that succeeds; raises ApiError."""
        options = self.context.options
        if abs(options.clock() - time.time()) > _MOST_SKEW:
            raise ApiError(
                "InvalidSignatureException", "Signature expired: its time is too far from the server's."
            )
        if service not in _GLOBAL_SERVICES and call.region in options.closed_regions:
            raise make_closed_region_error()
        if service == "sagemaker":
            return self._run_sagemaker(call)
        if service == CLOUD_CONTROL:
            if call.operation in options.denied_actions:
                raise make_access_denied_error(f"cloudformation:{call.operation}", "*")
            return orjson.dumps(self.cloud_control.run(call))
        return account.answer(service, call, options)

    def _run_sagemaker(self, call: Call) -> bytes:
        options = self.context.options
        if options.throttle:
            self._throttle(call.region, options.throttle)
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise ApiError("UnknownOperationException", f"The operation {call.operation} is not known.")
        if call.region in options.denied_regions or call.operation in options.denied_actions:
            raise make_access_denied_error(f"sagemaker:{call.operation}", _build_arn(call))
        check_input(call.operation, call.parameters)
        reads = call.operation.startswith(("List", "Describe"))
        store, now = self.context.store, options.read_clock()
        with store.read_lock(now) if reads else store.write_lock(now):
            self.context.now = now
            reply = operation(self.context, call.region, call.parameters)
        call.committed = not reads and store.has_changed
        return reply if isinstance(reply, bytes) else orjson.dumps(reply)

    def _throttle(self, region: str, rate: float) -> None:
        """Take one call from a bucket that holds one second's calls; raises ApiError if it is empty."""
        now = self.context.options.clock()
        full = max(rate, 1.0)
        left, at = self._allowance.get(region, (full, now))
        left = min(full, left + (now - at) * rate)
        self._allowance[region] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            raise make_throttling_error()


class _ServiceExchange(Exchange):
    """One request; its X-Amz-Target, or the path of a REST request, names the operation."""

    def __init__(self, service: Service, request: HttpRequest) -> None:
        self._service, self._scope = service, request.scope
        target = request.headers.get("x-amz-target") or request.path.lstrip("/")
        default = CredentialScope("", "", "sagemaker" if target else "sts")
        scope = self._scope or default
        self._name = scope.service
        operation, parameters, self._readable = _parse(target, request.body)
        self.call = Call(operation, scope.region, scope.access_key, parameters, time.monotonic())
        self.action = f"{scope.service}:{operation}"
        self._content_type = _JSON if scope.service in _JSON_SERVICES else _XML

    def run(self, fault: Fault | None) -> HttpReply:
        if self._scope is None:
            raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
        if not self._readable:
            raise ApiError("SerializationException", "The body is not a JSON object.")
        body = self._service.run(self._name, self.call)
        hit = fault is not None and fault.kind == "repeated_token"
        return HttpReply(self._service.faults.repeat_token(self.call, body, hit), self._content_type)

    def translate(self, error: ApiError) -> ApiError:
        return error.translate(self._name)

    def encode_error(self, error: ApiError) -> HttpReply:
        json = self._content_type == _JSON
        body = orjson.dumps(error.body) if json else account.encode_xml_error(error, self._name)
        return HttpReply(body, self._content_type, error.status)


def _parse(target: str, body: bytes) -> tuple[str, Members, bool]:
    """Operation, parameters, and whether the body was readable."""
    if not target:
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        return form.pop("Action", ""), form, True
    operation = target.rpartition(".")[2]
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
    kinds = [kind for kind in load_resource_kinds().values() if kind.noun in call.operation]
    kind = max(kinds, key=lambda kind: len(kind.noun))  # EndpointConfig, not Endpoint
    return build_arn(kind.noun, call.region, str(call.parameters.get(kind.key, "*")))
