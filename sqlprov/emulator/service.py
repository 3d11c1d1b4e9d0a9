"""The local SageMaker and Cloud Control: parses a request, applies permissions and throttling, and runs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from sqlprov.emulator import account, endpoints, experiments, organization_calls, tags
from sqlprov.emulator.api_model import check_input, load_resource_kinds
from sqlprov.emulator.context import Context, Members, Operation
from sqlprov.emulator.errors import (
    ApiError,
    make_access_denied_error,
    make_closed_region_error,
    make_throttling_error,
)
from sqlprov.emulator.exchange import CredentialScope, Exchange, FaultyService, HttpReply, HttpRequest
from sqlprov.emulator.identities import Identities
from sqlprov.emulator.options import Call, Fault, Options
from sqlprov.emulator.pages import make_list
from sqlprov.emulator.store import Store

if TYPE_CHECKING:
    from sqlprov.emulator.cloud_control import CloudControl
    from sqlprov.emulator.organization import Organization

_MOST_SKEW = 300.0  # seconds between the clocks before the service refuses a signature
_JSON, _XML = "application/x-amz-json-1.1", "text/xml"
CLOUD_CONTROL = "cloudcontrolapi"
"""The name that signs requests to Cloud Control."""
_JSON_SERVICES = {"sagemaker", "account", "organizations", CLOUD_CONTROL}
_GLOBAL_SERVICES = {"account", "iam", "organizations"}


OPERATIONS: dict[str, Operation] = {
    **experiments.OPERATIONS,
    **endpoints.OPERATIONS,
    **tags.OPERATIONS,
    "ListInferenceExperiments": make_list("InferenceExperiment"),
    "ListModels": make_list("Model"),
    "ListEndpointConfigs": make_list("EndpointConfig"),
    "ListEndpoints": make_list("Endpoint"),
}


class LocalAccount:
    """What one account has.

    Args:
        has_moto: whether resources of Cloud Control are moto's, too.
    """

    def __init__(self, store: Store, options: Options, has_moto: bool) -> None:
        self.context = Context(store, options)
        self._has_moto = has_moto
        self.allowance: dict[str, tuple[float, float]] = {}  # region -> calls left, and when
        self.filled: set[str] = set()  # regions that have their first resources

    @cached_property
    def cloud_control(self) -> CloudControl:
        from sqlprov.emulator.cloud_control import CloudControl  # the catalog takes 30 MB

        return CloudControl(self.context, self._has_moto)


class Service(FaultyService):
    """The local services of every account.

    Args:
        organization: None for one account.
        state: the management account's state file; the others' are beside it. None keeps everything in memory.
        fill: adds the first resources of a region of an account, when it is first called; None for none.
        has_moto: whether resources of Cloud Control are moto's, too.
    """

    def __init__(
        self,
        options: Options,
        organization: Organization | None = None,
        state: Path | None = None,
        fill: Callable[[Store, str], None] | None = None,
        *,
        has_moto: bool = False,
    ) -> None:
        super().__init__()
        self._options, self._state, self._fill, self._has_moto = options, state, fill, has_moto
        self.identities = Identities(organization)
        self._accounts: dict[str, LocalAccount] = {}
        self._opening = threading.Lock()

    @property
    def options(self) -> Options:
        return self._options

    @options.setter
    def options(self, options: Options) -> None:
        self._options = options

    @property
    def stores(self) -> list[Store]:
        """Those of the accounts that have been called."""
        return [account.context.store for account in self._accounts.values()]

    def find_account(self, id_: str = "", region: str = "") -> LocalAccount:
        """An account, with the first resources of a region; it is made when it is first needed.

        Without an id, it is the management account.

        Raises:
            KeyError: the organisation has no such account.
        """
        organization, id_ = self.identities.organization, id_ or self.identities.management
        own = organization.by_id[id_].options if organization else None
        with self._opening:
            account = self._accounts.get(id_)
            if account is None:
                is_first = organization is None or id_ == organization.management.id
                state = self._state
                if state is not None and not is_first:
                    state = state.with_stem(f"{state.stem}-{id_}")
                account = LocalAccount(Store(state, id_), self._options, self._has_moto)
                self._accounts[id_] = account
            account.context.options = own or self._options
            if region and region not in account.filled:
                account.filled.add(region)
                if self._fill is not None:
                    self._fill(account.context.store, region)
        return account

    def open(self, request: HttpRequest) -> Exchange:
        return _ServiceExchange(self, request)

    def run(self, service: str, call: Call) -> bytes:
        """The reply of a call that succeeds; raises ApiError."""
        is_regional = service in ("sagemaker", CLOUD_CONTROL)
        local = self.find_account(call.account, call.region if is_regional else "")
        options = local.context.options
        if abs(options.clock() - time.time()) > _MOST_SKEW:
            raise ApiError(
                "InvalidSignatureException", "Signature expired: its time is too far from the server's."
            )
        if service not in _GLOBAL_SERVICES and call.region in options.closed_regions:
            raise make_closed_region_error()
        if service == "sagemaker":
            return self._run_sagemaker(call, local)
        if service == CLOUD_CONTROL:
            if call.operation in options.denied_actions:
                raise make_access_denied_error(call.user, f"cloudformation:{call.operation}", "*")
            return orjson.dumps(local.cloud_control.run(call))
        if service == "organizations":
            return orjson.dumps(organization_calls.answer(call, self.identities.organization, options))
        return account.answer(service, call, self.identities, options)

    def _run_sagemaker(self, call: Call, local: LocalAccount) -> bytes:
        context, options = local.context, local.context.options
        if options.throttle:
            _throttle(local, call.region)
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise ApiError("UnknownOperationException", f"The operation {call.operation} is not known.")
        if call.region in options.denied_regions or call.operation in options.denied_actions:
            raise make_access_denied_error(
                call.user, f"sagemaker:{call.operation}", _build_arn(context, call)
            )
        check_input(call.operation, call.parameters)
        reads = call.operation.startswith(("List", "Describe"))
        store, now = context.store, options.read_clock()
        with store.read_lock(now) if reads else store.write_lock(now):
            context.now = now
            reply = operation(context, call.region, call.parameters)
        call.committed = not reads and store.has_changed
        return reply if isinstance(reply, bytes) else orjson.dumps(reply)


class _ServiceExchange(Exchange):
    """One request; its X-Amz-Target, or the path of a REST request, names the operation."""

    def __init__(self, service: Service, request: HttpRequest) -> None:
        self._service, self._scope = service, request.scope
        target = request.headers.get("x-amz-target") or request.path.lstrip("/")
        default = CredentialScope("", "", "sagemaker" if target else "sts")
        scope = self._scope or default
        self._name = scope.service
        operation, parameters, self._readable = _parse(target, request.body)
        self.identity = service.identities.find(*request.credentials)
        self.call = Call(
            operation, scope.region, scope.access_key, parameters, time.monotonic(), user=self.identity.user
        )
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


def _throttle(local: LocalAccount, region: str) -> None:
    """Take one call from a bucket that holds one second's calls; raises ApiError if it is empty."""
    options = local.context.options
    now, rate = options.clock(), options.throttle
    full = max(rate, 1.0)
    left, at = local.allowance.get(region, (full, now))
    left = min(full, left + (now - at) * rate)
    local.allowance[region] = (left - 1 if left >= 1 else left, now)
    if left < 1:
        raise make_throttling_error()


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


def _build_arn(context: Context, call: Call) -> str:
    """The ARN that an AccessDeniedException names."""
    if "ResourceArn" in call.parameters:
        return str(call.parameters["ResourceArn"])
    kinds = [kind for kind in load_resource_kinds().values() if kind.noun in call.operation]
    kind = max(kinds, key=lambda kind: len(kind.noun))  # EndpointConfig, not Endpoint
    return context.build_arn(kind.noun, call.region, str(call.parameters.get(kind.key, "*")))
