"""Inference experiments: the operations and their state machine.

    Create ─→ Creating ─→ Created ─(StartTime, or Start)→ Starting ─→ Running ─(EndTime, or Stop)→ Stopping
                                                                               ─→ Completed or Cancelled
    Update: Created or Running ─→ Updating ─→ back

Sources: the API reference for the states, for what Update may change in which, and for the schedule (none
given: starts at once, ends after 7 days; 30 days at most); AWS's CloudFormation handler for Start (Created
only), Stop (Running only) and Delete.
"""

from __future__ import annotations

from typing import Any

from sqlprov.emulator.api_model import Kind, kinds
from sqlprov.emulator.context import (
    DAY,
    Members,
    Operation,
    Reply,
    World,
    arn,
    check_room,
    described,
    find,
    given_tags,
    present,
)
from sqlprov.emulator.errors import conflict, invalid
from sqlprov.emulator.store import STEPS, Record, drop, put

_BUSY = {"Creating", "Updating", "Starting", "Stopping"}
_LENGTH, _LONGEST = 7 * DAY, 30 * DAY
_VARIANT_STATUS = {
    "Creating": "Creating",
    "Updating": "Updating",
    "Starting": "Updating",
    "Stopping": "Updating",
}
# Members of which an Update in state Running may change at least a part.
_WHILE_RUNNING = {"Name", "Description", "Schedule", "ShadowModeConfig"}

Steps = list[tuple[float, Members | None]]


def _kind() -> Kind:
    return kinds()["InferenceExperiment"]


def create(world: World, region: str, given: Members) -> Reply:
    name = given["Name"]
    check_room(world, _kind(), region, name)
    members = present(given, "Tags")
    if "Schedule" not in members:
        members["Schedule"] = {"StartTime": world.now, "EndTime": world.now + _LENGTH}
    _check_schedule(members["Schedule"], world.now)
    members |= {"Status": "Creating", "CreationTime": world.now, "LastModifiedTime": world.now}
    ready = world.now + world.options.transition
    steps: Steps = []
    if members["Schedule"].get("StartTime", world.now) > ready:
        steps.append((ready, {"Status": "Created"}))
        steps += _steps_from("Created", members["Schedule"], ready, world)
    else:
        steps += _starting(members["Schedule"], ready, world)
    return _commit(world, region, members, steps, given_tags(given))


def describe(world: World, region: str, given: Members) -> Reply:
    record = described(world, _kind(), region, given["Name"])
    stale = world.stale.get((record.kind.noun, region, record.name))
    if stale:
        record = stale.pop()
    return Reply({name: value for name, value in view(world, record).items() if name in _kind().described})


def view(world: World, record: Record) -> Members:
    """All members, with those that are derived: ARN, the endpoint's state, the state of each variant."""
    members = record.members
    members["Arn"] = arn(record.kind, record.region, record.name)
    if "EndpointMetadata" not in members:
        members["EndpointMetadata"] = _endpoint(world, record.region, members)
    status = _VARIANT_STATUS.get(members["Status"], "InService")
    members["ModelVariants"] = [{"Status": status, **variant} for variant in members["ModelVariants"]]
    return members


def update(world: World, region: str, given: Members) -> Reply:
    record = find(world, _kind(), region, given["Name"])
    members = record.members
    status = members["Status"]
    _require(record, status, {"Created", "Running"}, "updated")
    changed = present(given)
    if "Schedule" in changed:
        changed["Schedule"] = members.get("Schedule", {}) | present(changed["Schedule"])
        _check_schedule(changed["Schedule"], members["CreationTime"])
    if status == "Running":
        _check_running_update(members, changed)
    members |= changed | {"Status": "Updating", "LastModifiedTime": world.now}
    done = world.now + world.options.transition
    steps: Steps = [(done, {"Status": status})]
    if members.get(STEPS):  # one that was put directly has no plan, and stays where it was put
        steps += _steps_from(status, members["Schedule"], done, world)
    return _commit(world, region, members, steps, record.tags)


def start(world: World, region: str, given: Members) -> Reply:
    record = find(world, _kind(), region, given["Name"])
    members = record.members
    _require(record, members["Status"], {"Created"}, "started")
    planned = members.get("Schedule", {}).get("EndTime", 0)
    end = planned if planned > world.now else world.now + _LENGTH
    members["Schedule"] = {"StartTime": world.now, "EndTime": end}
    return _commit(world, region, members, _starting(members["Schedule"], world.now, world), record.tags)


