"""Plans the calls that read a table. Nothing here opens a socket or reads a clock."""

from sqlprov.plan.read.plan import (
    check_required,
    count_least_calls,
    count_useful_values,
    limit_plan,
    plan_read,
)
from sqlprov.plan.read.planned_calls import PlannedCall, list_calls
from sqlprov.plan.read.predicate import FALSE, TRUE, Predicate
from sqlprov.plan.read.read_plan import AccountId, ReadPlan, ScanRequest
from sqlprov.plan.read.scope import Rule, Scope
from sqlprov.plan.read.steps import KeyRead, ListRead, Places

__all__ = [
    "FALSE",
    "TRUE",
    "AccountId",
    "KeyRead",
    "ListRead",
    "Places",
    "PlannedCall",
    "Predicate",
    "ReadPlan",
    "Rule",
    "ScanRequest",
    "Scope",
    "check_required",
    "count_least_calls",
    "count_useful_values",
    "limit_plan",
    "list_calls",
    "plan_read",
]
