"""Injected faults: which call they hit, and what they do to its reply."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import orjson

from sqlprov.emulator.errors import (
    ApiError,
    make_access_denied_error,
    make_internal_error,
    make_throttling_error,
)
from sqlprov.emulator.options import Call, Fault
from sqlprov.emulator.pages import PagePosition, compute_checksum

SILENT_BEFORE = {"timeout_before", "reset"}
SILENT_AFTER = {"timeout_after", "reset_after"}


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._faults: list[tuple[Fault, Iterator[int]]] = []  # each with the count of the calls it matches
        self._repeating: set[str] = set()

    def add(self, fault: Fault) -> None:
        self._faults.append((fault, itertools.count(1)))

    def clear(self) -> None:
        self._faults.clear()
        self._repeating.clear()

    def match(self, call: Call) -> Fault | None:
        """The first fault that hits this call; every fault counts the calls that it matches."""
        hit = None
        for fault, numbers in self._faults:
            pairs = (
                (fault.operation, call.operation),
                (fault.region, call.region),
                (fault.account, call.account),
            )
            if any(wanted not in (None, own) for wanted, own in pairs):
                continue
            times = math.inf if fault.times is None else fault.times
            if fault.at <= next(numbers) < fault.at + times and hit is None:
                hit = fault
        return hit

    def repeat_token(self, call: Call, body: bytes, hit: bool) -> bytes:
        """The reply to a List; its NextToken repeats if the fault hits this call or has hit an earlier page."""
        sent = call.parameters.get("NextToken")
        if not call.operation.startswith("List") or not (hit or sent in self._repeating):
            return body
        reply = orjson.loads(body)
        if sent:
            reply["NextToken"] = sent
        else:
            query = compute_checksum(call.operation, call.region, call.parameters)
            reply.setdefault("NextToken", PagePosition(query, 1, None).encode())
            self._repeating.add(reply["NextToken"])
        return orjson.dumps(reply)


def make_error(fault: Fault, user: str, action: str) -> ApiError | None:
    """The error reply that takes the place of the call; None for the other kinds of fault."""
    match fault.kind:
        case "error500":
            return make_internal_error()
        case "error503":
            return ApiError(
                "ServiceUnavailable", "The service is unavailable. Please try again shortly.", 503
            )
        case "throttle":
            return make_throttling_error()
        case "expired_credentials":
            return ApiError("ExpiredTokenException", "The security token included in the request is expired")
        case "access_denied":
            return make_access_denied_error(user, action, "*")
    return None


def distort(fault: Fault, body: bytes, content_type: str) -> tuple[bytes, str]:
    """Body and content type of the reply; `truncated` differs from `truncated_clean` in its Content-Length."""
    match fault.kind:
        case "truncated" | "truncated_clean":
            return body[: len(body) // 2], content_type
        case "html":
            return b"<html><body><h1>502 Bad Gateway</h1>The proxy got no answer.</body></html>", "text/html"
        case "empty" | "redirect_after":
            return b"", content_type
        case "missing_member":
            return b"{}", content_type
        case "other_row" | "missing_key" | "number_token" if "json" in content_type:
            return _change_reply(fault.kind, body), content_type
    return body, content_type


def _change_reply(kind: str, body: bytes) -> bytes:
    """A reply whose first name is another's, whose last listed row lacks its name, or whose token is a number."""
    reply = orjson.loads(body or b"{}")
    rows = next((value for value in reply.values() if isinstance(value, list)), [])
    if kind == "number_token":
        reply["NextToken"] = 5
    elif kind == "missing_key" and rows and "Tags" not in reply:
        rows[-1].pop(next(name for name in rows[-1] if name.endswith("Name")))
    elif kind == "other_row" and (name := next((name for name in reply if name.endswith("Name")), "")):
        reply[name] = f"not-{reply[name]}"
    return orjson.dumps(reply)
