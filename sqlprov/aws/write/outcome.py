"""The outcome of writing one row."""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from sqlprov.plan.write.steps import Snapshot
from sqlprov.records import dataclass


class OutcomeStatus(Enum):
    """The final status of a row's write."""

    OK = "ok"
    FAILED = "failed"  # nothing took effect
    PARTIAL = "partial"  # some calls took effect, and are listed
    UNKNOWN = "unknown"  # it cannot be determined


@dataclass(frozen=True)
class Outcome:
    """How the write of one row ended.

    Attributes:
        row: number in the statement, from 1.
        table, region, key, account: the row; parts of the key are joined by `|`.
        status: the status.
        operations: API operations that took effect, in their order.
        reason: why it is not ok, or a remark if it is.
        snapshot: the row as last read; for DELETE, as it was; `None` if it was not read, or does not exist.
    """

    row: int
    table: str
    region: str
    key: str
    status: OutcomeStatus
    operations: tuple[str, ...] = ()
    reason: str = ""
    snapshot: Snapshot | None = field(default=None, repr=False)  # it may hold secrets
    account: str = ""
