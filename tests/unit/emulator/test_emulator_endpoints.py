import pytest
from client_errors import refuse

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/serving:1"
ARN = "arn:aws:sagemaker:us-east-1:123456789012"
VARIANT = {"VariantName": "a", "ModelName": "m", "InitialInstanceCount": 2, "InstanceType": "ml.m5.xlarge"}


@pytest.fixture
def hosted_model(sm):
    """A client with model m, endpoint config c and endpoint e, created through the API."""
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


def test_a_model_is_described_as_created(sm):
    sent = {
        "Containers": [{"Image": IMAGE, "Environment": {"A": "b"}}, {"Image": IMAGE}],
        "InferenceExecutionConfig": {"Mode": "Direct"},
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "EnableNetworkIsolation": True,
    }
    sm.create_model(ModelName="M", **sent)
    model = sm.describe_model(ModelName="M")
    assert {name: model[name] for name in sent} == sent
    assert model["ModelArn"] == f"{ARN}:model/m"


def test_a_model_needs_one_container_or_a_list(sm):
    container = {"Image": IMAGE}
    assert "must be specified" in refuse(sm.create_model, ModelName="m")
    both = {"PrimaryContainer": container, "Containers": [container]}
    assert "cannot both" in refuse(sm.create_model, ModelName="m", **both)


def test_an_endpoint_reports_its_config(hosted_model):
    config = hosted_model.describe_endpoint_config(EndpointConfigName="c")
    assert config["ProductionVariants"] == [VARIANT | {"InitialVariantWeight": 1.0}]
    endpoint = hosted_model.describe_endpoint(EndpointName="e")
    (variant,) = endpoint["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredWeight"]) == (2, 1.0)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c")
    assert endpoint["DataCaptureConfig"]["CurrentSamplingPercentage"] == 20


@pytest.mark.parametrize(
    ("noun", "name", "words", "more"),
    [
        ("model", "m", "model", {"PrimaryContainer": {"Image": IMAGE}}),
        ("endpoint_config", "c", "endpoint configuration", {"ProductionVariants": [VARIANT]}),
        ("endpoint", "e", "endpoint", {"EndpointConfigName": "c"}),
    ],
)
def test_errors_name_missing_and_existing_resources(hosted_model, noun, name, words, more):
    key = f"{noun.title().replace('_', '')}Name"
    create, describe, delete = (
        getattr(hosted_model, f"{verb}_{noun}") for verb in ("create", "describe", "delete")
    )
    arn = f"{ARN}:{noun.replace('_', '-')}"
    for call in (describe, delete):
        assert refuse(call, **{key: "nobody"}) == f'Could not find {words} "{arn}/nobody".'
    assert refuse(create, **{key: name}, **more) == f'Cannot create already existing {words} "{arn}/{name}".'
    delete(**{key: name})
    assert "Could not find" in refuse(describe, **{key: name})


def test_a_referenced_resource_must_exist(sm):
    config = {"EndpointConfigName": "c", "ProductionVariants": [VARIANT]}
    assert 'Could not find model "arn' in refuse(sm.create_endpoint_config, **config)
    endpoint = {"EndpointName": "e", "EndpointConfigName": "c"}
    assert 'Could not find endpoint configuration "arn' in refuse(sm.create_endpoint, **endpoint)


def test_an_endpoint_is_updated_to_another_config(hosted_model):
    hosted_model.create_endpoint_config(
        EndpointConfigName="d", ProductionVariants=[VARIANT | {"InitialInstanceCount": 5}]
    )
    hosted_model.update_endpoint(EndpointName="e", EndpointConfigName="d")
    endpoint = hosted_model.describe_endpoint(EndpointName="e")
    assert endpoint["EndpointConfigName"] == "d"
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 5


def test_weights_and_capacities_change_by_variant(hosted_model):
    wanted = [{"VariantName": "a", "DesiredWeight": 0.5, "DesiredInstanceCount": 7}]
    hosted_model.update_endpoint_weights_and_capacities(EndpointName="e", DesiredWeightsAndCapacities=wanted)
    (variant,) = hosted_model.describe_endpoint(EndpointName="e")["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["DesiredInstanceCount"]) == (0.5, 7)
    wanted[0]["VariantName"] = "nobody"
    change = {"EndpointName": "e", "DesiredWeightsAndCapacities": wanted}
    assert "Could not find variant" in refuse(hosted_model.update_endpoint_weights_and_capacities, **change)


def test_an_endpoint_passes_through_its_busy_states(em, hosted_model, clock):
    em.options.transition = 10
    hosted_model.update_endpoint(EndpointName="e", EndpointConfigName="c")
    assert hosted_model.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Updating"
    assert "Cannot update in-progress endpoint" in refuse(hosted_model.delete_endpoint, EndpointName="e")
    clock.advance(10)
    hosted_model.delete_endpoint(EndpointName="e")
    assert hosted_model.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Deleting"
    clock.advance(10)
    assert em.get("Endpoint", "us-east-1", "e") is None
    assert "Could not find endpoint" in refuse(hosted_model.describe_endpoint, EndpointName="e")
