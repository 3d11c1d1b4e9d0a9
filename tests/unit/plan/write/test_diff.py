from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
from experiment_members import VARIANTS, sampling, variant
from experiment_snapshots import CATALOG, END, START, TABLE, snapshot

from sqlprov.catalog.texts import parse_time
from sqlprov.plan.write.diff import diff_parameters, select_readable
from sqlprov.plan.write.steps import Snapshot

CREATE = TABLE.by_method["create_resource"]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


SAME: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("nothing sent", {}, {}),
    ("members that were not sent", {"Schedule": {"StartTime": at(START)}}, {}),
    ("an epoch number and a datetime", {"Schedule": {"EndTime": at(END)}}, {}),
    ("a datetime on both sides", {"Schedule": {"EndTime": at(END)}}, {"Schedule": {"EndTime": at(END)}}),
    ("less than a millisecond", {"Schedule": {"EndTime": at(END + 0.0004)}}, {}),
    ("a time without a zone is UTC", {"Schedule": {"EndTime": at(END).replace(tzinfo=None)}}, {}),
    ("the endpoint's name from its metadata", {"EndpointName": "search"}, {}),
    ("a variant's status", {"ModelVariants": VARIANTS}, {}),
    ("variants in another order", {"ModelVariants": VARIANTS[::-1]}, {}),
    ("NULL and absent", {"KmsKey": None}, {}),
    ("an empty text and absent", {"Description": ""}, {"Description": None}),
    ("an empty list and absent", {"DataStorageConfig": {"ContentType": {"CsvContentTypes": []}}}, {}),
    ("tags as a list", {"Tags": [{"Key": "team", "Value": "core"}]}, {}),
    ("tags as a map", {"Tags": {"team": "core"}}, {}),
]

POLICY = '{"Version": "2012-10-17", "Statement": []}'


def test_a_policy_is_compared_as_json_however_it_is_written() -> None:
    roles = CATALOG.get_table("aws", "iam", "roles")
    create = roles.by_method["create_resource"]
    for known in ({"Statement": [], "Version": "2012-10-17"}, quote(POLICY), POLICY.replace(" ", "")):
        row = Snapshot({"AssumeRolePolicyDocument": known}, None)
        assert not diff_parameters(roles, create, {"AssumeRolePolicyDocument": POLICY}, row)
    other = {"AssumeRolePolicyDocument": POLICY.replace("2012", "2008")}
    assert diff_parameters(roles, create, other, row) == ("AssumeRolePolicyDocument",)


def test_a_key_that_the_reply_lacks_is_not_compared() -> None:
    definitions = CATALOG.get_table("aws", "sagemaker", "model_bias_job_definitions")
    create = definitions.by_method["create_resource"]
    assert not diff_parameters(definitions, create, {"JobDefinitionName": "a"}, Snapshot({}, None))


@pytest.mark.parametrize("value", [1795982100.5, "1795982100.5", "2026-11-29T19:55:00.5Z"])
def test_a_time_is_a_number_or_a_text(value: float | str) -> None:
    assert parse_time(value) == datetime(2026, 11, 29, 19, 55, 0, 500_000, UTC)


def test_only_members_that_a_read_returns_count() -> None:
    groups = CATALOG.get_table("aws", "sagemaker", "clusters").by_name["instance_groups"].type
    sent = [{"InstanceGroupName": "a", "InstanceCount": 2}]
    assert select_readable(sent, groups) == [{"InstanceGroupName": "a"}]
    assert select_readable({"any": 1}, pa.string()) == {"any": 1}


DIFFERENT: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ("a text", {"Description": "new"}, {}, ("Description",)),
    ("a millisecond", {"Schedule": {"EndTime": at(END + 0.001)}}, {}, ("Schedule.EndTime",)),
    ("a structure that is absent", {"Schedule": {"EndTime": at(1)}}, {"Schedule": None}, ("Schedule.EndTime",)),
    ("the endpoint", {"EndpointName": "other"}, {}, ("EndpointName",)),
    ("one item more", {"ModelVariants": VARIANTS[:1]}, {}, ("ModelVariants",)),
    (
        "an item of another name",
        {"ModelVariants": [VARIANTS[0], variant("new")]},
        {},
        ("ModelVariants",),
    ),
    (
        "a member of an item",
        {"ModelVariants": [VARIANTS[0], variant("shadow", ModelName="m")]},
        {},
        ("ModelVariants.ModelName",),
    ),
    (
        "a member of an item in a structure",
        {"ShadowModeConfig": sampling(11)},
        {},
        ("ShadowModeConfig.ShadowModelVariants.SamplingPercentage",),
    ),
    ("a member set to NULL", {"DataStorageConfig": {"KmsKey": None}}, {}, ("DataStorageConfig.KmsKey",)),
    ("a tag more", {"Tags": {"team": "core", "a": "1"}}, {}, ("Tags",)),
    ("a tag less", {"Tags": {}}, {}, ("Tags",)),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "members"), [s[1:] for s in SAME], ids=[s[0] for s in SAME])
