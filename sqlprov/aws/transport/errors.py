"""Classifies botocore's exceptions: the error to raise, and whether another attempt may help."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from errno import EACCES, EISDIR, ENOENT
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as aws
from botocore.parsers import ResponseParserError
from urllib3.exceptions import LocationParseError

from sqlprov.catalog.read_calls import ErrorRule
from sqlprov.catalog.table import IamActions
from sqlprov.errors import (
    AccessDenied,
    BrokenReply,
    CredentialsError,
    OperationalError,
    ServiceError,
    Throttled,
    Unreachable,
)
from sqlprov.records import dataclass


class Next(Enum):
    """The possible next steps after a failed attempt."""

    RETRY = "retry"
    SLOW_DOWN = "slow down"
    GIVE_UP = "give up"


class MalformedReply(Exception):
    """A reply that is incomplete or does not fit the model; the text says why."""

    def __init__(self, text: str, request_id: str = "") -> None:
        super().__init__(text)
        self.request_id = request_id


@dataclass(frozen=True)
class Failure:
    """A failed attempt.

    Attributes:
        error: the error to raise for it.
        next: the next step.
        unsent: whether the request certainly did not reach the service.
        answered: `False` if the effect is unknown, although another attempt would be useless.
    """

    error: OperationalError
    next: Next
    unsent: bool = False
    answered: bool = True

    @property
    def harmless(self) -> bool:
        """Whether the call certainly had no effect: the service refused it, or it never reached the service."""
        return self.unsent or (self.answered and self.next is not Next.RETRY)


THROTTLES = {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException"}
THROTTLES |= {
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "SlowDown",
}
THROTTLES |= {"TransactionInProgressException", "RequestLimitExceeded", "BandwidthLimitExceeded"}
THROTTLES |= {"LimitExceededException", "PriorRequestNotComplete", "EC2ThrottledException"}
TRANSIENT = {"RequestTimeout", "RequestTimeoutException"}
TRANSIENT |= {"InternalFailure", "InternalError", "InternalServerError"}
LOST = {408, 425, 499}
"""Statuses of a proxy that may have passed the request on."""
MOVED = {"PermanentRedirect", "TemporaryRedirect", "Redirect"}
"""Errors of S3, which has not handled the request."""
CLOSED = {"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"}
"""Errors of a region that the account has not enabled."""
EXPIRED = CLOSED | {"ExpiredToken", "ExpiredTokenException", "InvalidSignatureException", "RequestExpired"}
EXPIRED |= {
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
    "IncompleteSignature",
}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}

NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.TokenRetrievalError,
    aws.SSOError,
)
_CONNECTION_FAILURES = (
    aws.HTTPClientError,
    aws.ResponseStreamingError,
    aws.IncompleteReadError,
    aws.SSLError,  # it may break off the reply, too
)
_CERTIFICATE = r"CERTIFICATE_VERIFY_FAILED|X509|PEM|Errno (\d+)"
"""TLS errors before a connection: of the server's certificate, or of the file that AWS_CA_BUNDLE names."""
_BUNDLE_PROBLEMS = {
    ENOENT: "the CA bundle does not exist",
    EISDIR: "the CA bundle is a folder",
    EACCES: "the CA bundle cannot be read",
}
NO_CONNECTION = (aws.EndpointConnectionError, aws.ConnectTimeoutError, aws.ProxyConnectionError)


