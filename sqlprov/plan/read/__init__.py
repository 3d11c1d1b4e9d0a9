"""Plans the calls that read a table. Nothing here opens a socket or reads a clock."""

from sqlprov.plan.read.plan import Account, KeyRead, ListRead, PlannedCall, ReadPlan, ScanRequest, plan_read
from sqlprov.plan.read.predicate import FALSE, TRUE, Predicate
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
    "plan_read",
]
