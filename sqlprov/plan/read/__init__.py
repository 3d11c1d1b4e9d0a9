"""Plans the calls that read a table. Nothing here opens a socket or reads a clock."""

from sqlprov.plan.read.plan import count_least_calls, count_useful_values, limit_plan, plan_read
from sqlprov.plan.read.planned_calls import PlannedCall, list_calls
from sqlprov.plan.read.predicate import FALSE, TRUE, Predicate
from sqlprov.plan.read.read_plan import Account, KeyRead, ListRead, ReadPlan, ScanRequest
from sqlprov.plan.read.scope import Rule, Scope

__all__ = [
    "FALSE",
    "TRUE",
    "Account",
    "KeyRead",
    "ListRead",
    "PlannedCall",
    "Predicate",
    "ReadPlan",
    "Rule",
    "ScanRequest",
    "Scope",
    "count_least_calls",
    "count_useful_values",
    "limit_plan",
    "list_calls",
    "plan_read",
]