def classify(exception: Exception, operation: str, region: str, iam: IamActions) -> Failure:
    """Classify `exception`, raised by a call of `operation` in `region`; `iam` names the actions."""
    where = f"{operation} in {region}" if region else operation
    named = {"operation": operation, "region": region}
    if isinstance(exception, aws.ClientError):
        return _classify_client_error(exception, where, named, iam)
    if isinstance(exception, MalformedReply):
        broken = BrokenReply(f"{where}: {exception}.", request_id=exception.request_id, **named)
        return Failure(broken, Next.RETRY)
    if isinstance(exception, NO_CREDENTIALS):
        text = (
            f"{where}: no usable credentials ({exception}). Set AWS_PROFILE or AWS_ACCESS_KEY_ID, or log in."
        )
        return Failure(CredentialsError(text, **named), Next.GIVE_UP)
    if isinstance(exception, NO_CONNECTION):
        text = (
            f"{where}: endpoint not reachable ({exception}). Check the network, HTTPS_PROXY, --endpoint-url and "
            "AWS_ENDPOINT_URL."
        )
        return Failure(Unreachable(text, **named), Next.RETRY, unsent=True)
    certificate = re.search(_CERTIFICATE, str(exception)) if isinstance(exception, aws.SSLError) else None
    number = int(certificate[1] or 0) if certificate else 0
    if certificate and (not number or number in _BUNDLE_PROBLEMS):
        problem = _BUNDLE_PROBLEMS.get(number, "the certificate is not accepted")
        text = (
            f"{where}: {problem} ({exception}). Set AWS_CA_BUNDLE, or ca_bundle in the profile, to a file with the "
            "certificates of the authorities that you trust."
        )
        return Failure(Unreachable(text, **named), Next.GIVE_UP, unsent=True)
    if isinstance(exception, aws.SSLError) and "WRONG_VERSION_NUMBER" in str(exception):
        text = f"{where}: the endpoint does not speak TLS ({exception}). Write http:// if it is meant to."
        return Failure(Unreachable(text, **named), Next.GIVE_UP, unsent=True)
    if type(exception) is aws.HTTPClientError:
        # Not its text: a header or a proxy's URL that cannot be used may hold a secret.
        cause = exception.kwargs.get("error")  # type: ignore[attr-defined]
        text = f"{where}: the request failed ({type(cause).__name__})."
        if isinstance(cause, LocationParseError):
            text += " HTTPS_PROXY or HTTP_PROXY is not a URL such as http://proxy:8080."
            return Failure(Unreachable(text, **named), Next.GIVE_UP, unsent=True)
        return Failure(Unreachable(text, **named), Next.RETRY)
    if isinstance(exception, _CONNECTION_FAILURES):
        return Failure(Unreachable(f"{where}: the connection failed ({exception}).", **named), Next.RETRY)
    if isinstance(exception, ResponseParserError):
        return Failure(BrokenReply(f"{where}: unreadable reply ({exception}).", **named), Next.RETRY)
    error = ServiceError(f"{where}: {exception}", **named)
    received = isinstance(exception, aws.ChecksumError | aws.FlexibleChecksumError)
    if (
        isinstance(exception, aws.BotoCoreError) and not received
    ):  # botocore raises it before it sends anything
        return Failure(error, Next.GIVE_UP, unsent=True)
    return Failure(error, Next.GIVE_UP, answered=False)


def is_parse_failure(exception: Exception) -> bool:
    """Whether botocore's parser raised an error of Python, such as TypeError, for a value of another type."""
    if not isinstance(exception, ValueError | TypeError | AttributeError | LookupError):
        return False
    traceback = exception.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__") == ResponseParserError.__module__:
            return True
        traceback = traceback.tb_next
    return False


def is_match(rules: Iterable[ErrorRule], error: OperationalError) -> bool:
    """Whether one of `rules` describes `error`."""
    return any(
        fnmatchcase(error.code, rule.code) and rule.text.lower() in str(error).lower() for rule in rules
    )


def _classify_client_error(
    exception: aws.ClientError, where: str, named: dict[str, str], iam: IamActions
) -> Failure:
    body = exception.response.get("Error", {})
    meta = exception.response.get("ResponseMetadata", {})
    # Some services put a namespace before the code (`com.amazon…#ThrottlingException`).
    code = str(body.get("Code", "")).rsplit("#", 1)[-1]
    status = int(meta.get("HTTPStatusCode", 0))
    details = {**named, "code": code, "request_id": str(meta.get("RequestId", ""))}
    message = f"{code}: {body.get('Message', '')}".rstrip(": ")
    request = f" (request {details['request_id']})" if details["request_id"] else ""
    if code in THROTTLES or status == 429:
        return Failure(Throttled(f"{where} is throttled. {message}{request}", **details), Next.SLOW_DOWN)
    if code in DENIED or (status == 403 and code not in EXPIRED):
        action = _find_action(str(body.get("Message", ""))) or iam.find(named["operation"])
        text = f"{where}: access denied; the identity lacks {action}. {message}{request}"
        return Failure(AccessDenied(text, permission=action, **details), Next.GIVE_UP)
    if code in EXPIRED:
        region = named["region"]
        closed = f", or {region} is not enabled for the account" if code in CLOSED and region else ""
        advice = "renew or log in again"
        text = f"{where}: the credentials are expired or not valid{closed}; {advice}. {message}{request}"
        return Failure(CredentialsError(text, **details), Next.GIVE_UP)
    text = f"{where} failed. {message or f'HTTP status {status}'}{request}"
    is_redirect = 300 <= status < 400 and code not in MOVED
    if is_redirect:  # another host must not get a signed request
        text += f" The reply redirects to {_find_host(meta)}, which is not followed."
    again = status >= 500 or code in TRANSIENT or is_redirect or status in LOST
    return Failure(ServiceError(text, **details), Next.RETRY if again else Next.GIVE_UP)


def _find_host(meta: Mapping[str, Any]) -> str:
    """The host in a reply's Location, without what else the URL may hold."""
    return urlsplit(str(meta.get("HTTPHeaders", {}).get("location", ""))).hostname or "another place"


def _find_action(message: str) -> str:
    """The IAM action in AWS's message `… is not authorized to perform: sagemaker:ListModels on …`."""
    match = re.search(r"not authorized to perform:? ([\w-]+:\w+)", message)
    return match.group(1) if match else ""
