"""Demand in, Calls out. Nothing here opens a socket or reads a clock."""

from sqlprov.plan.predicate import FALSE, TRUE, Predicate
from sqlprov.plan.read import Account, Demand, KeyRead, ListRead, PlannedCall, ReadPlan, plan_read
from sqlprov.plan.regions import Regions, named

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
