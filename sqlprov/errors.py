"""The errors of sqlprov; PEP 249's names are the roots.

Error
├── InterfaceError                 wrong use of the Python interface
└── DatabaseError
    ├── DataError                  a value that does not fit
    ├── IntegrityError
    ├── InternalError
    │   └── ResourceFileError      a YAML file under resources/ that says what the model denies
    ├── NotSupportedError          a statement that is known and not offered here
    ├── ProgrammingError           the statement is wrong
    │   ├── MalformedSQL           it cannot be parsed; a caret stands under the place
    │   ├── UnknownName            provider, service, table, column, setting or method
    │   └── RegionError            no region, an unknown one, or one that cannot be told
    └── OperationalError           the statement is right, the cloud did not deliver
        ├── CredentialsError       none, expired or refused
        ├── AccessDenied           names the missing IAM action
        ├── Throttled              longer than the retries lasted
        ├── Unreachable            no connection to the endpoint
        ├── BrokenReply            cut off, not JSON, incomplete, or a page token repeated
        ├── ServiceError           any other error the service answered
        └── Cancelled              by Connection.cancel(), by closing the result, or not confirmed

PEP 249's Warning is there too, and never raised; a star import leaves Python's own in its place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = [
    "AccessDenied",
    "BrokenReply",
    "Cancelled",
    "CredentialsError",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "MalformedSQL",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "RegionError",
    "ResourceFileError",
    "ServiceError",
    "Throttled",
    "UnknownName",
    "Unreachable",
    "WriteError",
]


class Warning(Exception):
    """PEP 249 names it; what deserves a second look stands in `Result.warnings`."""


class Error(Exception):
    """Root of every error that sqlprov raises on purpose.

    Attributes:
        offset: of the statement that met it in the text that was run, from 0; `None` if it is about the whole text.
            Lines in the message count from there.
    """

    offset: int | None = None


class InterfaceError(Error):
    """Wrong use of the Python interface, such as a closed connection."""


class DatabaseError(Error):
    """Root of what goes wrong with a statement."""


class DataError(DatabaseError):
    """A value does not fit its column or its use."""


class IntegrityError(DatabaseError):
    """A constraint of a local table was broken."""


class InternalError(DatabaseError):
    """sqlprov or DuckDB is at fault, not the statement."""


class ResourceFileError(InternalError):
    """A resource file contradicts botocore's model or itself; the text begins with `file:line:`."""


class WriteError(DatabaseError):
    """A write that did not end well for every row.

    Attributes:
        outcomes: one for each row, in their order, those that are ok too; see `sqlprov.aws.write.writing.Outcome`.
        warnings: what was worth a second look before the calls, and may be why they were refused.
    """

    def __init__(self, message: str, outcomes: Sequence[Any], warnings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.outcomes, self.warnings = tuple(outcomes), tuple(warnings)


class NotSupportedError(DatabaseError):
    """The statement is understood and not offered; the text says what to write instead."""


class ProgrammingError(DatabaseError):
    """The statement is wrong."""


class MalformedSQL(ProgrammingError):
    """The text is no statement; the message shows the line with a caret under the place."""


class UnknownName(ProgrammingError):
    """A provider, service, table, column, setting, method or variable that does not exist."""


class RegionError(ProgrammingError):
    """The statement does not say which regions it means, or names one that does not exist."""


class OperationalError(DatabaseError):
    """The cloud did not deliver.

    Args:
        message: what happened, in one sentence.
        operation: API operation, such as `ListInferenceExperiments`; empty if none was reached.
        region: AWS region of the call; empty for a global one.
        code: the service's error code; empty if no reply was understood.
        request_id: AWS request id; empty if there was no reply.
        permission: the IAM action that is missing, such as `sagemaker:ListModels`; else empty.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        region: str = "",
        code: str = "",
        request_id: str = "",
        permission: str = "",
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.region = region
        self.code = code
        self.request_id = request_id
        self.permission = permission


class CredentialsError(OperationalError):
    """No credentials, or the service says that they are expired or invalid."""


class AccessDenied(OperationalError):
    """The identity may not make the call; `permission` names the missing action."""


class Throttled(OperationalError):
    """The service asked for fewer calls for longer than the retries lasted."""


class Unreachable(OperationalError):
    """No connection to the endpoint, or no answer in time."""


class BrokenReply(OperationalError):
    """A reply that is cut off, not JSON, incomplete, or repeats its page token."""


class ServiceError(OperationalError):
    """Any other error that the service answered."""


class Cancelled(OperationalError):
    """The statement was cancelled, its result closed, or its write not confirmed."""


def suggest(written: str, known: Iterable[str]) -> str:
    """The known word nearest to `written`, as ` Did you mean 'x'?`; empty if none is near.

    >>> suggest("modles", ["models", "endpoints"]), suggest("x", ["models"])
    (" Did you mean 'models'?", '')
    """
    names = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(written.lower(), names, n=5, cutoff=0.6)
    # Two letters swapped is the commonest slip, and difflib rates it no nearer than a wrong letter.
    swapped = [match for match in matches if sorted(match) == sorted(written.lower())]
    return f" Did you mean {names[(swapped or matches)[0]]!r}?" if matches else ""


def format_count(number: float, thing: str) -> str:
    """`1 row`, `2 rows`, `1,000 rows`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def show_caret(text: str, offset: int) -> str:
    """The line of `text` that holds character `offset` (from 0), numbered, with a caret below the place.

    >>> print(show_caret("SELECT 1\\nFORM t", 9))
    LINE 2: FORM t
            ^
    """
    offset = min(max(offset, 0), len(text))
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[start : end if end >= 0 else len(text)]
    head = f"LINE {text.count(chr(10), 0, offset) + 1}: "
    return f"{head}{line}\n{' ' * (len(head) + offset - start)}^"
