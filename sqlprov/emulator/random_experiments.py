"""Any number of random-looking inference experiments, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from sqlprov.emulator.context import DAY, Members
from sqlprov.emulator.defaults import build_role_arn, make_model_variant, make_shadow_mode
from sqlprov.emulator.options import ACCOUNT
from sqlprov.emulator.store import Record

_FIRST = 1_672_531_200_000  # 2023-01-01T00:00:00Z, in milliseconds
_SPAN = 900 * 86_400_000
_WORDS = ("churn", "fraud", "ranking", "search", "pricing", "demand", "vision", "triage", "Routing", "Ads")
_TEAMS = ("growth", "risk", "core", "labs")
_STATES = (
    *("Completed",) * 8,
    *("Running",) * 5,
    *("Created",) * 3,
    *("Cancelled",) * 3,
    *("Creating", "Updating", "Starting", "Stopping"),
)
_INSTANCES = ("ml.m5.xlarge", "ml.c5.2xlarge", "ml.g5.xlarge", "ml.t3.medium")


def generate_experiments(
    count: int, regions: Sequence[str], seed: int, account: str = ACCOUNT
) -> Iterator[Record]:
    """The same records for the same arguments; the names of different seeds differ."""
    chance, role = random.Random(seed), build_role_arn(account)
    # Many experiments share these times: paging bugs appear when rows tie in the sort column.
    moments = [_FIRST + chance.randrange(_SPAN) for _ in range(20)]
    for number in range(count):
        tied = chance.random() < 0.2
        created = (chance.choice(moments) if tied else _FIRST + chance.randrange(_SPAN)) / 1000
        name = f"{chance.choice(_WORDS)}-{chance.randrange(16**4):04x}-s{seed}-{number}"
        tags = {}
        if chance.random() < 0.2:
            tags = {"team": chance.choice(_TEAMS), "cost": str(chance.randrange(100))}
        region = chance.choice(regions)
        yield Record("InferenceExperiment", region, _generate_members(name, created, role, chance), tags)


def _generate_members(name: str, created: float, role: str, chance: random.Random) -> Members:
    status = chance.choice(_STATES)
    modified = round(created + chance.randrange(7 * 86_400_000) / 1000, 3)
    instance = chance.choice(_INSTANCES)
    members: Members = {
        "Name": name,
        "Type": "ShadowMode",
        "Status": status,
        "CreationTime": created,
        "LastModifiedTime": modified,
        "RoleArn": role,
        "EndpointName": f"endpoint-{chance.randrange(50)}",
        "ModelVariants": [
            make_model_variant("production", "model-a", instance, 2),
            make_model_variant("shadow", "model-b", instance),
        ],
        "ShadowModeConfig": make_shadow_mode(chance.randrange(1, 101)),
    }
    if chance.random() < 0.7:
        members["Schedule"] = {"StartTime": created, "EndTime": created + 7 * DAY}
    if chance.random() < 0.7:
        members["Description"] = f"shadow test of {name.split('-')[0]}, run {chance.randrange(1000)}"
    if chance.random() < 0.1:
        members["KmsKey"] = "alias/experiments"
    if status in ("Completed", "Cancelled"):
        members["CompletionTime"] = modified
        if chance.random() < 0.5:
            members["StatusReason"] = "stopped by its owner" if status == "Cancelled" else "goal met"
    return members
