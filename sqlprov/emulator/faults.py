"""Faults set by a test in, and for each call the one that hits it out; what it does to the reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from sqlprov.emulator.context import ACCOUNT
from sqlprov.emulator.errors import ApiError, denied
from sqlprov.emulator.options import Call, Fault
from sqlprov.emulator.pages import Token, query_checksum

SILENT_BEFORE = {"timeout_before", "reset"}
SILENT_AFTER = {"timeout_after", "reset_after"}
_HTML = b"<html><body><h1>502 Bad Gateway</h1>The proxy got no answer.</body></html>"


@dataclass
class _Set:
    fault: Fault
    seen: int = 0


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._set: list[_Set] = []
        self._repeating: set[str] = set()

    def add(self, fault: Fault) -> None:
        self._set.append(_Set(fault))

    def clear(self) -> None:
        self._set.clear()
        self._repeating.clear()

    def match(self, call: Call) -> Fault | None:
        """The first fault that hits this call; every fault counts the calls that it matches."""
        hit = None
        for each in self._set:
            fault = each.fault
            if fault.operation not in (None, call.operation) or fault.region not in (None, call.region):
                continue
            each.seen += 1
            last = None if fault.times is None else fault.at + fault.times - 1
            if hit is None and each.seen >= fault.at and (last is None or each.seen <= last):
                hit = fault
        return hit

    def token(self, call: Call, body: bytes, hit: bool) -> bytes:
        """The reply to a List with a NextToken that repeats, if a fault says so now or said so before."""
        sent = call.parameters.get("NextToken")
        if not call.operation.startswith("List") or not (hit or sent in self._repeating):
            return body
        reply: dict[str, Any] = orjson.loads(body)
        if sent:
            reply["NextToken"] = sent
        else:
            query = query_checksum(call.operation, call.region, call.parameters)
            reply.setdefault("NextToken", Token(query, 1, None).encode())
            self._repeating.add(reply["NextToken"])
        return orjson.dumps(reply)


def error_before(fault: Fault, action: str) -> ApiError | None:
    """The error that takes the place of the call, if it is one of that kind."""
    match fault.kind:
        case "error500":
            return internal_failure()
        case "error503":
            return ApiError(
                "ServiceUnavailable", "The service is unavailable. Please try again shortly.", 503
            )
        case "throttle":
            return throttled()
        case "expired_credentials":
            return ApiError("ExpiredTokenException", "The security token included in the request is expired")
        case "access_denied":
            return denied(ACCOUNT, action, "*")
    return None


def throttled() -> ApiError:
    return ApiError("ThrottlingException", "Rate exceeded")


def internal_failure() -> ApiError:
    return ApiError("InternalFailure", "The request processing has failed because of an unknown error.", 500)


def distorted(fault: Fault, body: bytes, content_type: str) -> tuple[bytes, str]:
    """Body and content type of a reply that cannot be read, for the kinds whose lengths are true."""
    match fault.kind:
        case "truncated_clean":
            return body[: len(body) // 2], content_type
        case "html":
            return _HTML, "text/html"
        case "empty":
            return b"", content_type
        case "missing_member":
            return b"{}", content_type
    return body, content_type
