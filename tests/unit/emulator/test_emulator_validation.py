import json

import pytest
from client_errors import refuse


def test_one_violation_has_the_text_of_aws(sm):
    assert refuse(sm.describe_model, ModelName="x" * 64) == (
        "1 validation error detected: Value '" + "x" * 64 + "' at 'modelName' failed to satisfy constraint: "
        "Member must have length less than or equal to 63"
    )


def test_all_violations_of_a_request_are_reported_at_once(em, sm, creatable):
    sent = creatable("a_b", Type="Other", RoleArn="short")
    del sent["EndpointName"]
    infrastructure = sent["ModelVariants"][1]["InfrastructureConfig"]
    infrastructure["RealTimeInferenceConfig"] = {"InstanceType": "huge", "InstanceCount": -1}
    text = refuse(sm.create_inference_experiment, **sent)
    assert text.startswith("7 validation errors detected: ")
    failed = " failed to satisfy constraint: "
    config = "modelVariants.2.member.infrastructureConfig.realTimeInferenceConfig"
    for violation in (
        f"Value null at 'endpointName'{failed}Member must not be null",
        f"Value 'a_b' at 'name'{failed}Member must satisfy regular expression pattern: "
        "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}",
        f"Value 'Other' at 'type'{failed}Member must satisfy enum value set: [ShadowMode]",
        f"Value 'short' at 'roleArn'{failed}Member must have length greater than or equal to 20",
        f"Value 'huge' at '{config}.instanceType'{failed}Member must satisfy enum value set: [",
        f"Value '-1' at '{config}.instanceCount'{failed}Member must have value greater than or equal to 0",
    ):
        assert violation in text
    assert em.get("InferenceExperiment", "us-east-1", "a_b") is None


@pytest.mark.parametrize("instance", ["ml.t3.medium", "ml.p3dn.24xlarge", "ml.x99.48xlarge"])
def test_instance_types_newer_than_the_model_are_accepted(sm, creatable, instance):
    sent = creatable()
    sent["ModelVariants"][0]["InfrastructureConfig"]["RealTimeInferenceConfig"]["InstanceType"] = instance
    sm.create_inference_experiment(**sent)
    variants = sm.describe_inference_experiment(Name="trial")["ModelVariants"]
    assert variants[0]["InfrastructureConfig"]["RealTimeInferenceConfig"]["InstanceType"] == instance


def test_maps_and_lists_are_checked_inside(sm):
    text = refuse(sm.stop_inference_experiment, Name="x", ModelVariantActions={"a": "Keep", "b_": "Retain"})
    assert (
        "Value '{a=Keep, b_=Retain}' at 'modelVariantActions' failed to satisfy constraint: Map value must "
        "satisfy constraint: [Member must satisfy enum value set: [Retain, Remove, Promote]]"
    ) in text
    assert "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: " in text
    text = refuse(sm.delete_tags, ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:x", TagKeys=[])
    assert text.startswith("1 validation error detected: Value '[]' at 'tagKeys'")


@pytest.mark.parametrize(
    "parameters",
    [
        {"MaxResults": 0},
        {"MaxResults": 101},
        {"NameContains": "a_b"},
        {"NameContains": ""},
        {"StatusEquals": "running"},
    ],
)
def test_list_parameters_are_checked(sm, parameters):
    assert refuse(sm.list_inference_experiments, **parameters).startswith(
        "1 validation error detected: Value '"
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"MaxResults": "5"}, "STRING_VALUE can not be converted to an Integer"),
        ({"MaxResults": 2**31}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"MaxResults": -(2**31) - 1}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"NameContains": 5}, "NUMBER_VALUE can not be converted to a String"),
        ({"NameContains": [5]}, "Start of list found where not expected."),
        (b"{", "The body is not a JSON object."),
        (b"[]", "The body is not a JSON object."),
    ],
)
def test_a_value_of_the_wrong_type_is_a_serialization_exception(send, body, text):
    status, _, reply = send("ListInferenceExperiments", body)
    assert (status, json.loads(reply)) == (400, {"__type": "SerializationException", "Message": text})


def test_null_is_absent_and_unknown_members_are_ignored(em, send):
    em.fill(3)
    assert send("ListInferenceExperiments", {"NameContains": None, "Colour": "red"})[0] == 200
