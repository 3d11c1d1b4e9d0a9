"""The errors of sqlprov; PEP 249's names are the roots.

Error
├── InterfaceError                 wrong use of the Python interface
└── DatabaseError
    ├── DataError                  a value that does not fit
    ├── IntegrityError
    ├── InternalError
    │   └── ResourceFileError      a YAML file under resources/ contradicts botocore's model
    ├── NotSupportedError          the statement is understood, but not supported
    ├── ProgrammingError           the statement is wrong
    │   ├── MalformedSQL           it cannot be parsed; a caret points at the place
    │   ├── UnknownName            no such provider, service, table, column, setting or method
    │   └── RegionError            no region, or an unknown one
    └── OperationalError           the statement is correct, but a call failed
        ├── CredentialsError       none, expired or refused
        ├── AccessDenied           names the missing IAM action
        ├── Throttled              even at the last attempt
        ├── Unreachable            no connection to the endpoint
        ├── BrokenReply            cut off, not JSON, incomplete, or a page token repeated
        ├── ServiceError           any other error of the service
        └── Cancelled              by Connection.cancel() or by closing the result, or not confirmed

PEP 249's Warning exists and is never raised; a star import does not replace Python's own.
"""

from __future__ import annotations

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

WARNING_HEADER = "x-sqlprov-warning"
"""Header of a reply whose text becomes a warning of the statement. The local AWS sends it; AWS does not."""


class Warning(Exception):
    """Required by PEP 249 and never raised; see `Result.warnings`."""


class Error(Exception):
    """Root of every error that sqlprov raises on purpose.

    Attributes:
        offset: where the failed statement begins in the text that was run, from 0; `None` if the error is about the
            whole text. Line numbers in the message count from there.
    """

    offset: int | None = None


class InterfaceError(Error):
    """Wrong use of the Python interface, such as a closed connection."""


class DatabaseError(Error):
    """Root of the errors of a statement."""


class DataError(DatabaseError):
    """A value does not fit its column or its use."""


class IntegrityError(DatabaseError):
    """A constraint of a local table was broken."""


class InternalError(DatabaseError):
    """A bug in sqlprov or DuckDB."""


class ResourceFileError(InternalError):
    """A resource file contradicts botocore's model or itself; the message begins with `file:line:`."""


class WriteError(DatabaseError):
    """A write did not succeed for every row.

    Attributes:
        outcomes: one for each row, in order, including those that are ok; see `sqlprov.aws.write.outcome.Outcome`.
        warnings: doubts about the values before the calls; they may explain why a call was refused.
    """

    def __init__(self, message: str, outcomes: Sequence[Any], warnings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.outcomes, self.warnings = tuple(outcomes), tuple(warnings)


class NotSupportedError(DatabaseError):
    """The statement is understood, but not supported; the message says what to write instead."""


class ProgrammingError(DatabaseError):
    """The statement is wrong."""


class MalformedSQL(ProgrammingError):
    """The text cannot be parsed; the message shows the line, with a caret under the place."""


class UnknownName(ProgrammingError):
    """A provider, service, table, column, setting, method or variable does not exist."""


class RegionError(ProgrammingError):
    """No region is named or configured, or one does not exist."""


class OperationalError(DatabaseError):
    """A call failed, though the statement is correct.

    Args:
        message: what happened, in one sentence.
        operation: API operation, such as `ListInferenceExperiments`; empty if no call was made.
        region: AWS region of the call; empty for a global call.
        code: the service's error code; empty without a readable reply.
        request_id: AWS request id; empty without a reply.
        permission: the missing IAM action, such as `sagemaker:ListModels`; empty for other errors.
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
    """There are no credentials, they cannot be got, or the service refuses them as expired or invalid.

    Args:
        mfa_serial: the MFA device whose code the role needs; empty for other errors. See `Connection.enter_mfa_code`.
    """

    def __init__(self, message: str, *, mfa_serial: str = "", **named: str) -> None:
        super().__init__(message, **named)
        self.mfa_serial = mfa_serial


class AccessDenied(OperationalError):
    """The identity may not make the call; `permission` names the missing action."""


class Throttled(OperationalError):
    """The service throttled every attempt of a call."""


class Unreachable(OperationalError):
    """The endpoint cannot be reached, or did not answer in time."""


class BrokenReply(OperationalError):
    """A reply is cut off, not valid JSON, incomplete, or repeats its page token."""


class ServiceError(OperationalError):
    """The service answered with any other error."""


class Cancelled(OperationalError):
    """The statement was cancelled, its result closed, or its write not confirmed."""


LIKENESS, KEYWORD_LIKENESS = 0.6, 0.75
"""How like a written word a known one has to be to be suggested: a name, and a keyword, of which there are few."""


def suggest(written: str, known: Iterable[str], likeness: float = LIKENESS) -> str:
    """Suggest the known word nearest to `written`, as ` Did you mean 'x'?`; empty if none is near.

    >>> suggest("modles", ["models", "endpoints"]), suggest("x", ["models"])
    (" Did you mean 'models'?", '')
    """
    nearest = find_nearest(written, known, likeness)
    return f" Did you mean {nearest!r}?" if nearest else ""


def find_nearest(written: str, known: Iterable[str], likeness: float = LIKENESS) -> str:
    """The known word nearest to `written`, ignoring case; empty if none is as like it as difflib's `likeness`."""
    names = {name.lower(): name for name in known}
    if written.lower() in names:
        return names[written.lower()]
    import difflib  # only an error needs it

    matches = difflib.get_close_matches(written.lower(), names, n=5, cutoff=likeness)
    # Swapped letters are the most common typo, but difflib rates them like a wrong letter.
    swapped = [match for match in matches if sorted(match) == sorted(written.lower())]
    return names[(swapped or matches)[0]] if matches else ""


def format_count(number: float, thing: str) -> str:
    """`1 row`, `2 rows`, `1,000 rows`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def show_caret(text: str, offset: int) -> str:
    """The line of `text` that holds character `offset` (from 0), numbered, with a caret under it.

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
