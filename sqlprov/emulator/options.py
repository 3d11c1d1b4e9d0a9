"""What a test can set on the local SageMaker (Options, Fault), and the calls that it records (Call)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "123456789012"
"""The account of every resource, or the management account of the organisation."""
USER = f"arn:aws:iam::{ACCOUNT}:user/local"
"""Who calls with any access key."""
FAULTS = (
    # before the commit
    *("error500", "error503", "throttle", "timeout_before", "reset", "expired_credentials", "access_denied"),
    # after the commit
    *("timeout_after", "error500_after", "reset_after", "redirect_after"),
    # a reply with status 200 that cannot be read
    *("truncated", "truncated_clean", "html", "empty", "missing_member", "repeated_token"),
    # a reply with status 200 that is about something else
    *("other_row", "missing_key", "number_token"),
)
"""Every kind of fault."""


@dataclass
class Options:
    """How the service behaves; a change takes effect for the next request.

    Args:
        latency: seconds between a request and its reply.
        jitter: up to this many seconds more, drawn for each reply.
        transition: seconds that a busy state (Creating, Stopping, …) lasts; with 0 it passes at once.
        throttle: calls per second that a region allows (a bucket of one second's calls); 0 for any number.
        inclusive_bounds: …After and …Before accept the bound itself. AWS does not document which.
        name_contains_ignore_case: NameContains ignores case. AWS does not document whether.
        truncate_bounds_to_seconds: a time bound loses its milliseconds before it is compared.
        sparse_pages: every other page of a list, the first among them, is empty and has a NextToken.
        largest_page: most items of a page, whatever MaxResults says; 0 for no limit.
        denied_regions: regions in which every SageMaker call is refused with AccessDeniedException.
        denied_actions: operations, such as `ListModels`, that are refused in every region.
        closed_regions: regions that the account has not enabled; their services do not accept its credentials.
        stale_describe: Describe calls after a Stop that still report the state before it.
        late_describe: Describe calls after a Create that do not see the resource yet.
        limit: resources of one kind that a region holds before ResourceLimitExceeded; 0 for any number.
        clock: the service's time in epoch seconds; signatures are refused if it is off by more than 300 s.
    """

    latency: float = 0.0
    jitter: float = 0.0
    transition: float = 0.0
    throttle: float = 0.0
    inclusive_bounds: bool = False
    name_contains_ignore_case: bool = False
    truncate_bounds_to_seconds: bool = False
    sparse_pages: bool = False
    largest_page: int = 0
    denied_regions: set[str] = field(default_factory=set)
    denied_actions: set[str] = field(default_factory=set)
    closed_regions: set[str] = field(default_factory=set)
    stale_describe: int = 0
    late_describe: int = 0
    limit: int = 0
    clock: Callable[[], float] = time.time

    def read_clock(self) -> float:
        """The service's time to the millisecond, as its replies give it."""
        return round(self.clock(), 3)


@dataclass(frozen=True)
class Fault:
    """A failure to inject into chosen calls.

    `truncated` is shorter than its Content-Length, `truncated_clean` is half the JSON with a matching length,
    `missing_member` is `{}`. With `repeated_token`, NextToken is the token that was sent; after a first page,
    the token that it returned repeats until the faults are cleared. `other_row` is a Describe's reply about another
    name, `missing_key` a List's row without one, and `number_token` a List's NextToken that is not a text.

    Args:
        kind: one of FAULTS.
        at: the first call that fails, counted from 1 among the matching calls since the injection.
        operation: such as `DescribeModel`; None matches every operation.
        region: None matches every region.
        account: id; None matches every account.
        times: the number of calls that fail; None for all from `at` on.
        hold: seconds that a timeout keeps the connection open if the client does not close it.

    Raises:
        ValueError: the kind is unknown.
    """

    kind: str
    at: int = 1
    operation: str | None = None
    region: str | None = None
    account: str | None = None
    times: int | None = 1
    hold: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"{self.kind!r} is not a kind of fault; use one of {', '.join(FAULTS)}")


@dataclass(slots=True)
class Call:
    """One request; times are monotonic seconds.

    `finished` is 0 until the reply is sent or the connection ends; `abandoned` says that the client ended it.
    """

    operation: str
    region: str
    access_key: str
    parameters: dict[str, Any]
    started: float
    finished: float = 0.0
    status: int = 0  # stays 0 when no reply was sent
    error: str = ""
    committed: bool = False
    abandoned: bool = False
    user: str = USER  # ARN of who calls

    @property
    def account(self) -> str:
        """The id of the account that is called."""
        return self.user.split(":")[4]
