import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.fixture
def arn(em):
    em.add("InferenceExperiment", "us-east-1", {"Name": "Trial", "Tags": {"a": "1"}})
    return f"{ARN}:inference-experiment/trial"


def tags(sm, arn):
    return {tag["Key"]: tag["Value"] for tag in sm.list_tags(ResourceArn=arn)["Tags"]}


def refused(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


def test_tags_are_added_replaced_and_deleted(em, sm, arn):
    more = [{"Key": "a", "Value": "2"}, {"Key": "b b", "Value": ""}]
    assert len(sm.add_tags(ResourceArn=arn, Tags=more)["Tags"]) == 2
    assert tags(sm, arn) == {"a": "2", "b b": ""}
    sm.delete_tags(ResourceArn=arn, TagKeys=["a", "nobody"])
    assert tags(sm, arn) == {"b b": ""}


def test_a_change_that_changes_nothing_is_no_commit(em, sm, arn):
    sm.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    sm.delete_tags(ResourceArn=arn, TagKeys=["z"])
    sm.add_tags(ResourceArn=arn, Tags=[{"Key": "c", "Value": "1"}])
    assert [call.committed for call in em.calls] == [False, False, True]


@pytest.mark.parametrize("noun", ["Model", "EndpointConfig", "Endpoint"])
def test_every_type_has_tags(em, sm, noun):
    em.add(noun, "us-east-1", {f"{noun}Name": "x", "Tags": [{"Key": "k", "Value": "v"}]})
    part = {"Model": "model", "EndpointConfig": "endpoint-config", "Endpoint": "endpoint"}[noun]
    assert tags(sm, f"{ARN}:{part}/X") == {"k": "v"}
    assert refused(sm.list_tags, ResourceArn=f"{ARN}:{part}/nobody") == "ValidationException"


def test_a_missing_experiment_has_no_tags(sm):
    assert refused(sm.list_tags, ResourceArn=f"{ARN}:inference-experiment/nobody") == "ResourceNotFound"


@pytest.mark.parametrize(
    "arn",
    [
        f"{ARN}:pipeline/x",
        "arn:aws:sagemaker:eu-west-1:123456789012:inference-experiment/trial",
        "arn:aws:sagemaker:us-east-1:999999999999:inference-experiment/trial",
    ],
)
def test_an_arn_of_elsewhere_is_refused(sm, arn):
    assert refused(sm.list_tags, ResourceArn=arn) == "ValidationException"


@pytest.mark.parametrize(
    "more",
    [
        [{"Key": f"k{number}", "Value": ""} for number in range(50)],
        [{"Key": "aws:x", "Value": ""}],
        [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}],
        [{"Key": "k!", "Value": ""}],
    ],
)
def test_tags_too_many_or_not_allowed_are_refused_whole(sm, arn, more):
    assert refused(sm.add_tags, ResourceArn=arn, Tags=more) == "ValidationException"
    assert tags(sm, arn) == {"a": "1"}


def test_tags_come_in_pages(em, sm):
    many = {f"k{number:03}": str(number) for number in range(120)}
    em.add("Model", "us-east-1", {"ModelName": "m", "Tags": many})
    pages = list(sm.get_paginator("list_tags").paginate(ResourceArn=f"{ARN}:model/m"))
    assert [len(page["Tags"]) for page in pages] == [50, 50, 20]
    assert {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]} == many
    em.options.sparse_pages = True
    assert len(list(sm.get_paginator("list_tags").paginate(ResourceArn=f"{ARN}:model/m"))) == 6
