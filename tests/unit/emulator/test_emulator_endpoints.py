import time

import pytest
from botocore.exceptions import ClientError

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/serving:1"
VARIANT = {"VariantName": "a", "ModelName": "m", "InitialInstanceCount": 2, "InstanceType": "ml.m5.xlarge"}


@pytest.fixture
def hosted(sm):
    """Model m, endpoint config c and endpoint e, made through the API."""
    sm.create_model(ModelName="m", PrimaryContainer={"Image": IMAGE})
    capture = {
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://b/p",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    sm.create_endpoint_config(
        EndpointConfigName="c",
        ProductionVariants=[VARIANT],
        DataCaptureConfig=capture,
        Tags=[{"Key": "k", "Value": ""}],
    )
    sm.create_endpoint(EndpointName="e", EndpointConfigName="c")
    return sm


def refused(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def test_a_model_is_described_as_created(sm):
    containers = [{"Image": IMAGE, "Environment": {"A": "b"}}, {"Image": IMAGE}]
    sent = {
        "Containers": containers,
        "InferenceExecutionConfig": {"Mode": "Direct"},
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "EnableNetworkIsolation": True,
    }
    sm.create_model(ModelName="M", **sent)
    found = sm.describe_model(ModelName="M")
    assert {name: found[name] for name in sent} == sent
    assert found["ModelArn"] == "arn:aws:sagemaker:us-east-1:123456789012:model/m"


def test_a_model_needs_containers_of_one_kind(sm):
    container = {"Image": IMAGE}
    assert "must be specified" in refused(sm.create_model, ModelName="m")
    both = {"PrimaryContainer": container, "Containers": [container]}
    assert "cannot both" in refused(sm.create_model, ModelName="m", **both)


def test_an_endpoint_reports_what_its_config_says(hosted):
    config = hosted.describe_endpoint_config(EndpointConfigName="c")
    assert config["ProductionVariants"] == [VARIANT | {"InitialVariantWeight": 1.0}]
    found = hosted.describe_endpoint(EndpointName="e")
    (variant,) = found["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredWeight"]) == (2, 1.0)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "c")
    assert found["DataCaptureConfig"]["CurrentSamplingPercentage"] == 20


@pytest.mark.parametrize(
    ("noun", "words", "part", "more"),
    [
        ("model", "model", "model", {"PrimaryContainer": {"Image": IMAGE}}),
        ("endpoint_config", "endpoint configuration", "endpoint-config", {"ProductionVariants": [VARIANT]}),
        ("endpoint", "endpoint", "endpoint", {"EndpointConfigName": "c"}),
    ],
)
def test_missing_and_existing_ones_are_named_in_a_text(hosted, noun, words, part, more):
    key = "".join(word.title() for word in noun.split("_")) + "Name"
    arn = f'"arn:aws:sagemaker:us-east-1:123456789012:{part}/'
    for verb in ("describe", "delete"):
        text = refused(getattr(hosted, f"{verb}_{noun}"), **{key: "nobody"})
        assert text == f'ValidationException: Could not find {words} {arn}nobody".'
    mine = {"model": "m", "endpoint_config": "c", "endpoint": "e"}[noun]
    text = refused(getattr(hosted, f"create_{noun}"), **{key: mine}, **more)
    assert text == f'ValidationException: Cannot create already existing {words} {arn}{mine}".'
    getattr(hosted, f"delete_{noun}")(**{key: mine})
    assert "Could not find" in refused(getattr(hosted, f"describe_{noun}"), **{key: mine})


def test_what_is_referred_to_must_exist(sm):
    config = {"EndpointConfigName": "c", "ProductionVariants": [VARIANT]}
    assert 'Could not find model "arn' in refused(sm.create_endpoint_config, **config)
    endpoint = {"EndpointName": "e", "EndpointConfigName": "c"}
    assert 'Could not find endpoint configuration "arn' in refused(sm.create_endpoint, **endpoint)


def test_an_endpoint_is_updated_to_another_config(hosted):
    hosted.create_endpoint_config(
        EndpointConfigName="d", ProductionVariants=[VARIANT | {"InitialInstanceCount": 5}]
    )
    hosted.update_endpoint(EndpointName="e", EndpointConfigName="d")
    found = hosted.describe_endpoint(EndpointName="e")
    assert (found["EndpointConfigName"], found["ProductionVariants"][0]["CurrentInstanceCount"]) == ("d", 5)


def test_weights_and_capacities_change_by_variant(hosted):
    wanted = [{"VariantName": "a", "DesiredWeight": 0.5, "DesiredInstanceCount": 7}]
    hosted.update_endpoint_weights_and_capacities(EndpointName="e", DesiredWeightsAndCapacities=wanted)
    (variant,) = hosted.describe_endpoint(EndpointName="e")["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["DesiredInstanceCount"]) == (0.5, 7)
    wanted[0]["VariantName"] = "nobody"
    change = {"EndpointName": "e", "DesiredWeightsAndCapacities": wanted}
    assert "Could not find variant" in refused(hosted.update_endpoint_weights_and_capacities, **change)


def test_an_endpoint_passes_through_its_busy_states(em, hosted):
    em.options.transition = 0.1
    hosted.update_endpoint(EndpointName="e", EndpointConfigName="c")
    assert hosted.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Updating"
    assert "Cannot update in-progress endpoint" in refused(hosted.delete_endpoint, EndpointName="e")
    time.sleep(0.11)
    hosted.delete_endpoint(EndpointName="e")
    assert hosted.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Deleting"
    time.sleep(0.11)
    assert em.get("Endpoint", "us-east-1", "e") is None
    assert "Could not find endpoint" in refused(hosted.describe_endpoint, EndpointName="e")
