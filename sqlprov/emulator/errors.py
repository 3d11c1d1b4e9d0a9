"""Error replies: a code, a message and an HTTP status, in AWS's words."""

from __future__ import annotations

from collections.abc import Sequence

# (service, SageMaker's code) -> the code and the HTTP status of the same error in that service
_CODES = {
    ("account", "AccessDeniedException"): ("AccessDeniedException", 403),
    ("account", "ThrottlingException"): ("TooManyRequestsException", 429),
    ("ec2", "ExpiredTokenException"): ("RequestExpired", 400),
    ("ec2", "AccessDeniedException"): ("UnauthorizedOperation", 403),
    ("ec2", "ThrottlingException"): ("RequestLimitExceeded", 503),
    ("ec2", "UnrecognizedClientException"): ("AuthFailure", 401),
    ("iam", "AccessDeniedException"): ("AccessDenied", 403),
    ("iam", "ExpiredTokenException"): ("ExpiredToken", 403),
    ("iam", "UnrecognizedClientException"): ("InvalidClientTokenId", 403),
    ("sts", "AccessDeniedException"): ("AccessDenied", 403),
    ("sts", "ExpiredTokenException"): ("ExpiredToken", 403),
    ("sts", "UnrecognizedClientException"): ("InvalidClientTokenId", 403),
}


class ApiError(Exception):
    """An error reply.

    Args:
        code: the service's error code, sent as `__type`.
        status: the HTTP status.
    """

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.status = status

    def translate(self, service: str) -> ApiError:
        """The same error with the code and the status that `service` uses for it."""
        code, status = _CODES.get((service, self.code), (self.code, self.status))
        return ApiError(code, self.text, status)

    @property
    def body(self) -> dict[str, str]:
        """The JSON reply. ValidationException alone spells its member in lower case."""
        member = "message" if self.code == "ValidationException" else "Message"
        return {"__type": self.code, member: self.text}


def make_closed_region_error() -> ApiError:
    """The refusal of a region that the account has not enabled."""
    return ApiError("UnrecognizedClientException", "The security token included in the request is invalid.")


def make_validation_error(text: str) -> ApiError:
    return ApiError("ValidationException", text)


def make_constraint_error(violations: Sequence[str]) -> ApiError:
    """All violated constraints of one request, in the format of AWS's validation framework."""
    count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected: "
    return make_validation_error(count + "; ".join(violations))


def make_access_denied_error(user: str, action: str, resource: str) -> ApiError:
    return ApiError(
        "AccessDeniedException",
        f"User: {user} is not authorized to perform: {action} on resource: "
        f"{resource} because no identity-based policy allows the {action} action",
    )


def make_throttling_error() -> ApiError:
    return ApiError("ThrottlingException", "Rate exceeded")


def make_internal_error() -> ApiError:
    return ApiError("InternalFailure", "The request processing has failed because of an unknown error.", 500)
