from __future__ import annotations

from pathlib import Path

import pytest
from refusals import Load, Refusal

from sqlprov.errors import ResourceFileError

TINY = Path(__file__).with_name("tiny.yaml").read_text()
SERVICE = Path(__file__).with_name("tiny_service.yaml").read_text()

REFUSALS = [
    Refusal("an unknown List operation", "ListEndpoints", "ListEndpoint", ("ListEndpoint", "'ListEndpoints'")),
    Refusal("an unknown Describe operation", "DescribeEndpoint\n", "DescribEndpoint\n", ("'DescribeEndpoint'",)),
    Refusal("an unknown Create operation", "CreateEndpoint,", "CreateEndpont,", ("'CreateEndpoint'",)),
    Refusal("an unknown Delete operation", "DeleteEndpoint,", "DeletEndpoint,", ("'DeleteEndpoint'",)),
    Refusal("an unknown EXEC operation", "UpdateEndpointWeightsAndCapacities", "UpdateEndpointWeightAndCapacities",
            ("'UpdateEndpointWeightsAndCapacities'",)),
    Refusal("an unknown operation in permissions", "DescribeModel]", "DescribeModl]", ("'DescribeModel'",)),
    Refusal("a List that needs an argument", "ListEndpoints", "ListClusterNodes", ("requires ClusterName", "all rows")),
    Refusal("a List that returns no rows", "ListEndpoints", "GetSagemakerServicecatalogPortfolioStatus",
            ("no list", "List oper")),
    Refusal("a column that List does not return", "[endpoint_name, endp", "[endpoint_nam, endp", ("'endpoint_name'",)),
    Refusal("a column that Describe does not return", "failure_reason", "failur_reason", ("'failure_reason'",)),
    Refusal("a path that the reply does not have", "EndpointConfigName", "EndpointConfName", ("'EndpointConfigName'",)),
    Refusal("a path through a text", "EndpointConfigName", "EndpointConfigName.Name", ("no members",)),
    Refusal("a path that the list item does not have", "creation_time]",
            "creation_time, config_name: EndpointConfigName]", ("'EndpointConfigName'", "ListEndpoints returns")),
    Refusal("a column that is not snake_case", "config_name:", "ConfigName:", ("'config_name'",)),
    Refusal("two columns in one entry", "- config_name: EndpointConfigName", "- {a: B, c: D}", ("several",)),
    Refusal("a column under describe that List returns", "failure_reason", "last_modified_time",
            ("'last_modified_time'", "ListEndpoints returns it", "under list")),
    Refusal("a renamed column under describe that List returns", "config_name: EndpointConfigName",
            "changed: LastModifiedTime", ("'changed'", "ListEndpoints returns it")),
    Refusal("a duplicate column in list", "creation_time]", "creation_time, creation_time]",
            ("duplicate", "'creation_time'")),
    Refusal("a duplicate column in describe", "config_name: EndpointConfigName", "endpoint_name: EndpointConfigName",
            ("duplicate", "'endpoint_name'", "line 7")),
    Refusal("a column that every table has", "config_name:", "region:", ("'region'", "added to every table")),
    Refusal("a key that is not a column", "key: endpoint_name", "key: endpoint_nme", ("'endpoint_name'",)),
    Refusal("a key that List does not return", "key: endpoint_name", "key: failure_reason", ("of list",)),
    Refusal("a key that Describe does not take", "key: endpoint_name", "key: [endpoint_name, endpoint_arn]",
            ("'endpoint_arn'", "fills no parameter", "EndpointName")),
    Refusal("an empty key", "key: endpoint_name", "key: []", ("one column or more",)),
    Refusal("an action without a service", "[iam:PassRole,", "['iam: PassRole',", ("not an IAM action",)),
    Refusal("an error code with a space", "n: Could not", "n Could not", ("not an error code", "`Code: text`")),
    Refusal("an arn that is not a column", "arn: endpoint_arn", "arn: endpoint_ar", ("'endpoint_arn'",)),
    Refusal("an order of an unknown column", "_name, region]", "_name, regin]", ("'region'",)),
    Refusal("an order that repeats a column", "_name, region]", "_name, endpoint_name]", ("duplicate",)),
    Refusal("a filter over an unknown column", "endpoint_status = ?", "endpoint_stats = ?", ("'endpoint_status'",)),
    Refusal("a filter on an unknown parameter", "StatusEquals", "StatusEqual", ("'StatusEquals'",)),
    Refusal("a condition that cannot be read", "creation_time > ?", "creation_time >= ?", ("`column > ?`",)),
    Refusal("a LIKE without both wildcards", "LIKE '%?%'", "LIKE '?%'", ("LIKE '%?%'",)),
    Refusal("a parameter named for another column", "endpoint_name LIKE", "endpoint_arn LIKE",
            ("NameContains narrows 'endpoint_name'", "not 'endpoint_arn'")),
    Refusal("a parameter named for another operator", "creation_time > ?", "creation_time < ?", ("'<'", "'>'")),
    Refusal("a parameter of another type", "creation_time > ?", "endpoint_name > ?",
            ("CreationTimeAfter", "timestamp", "string")),
    Refusal("a sort by an unknown parameter", "SortBy", "SortBi", ("'SortBy'",)),
    Refusal("a sort by an unknown column", "{creation_time: C", "{creaton_time: C", ("'creation_time'",)),
    Refusal("a sort by an unknown value", ": CreationTime}", ": CreatonTime}", ("'CreationTime'",)),
    Refusal("an unknown direction of sort", "Ascending,", "Ascendin,", ("'Ascending'",)),
    Refusal("a sort with one direction", "[Ascending, Descending]", "[Ascending]", ("ascending and",)),
    Refusal("a sort by text", "{creation_time: C", "{endpoint_name: C", ("'endpoint_name'", "collation")),
    Refusal("a sort without direction", "      SortOrder: [Ascending, Descending]\n", "", ("two parameters",), -2),
    Refusal("an unknown parameter as required", "[EndpointName]", "[EndpointNam]", ("'EndpointName'",)),
    Refusal("an unknown state to wait for", "[InService]", "[InServis]", ("'InService'",)),
    Refusal("a misspelt missing", "until: missing", "until: mising", ("'missing'",)),
    Refusal("an unknown busy state", "busy: [Creating]", "busy: [Creatin]", ("'Creating'",)),
    Refusal("a state in an unknown column", "column: endpoint_s", "column: endpont_s", ("'endpoint_status'",)),
    Refusal("a state without an enum", "column: endpoint_status", "column: endpoint_arn", ("no enum",)),
    Refusal("an unknown key at the top", "about:", "abuot:", ("'abuot'", "'about'")),
    Refusal("an unknown key in read", "  describe:", "  describ:", ("'describe'",)),
    Refusal("an unknown key in list", "    filters:", "    filter:", ("'filters'",)),
    Refusal("an unknown key in write", "  insert:", "  insrt:", ("'insert'",)),
    Refusal("an unknown key in a method", "until: missing", "untl: missing", ("'until'",)),
    Refusal("an unknown key in errors", "  missing:", "  mising:", ("'missing'",)),
    Refusal("permissions of an unknown method", "{insert: [iam", "{update: [iam", ("'update'", "insert, delete")),
    Refusal("a list where a text belongs", "about: Small", "about: [Small]\n#", ("expected text", "a list")),
    Refusal("a text where a mapping belongs", "state: {", "state: none # {", ("a mapping", "'none'")),
    Refusal("nothing where a list belongs",
            "    columns:\n      - failure_reason\n      - config_name: EndpointConfigName\n", "    columns:\n",
            ("a list", "nothing")),
    Refusal("a key written twice", "arn: endpoint_arn", "key: endpoint_arn", ("duplicate key 'key'", "line 2")),
    Refusal("malformed YAML", "order: [endpoint_name, region]", "order: [endpoint_name, region", ("malformed",), 1),
    Refusal("a missing key at the top", "about: Small, and right until a test changes a line.\n", "", ("'about'",)),
    Refusal("a missing key in a block", "    call: ListEndpoints\n", "", ("'call'",), -1),
    Refusal("an argument for an unknown parameter", "call: DescribeEndpoint\n",
            "call: DescribeEndpoint\n    arguments: {EndpointNam: endpoint_name}\n", ("'EndpointName'",), 1),
    Refusal("an argument from a column that is not in the key", "call: DescribeEndpoint\n",
            "call: DescribeEndpoint\n    arguments: {EndpointName: endpont_name}\n", ("'endpoint_name'",), 1),
    Refusal("an item that Describe does not return", "call: DescribeEndpoint\n",
            "call: DescribeEndpoint\n    item: LastDeploymentConfi\n", ("'LastDeploymentConfig'",), 1),
]  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_a_wrong_file_is_refused_with_its_line_and_the_right_word(refusal: Refusal, load: Load) -> None:
    refusal.check(load, TINY)


