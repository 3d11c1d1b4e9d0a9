from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from experiment_members import VARIANTS, sampling, variant
from experiment_snapshots import (
    ARN,
    END,
    START,
    TABLE,
    brief,
    delete,
    execute,
    insert,
    refusal,
    request,
    snapshot,
    update,
)

from sqlprov.plan.write.dry_run import simulate
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Success, Wait

LATER = 1736500000.0
RETAIN = {"production": "Retain", "shadow": "Retain"}


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


SWAPPED = [{**one, "Status": "Creating"} for one in reversed(VARIANTS)]
CHANGED = [variant("shadow", ModelName="model-new"), VARIANTS[0]]
STORAGE = {"Destination": "s3://b/p", "KmsKey": None}
BOTH_TIMES = {"StartTime": START, "EndTime": LATER}
SENT = [
    ("only changes", update(Description="new", ModelVariants=VARIANTS, Schedule={"EndTime": END}), {},
     {"Description": "new"}),
    ("a whole structure, which the call replaces", update(Schedule={"EndTime": LATER}),
     {"Schedule": {"StartTime": 1.25, "EndTime": END}}, {"Schedule": {"StartTime": at(1.25), "EndTime": at(LATER)}}),
    ("a member left out", update(DataStorageConfig={"Destination": "s3://x"}), {},
     {"DataStorageConfig": {"Destination": "s3://x", "KmsKey": "k"}}),
    ("a member that is NULL", update(DataStorageConfig=STORAGE), {}, {"DataStorageConfig": {"Destination": "s3://b/p"}}),
    ("members that may change", update(Schedule=BOTH_TIMES, ShadowModeConfig=sampling(20)),
     {"state": "Running"}, {"Schedule": {"EndTime": at(LATER)}, "ShadowModeConfig": sampling(20)}),
    ("variants in another order and state", update(ModelVariants=SWAPPED), {}, None),
    ("another model", update(ModelVariants=CHANGED), {}, {"ModelVariants": CHANGED}),
    ("a NULL text", update(Description=None), {}, {"Description": ""}),
    ("a NULL text that is absent", update(Description=None), {"Description": None}, None),
    ("a NULL structure that is absent", update(DataStorageConfig=None), {"DataStorageConfig": None}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("write", "row", "sent"), [case[1:] for case in SENT], ids=[case[0] for case in SENT]
)
def test_an_update_sends_the_key_and_the_changes(
    write: RowWrite, row: dict[str, Any], sent: dict[str, Any] | None
) -> None:
    step = next_step(write, snapshot(**row), ())
    if sent is None:
        assert step == Success("nothing changes")
    else:
        assert isinstance(step, Request) and step.parameters == {"Name": "trial", **sent}


def test_fields_tags_and_start_go_in_that_order_with_a_wait_before_the_start() -> None:
    write = update(Description="new", tags={"a": "1"}, desired="Running")
    first = request(write, snapshot())
    assert next_step(write, snapshot("Updating", Description="new"), (first,)) == Wait(
        ("Creating", "Updating", "Starting")
    )
    second = request(write, snapshot(Description="new"), first)
    third = request(write, snapshot(tags={"team": "core", "a": "1"}), first, second)
    last = request(write, snapshot(tags={"a": "1"}), first, second, third)
    made = [first, second, third, last]
    assert [one.purpose for one in made] == ["update", "tag", "untag", "start"]
    assert last.parameters == {"Name": "trial"}
    assert next_step(write, snapshot("Starting"), tuple(made)) == Success()


def test_fields_and_tags_without_a_move_do_not_wait_for_each_other() -> None:
    write = update(Description="new", tags={"team": "edge"})
    first = request(write, snapshot())
    assert request(write, snapshot("Updating"), first).purpose == "tag"


def test_a_read_older_than_the_call_repeats_nothing() -> None:
    write = update(Description="new", tags={"team": "edge"}, desired="Completed")
    now, done = snapshot("Running"), ()
    for purpose in ("update", "tag", "stop"):
        done = (*done, request(write, now, *done))
        assert done[-1].purpose == purpose
    assert isinstance(next_step(write, now, done), Success)


def test_a_stop_retains_every_variant_and_carries_state_and_reason() -> None:
    stop = request(update(desired="Cancelled", reason="why"), snapshot("Running"))
    assert (stop.operation, stop.purpose) == ("StopInferenceExperiment", "stop")
    assert stop.parameters == {
        "Name": "trial",
        "ModelVariantActions": RETAIN,
        "DesiredState": "Cancelled",
        "Reason": "why",
    }


def test_a_stop_under_way_is_reconciled_by_how_it_ends() -> None:
    write = update(desired="Completed")
    assert isinstance(next_step(write, snapshot("Completed"), ()), Success)
    assert "cannot become 'Completed' in state Cancelled" in refusal(write, snapshot("Cancelled"))


def test_a_reason_that_is_already_set_is_not_a_change() -> None:
    assert brief(next_step(update(reason="why"), snapshot("Completed", StatusReason="why"), ())) == "ok"
    write = update(reason="why", desired="Completed")
    assert brief(next_step(write, snapshot("Completed", StatusReason="why"), ())) == "ok"


def test_variants_and_a_stop_are_refused_with_the_exec_to_write() -> None:
    changed = [VARIANTS[0], variant("shadow", ModelName="it's")]
    reason = refusal(update(ModelVariants=changed, desired="Completed"), snapshot("Running"))
    assert "model_variants and stop together in one UPDATE" in reason
    assert (
        "EXEC aws.sagemaker.inference_experiments.stop @Name = 'trial', @ModelVariantActions = '{" in reason
    )
    assert '"production": "Retain"' in reason
    assert "@DesiredState = 'Completed', @DesiredModelVariants = '[{" in reason
    assert "it''s" in reason
    assert reason.endswith("@region = 'us-east-1'")


@pytest.mark.parametrize(
    ("write", "state", "words"),
    [
        (update(Description="n"), "Completed", "cannot be changed in state Completed; it can in state Created or"),
        (update(ModelVariants=[]), "Running", "only description, schedule.EndTime, shadow_mode_config.Shadow"),
        (update(desired="Completed"), "Created", "stop is called in state Running, which it has not reached; DELETE"),
        (update(desired="Complete"), "Running", "expected 'Running' or 'Completed' or 'Cancelled'. Did you mean 'Comp"),
        (update(Schedule={"StartTime": LATER}), "Running", "schedule.StartTime cannot be changed in state Running"),
        (update(desired="Completed", reason="why"), "Stopping", "the call that stops; the row is already Stopping"),
        (update(reason="why"), "Running", "SET desired_state = 'Completed' or 'Cancelled'"),
        (update(DataStorageConfig=None), "Created", "data_storage_config cannot be unset"),
        (update(KmsKey="k"), "Created", "kms_key cannot be changed after the row was created"),
        (update(Name="other"), "Created", "name cannot be changed after"),
        (update(Descripton="x"), "Created", "Did you mean 'Description'?"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_write_instead(write: RowWrite, state: str, words: str) -> None:
    assert words in refusal(write, snapshot(state))


def test_a_delete_of_a_running_experiment_stops_waits_and_deletes() -> None:
    stop = request(delete(), snapshot("Running"))
    assert stop.parameters["DesiredState"] == "Completed"
    assert stop.parameters["ModelVariantActions"] == RETAIN
    assert stop.purpose == "stop"
    for stale in ("Running", "Stopping"):
        waiting = next_step(delete(), snapshot(stale), (stop,))
        assert isinstance(waiting, Wait)
        assert {"Running", "Stopping"} <= set(waiting.states)
    last = request(delete(), snapshot("Completed"), stop)
    assert last == Request("DeleteInferenceExperiment", "us-east-1", {"Name": "trial"}, "delete")
    assert next_step(delete(), None, (stop, last)) == Success()
    assert next_step(delete(), snapshot("Completed"), (stop, last)) == Success()


def test_a_delete_of_a_row_that_is_gone_says_so() -> None:
    assert next_step(delete(), None, ()) == Success("it was already gone")


def test_an_insert_is_one_create_without_ignored_properties() -> None:
    write = insert(Type="ShadowMode", DesiredState="Running", StatusReason=None)
    create = request(write, None)
    assert create.purpose == "create"
    assert create.parameters == {"Name": "trial", "Type": "ShadowMode"}
    done = next_step(write, None, (create,))
    assert isinstance(done, Success)
    assert "INSERT does not send DesiredState" in done.note
    assert "ends after 7 days" in done.note


def test_an_insert_with_a_schedule_says_nothing_of_seven_days() -> None:
    write = insert(Schedule={"StartTime": at(LATER)})
    assert next_step(write, None, (request(write, None),)) == Success()


def test_an_insert_over_a_row_is_refused() -> None:
    assert "already exists" in refusal(insert(), snapshot())


def test_an_exec_is_sent_as_written_once() -> None:
    write = execute("stop", Name="trial", ModelVariantActions={"shadow": "Promote"})
    stop = request(write, None)
    assert (stop.purpose, stop.parameters) == ("exec", write.values)
    assert next_step(write, None, (stop,)) == Success()


TAGS = [
    ("added", {"a": "1"}, {"a": "1", "b": "2"}, [{"b": "2"}]),
    ("changed", {"a": "1"}, {"a": "2"}, [{"a": "2"}]),
    ("removed", {"a": "1", "b": "2"}, {"a": "1"}, [["b"]]),
    ("replaced", {"a": "1"}, {"b": "2"}, [{"b": "2"}, ["a"]]),
    ("a key in another case", {"a": "1"}, {"A": "1"}, [{"A": "1"}, ["a"]]),
    ("an empty value", {"a": "1"}, {"a": ""}, [{"a": ""}]),
    ("all but AWS's", {"aws:x": "1", "a": "1"}, {}, [["a"]]),
    ("50 in all", {str(n): "" for n in range(49)}, {"x": ""}, [{"x": ""}, [str(n) for n in range(49)]]),
    ("51 in all", {str(n): "" for n in range(50)}, {"x": ""}, [[str(n) for n in range(50)], {"x": ""}]),
]


@pytest.mark.parametrize(("now", "wanted", "sent"), [t[1:] for t in TAGS], ids=[t[0] for t in TAGS])
def test_tags_are_added_before_others_are_removed(now, wanted, sent) -> None:  # type: ignore[no-untyped-def]
    write, done = update(tags=wanted), []
    for each in sent:
        done.append(request(write, snapshot(tags=now), *done))
        tags = [{"Key": key, "Value": each[key]} for key in each] if isinstance(each, dict) else None
        assert done[-1].parameters == {"ResourceArn": ARN, **({"Tags": tags} if tags else {"TagKeys": each})}
    assert next_step(write, snapshot(tags=now), tuple(done)) == Success()


def test_tags_that_aws_set_are_left_alone_and_cannot_be_set() -> None:
    now = snapshot(tags={"aws:x": "1", "a": "1"})
    assert brief(next_step(update(tags={"a": "1"}), now, ())) == "ok"
    assert brief(next_step(update(tags={"a": "1", "aws:x": "1"}), now, ())) == "ok"
    assert "'AWS:y' cannot be set" in refusal(update(tags={"AWS:y": "1"}), now)


def test_tags_are_refused_where_they_were_not_read_or_are_too_many() -> None:
    unread = snapshot().__class__(snapshot().described, None)
    assert "were not read" in refusal(update(tags={}), unread)
    assert "51 tags" in refusal(update(tags={str(n): "" for n in range(51)}), snapshot())


DRY_RUNS = [
    (insert(), None, "create", "Creating, Created or Running"),
    (update(), "Running", "", "Running"),
    (update(tags={}), "Stopping", "untag", "Stopping"),
    (update(Description="n"), "Running", "update", "Running, Updating, Running"),
    (update(desired="Running"), "Created", "start", "Created, Starting, Running"),
    (update(desired="Running"), "Updating", "start", "Updating, Created, Starting, Running"),
    (update(desired="Cancelled"), "Running", "stop", "Running, Stopping, Cancelled"),
    (update(desired="Cancelled"), "Stopping", "", "Stopping, Cancelled"),
    (update(desired="Completed"), "Creating", "stop", "Creating, Running, Stopping, Completed"),
    (update(Description="n", tags={}, desired="Completed"), "Running", "update untag stop",
     "Running, Updating, Running, Stopping, Completed"),
    (delete(), "Created", "delete", "Created, missing"),
    (delete(), "Cancelled", "delete", "Cancelled, missing"),
    (delete(), "Creating", "delete", "Creating, Created, missing"),
    (delete(), "Updating", "delete", "Updating, Created, missing"),
    (delete(), "Stopping", "delete", "Stopping, Completed, missing"),
    (delete(), "Running", "stop delete", "Running, Stopping, Completed, missing"),
    (delete(), "Starting", "stop delete", "Starting, Running, Stopping, Completed, missing"),
    (execute("start", Name="trial"), "Created", "exec", "Created, Starting, Running"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "state", "purposes", "path"), DRY_RUNS)
def test_a_dry_run_shows_the_calls_and_the_states(write, state, purposes, path) -> None:  # type: ignore[no-untyped-def]
    calls, states, find_refusals = simulate(write, snapshot(state) if state else None)
    assert ([call.purpose for call in calls], states) == (purposes.split(), path.split(", "))
    assert find_refusals is None


def test_a_dry_run_that_is_refused_in_every_state_says_why() -> None:
    calls, states, find_refusals = simulate(update(Description="n"), snapshot("Stopping"))
    assert (calls, states) == ([], ["Stopping"])
    assert isinstance(find_refusals, Refusal)


def test_a_member_fixed_at_creation_is_one_that_no_update_takes() -> None:
    assert TABLE.create_only == ("Name", "Type", "RoleArn", "EndpointName", "KmsKey")
