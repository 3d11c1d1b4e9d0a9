import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

from sqlprov.emulator import Options

STATES = ("Creating", "Created", "Updating", "Starting", "Running", "Stopping", "Completed", "Cancelled")
RETAIN = {"production": "Retain", "shadow": "Retain"}
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
WEEK = timedelta(days=7)


def put(em, status, name="trial", **members):
    em.add("InferenceExperiment", "us-east-1", {"Name": name, "Status": status, **members})


def status(em, name="trial"):
    return em.get("InferenceExperiment", "us-east-1", name)["Status"]


def code(call, **parameters):
    """The error code of a call; empty if it succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_one_without_schedule_starts_at_once_and_ends_after_seven_days(em, sm, creatable):
    arn = sm.create_inference_experiment(**creatable("Trial-A"))["InferenceExperimentArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:inference-experiment/trial-a"
    found = sm.describe_inference_experiment(Name="Trial-A")
    assert found["Status"] == "Running" and found["Arn"] == arn
    assert found["Schedule"]["EndTime"] - found["CreationTime"] == WEEK


def test_what_was_created_is_described(em, sm, creatable):
    sent = creatable(
        Description="d",
        KmsKey="alias/k",
        Schedule={"StartTime": LATER, "EndTime": LATER + WEEK},
        DataStorageConfig={"Destination": "s3://b/p", "ContentType": {"CsvContentTypes": ["text/csv"]}},
        Tags=[{"Key": "team", "Value": "core"}],
    )
    sm.create_inference_experiment(**sent)
    found = sm.describe_inference_experiment(Name="trial")
    for name in ("Name", "Type", "RoleArn", "Description", "KmsKey", "DataStorageConfig", "ShadowModeConfig"):
        assert found[name] == sent[name]
    assert found["Schedule"] == sent["Schedule"]
    assert found["EndpointMetadata"]["EndpointName"] == "search"
    assert found["ModelVariants"] == [{**variant, "Status": "InService"} for variant in sent["ModelVariants"]]
    assert found["Status"] == "Created"
    assert "Tags" not in found and "EndpointName" not in found
    assert em.get("InferenceExperiment", "us-east-1", "trial")["Tags"] == sent["Tags"]


def test_a_name_is_taken_whatever_its_case(em, sm, creatable):
    sm.create_inference_experiment(**creatable("Trial"))
    assert code(sm.create_inference_experiment, **creatable("Trial")) == "ResourceInUse"
    assert code(sm.create_inference_experiment, **creatable("trial")) == "ResourceInUse"
    assert not em.calls[-1].committed


def test_a_region_holds_only_so_many(em, sm, creatable):
    em.options.limit = 1
    sm.create_inference_experiment(**creatable("one"))
    assert code(sm.create_inference_experiment, **creatable("two")) == "ResourceLimitExceeded"


@pytest.mark.parametrize(
    "schedule",
    [
        {"StartTime": LATER, "EndTime": LATER},
        {"StartTime": LATER, "EndTime": LATER + timedelta(days=30, seconds=1)},
    ],
)
def test_a_schedule_must_end_after_it_starts_and_within_thirty_days(sm, creatable, schedule):
    assert code(sm.create_inference_experiment, **creatable(Schedule=schedule)) == "ValidationException"


def test_a_schedule_is_acted_on_when_its_time_has_come(em, sm, creatable):
    past = datetime.now(UTC) - timedelta(days=10)
    sm.create_inference_experiment(**creatable(Schedule={"StartTime": past, "EndTime": past + WEEK}))
    assert status(em) == "Completed"
    soon = {"StartTime": past, "EndTime": LATER}
    sm.create_inference_experiment(**creatable("going", Schedule=soon))
    assert status(em, "going") == "Running"


@pytest.mark.parametrize("state", STATES)
def test_start_is_for_created_ones_only(em, sm, state):
    put(em, state)
    expected = "" if state == "Created" else "ConflictException"
    assert code(sm.start_inference_experiment, Name="trial") == expected
    assert status(em) == (state if expected else "Running")


@pytest.mark.parametrize("state", STATES)
def test_stop_is_for_running_ones_only(em, sm, state):
    put(em, state)
    expected = "" if state == "Running" else "ConflictException"
    assert code(sm.stop_inference_experiment, Name="trial", ModelVariantActions=RETAIN) == expected
    assert status(em) == (state if expected else "Completed")


@pytest.mark.parametrize("state", STATES)
def test_update_is_for_created_and_running_ones_only(em, sm, state):
    put(em, state)
    expected = "" if state in ("Created", "Running") else "ConflictException"
    assert code(sm.update_inference_experiment, Name="trial", Description="new") == expected
    assert status(em) == state
    assert em.get("InferenceExperiment", "us-east-1", "trial").get("Description") == (
        None if expected else "new"
    )


@pytest.mark.parametrize("state", STATES)
def test_delete_is_for_those_that_neither_run_nor_change(em, sm, state):
    put(em, state)
    expected = "" if state in ("Created", "Completed", "Cancelled") else "ConflictException"
    assert code(sm.delete_inference_experiment, Name="trial") == expected
    assert (em.get("InferenceExperiment", "us-east-1", "trial") is None) == (not expected)


@pytest.mark.parametrize("operation", ["describe", "start", "update", "delete"])
def test_a_missing_one_is_said_to_be_missing(sm, operation):
    assert code(getattr(sm, f"{operation}_inference_experiment"), Name="nobody") == "ResourceNotFound"


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"Description": ""}, True),
        ({"Schedule": {"EndTime": LATER}}, True),
        ({"Schedule": {"StartTime": LATER, "EndTime": LATER + WEEK}}, False),
        ({"DataStorageConfig": {"Destination": "s3://b/p"}}, False),
        ({"percentage": 99}, True),
        ({"percentage": 99, "source": "shadow"}, False),
        ({"variants": 1}, False),
    ],
)
def test_a_running_one_changes_only_description_percentage_and_end(em, sm, creatable, change, allowed):
    sm.create_inference_experiment(**creatable())
    sent = dict(change)
    if "percentage" in change:
        shadows = [{"ShadowModelVariantName": "shadow", "SamplingPercentage": sent.pop("percentage")}]
        source = sent.pop("source", "production")
        sent["ShadowModeConfig"] = {"SourceModelVariantName": source, "ShadowModelVariants": shadows}
    if "variants" in change:
        sent["ModelVariants"] = creatable()["ModelVariants"][: sent.pop("variants")]
    assert code(sm.update_inference_experiment, Name="trial", **sent) == (
        "" if allowed else "ValidationException"
    )
    assert em.calls[-1].committed is allowed
    if allowed:
        found = sm.describe_inference_experiment(Name="trial")
        assert all(found[name] == value for name, value in sent.items() if name != "Schedule")


def test_an_end_that_is_moved_is_the_end_that_counts(em, sm, creatable):
    sm.create_inference_experiment(**creatable())
    sm.update_inference_experiment(Name="trial", Schedule={"EndTime": LATER})
    before = sm.describe_inference_experiment(Name="trial")
    assert (
        before["Schedule"]["EndTime"] == LATER and before["Schedule"]["StartTime"] == before["CreationTime"]
    )
    # The service takes whole seconds from this client: the earliest end is in the next one.
    sm.update_inference_experiment(
        Name="trial", Schedule={"EndTime": before["CreationTime"] + timedelta(seconds=1)}
    )
    time.sleep(1.0)
    assert sm.describe_inference_experiment(Name="trial")["Status"] == "Completed"


def test_stop_says_how_it_ended_and_what_became_of_each_variant(em, sm, creatable):
    sm.create_inference_experiment(**creatable())
    sm.stop_inference_experiment(
        Name="trial",
        ModelVariantActions={"production": "Retain", "shadow": "Remove"},
        DesiredState="Cancelled",
        Reason="too slow",
    )
    found = sm.describe_inference_experiment(Name="trial")
    assert (found["Status"], found["StatusReason"]) == ("Cancelled", "too slow")
    assert found["CompletionTime"] >= found["CreationTime"]
    assert [variant["Status"] for variant in found["ModelVariants"]] == ["InService", "Deleted"]


def test_stop_may_name_the_variants_that_remain(em, sm, creatable):
    sm.create_inference_experiment(**creatable())
    desired = creatable()["ModelVariants"][1:]
    sm.stop_inference_experiment(
        Name="trial",
        ModelVariantActions={"shadow": "Promote", "production": "Remove"},
        DesiredModelVariants=desired,
    )
    found = sm.describe_inference_experiment(Name="trial")["ModelVariants"]
    assert [variant["VariantName"] for variant in found] == ["shadow"]


def test_stop_refuses_a_variant_that_does_not_exist(em, sm):
    put(em, "Running")
    actions = {"nobody": "Retain"}
    assert (
        code(sm.stop_inference_experiment, Name="trial", ModelVariantActions=actions) == "ValidationException"
    )


def test_busy_states_are_seen_while_they_last(em, sm, creatable):
    em.options = Options(transition=0.12)
    seen = []

    def watch(until):
        ends = time.monotonic() + 2
        while (now := sm.describe_inference_experiment(Name="trial")["Status"]) != until:
            seen.append(now)
            assert time.monotonic() < ends
        seen.append(now)

    sm.create_inference_experiment(**creatable(Schedule={"StartTime": LATER}))
    watch("Created")
    sm.update_inference_experiment(Name="trial", Description="x")
    watch("Created")
    sm.start_inference_experiment(Name="trial")
    assert code(sm.delete_inference_experiment, Name="trial") == "ConflictException"
    watch("Running")
    sm.stop_inference_experiment(Name="trial", ModelVariantActions=RETAIN)
    watch("Completed")
    path = ["Creating", "Created", "Updating", "Created", "Starting", "Running", "Stopping", "Completed"]
    assert [seen[0], *(now for before, now in pairwise(seen) if now != before)] == path


def test_variants_and_endpoint_follow_the_state(em, sm):
    em.add(
        "Endpoint",
        "us-east-1",
        {"EndpointName": "mine", "EndpointConfigName": "c", "EndpointStatus": "Failed"},
    )
    put(em, "Creating", EndpointName="mine")
    found = sm.describe_inference_experiment(Name="trial")
    assert [variant["Status"] for variant in found["ModelVariants"]] == ["Creating", "Creating"]
    metadata = {"EndpointName": "mine", "EndpointConfigName": "c", "EndpointStatus": "Failed"}
    assert found["EndpointMetadata"] == metadata


def test_describe_may_lag_behind_a_stop(em, sm):
    put(em, "Running")
    em.options.stale_describe = 2
    sm.stop_inference_experiment(Name="trial", ModelVariantActions=RETAIN)
    seen = [sm.describe_inference_experiment(Name="trial")["Status"] for _ in range(3)]
    assert seen == ["Running", "Running", "Completed"]
    assert status(em) == "Completed"


def test_describe_may_see_a_create_late(em, sm, creatable):
    em.options.late_describe = 1
    sm.create_inference_experiment(**creatable())
    assert code(sm.describe_inference_experiment, Name="trial") == "ResourceNotFound"
    assert sm.describe_inference_experiment(Name="trial")["Status"] == "Running"


def test_what_is_put_directly_stays_as_it_is(em, sm):
    past = datetime(2024, 1, 1, tzinfo=UTC)
    put(em, "Running", Schedule={"StartTime": past, "EndTime": past + WEEK}, Description=None)
    put(em, "Created", "planned", Schedule={"StartTime": past, "EndTime": past + WEEK})
    sm.update_inference_experiment(Name="planned", Description="x")
    assert [status(em), status(em, "planned")] == ["Running", "Created"]
    sm.start_inference_experiment(Name="planned")
    found = sm.describe_inference_experiment(Name="planned")
    assert found["Status"] == "Running" and found["Schedule"]["EndTime"] > datetime.now(UTC)


def test_a_member_that_does_not_exist_is_not_put(em):
    with pytest.raises(ValueError, match="InferenceExperiment has no member Statsu"):
        put(em, "Running", Statsu="x")
    put(em, "Running", "twin")
    with pytest.raises(ValueError, match="same ARN"):
        put(em, "Running", "Twin")
    with pytest.raises(ValueError, match="is not a resource kind"):
        em.add("Modle", "us-east-1", {})
    with pytest.raises(KeyError):
        em.remove("Model", "us-east-1", "x")
