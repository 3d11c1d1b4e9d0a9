"""Calls boto3 and returns the error of the reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


def error_of(call: Callable[..., Any], **parameters: Any) -> tuple[str, str, int]:
    """Code, message and HTTP status of the error; empty and 200 if the call succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        reply = error.response
        return reply["Error"]["Code"], reply["Error"]["Message"], reply["ResponseMetadata"]["HTTPStatusCode"]
    return "", "", 200


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    """The code of the error; empty if the call succeeds."""
    return error_of(call, **parameters)[0]


def refuse(call: Callable[..., Any], **parameters: Any) -> str:
    """The text of the ValidationException that the call raises."""
    code, text, _ = error_of(call, **parameters)
    assert code == "ValidationException"
    return text
