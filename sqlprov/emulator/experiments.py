"""Inference experiments: the operations and their state machine.

    Create ─→ Creating ─→ Created ─(StartTime, or Start)→ Starting ─→ Running ─(EndTime, or Stop)→ Stopping
                                                                               ─→ Completed or Cancelled
    Update: Created or Running ─→ Updating ─→ back

Sources: the API reference for the states, for the members that Update may change in each, and for the schedule
(without one: starts at once, ends after 7 days; 30 days at most); AWS's CloudFormation handler for Start
(Created only), Stop (Running only) and Delete.
"""

from __future__ import annotations

from typing import Any

from sqlprov.emulator.context import (
    DAY,
    Context,
    Members,
    Operation,
    check_new_name,
    find,
    make_describe,
    omit,
    parse_tags,
)
from sqlprov.emulator.errors import ApiError, make_validation_error
from sqlprov.emulator.store import STEPS, Record

_NOUN = "InferenceExperiment"
_LENGTH, _LONGEST = 7 * DAY, 30 * DAY
_VARIANT_STATUS = {
    "Creating": "Creating",
    "Updating": "Updating",
    "Starting": "Updating",
    "Stopping": "Updating",
}
# Members that an Update in state Running may change, some of them only in part.
_CHANGEABLE_WHILE_RUNNING = {"Name", "Description", "Schedule", "ShadowModeConfig"}

Steps = list[tuple[float, Members]]


