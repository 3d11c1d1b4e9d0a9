"""A request, its reply, and what faults make of them: the part that every service on the server shares."""

from __future__ import annotations

import logging
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlprov.emulator.errors import ApiError, make_internal_error
from sqlprov.emulator.faults import SILENT_AFTER, SILENT_BEFORE, Faults, distort, make_error
from sqlprov.emulator.identities import Identity
from sqlprov.emulator.options import Call, Fault, Options

logger = logging.getLogger(__name__)

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class CredentialScope:
    """The scope of a signature."""

    access_key: str
    region: str
    service: str


@dataclass(frozen=True)
class HttpRequest:
    """An HTTP request.

    Attributes:
        path: as sent, with the query.
        headers: their names are in lower case.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def scope(self) -> CredentialScope | None:
        """Who signed it, and for which region and service; signatures are not checked."""
        scope = _SCOPE.search(self.headers.get("authorization", ""))
        return CredentialScope(*scope.groups()) if scope else None

    @property
    def credentials(self) -> tuple[str, str]:
        """Access key and session token; each empty if there is none."""
        return self.scope.access_key if self.scope else "", self.headers.get("x-amz-security-token", "")


@dataclass
class HttpReply:
    """An HTTP reply.

    Attributes:
        content_length: of the body that a HEAD request does not get.
    """

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_length: int | None = None


@dataclass(kw_only=True)
class Response(HttpReply):
    """What the server sends, and how.

    Attributes:
        delay: seconds to wait before.
        content_length: the Content-Length header, if it differs from the body's length.
        silence: `hold` keeps the connection open without a reply, `reset` breaks it, and '' sends the reply.
        hold: seconds of silence.
    """

    call: Call
    delay: float = 0.0
    silence: str = ""
    hold: float = 0.0


class Exchange(ABC):
    """One request that a service has read.

    Attributes:
        action: as IAM names it, such as `sagemaker:ListModels`.
        identity: who sends it.
    """

    call: Call
    action: str
    identity: Identity = Identity()

    @abstractmethod
    def run(self, fault: Fault | None) -> HttpReply:
        """The reply; `fault` is the one that hits this call. Raises ApiError."""

    def translate(self, error: ApiError) -> ApiError:
        """The error with the code and the status that the service uses for it."""
        return error

    @abstractmethod
    def encode_error(self, error: ApiError) -> HttpReply:
        """An error in the service's protocol."""


class FaultyService(ABC):
    """A service whose calls are recorded, and which fails, delays or distorts replies if a test wants it to."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.calls: list[Call] = []
        self.record_calls = True
        self._random = random.Random(0)

    @property
    @abstractmethod
    def options(self) -> Options:
        """How the service behaves."""

    @abstractmethod
    def open(self, request: HttpRequest) -> Exchange:
        """Read a request."""

    def read_clock(self) -> float:
        return self.options.clock()

    def answer(self, request: HttpRequest) -> Response:
        """Run one request."""
        exchange = self.open(request)
        call = exchange.call
        if self.record_calls:
            self.calls.append(call)
        fault = self.faults.match(call)
        if fault is not None and fault.kind in SILENT_BEFORE:
            return self._keep_silent(call, fault)
        try:
            if fault is not None and (error := make_error(fault, call.user, exchange.action)) is not None:
                raise error
            exchange.identity.check(self.read_clock())
            reply = exchange.run(fault)
            if fault is not None and fault.kind == "error500_after":
                raise make_internal_error()
        except Exception as raised:
            if not isinstance(raised, ApiError):
                logger.exception("the local AWS failed in %s", exchange.action)
            error = exchange.translate(raised if isinstance(raised, ApiError) else make_internal_error())
            reply = exchange.encode_error(error)
            call.error = error.code
        if fault is not None and fault.kind in SILENT_AFTER:
            return self._keep_silent(call, fault)
        return self._respond(call, reply, fault)

    def _respond(self, call: Call, reply: HttpReply, fault: Fault | None) -> Response:
        response = Response(**vars(reply), call=call, delay=self._draw_delay())
        if fault is not None:
            response.body, response.content_type = distort(fault, reply.body, reply.content_type)
            if fault.kind in ("html", "empty", "missing_member"):
                response.status = 200
            if fault.kind == "redirect_after":
                response.status = 307
            if fault.kind == "truncated":
                response.content_length = max(len(reply.body), 64)
        call.status = response.status
        return response

    def _keep_silent(self, call: Call, fault: Fault) -> Response:
        call.status, call.error = 0, ""
        if fault.kind.startswith("reset"):
            return Response(b"", "", call=call, delay=self._draw_delay(), silence="reset")
        return Response(b"", "", call=call, silence="hold", hold=fault.hold)

    def _draw_delay(self) -> float:
        options = self.options
        return options.latency + (options.jitter * self._random.random() if options.jitter else 0.0)