def read_refusal(load: Load, text: str, marker: str, service: str = "") -> str:
    """The message, whose line must be the one that holds `marker`."""
    with pytest.raises(ResourceFileError) as caught:
        load(text, service)
    place, _, message = str(caught.value).partition(": ")
    file, _, line = place.rpartition(":")
    lines = (service if file.endswith("_service.yaml") else text).splitlines()
    assert marker in lines[int(line) - 1]
    return message


CLUSTERS = """\
about: Clusters.
key: cluster_name
read:
  list:
    call: ListClusters
    columns:
      - cluster_name
      - training_plan_arns
  describe: {call: DescribeCluster, columns: []}
"""

APPS = """\
about: Apps.
key: [app_type, app_name]
read:
  list:
    call: ListApps
    columns: [domain_id, app_type, app_name]
  describe:
    call: DescribeApp
    columns: [app_arn]
"""


def test_a_list_column_that_describe_does_not_return_is_refused(load: Load) -> None:
    message = read_refusal(load, CLUSTERS, "training_plan_arns")
    assert "'training_plan_arns'" in message
    assert "lookup by key would lose it" in message


def test_a_describe_whose_required_argument_no_key_column_fills_is_refused(load: Load) -> None:
    message = read_refusal(load, APPS, "describe:")
    assert "DescribeApp requires DomainId" in message
    assert "'domain_id'" in message


