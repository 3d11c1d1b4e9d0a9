"""Errors as the service words them: a code, a text and an HTTP status."""

from __future__ import annotations

from collections.abc import Sequence

# Service and error of SageMaker -> the code and the HTTP status of that service's own error.
_CODES = {
    ("account", "AccessDeniedException"): ("AccessDeniedException", 403),
    ("account", "ThrottlingException"): ("TooManyRequestsException", 429),
    ("ec2", "AccessDeniedException"): ("UnauthorizedOperation", 403),
    ("ec2", "ThrottlingException"): ("RequestLimitExceeded", 503),
    ("ec2", "UnrecognizedClientException"): ("AuthFailure", 401),
    ("iam", "AccessDeniedException"): ("AccessDenied", 403),
    ("sts", "AccessDeniedException"): ("AccessDenied", 403),
    ("sts", "UnrecognizedClientException"): ("InvalidClientTokenId", 403),
}


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

    def as_service(self, service: str) -> ApiError:
        """The same error with the code and the status that `service` has for it."""
        code, status = _CODES.get((service, self.code), (self.code, self.status))
        return ApiError(code, self.text, status)

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