def create(context: Context, region: str, parameters: Members) -> Members:
    name, now = parameters["Name"], context.now
    check_new_name(context, _NOUN, region, name)
    schedule = parameters.get("Schedule", {"StartTime": now, "EndTime": now + _LENGTH})
    _check_schedule(schedule, now)
    members = omit(parameters, "Tags") | {
        "Schedule": schedule,
        "Status": "Creating",
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    ready = now + context.options.transition
    if schedule.get("StartTime", now) > ready:
        steps = [(ready, {"Status": "Created"}), *_plan_from_created(schedule, ready, context)]
    else:
        steps = _plan_start(schedule, ready, context)
    return _save(context, Record(_NOUN, region, members, parse_tags(parameters)), members, steps)


def expand(context: Context, record: Record) -> Members:
    """All members, with those that are derived: ARN, the endpoint's state, the state of each variant."""
    members = record.members
    members["Arn"] = context.build_arn(_NOUN, record.region, record.name)
    if "EndpointMetadata" not in members:
        members["EndpointMetadata"] = _describe_endpoint(context, record.region, members)
    status = _VARIANT_STATUS.get(members["Status"], "InService")
    members["ModelVariants"] = [{"Status": status, **variant} for variant in members["ModelVariants"]]
    return members


def update(context: Context, region: str, parameters: Members) -> Members:
    record = _find_in_state(context, region, parameters, "updated", "Created", "Running")
    members, changed = record.members, dict(parameters)
    status = members["Status"]
    if "Schedule" in changed:
        changed["Schedule"] = members.get("Schedule", {}) | changed["Schedule"]
        _check_schedule(changed["Schedule"], members["CreationTime"])
    if status == "Running":
        _check_running_update(members, changed)
    members |= changed | {"Status": "Updating", "LastModifiedTime": context.now}
    done = context.now + context.options.transition
    steps: Steps = [(done, {"Status": status})]
    if members.get(STEPS):  # a resource that a test added has no steps, and stays in its state
        plan = _plan_from_created if status == "Created" else _plan_end
        steps += plan(members["Schedule"], done, context)
    return _save(context, record, members, steps)


def start(context: Context, region: str, parameters: Members) -> Members:
    record = _find_in_state(context, region, parameters, "started", "Created")
    members, now = record.members, context.now
    planned = members.get("Schedule", {}).get("EndTime", 0)
    members["Schedule"] = {"StartTime": now, "EndTime": planned if planned > now else now + _LENGTH}
    return _save(context, record, members, _plan_start(members["Schedule"], now, context))


def stop(context: Context, region: str, parameters: Members) -> Members:
    record = _find_in_state(context, region, parameters, "stopped", "Running")
    members, actions = record.members, parameters["ModelVariantActions"]
    names = {variant["VariantName"] for variant in members["ModelVariants"]}
    if unknown := sorted(set(actions) - names):
        raise make_validation_error(
            f"ModelVariantActions names {unknown[0]}, which is not a variant of the experiment."
        )
    done = context.now + context.options.transition
    ended: Members = {"Status": parameters.get("DesiredState", "Completed"), "CompletionTime": done}
    ended["ModelVariants"] = parameters.get("DesiredModelVariants") or [
        {**variant, "Status": "Deleted"} if actions.get(variant["VariantName"]) == "Remove" else variant
        for variant in members["ModelVariants"]
    ]
    if "Reason" in parameters:
        members["StatusReason"] = parameters["Reason"]
    members |= {"Status": "Stopping", "LastModifiedTime": context.now}
    context.stale[_NOUN, region, record.name] = [record] * context.options.stale_describe
    return _save(context, record, members, [(done, ended)])


def delete(context: Context, region: str, parameters: Members) -> Members:
    record = _find_in_state(context, region, parameters, "deleted", "Cancelled", "Completed", "Created")
    context.stale.pop((_NOUN, region, record.name), None)
    context.store.drop(record)
    return {"InferenceExperimentArn": context.build_arn(_NOUN, region, record.name)}


def _save(context: Context, record: Record, members: Members, steps: Steps) -> Members:
    """The reply of every operation that changes an experiment, with the steps to come."""
    context.store.put([record.replace_members(members | {STEPS: steps})])
    return {"InferenceExperimentArn": context.build_arn(_NOUN, record.region, record.name)}


def _plan_start(schedule: Members, since: float, context: Context) -> Steps:
    running = since + context.options.transition
    steps: Steps = [(since, {"Status": "Starting"}), (running, {"Status": "Running"})]
    return steps + _plan_end(schedule, running, context)


def _plan_from_created(schedule: Members, since: float, context: Context) -> Steps:
    if "StartTime" not in schedule:
        return []
    return _plan_start(schedule, max(since, schedule["StartTime"]), context)


def _plan_end(schedule: Members, since: float, context: Context) -> Steps:
    end = max(since, schedule.get("EndTime", schedule.get("StartTime", since) + _LENGTH))
    ended = end + context.options.transition
    return [(end, {"Status": "Stopping"}), (ended, {"Status": "Completed", "CompletionTime": ended})]


def _find_in_state(context: Context, region: str, parameters: Members, done: str, *allowed: str) -> Record:
    """The experiment of a request; raises ApiError if its state is not one of `allowed`."""
    record = find(context, _NOUN, region, parameters["Name"])
    status = record.members["Status"]
    if status not in allowed:
        arn = context.build_arn(_NOUN, region, record.name)
        raise ApiError(
            "ConflictException",
            f"Inference experiment {arn} is in state {status} and cannot be {done}; "
            f"it must be in state {' or '.join(allowed)}.",
        )
    return record


def _check_schedule(schedule: Members, earliest: float) -> None:
    start = schedule.get("StartTime", earliest)
    end = schedule.get("EndTime")
    if end is not None and end <= start:
        raise make_validation_error("Schedule.EndTime must be later than Schedule.StartTime.")
    if end is not None and end - start > _LONGEST:
        raise make_validation_error("The schedule of an inference experiment cannot be longer than 30 days.")


def _check_running_update(members: Members, changed: Members) -> None:
    """Refuse a change that only an experiment that has not started allows."""
    refused = [
        name
        for name in changed
        if name not in _CHANGEABLE_WHILE_RUNNING and changed[name] != members.get(name)
    ]
    if "Schedule" in changed and _get_start_time(changed) != _get_start_time(members):
        refused.append("Schedule.StartTime")
    if "ShadowModeConfig" in changed and _get_variant_names(changed) != _get_variant_names(members):
        refused.append("ShadowModeConfig")
    if refused:
        raise make_validation_error(
            f"{', '.join(refused)} cannot be updated while the inference experiment is running; only "
            "Description, SamplingPercentage and Schedule.EndTime can."
        )


def _get_start_time(members: Members) -> Any:
    return members.get("Schedule", {}).get("StartTime")


def _get_variant_names(members: Members) -> list[str]:
    config = members["ShadowModeConfig"]
    shadows = [shadow["ShadowModelVariantName"] for shadow in config["ShadowModelVariants"]]
    return [config["SourceModelVariantName"], *shadows]


def _describe_endpoint(context: Context, region: str, members: Members) -> Members:
    """The endpoint as it is; a plausible state if the service does not hold it."""
    name = members["EndpointName"]
    record = context.store.get("Endpoint", region, name)
    if record is not None:
        endpoint = record.members
        known = ("EndpointName", "EndpointConfigName", "EndpointStatus", "FailureReason")
        return {member: endpoint[member] for member in known if member in endpoint}
    status = "Updating" if members["Status"] in _VARIANT_STATUS else "InService"
    return {"EndpointName": name, "EndpointConfigName": f"{name[:56]}-config", "EndpointStatus": status}


OPERATIONS: dict[str, Operation] = {
    "CreateInferenceExperiment": create,
    "DescribeInferenceExperiment": make_describe(_NOUN, expand),
    "UpdateInferenceExperiment": update,
    "StartInferenceExperiment": start,
    "StopInferenceExperiment": stop,
    "DeleteInferenceExperiment": delete,
}