def test_a_list_whose_page_token_is_not_a_member_of_the_reply_is_refused(load: Load) -> None:
    text = "about: Jobs.\nkey: job_id\nread:\n  list: {call: ListJobs, columns: [job_id]}\n"
    service = "title: Import/Export\nclient: importexport\niam: importexport\n"
    assert "pages by 'Jobs[-1].JobId'" in read_refusal(load, text, "ListJobs", service)


@pytest.mark.parametrize(
    ("right", "wrong", "nearest"),
    [
        ("client: sagemaker", "client: sagemakr", "Did you mean 'sagemaker'?"),
        ("call: ListTags", "call: ListTag", "Did you mean 'ListTags'?"),
        ("argument: ResourceArn", "argument: ResourceAr", "Did you mean 'ResourceArn'?"),
        ("items: Tags", "items: Tag", "Did you mean 'Tags'?"),
        ("add: AddTags", "add: AddTag", "Did you mean 'AddTags'?"),
        ("keys: TagKeys", "keys: TagKey", "Did you mean 'TagKeys'?"),
        (", keys: TagKeys", "", "missing key 'keys'"),
        ("title:", "titel:", "Did you mean 'title'?"),
    ],
)
def test_a_wrong_service_file_is_refused_with_its_line_and_the_right_word(
    right: str, wrong: str, nearest: str, load: Load
) -> None:
    service = SERVICE.replace(right, wrong)
    assert nearest in read_refusal(load, TINY, wrong or "tags:", service)


def test_an_empty_file_is_refused(load: Load) -> None:
    with pytest.raises(ResourceFileError, match=r"tiny\.yaml:1: expected a mapping, found an empty file"):
        load("")


def test_the_file_that_the_refusals_change_is_valid(load: Load) -> None:
    assert load(TINY).full_name == "aws.sagemaker.tiny"
