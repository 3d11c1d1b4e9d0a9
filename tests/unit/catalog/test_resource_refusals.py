from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from sqlprov.catalog.table import Table
from sqlprov.errors import ResourceFileError

Load = Callable[..., Table]
TINY = Path(__file__).with_name("tiny.yaml").read_text()
SERVICE = Path(__file__).with_name("tiny_service.yaml").read_text()


class Refusal(NamedTuple):
    name: str
    old: str  # text of the right file, in the line that the error must name
    new: str
    words: tuple[str, ...]  # what the message must hold
    down: int = 0  # how many lines below it the message points


REFUSALS = [
    Refusal(
        "an unknown List operation", "ListEndpoints", "ListEndpoint", ("ListEndpoint", "'ListEndpoints'")
    ),
    Refusal(
        "an unknown Describe operation", "DescribeEndpoint\n", "DescribEndpoint\n", ("'DescribeEndpoint'",)
    ),
    Refusal("an unknown Create operation", "CreateEndpoint,", "CreateEndpont,", ("'CreateEndpoint'",)),
    Refusal("an unknown Delete operation", "DeleteEndpoint,", "DeletEndpoint,", ("'DeleteEndpoint'",)),
    Refusal(
        "an unknown EXEC operation",
        "UpdateEndpointWeightsAndCapacities",
        "UpdateEndpointWeightAndCapacities",
        ("'UpdateEndpointWeightsAndCapacities'",),
    ),
    Refusal("an unknown operation in permissions", "DescribeModel]", "DescribeModl]", ("'DescribeModel'",)),
    Refusal(
        "a List that needs an argument",
        "ListEndpoints",
        "ListClusterNodes",
        ("requires ClusterName", "all rows"),
    ),
    Refusal(
        "a List that returns no rows",
        "ListEndpoints",
        "GetSagemakerServicecatalogPortfolioStatus",
        ("no list", "List oper"),
    ),
    Refusal(
        "a column that List does not return",
        "[endpoint_name, endp",
        "[endpoint_nam, endp",
        ("'endpoint_name'",),
    ),
    Refusal(
        "a column that Describe does not return", "failure_reason", "failur_reason", ("'failure_reason'",)
    ),
    Refusal(
        "a path that the reply does not have",
        "EndpointConfigName",
        "EndpointConfName",
        ("'EndpointConfigName'",),
    ),
    Refusal("a path through a text", "EndpointConfigName", "EndpointConfigName.Name", ("no members",)),
    Refusal(
        "a path that the list item does not have",
        "creation_time]",
        "creation_time, config_name: EndpointConfigName]",
        ("'EndpointConfigName'", "ListEndpoints returns"),
    ),
    Refusal("a column that is not snake_case", "config_name:", "ConfigName:", ("'config_name'",)),
    Refusal("two columns in one entry", "- config_name: EndpointConfigName", "- {a: B, c: D}", ("several",)),
    Refusal(
        "a column under describe that List returns",
        "failure_reason",
        "last_modified_time",
        ("'last_modified_time'", "ListEndpoints returns it", "under list"),
    ),
    Refusal(
        "a renamed column under describe that List returns",
        "config_name: EndpointConfigName",
        "changed: LastModifiedTime",
        ("'changed'", "ListEndpoints returns it"),
    ),
    Refusal(
        "a duplicate column in list",
        "creation_time]",
        "creation_time, creation_time]",
        ("duplicate", "'creation_time'"),
    ),
    Refusal(
        "a duplicate column in describe",
        "config_name: EndpointConfigName",
        "endpoint_name: EndpointConfigName",
        ("duplicate", "'endpoint_name'", "line 7"),
    ),
    Refusal("a column that every table has", "config_name:", "region:", ("'region'", "added to every table")),
    Refusal("a key that is no column", "key: endpoint_name", "key: endpoint_nme", ("'endpoint_name'",)),
    Refusal("a key that List does not return", "key: endpoint_name", "key: failure_reason", ("of list",)),
    Refusal(
        "a key that Describe does not take",
        "key: endpoint_name",
        "key: [endpoint_name, endpoint_arn]",
        ("'endpoint_arn'", "fills no parameter", "EndpointName"),
    ),
    Refusal("a key of no column", "key: endpoint_name", "key: []", ("one column or more",)),
    Refusal("an action that is no action", "[iam:PassRole,", "['iam: PassRole',", ("not an IAM action",)),
    Refusal(
        "an error code with a space", "n: Could not", "n Could not", ("not an error code", "`Code: text`")
    ),
    Refusal("an arn that is no column", "arn: endpoint_arn", "arn: endpoint_ar", ("'endpoint_arn'",)),
    Refusal("an order of an unknown column", "_name, region]", "_name, regin]", ("'region'",)),
    Refusal("an order that repeats a column", "_name, region]", "_name, endpoint_name]", ("duplicate",)),
    Refusal(
        "a filter over an unknown column", "endpoint_status = ?", "endpoint_stats = ?", ("'endpoint_status'",)
    ),
    Refusal("a filter on an unknown parameter", "StatusEquals", "StatusEqual", ("'StatusEquals'",)),
    Refusal("a condition that is no condition", "creation_time > ?", "creation_time >= ?", ("`column > ?`",)),
    Refusal("a LIKE without both signs", "LIKE '%?%'", "LIKE '?%'", ("LIKE '%?%'",)),
    Refusal(
        "a parameter named for another column",
        "endpoint_name LIKE",
        "endpoint_arn LIKE",
        ("NameContains narrows 'endpoint_name'", "not 'endpoint_arn'"),
    ),
    Refusal("a parameter named for another sign", "creation_time > ?", "creation_time < ?", ("'<'", "'>'")),
    Refusal(
        "a parameter of another type",
        "creation_time > ?",
        "endpoint_name > ?",
        ("CreationTimeAfter", "timestamp", "string"),
    ),
    Refusal("a sort by an unknown parameter", "SortBy", "SortBi", ("'SortBy'",)),
    Refusal("a sort by an unknown column", "{creation_time: C", "{creaton_time: C", ("'creation_time'",)),
    Refusal("a sort by an unknown value", ": CreationTime}", ": CreatonTime}", ("'CreationTime'",)),
    Refusal("an unknown direction of sort", "Ascending,", "Ascendin,", ("'Ascending'",)),
    Refusal("a sort of one direction", "[Ascending, Descending]", "[Ascending]", ("ascending and",)),
    Refusal("a sort by text", "{creation_time: C", "{endpoint_name: C", ("'endpoint_name'", "collation")),
    Refusal(
        "a sort without direction",
        "    sort:\n      SortBy: {creation_time: CreationTime}\n      SortOrder: [Ascending, Descending]\n",
        "    sort:\n      SortBy: {creation_time: CreationTime}\n",
        ("two parameters",),
    ),
    Refusal("an unknown parameter as required", "[EndpointName]", "[EndpointNam]", ("'EndpointName'",)),
    Refusal("an unknown state to wait for", "[InService]", "[InServis]", ("'InService'",)),
    Refusal("a misspelt missing", "until: missing", "until: mising", ("'missing'",)),
    Refusal("an unknown busy state", "busy: [Creating]", "busy: [Creatin]", ("'Creating'",)),
    Refusal(
        "a state in an unknown column", "column: endpoint_s", "column: endpont_s", ("'endpoint_status'",)
    ),
    Refusal("a state without an enum", "column: endpoint_status", "column: endpoint_arn", ("no enum",)),
    Refusal("an unknown key at the top", "about:", "abuot:", ("'abuot'", "'about'")),
    Refusal("an unknown key in read", "  describe:", "  describ:", ("'describe'",)),
    Refusal("an unknown key in list", "    filters:", "    filter:", ("'filters'",)),
    Refusal("an unknown key in write", "  insert:", "  insrt:", ("'insert'",)),
    Refusal("an unknown key in a method", "until: missing", "untl: missing", ("'until'",)),
    Refusal("an unknown key in errors", "  missing:", "  mising:", ("'missing'",)),
    Refusal("permissions of no method", "{insert: [iam", "{update: [iam", ("'update'", "insert, delete")),
    Refusal("a list where a text belongs", "about: Small", "about: [Small]\n#", ("a text", "a list")),
    Refusal("a text where a mapping belongs", "state: {", "state: none # {", ("a mapping", "'none'")),
    Refusal(
        "nothing where a list belongs",
        "call: DescribeEndpoint\n    columns:\n      - failure_reason\n"
        "      - config_name: EndpointConfigName\n",
        "call: DescribeEndpoint\n    columns:\n",
        ("a list", "nothing"),
        1,
    ),
    Refusal(
        "a key written twice", "arn: endpoint_arn", "key: endpoint_arn", ("duplicate key 'key'", "line 2")
    ),
    Refusal(
        "malformed YAML", "order: [endpoint_name, region]", "order: [endpoint_name, region", ("malformed",), 1
    ),
    Refusal(
        "a missing key at the top", "about: Small, and right until a test changes a line.\n", "", ("'about'",)
    ),
    Refusal("a missing key in a block", "    call: ListEndpoints\n", "", ("'call'",), -1),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_a_wrong_file_is_refused_with_its_line_and_the_right_word(
    refusal: Refusal, load: Load, tmp_path: Path
) -> None:
    assert TINY.count(refusal.old) == 1
    line = TINY[: TINY.index(refusal.old)].count("\n") + 1 + refusal.down

    with pytest.raises(ResourceFileError) as caught:
        load(TINY.replace(refusal.old, refusal.new))

    assert str(caught.value).startswith(f"{tmp_path}/aws/sagemaker/tiny.yaml:{line}: ")
    for word in refusal.words:
        assert word in str(caught.value)


def refused(load: Load, text: str, marker: str, service: str = "") -> str:
    """The message, after its line was compared with the first that holds `marker`."""
    with pytest.raises(ResourceFileError) as caught:
        load(text, service)
    place, _, message = str(caught.value).partition(": ")
    file, _, line = place.rpartition(":")
    written = (service if file.endswith("_service.yaml") else text).splitlines()
    assert marker in written[int(line) - 1]
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
    message = refused(load, CLUSTERS, "training_plan_arns")
    assert "'training_plan_arns'" in message
    assert "look-up by key would lose it" in message


def test_a_describe_whose_required_argument_no_key_column_fills_is_refused(load: Load) -> None:
    message = refused(load, APPS, "describe:")
    assert "DescribeApp requires DomainId" in message
    assert "'domain_id'" in message


def test_an_argument_for_an_unknown_parameter_is_refused(load: Load) -> None:
    text = TINY.replace(
        "call: DescribeEndpoint\n", "call: DescribeEndpoint\n    arguments: {EndpointNam: endpoint_name}\n"
    )
    assert "Did you mean 'EndpointName'?" in refused(load, text, "arguments:")


def test_an_argument_from_a_column_that_is_no_key_is_refused(load: Load) -> None:
    text = TINY.replace(
        "call: DescribeEndpoint\n", "call: DescribeEndpoint\n    arguments: {EndpointName: endpont_name}\n"
    )
    assert "Did you mean 'endpoint_name'?" in refused(load, text, "arguments:")


def test_a_list_whose_page_token_is_no_member_of_the_reply_is_refused(load: Load) -> None:
    text = "about: Jobs.\nkey: job_id\nread:\n  list: {call: ListJobs, columns: [job_id]}\n"
    service = "title: Import/Export\nclient: importexport\niam: importexport\n"
    assert "pages by 'Jobs[-1].JobId'" in refused(load, text, "ListJobs", service)


def test_an_item_that_describe_does_not_return_is_refused(load: Load) -> None:
    text = TINY.replace("call: DescribeEndpoint\n", "call: DescribeEndpoint\n    item: LastDeploymentConfi\n")
    assert "Did you mean 'LastDeploymentConfig'?" in refused(load, text, "item:")


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
    assert nearest in refused(load, TINY, wrong or "tags:", service)


def test_an_empty_file_is_refused(load: Load) -> None:
    with pytest.raises(ResourceFileError, match=r"tiny\.yaml:1: expected a mapping, found an empty file"):
        load("")


def test_the_file_that_the_refusals_change_is_right(load: Load) -> None:
    assert load(TINY).full_name == "aws.sagemaker.tiny"
