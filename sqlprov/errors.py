"""The errors of sqlprov; PEP 249's names are the roots.

Error
├── InterfaceError                 wrong use of the Python interface
└── DatabaseError
    ├── DataError                  a value that does not fit
    ├── IntegrityError
    ├── BudgetExceeded             the statement needs more calls than sqlprov_max_calls allows
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
    "BudgetExceeded",
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
        sqlstate: PostgreSQL's code of the kind of error, five characters.
    """

    offset: int | None = None
    sqlstate = "XX000"


class InterfaceError(Error):
    """Wrong use of the Python interface, such as a closed connection."""

    sqlstate = "08003"


class DatabaseError(Error):
    """Root of the errors of a statement."""


class DataError(DatabaseError):
    """A value does not fit its column or its use."""

    sqlstate = "22000"


class IntegrityError(DatabaseError):
    """A constraint of a local table was broken."""

    sqlstate = "23000"


class BudgetExceeded(DatabaseError):
    """A statement needs more calls than `sqlprov_max_calls` allows; it made none, or at most as many as that."""

    sqlstate = "54000"


class InternalError(DatabaseError):
    """A bug in sqlprov or DuckDB."""


class ResourceFileError(InternalError):
    """A resource file contradicts botocore's model or itself; the message begins with `file:line:`."""

    sqlstate = "F0000"


class WriteError(DatabaseError):
    """A write did not succeed for every row.

    Attributes:
        outcomes: one for each row, in order, including those that are ok; see `sqlprov.aws.write.outcome.Outcome`.
        warnings: doubts about the values before the calls; they may explain why a call was refused.
    """

    sqlstate = "HV000"

    def __init__(self, message: str, outcomes: Sequence[Any], warnings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.outcomes, self.warnings = tuple(outcomes), tuple(warnings)


class NotSupportedError(DatabaseError):
    """The statement is understood, but not supported; the message says what to write instead."""

    sqlstate = "0A000"


class ProgrammingError(DatabaseError):
    """The statement is wrong."""

    sqlstate = "42000"


class MalformedSQL(ProgrammingError):
    """The text cannot be parsed; the message shows the line, with a caret under the place."""

    sqlstate = "42601"


class UnknownName(ProgrammingError):
    """A provider, service, table, column, setting, method or variable does not exist."""

    sqlstate = "42704"


class RegionError(ProgrammingError):
    """No region is named or configured, or one does not exist."""

    sqlstate = "22023"


class OperationalError(DatabaseError):
    """A call failed, though the statement is correct.

    Args:
        message: what happened, in one sentence.
        operation: API operation, such as `ListInferenceExperiments`; empty if no call was made.
        region: AWS region of the call; empty for a global call.
        code: the service's error code; empty without a readable reply.
        request_id: AWS request id; empty without a reply.
        permission: the missing IAM action, such as `sagemaker:ListModels`; empty for other errors.

    Attributes:
        account: the name of the account that was called; empty if no call was made.
    """

    sqlstate = "58000"
    account = ""

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

    sqlstate = "28000"

    def __init__(self, message: str, *, mfa_serial: str = "", **named: str) -> None:
        super().__init__(message, **named)
        self.mfa_serial = mfa_serial


class AccessDenied(OperationalError):
    """The identity may not make the call; `permission` names the missing action."""

    sqlstate = "42501"


class Throttled(OperationalError):
    """The service throttled every attempt of a call."""

    sqlstate = "53400"


class Unreachable(OperationalError):
    """The endpoint cannot be reached, or did not answer in time."""

    sqlstate = "08001"


class BrokenReply(OperationalError):
    """A reply is cut off, not valid JSON, incomplete, or repeats its page token."""

    sqlstate = "08P01"


class ServiceError(OperationalError):
    """The service answered with any other error."""

    sqlstate = "HV000"


class Cancelled(OperationalError):
    """The statement was cancelled, its result closed, or its write not confirmed."""

    sqlstate = "57014"


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
