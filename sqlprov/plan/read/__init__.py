"""Demand in, Calls out. Nothing here opens a socket or reads a clock."""

from sqlprov.plan.read.plan import Account, Demand, KeyRead, ListRead, PlannedCall, ReadPlan, plan_read
from sqlprov.plan.read.predicate import FALSE, TRUE, Predicate
from sqlprov.plan.read.scope import Regions, named

__all__ = [
    "FALSE",
    "TRUE",
    "Account",
    "Demand",
    "KeyRead",
    "ListRead",
    "PlannedCall",
    "Predicate",
    "ReadPlan",
    "Regions",
    "named",
    "plan_read",
]
