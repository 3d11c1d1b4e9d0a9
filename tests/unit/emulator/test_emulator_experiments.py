from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from client_errors import code_of
from experiment_members import sampling, variant

STATES = ("Creating", "Created", "Updating", "Starting", "Running", "Stopping", "Completed", "Cancelled")
STATE_AFTER = {
    "start": {"Created": "Running"},
    "stop": {"Running": "Completed"},
    "update": {"Created": "Created", "Running": "Running"},
    "delete": {"Created": "gone", "Completed": "gone", "Cancelled": "gone"},
}
RETAIN = {"production": "Retain", "shadow": "Retain"}
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
WEEK = timedelta(days=7)


def add(em, status, name="trial", **members):
    em.add("InferenceExperiment", "us-east-1", {"Name": name, "Status": status, **members})


def get_status(em, name="trial"):
    return em.get("InferenceExperiment", "us-east-1", name)["Status"]


def test_without_a_schedule_it_starts_at_once_and_ends_after_seven_days(em, sm, creatable):
    arn = sm.create_inference_experiment(**creatable("Trial-A"))["InferenceExperimentArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:inference-experiment/trial-a"
    trial = sm.describe_inference_experiment(Name="Trial-A")
    assert trial["Status"] == "Running" and trial["Arn"] == arn
    assert trial["Schedule"]["EndTime"] - trial["CreationTime"] == WEEK


def test_describe_returns_the_created_members(em, sm, creatable):
    sent = creatable(
        Description="d",
        KmsKey="alias/k",
        Schedule={"StartTime": LATER, "EndTime": LATER + WEEK},
        DataStorageConfig={"Destination": "s3://b/p", "ContentType": {"CsvContentTypes": ["text/csv"]}},
        Tags=[{"Key": "team", "Value": "core"}],
    )
    sm.create_inference_experiment(**sent)
    trial = sm.describe_inference_experiment(Name="trial")
    for name in ("Name", "Type", "RoleArn", "Description", "KmsKey", "DataStorageConfig", "ShadowModeConfig"):
        assert trial[name] == sent[name]
    assert trial["Schedule"] == sent["Schedule"]
    assert trial["EndpointMetadata"]["EndpointName"] == "search"
    assert trial["ModelVariants"] == [{**variant, "Status": "InService"} for variant in sent["ModelVariants"]]
    assert trial["Status"] == "Created"
    assert "Tags" not in trial and "EndpointName" not in trial
    assert em.get("InferenceExperiment", "us-east-1", "trial")["Tags"] == sent["Tags"]


def test_a_name_is_taken_in_any_case(em, sm, creatable):
    sm.create_inference_experiment(**creatable("Trial"))
    assert code_of(sm.create_inference_experiment, **creatable("Trial")) == "ResourceInUse"
    assert code_of(sm.create_inference_experiment, **creatable("trial")) == "ResourceInUse"
    assert not em.calls[-1].committed


def test_a_region_holds_no_more_than_the_limit(em, sm, creatable):
    em.options.limit = 1
    sm.create_inference_experiment(**creatable("one"))
    assert code_of(sm.create_inference_experiment, **creatable("two")) == "ResourceLimitExceeded"


@pytest.mark.parametrize(
    "schedule",
    [
        {"StartTime": LATER, "EndTime": LATER},
        {"StartTime": LATER, "EndTime": LATER + timedelta(days=30, seconds=1)},
    ],
)
def test_a_schedule_must_end_after_it_starts_and_within_thirty_days(sm, creatable, schedule):
    assert code_of(sm.create_inference_experiment, **creatable(Schedule=schedule)) == "ValidationException"


def test_a_schedule_starts_and_ends_an_experiment_in_time(em, sm, creatable):
    past = datetime.now(UTC) - timedelta(days=10)
    sm.create_inference_experiment(**creatable(Schedule={"StartTime": past, "EndTime": past + WEEK}))
    assert get_status(em) == "Completed"
    soon = {"StartTime": past, "EndTime": LATER}
    sm.create_inference_experiment(**creatable("going", Schedule=soon))
    assert get_status(em, "going") == "Running"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("operation", STATE_AFTER)
def test_each_operation_is_allowed_in_its_states_only(em, sm, operation, state):
    add(em, state)
    allowed = state in STATE_AFTER[operation]
    more = {"stop": {"ModelVariantActions": RETAIN}, "update": {"Description": "new"}}.get(operation, {})
    call = getattr(sm, f"{operation}_inference_experiment")
    assert code_of(call, Name="trial", **more) == ("" if allowed else "ConflictException")
    after = em.get("InferenceExperiment", "us-east-1", "trial") or {"Status": "gone"}
    assert after["Status"] == STATE_AFTER[operation].get(state, state)
    assert after.get("Description") == ("new" if operation == "update" and allowed else None)


@pytest.mark.parametrize("operation", ["describe", "start", "update", "delete"])
def test_a_missing_experiment_is_not_found(sm, operation):
    assert code_of(getattr(sm, f"{operation}_inference_experiment"), Name="nobody") == "ResourceNotFound"


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"Description": ""}, True),
        ({"Schedule": {"EndTime": LATER}}, True),
        ({"Schedule": {"StartTime": LATER, "EndTime": LATER + WEEK}}, False),
        ({"DataStorageConfig": {"Destination": "s3://b/p"}}, False),
        ({"ShadowModeConfig": sampling(99)}, True),
        ({"ShadowModeConfig": sampling(99) | {"SourceModelVariantName": "shadow"}}, False),
        ({"ModelVariants": [variant("production")]}, False),
    ],
)
def test_a_running_experiment_changes_only_description_percentage_and_end(em, sm, creatable, change, allowed):
    sm.create_inference_experiment(**creatable())
    assert code_of(sm.update_inference_experiment, Name="trial", **change) == (
        "" if allowed else "ValidationException"
    )
    assert em.calls[-1].committed is allowed
    if allowed:
        trial = sm.describe_inference_experiment(Name="trial")
        assert all(trial[name] == value for name, value in change.items() if name != "Schedule")


