from __future__ import annotations

import pyarrow as pa
import pytest

from sqlprov.catalog import Catalog
from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.read_calls import FilterOperator
from sqlprov.catalog.table import Table

# Fields, Methods and Permissions as StackQL's page of this table has them.
FIELDS = """
    arn name type description role_arn endpoint_name endpoint_metadata schedule kms_key data_storage_config
    model_variants shadow_mode_config tags creation_time last_modified_time status status_reason
    desired_state region
"""

METHODS = [
    (
        "create_resource",
        "INSERT",
        "Name, Type, RoleArn, EndpointName, ModelVariants, ShadowModeConfig, region",
    ),
    ("delete_resource", "DELETE", "data__Identifier, region"),
    ("update_resource", "UPDATE", "data__Identifier, data__PatchDocument, region"),
    ("list_resources", "SELECT", "region"),
    ("get_resource", "SELECT", "data__Identifier, region"),
]

PERMISSIONS = {
    "create_resource": """sagemaker:CreateInferenceExperiment sagemaker:DescribeInferenceExperiment
        sagemaker:AddTags sagemaker:ListTags iam:PassRole""",
    "delete_resource": """sagemaker:DeleteInferenceExperiment sagemaker:DescribeInferenceExperiment
        sagemaker:StopInferenceExperiment sagemaker:ListTags""",
    "list_resources": "sagemaker:ListInferenceExperiments",
    "get_resource": "sagemaker:DescribeInferenceExperiment sagemaker:ListTags",
    "update_resource": """sagemaker:UpdateInferenceExperiment sagemaker:StartInferenceExperiment
        sagemaker:StopInferenceExperiment sagemaker:DescribeInferenceExperiment sagemaker:AddTags
        sagemaker:DeleteTags sagemaker:ListTags""",
}

TIME = pa.timestamp("us", "UTC")


@pytest.fixture
def table(catalog: Catalog) -> Table:
    return catalog.get_table("aws", "sagemaker", "inference_experiments")


def test_the_columns_are_in_the_documented_order(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert names == [*FIELDS.split(), "completion_time", "account_id", "account", "data__Identifier"]


def test_the_methods_are_the_documented_ones_then_start_and_stop(table: Table) -> None:
    methods = [(m.name, m.verb, ", ".join(m.required)) for m in table.methods]
    assert methods == [
        *METHODS,
        ("start", "EXEC", "Name, region"),
        ("stop", "EXEC", "Name, ModelVariantActions, region"),
    ]


@pytest.mark.parametrize("name", PERMISSIONS)
def test_the_permissions_are_the_documented_ones(table: Table, name: str) -> None:
    method = next(method for method in table.methods if method.name == name)
    assert sorted(method.permissions) == sorted(PERMISSIONS[name].split())


def test_columns_come_from_the_cheapest_call(table: Table) -> None:
    by_source = {source: {c.name for c in table.columns if c.source is source} for source in ColumnSource}
    described = (
        "arn endpoint_name endpoint_metadata model_variants data_storage_config shadow_mode_config kms_key"
    )
    assert by_source[ColumnSource.DESCRIBE] == set(described.split())
    assert by_source[ColumnSource.TAGS] == {"tags"}


def test_the_desired_state_is_the_status_as_cloud_control_reports_it(table: Table) -> None:
    desired, status = table.by_name["desired_state"], table.by_name["status"]
    assert (desired.source, desired.path) == (status.source, status.path) == (ColumnSource.LIST, ("Status",))
    assert desired.description != status.description


def test_types_keep_the_spelling_of_aws_inside_structures(table: Table) -> None:
    assert table.by_name["schedule"].type == pa.struct([("StartTime", TIME), ("EndTime", TIME)])
    assert table.by_name["tags"].type == pa.list_(pa.struct([("Key", pa.string()), ("Value", pa.string())]))
    variant = table.by_name["model_variants"].type.value_type
    count = variant.field("InfrastructureConfig").type.field("RealTimeInferenceConfig").type
    assert count.field("InstanceCount").type == pa.int32()


def test_all_filters_of_the_list_are_declared(table: Table) -> None:
    assert [(f.parameter, f.column, f.op) for f in table.list.filters] == [
        ("NameContains", "name", FilterOperator.CONTAINS),
        ("Type", "type", FilterOperator.EQUAL),
        ("StatusEquals", "status", FilterOperator.EQUAL),
        ("CreationTimeAfter", "creation_time", FilterOperator.AFTER),
        ("CreationTimeBefore", "creation_time", FilterOperator.BEFORE),
        ("LastModifiedTimeAfter", "last_modified_time", FilterOperator.AFTER),
        ("LastModifiedTimeBefore", "last_modified_time", FilterOperator.BEFORE),
    ]


def test_descriptions_are_one_plain_sentence_where_the_model_has_a_list(table: Table) -> None:
    assert table.by_name["status"].description == "The status of the inference experiment."
    assert table.by_name["region"].description == "AWS region."


def test_without_an_order_the_columns_follow_their_calls(catalog: Catalog) -> None:
    expected = """
        model_name model_arn creation_time primary_container containers inference_execution_config
        execution_role_arn vpc_config enable_network_isolation deployment_recommendation tags region
        account_id account data__Identifier
    """
    names = [column.name for column in catalog.get_table("aws", "sagemaker", "models").columns]
    assert names == expected.split()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("models", 'Could not find model "arn:aws:sagemaker:us-east-1:111122223333:model/m".'),
        ("models", "Could not find model 'arn:aws:sagemaker:us-east-1:111122223333:model/m'."),
        ("endpoints", 'Could not find endpoint "arn:aws:sagemaker:us-east-1:111122223333:endpoint/e".'),
        ("endpoints", "Could not find endpoint 'arn:aws:sagemaker:us-east-1:111122223333:endpoint/e'."),
        ("endpoint_configs", 'Could not find endpoint configuration "arn:aws:sagemaker:::endpoint-config/c".'),
        ("endpoint_configs", "Could not find endpoint configuration 'arn:aws:sagemaker:::endpoint-config/c'."),
    ],
)  # fmt: skip
def test_a_missing_row_is_recognized_in_the_words_of_aws_and_of_moto(
    catalog: Catalog, name: str, message: str
) -> None:
    rules = catalog.get_table("aws", "sagemaker", name).errors.missing
    assert any(rule.code == "ValidationException" and rule.text in message for rule in rules)


def test_an_endpoint_is_not_missing_when_its_configuration_is(catalog: Catalog) -> None:
    message = 'Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:1:endpoint-config/c".'
    rules = catalog.get_table("aws", "sagemaker", "endpoints").errors.missing
    texts = [rule.text for rule in rules if rule.code == "ValidationException"]
    assert texts and not any(text in message for text in texts)
