"""Errors as the service words them: a code, a text and an HTTP status."""

from __future__ import annotations

from collections.abc import Sequence


class ApiError(Exception):
    """An error reply.

    Args:
        code: the service's error code, sent as `__type`.
        text: the message.
        status: HTTP status; SageMaker answers errors of the caller with 400.
    """

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.status = status

    @property
    def body(self) -> dict[str, str]:
        """The JSON reply. ValidationException alone spells its member in lower case."""
        member = "message" if self.code == "ValidationException" else "Message"
        return {"__type": self.code, member: self.text}


def invalid(text: str) -> ApiError:
    return ApiError("ValidationException", text)


def constraints(faults: Sequence[str]) -> ApiError:
    """All broken constraints of one request, in the format of AWS's validation framework."""
    count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
    return invalid(count + "; ".join(faults))


def conflict(text: str) -> ApiError:
    return ApiError("ConflictException", text)


def denied(account: str, action: str, resource: str) -> ApiError:
    return ApiError(
        "AccessDeniedException",
        f"User: arn:aws:iam::{account}:user/local is not authorized to perform: {action} on resource: "
        f"{resource} because no identity-based policy allows the {action} action",
    )