def test_an_experiment_ends_at_its_updated_end_time(em, sm, creatable, clock):
    sm.create_inference_experiment(**creatable())
    sm.update_inference_experiment(Name="trial", Schedule={"EndTime": LATER})
    trial = sm.describe_inference_experiment(Name="trial")
    assert trial["Schedule"] == {"StartTime": trial["CreationTime"], "EndTime": LATER}
    end = trial["CreationTime"] + timedelta(seconds=60)
    sm.update_inference_experiment(Name="trial", Schedule={"EndTime": end})
    clock.advance(60)
    assert get_status(em) == "Completed"


def test_stop_sets_the_final_state_the_reason_and_the_variants(em, sm, creatable):
    sm.create_inference_experiment(**creatable())
    sm.stop_inference_experiment(
        Name="trial",
        ModelVariantActions={"production": "Retain", "shadow": "Remove"},
        DesiredState="Cancelled",
        Reason="too slow",
    )
    trial = sm.describe_inference_experiment(Name="trial")
    assert (trial["Status"], trial["StatusReason"]) == ("Cancelled", "too slow")
    assert trial["CompletionTime"] >= trial["CreationTime"]
    assert [variant["Status"] for variant in trial["ModelVariants"]] == ["InService", "Deleted"]


def test_stop_may_name_the_variants_that_remain(em, sm, creatable):
    sm.create_inference_experiment(**creatable())
    desired = creatable()["ModelVariants"][1:]
    sm.stop_inference_experiment(
        Name="trial",
        ModelVariantActions={"shadow": "Promote", "production": "Remove"},
        DesiredModelVariants=desired,
    )
    variants = sm.describe_inference_experiment(Name="trial")["ModelVariants"]
    assert [variant["VariantName"] for variant in variants] == ["shadow"]


def test_stop_refuses_a_variant_that_does_not_exist(em, sm):
    add(em, "Running")
    actions = {"nobody": "Retain"}
    assert (
        code_of(sm.stop_inference_experiment, Name="trial", ModelVariantActions=actions)
        == "ValidationException"
    )