def test_what_was_sent_is_the_same(sent: dict[str, Any], members: dict[str, Any]) -> None:
    assert not diff_parameters(TABLE, CREATE, sent, snapshot(**members))


@pytest.mark.parametrize(
    ("sent", "members", "paths"), [d[1:] for d in DIFFERENT], ids=[d[0] for d in DIFFERENT]
)
def test_a_difference_is_named_by_its_path(
    sent: dict[str, Any], members: dict[str, Any], paths: tuple[str, ...]
) -> None:
    assert diff_parameters(TABLE, CREATE, sent, snapshot(**members)) == paths


def test_tags_of_aws_do_not_count() -> None:
    assert not diff_parameters(TABLE, CREATE, {"Tags": {"a": "1"}}, snapshot(tags={"a": "1", "aws:x": "2"}))


def test_tags_that_were_not_read_are_not_the_same() -> None:
    assert diff_parameters(TABLE, CREATE, {"Tags": {"team": "core"}}, Snapshot(snapshot().described, None))


def test_numbers_texts_and_booleans_of_other_tables() -> None:
    configs = CATALOG.get_table("aws", "sagemaker", "endpoint_configs")
    create = configs.by_method["create_resource"]
    sent = {
        "EnableNetworkIsolation": False,
        "ProductionVariants": [{"VariantName": "v", "InitialVariantWeight": 0.1, "InitialInstanceCount": 1}],
    }
    described = {
        "EnableNetworkIsolation": False,
        "ProductionVariants": [
            {"VariantName": "v", "InitialVariantWeight": 0.10000000149011612, "InitialInstanceCount": 1.0}
        ],
    }
    assert not diff_parameters(configs, create, sent, Snapshot(described, {}))
    described["EnableNetworkIsolation"] = True
    assert diff_parameters(configs, create, sent, Snapshot(described, {})) == ("EnableNetworkIsolation",)


def test_keys_that_the_service_adds_to_a_map_do_not_count() -> None:
    table = CATALOG.get_table("aws", "sns", "topics")
    create = table.by_method["create_resource"]
    row = Snapshot({"Attributes": {"Owner": "1", "DisplayName": "Same"}}, {})
    assert diff_parameters(table, create, {"Attributes": {"DisplayName": "Same"}}, row) == ()
    sent = {"Attributes": {"DisplayName": "Other", "KmsMasterKeyId": "key"}}
    assert diff_parameters(table, create, sent, row) == (
        "Attributes.DisplayName",
        "Attributes.KmsMasterKeyId",
    )


def test_maps_and_lists_without_names_are_compared_whole() -> None:
    models = CATALOG.get_table("aws", "sagemaker", "models")
    create = models.by_method["create_resource"]
    sent = {"Containers": [{"Image": "a"}, {"Image": "b", "Environment": {"X": "1"}}]}
    now = {"Containers": [{"Image": "a", "Mode": "SingleModel"}, {"Image": "b", "Environment": {"X": "1"}}]}
    assert not diff_parameters(models, create, sent, Snapshot(now, {}))
    sent["Containers"][1]["Environment"] = [("X", "1")]  # as pyarrow returns it
    assert not diff_parameters(models, create, sent, Snapshot(now, {}))
    now["Containers"][1]["Environment"] = {"X": "1", "Y": "2"}
    assert diff_parameters(models, create, sent, Snapshot(now, {})) == ("Containers.Environment",)
    assert diff_parameters(models, create, {"Containers": sent["Containers"][::-1]}, Snapshot(now, {})) == (
        "Containers.Image",
        "Containers.Environment",
    )


def test_a_parameter_that_no_column_holds_cannot_be_compared() -> None:
    endpoints = CATALOG.get_table("aws", "sagemaker", "endpoints")
    sent = {"EndpointName": "e", "DeploymentConfig": {"AutoRollbackConfiguration": {}}}
    create = endpoints.by_method["create_resource"]
    assert not diff_parameters(endpoints, create, sent, Snapshot({"EndpointName": "e"}, {}))
