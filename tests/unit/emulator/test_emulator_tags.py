import pytest
from client_errors import code_of

ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.fixture
def arn(em):
    em.add("InferenceExperiment", "us-east-1", {"Name": "Trial", "Tags": {"a": "1"}})
    return f"{ARN}:inference-experiment/trial"


def list_tags(sm, arn):
    return {tag["Key"]: tag["Value"] for tag in sm.list_tags(ResourceArn=arn)["Tags"]}


def test_tags_are_added_replaced_and_deleted(em, sm, arn):
    more = [{"Key": "a", "Value": "2"}, {"Key": "b b", "Value": ""}]
    assert len(sm.add_tags(ResourceArn=arn, Tags=more)["Tags"]) == 2
    assert list_tags(sm, arn) == {"a": "2", "b b": ""}
    sm.delete_tags(ResourceArn=arn, TagKeys=["a", "nobody"])
    assert list_tags(sm, arn) == {"b b": ""}


def test_tags_that_stay_the_same_are_not_committed(em, sm, arn):
    sm.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    sm.delete_tags(ResourceArn=arn, TagKeys=["z"])
    sm.add_tags(ResourceArn=arn, Tags=[{"Key": "c", "Value": "1"}])
    assert [call.committed for call in em.calls] == [False, False, True]


@pytest.mark.parametrize(
    ("noun", "part"), [("Model", "model"), ("EndpointConfig", "endpoint-config"), ("Endpoint", "endpoint")]
)
def test_every_kind_has_tags(em, sm, noun, part):
    em.add(noun, "us-east-1", {f"{noun}Name": "x", "Tags": [{"Key": "k", "Value": "v"}]})
    assert list_tags(sm, f"{ARN}:{part}/X") == {"k": "v"}
    assert code_of(sm.list_tags, ResourceArn=f"{ARN}:{part}/nobody") == "ValidationException"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (f"{ARN}:inference-experiment/nobody", "ResourceNotFound"),
        (f"{ARN}:pipeline/x", "ValidationException"),
        (f"{ARN}:inference-experiment/trial".replace("us-east-1", "eu-west-1"), "ValidationException"),
        (f"{ARN}:inference-experiment/trial".replace("123456789012", "999999999999"), "ValidationException"),
    ],
)
def test_the_arn_of_no_resource_is_refused(sm, arn, code):
    assert code_of(sm.list_tags, ResourceArn=arn) == code


@pytest.mark.parametrize(
    "more",
    [
        [{"Key": f"k{number}", "Value": ""} for number in range(50)],
        [{"Key": "aws:x", "Value": ""}],
        [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}],
        [{"Key": "k!", "Value": ""}],
    ],
)
def test_too_many_or_invalid_tags_are_all_refused(sm, arn, more):
    assert code_of(sm.add_tags, ResourceArn=arn, Tags=more) == "ValidationException"
    assert list_tags(sm, arn) == {"a": "1"}


def test_tags_come_in_pages(em, sm):
    many = {f"k{number:03}": str(number) for number in range(120)}
    em.add("Model", "us-east-1", {"ModelName": "m", "Tags": many})
    pages = list(sm.get_paginator("list_tags").paginate(ResourceArn=f"{ARN}:model/m"))
    assert [len(page["Tags"]) for page in pages] == [50, 50, 20]
    assert {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]} == many
    em.options.sparse_pages = True
    assert len(list(sm.get_paginator("list_tags").paginate(ResourceArn=f"{ARN}:model/m"))) == 6