def test_busy_states_last_as_long_as_the_transition(em, sm, creatable, clock):
    em.options.transition = 10

    def watch():
        """The state now and the one after a transition."""
        before = get_status(em)
        clock.advance(9)
        assert get_status(em) == before
        clock.advance(1)
        return before, get_status(em)

    sm.create_inference_experiment(**creatable(Schedule={"StartTime": LATER}))
    assert watch() == ("Creating", "Created")
    sm.update_inference_experiment(Name="trial", Description="x")
    assert watch() == ("Updating", "Created")
    sm.start_inference_experiment(Name="trial")
    assert code_of(sm.delete_inference_experiment, Name="trial") == "ConflictException"
    assert watch() == ("Starting", "Running")
    sm.stop_inference_experiment(Name="trial", ModelVariantActions=RETAIN)
    assert watch() == ("Stopping", "Completed")


def test_variants_and_endpoint_follow_the_state(em, sm):
    metadata = {"EndpointName": "mine", "EndpointConfigName": "c", "EndpointStatus": "Failed"}
    em.add("Endpoint", "us-east-1", metadata)
    add(em, "Creating", EndpointName="mine")
    trial = sm.describe_inference_experiment(Name="trial")
    assert [variant["Status"] for variant in trial["ModelVariants"]] == ["Creating", "Creating"]
    assert trial["EndpointMetadata"] == metadata


def test_an_experiment_takes_an_endpoint_and_models_that_the_emulator_lacks_as_its_page_says(
    em, sm, creatable
):
    sent = creatable(EndpointName="nowhere")
    for variant_ in sent["ModelVariants"]:
        assert em.get("Model", "us-east-1", variant_["ModelName"]) is None
    sm.create_inference_experiment(**sent)
    metadata = sm.describe_inference_experiment(Name="trial")["EndpointMetadata"]
    assert (metadata["EndpointName"], metadata["EndpointStatus"]) == ("nowhere", "InService")
    assert code_of(sm.describe_endpoint, EndpointName="nowhere") == "ValidationException"
    em.add("Endpoint", "us-east-1", {"EndpointName": "nowhere", "EndpointStatus": "RollingBack"})
    metadata = sm.describe_inference_experiment(Name="trial")["EndpointMetadata"]
    assert metadata["EndpointStatus"] == "RollingBack"
    page = " ".join((Path(__file__).parents[3] / "docs" / "emulator.md").read_text().split())
    assert "AWS looks up the endpoint and the models that an experiment names; the emulator does not" in page


def test_describe_may_lag_behind_a_stop(em, sm):
    add(em, "Running")
    em.options.stale_describe = 2
    sm.stop_inference_experiment(Name="trial", ModelVariantActions=RETAIN)
    seen = [sm.describe_inference_experiment(Name="trial")["Status"] for _ in range(3)]
    assert seen == ["Running", "Running", "Completed"]
    assert get_status(em) == "Completed"


def test_describe_may_see_a_create_late(em, sm, creatable):
    em.options.late_describe = 1
    sm.create_inference_experiment(**creatable())
    assert code_of(sm.describe_inference_experiment, Name="trial") == "ResourceNotFound"
    assert sm.describe_inference_experiment(Name="trial")["Status"] == "Running"


def test_an_added_experiment_keeps_its_state(em, sm):
    past = datetime(2024, 1, 1, tzinfo=UTC)
    add(em, "Running", Schedule={"StartTime": past, "EndTime": past + WEEK}, Description=None)
    add(em, "Created", "planned", Schedule={"StartTime": past, "EndTime": past + WEEK})
    sm.update_inference_experiment(Name="planned", Description="x")
    assert [get_status(em), get_status(em, "planned")] == ["Running", "Created"]
    sm.start_inference_experiment(Name="planned")
    trial = sm.describe_inference_experiment(Name="planned")
    assert trial["Status"] == "Running" and trial["Schedule"]["EndTime"] > datetime.now(UTC)


def test_an_invalid_resource_is_not_added(em):
    with pytest.raises(ValueError, match="InferenceExperiment has no member Statsu"):
        add(em, "Running", Statsu="x")
    add(em, "Running", "twin")
    with pytest.raises(ValueError, match="same ARN"):
        add(em, "Running", "Twin")
    with pytest.raises(ValueError, match="is not a resource kind"):
        em.add("Modle", "us-east-1", {})
    with pytest.raises(KeyError):
        em.remove("Model", "us-east-1", "x")