def stop(world: World, region: str, given: Members) -> Reply:
    record = find(world, _kind(), region, given["Name"])
    members = record.members
    _require(record, members["Status"], {"Running"}, "stopped")
    actions = given["ModelVariantActions"]
    names = {variant["VariantName"] for variant in members["ModelVariants"]}
    if unknown := sorted(set(actions) - names):
        raise invalid(f"ModelVariantActions names {unknown[0]}, which is no variant of the experiment.")
    ended: Members = {"Status": given.get("DesiredState") or "Completed"}
    ended["ModelVariants"] = given.get("DesiredModelVariants") or [
        {**variant, "Status": "Deleted"} if actions.get(variant["VariantName"]) == "Remove" else variant
        for variant in members["ModelVariants"]
    ]
    if given.get("Reason") is not None:
        members["StatusReason"] = given["Reason"]
    members |= {"Status": "Stopping", "LastModifiedTime": world.now}
    done = world.now + world.options.transition
    ended["CompletionTime"] = done
    if world.options.stale_describe:
        world.stale["InferenceExperiment", region, record.name] = [record] * world.options.stale_describe
    return _commit(world, region, members, [(done, ended)], record.tags)


def delete(world: World, region: str, given: Members) -> Reply:
    record = find(world, _kind(), region, given["Name"])
    status = record.members["Status"]
    _require(record, status, {"Created", "Completed", "Cancelled"}, "deleted")
    world.stale.pop(("InferenceExperiment", region, record.name), None)
    return Reply({"InferenceExperimentArn": arn(_kind(), region, record.name)}, [drop(record)])


def _commit(world: World, region: str, members: Members, steps: Steps, tags: dict[str, str] | None) -> Reply:
    """The reply of every operation that changes one, with its plan from here on."""
    members[STEPS] = steps
    record = Record(_kind(), region, members, tags)
    return Reply({"InferenceExperimentArn": arn(_kind(), region, record.name)}, [put(record)])


def _starting(schedule: Members, since: float, world: World) -> Steps:
    running = since + world.options.transition
    steps: Steps = [(since, {"Status": "Starting"}), (running, {"Status": "Running"})]
    return steps + _steps_from("Running", schedule, running, world)


def _steps_from(status: str, schedule: Members, since: float, world: World) -> Steps:
    """What the schedule brings about, for an experiment that is Created or Running since then."""
    if status == "Created":
        if "StartTime" not in schedule:
            return []
        return _starting(schedule, max(since, schedule["StartTime"]), world)
    end = max(since, schedule.get("EndTime", schedule.get("StartTime", since) + _LENGTH))
    ended = end + world.options.transition
    return [(end, {"Status": "Stopping"}), (ended, {"Status": "Completed", "CompletionTime": ended})]


def _require(record: Record, status: str, allowed: set[str], done: str) -> None:
    if status not in allowed:
        where = arn(record.kind, record.region, record.name)
        raise conflict(
            f"Inference experiment {where} is in state {status} and cannot be {done}; "
            f"it must be in state {' or '.join(sorted(allowed))}."
        )


def _check_schedule(schedule: Members, earliest: float) -> None:
    start = schedule.get("StartTime", earliest)
    end = schedule.get("EndTime")
    if end is not None and end <= start:
        raise invalid("Schedule.EndTime must be later than Schedule.StartTime.")
    if end is not None and end - start > _LONGEST:
        raise invalid("The schedule of an inference experiment cannot be longer than 30 days.")


def _check_running_update(members: Members, changed: Members) -> None:
    """Refuse what only an experiment that has not started may change."""
    kept = [name for name in changed if name not in _WHILE_RUNNING and changed[name] != members.get(name)]
    if "Schedule" in changed and _start(changed) != _start(members):
        kept.append("Schedule.StartTime")
    if "ShadowModeConfig" in changed and _variants(changed) != _variants(members):
        kept.append("ShadowModeConfig")
    if kept:
        raise invalid(
            f"{', '.join(kept)} cannot be updated while the inference experiment is running; only Description, "
            "SamplingPercentage and Schedule.EndTime can."
        )


def _start(members: Members) -> Any:
    return members.get("Schedule", {}).get("StartTime")


def _variants(members: Members) -> list[Any]:
    config = members["ShadowModeConfig"]
    shadows = [shadow["ShadowModelVariantName"] for shadow in config["ShadowModelVariants"]]
    return [config["SourceModelVariantName"], *shadows]


def _endpoint(world: World, region: str, members: Members) -> Members:
    """The endpoint as it is; one that the service does not hold is given a believable state."""
    name = members["EndpointName"]
    record = world.store.get(kinds()["Endpoint"], region, name)
    if record is not None:
        found = record.members
        known = ("EndpointConfigName", "EndpointStatus", "FailureReason")
        return {"EndpointName": name} | {member: found[member] for member in known if member in found}
    status = "Updating" if members["Status"] in _BUSY else "InService"
    return {"EndpointName": name, "EndpointConfigName": f"{name[:56]}-config", "EndpointStatus": status}


OPERATIONS: dict[str, Operation] = {
    "CreateInferenceExperiment": create,
    "DescribeInferenceExperiment": describe,
    "UpdateInferenceExperiment": update,
    "StartInferenceExperiment": start,
    "StopInferenceExperiment": stop,
    "DeleteInferenceExperiment": delete,
}
