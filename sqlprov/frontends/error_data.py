"""Errors and the outcomes of writes as data, for programs."""

from __future__ import annotations

import logging
from typing import Any

from sqlprov.errors import Error, InterfaceError, InternalError, OperationalError, WriteError


def to_error(exception: Exception) -> Error:
    """The exception as an Error that a user can read; a bug's traceback goes to the log."""
    if isinstance(exception, Error):
        return exception
    if isinstance(exception, ModuleNotFoundError):
        library = (exception.name or "").partition(".")[0]
        return InterfaceError(f"{library} is not installed. Run: pip install '.[all]'")
    if isinstance(exception, OSError):
        has_file = exception.filename and exception.strerror
        return Error(f"{exception.filename}: {exception.strerror}." if has_file else str(exception))
    logging.getLogger("sqlprov").info("", exc_info=exception)
    name = type(exception).__name__
    return InternalError(f"{name}: {exception}\nThis is a bug in sqlprov; -v shows where it happened.")


def describe_error(error: Error) -> dict[str, Any]:
    """The error as data: its class, SQLSTATE code, message and place, and what its class adds."""
    record: dict[str, Any] = {
        "class": type(error).__name__,
        "code": error.sqlstate,
        "message": str(error),
        "offset": error.offset,
    }
    if isinstance(error, OperationalError):
        record |= {
            "operation": error.operation or None,
            "account": error.account or None,
            "region": error.region or None,
            "service_code": error.code or None,
            "request_id": error.request_id or None,
            "permission": error.permission or None,
        }
    if isinstance(error, WriteError):
        record["message"] = record["message"].partition("\n")[0]  # the rest are the outcomes
        record["outcomes"] = [describe_outcome(each) for each in error.outcomes]
        record["warnings"] = list(error.warnings)
    return record


def describe_outcome(outcome: Any) -> dict[str, Any]:
    """An `Outcome` as data, without the row."""
    return {
        "row": outcome.row,
        "table": outcome.table,
        "account": outcome.account,
        "region": outcome.region,
        "key": outcome.key,
        "status": outcome.status.value,
        "operations": list(outcome.operations),
        "reason": outcome.reason or None,
    }
