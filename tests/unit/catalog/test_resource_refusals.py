from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from refusals import BadFile, Load

from sqlprov.catalog.table import Table
from sqlprov.errors import ResourceFileError

TINY = Path(__file__).with_name("tiny.yaml").read_text()
HEAD = Path(__file__).with_name("tiny_service.yaml").read_text()
REFUSALS = [
    BadFile("an unknown List operation", "ListEndpoints", "ListEndpoint", ("ListEndpoint", "'ListEndpoints'")),
    BadFile("an unknown Describe operation", "DescribeEndpoint\n", "DescribEndpoint\n", ("'DescribeEndpoint'",)),
    BadFile("an unknown Create operation", "CreateEndpoint,", "CreateEndpont,", ("'CreateEndpoint'",)),
    BadFile("an unknown Delete operation", "DeleteEndpoint,", "DeletEndpoint,", ("'DeleteEndpoint'",)),
    BadFile("an unknown EXEC operation", "UpdateEndpointWeightsAndCapacities", "UpdateEndpointWeightAndCapacities",
            ("'UpdateEndpointWeightsAndCapacities'",)),
    BadFile("an unknown operation in permissions", "DescribeModel]", "DescribeModl]", ("'DescribeModel'",)),
    BadFile("a path that no reply has", "EndpointConfigName", "EndpointConfName",
            ("DescribeEndpoint returns", "'EndpointConfigName'")),
    BadFile("a path through a text", "EndpointConfigName", "EndpointConfigName.Name", ("no members",)),
    BadFile("a column that is not snake_case", "config_name:", "ConfigName:", ("'config_name'",)),
    BadFile("a column that every table has", "config_name:", "region:", ("'region'", "added to every table")),
    BadFile("a key that is not a column", "key: endpoint_name", "key: endpoint_nme", ("'endpoint_name'",)),
    BadFile("a key that List does not return", "key: endpoint_name", "key: failure_reason", ("unknown key column",)),
    BadFile("an empty key", "key: endpoint_name", "key: []", ("one or more columns",)),
    BadFile("an action without a service", "[iam:PassRole,", "['iam: PassRole',", ("not an IAM action",)),
    BadFile("an error code with a space", "n: Could not", "n Could not", ("not an error code", "`Code: text`")),
    BadFile("a page that no parameter takes", "about: Small", "page: {NextTokn: NextToken}\nabout: Small",
            ("parameter", "'NextToken'")),
    BadFile("a page that is not in the reply", "about: Small", "page: {NextToken: NextTokn}\nabout: Small",
            ("member of the reply", "'NextToken'")),
    BadFile("an arn that is not a column", "arn: endpoint_arn", "arn: endpoint_ar", ("'endpoint_arn'",)),
    BadFile("an order of an unknown column", "_name, region]", "_name, regin]", ("'region'",)),
    BadFile("an order that repeats a column", "_name, region]", "_name, endpoint_name]", ("duplicate",)),
    BadFile("a filter over an unknown column", "creation_time > ?", "creation_tim > ?", ("'creation_time'",)),
    BadFile("a filter on an unknown parameter", "StatusEquals", "StatusEqual", ("'StatusEquals'",)),
    BadFile("a condition that cannot be read", "creation_time > ?", "creation_time >= ?", ("`column > ?`",)),
    BadFile("a LIKE that ends in the value", "LIKE '%?%'", "LIKE '%?'", ("LIKE '?%'", "LIKE '%?%'")),
    BadFile("a parameter named for a part of the text", "LIKE '%?%'", "LIKE '?%'", ("'prefix'", "'like'")),
    BadFile("a parameter named for another column", "endpoint_name LIKE", "endpoint_arn LIKE",
            ("NameContains narrows 'endpoint_name'", "not 'endpoint_arn'")),
    BadFile("a parameter named for another operator", "creation_time > ?", "creation_time < ?", ("'<'", "'>'")),
    BadFile("a parameter of another type", "creation_time > ?", "endpoint_name > ?",
            ("CreationTimeAfter", "timestamp", "string")),
    BadFile("a sort by an unknown parameter", "SortBy", "SortBi", ("'SortBy'",)),
    BadFile("a sort by an unknown column", "{creation_time: C", "{creaton_time: C", ("'creation_time'",)),
    BadFile("a sort by an unknown value", ": CreationTime}", ": CreatonTime}", ("'CreationTime'",)),
    BadFile("an unknown direction of sort", "Ascending,", "Ascendin,", ("'Ascending'",)),
    BadFile("a sort with one direction", "[Ascending, Descending]", "[Ascending]", ("ascending and",)),
    BadFile("a sort by text", "{creation_time: C", "{endpoint_name: C", ("'endpoint_name'", "collation")),
    BadFile("a sort without direction", "  SortOrder: [Ascending, Descending]\n", "", ("two parameters",), -2),
    BadFile("an unknown parameter as required", "[EndpointName]", "[EndpointNam]", ("'EndpointName'",)),
    BadFile("an unknown state to wait for", "[InService]", "[InServis]", ("'InService'",)),
    BadFile("a misspelt missing", "until: missing", "until: mising", ("'missing'",)),
    BadFile("an unknown busy state", "busy: [Creating]", "busy: [Creatin]", ("'Creating'",)),
    BadFile("a state in an unknown column", "column: endpoint_s", "column: endpont_s", ("'endpoint_status'",)),
    BadFile("a state that is not text", "column: endpoint_status", "column: creation_time", ("not a string",)),
    BadFile("an unknown key at the top", "about: Small", "abuot: Small", ("'abuot'", "'about'")),
    BadFile("an unknown key in write", "  insert:", "  insrt:", ("'insert'",)),
    BadFile("an unknown key in a method", "until: missing", "untl: missing", ("'until'",)),
    BadFile("an unknown key in errors", "  missing:", "  mising:", ("'missing'",)),
    BadFile("permissions of an unknown method", "{insert: [iam", "{update: [iam", ("'update'", "insert, delete")),
    BadFile("a list where a string belongs", "about: Small", "about: [Small]\n#", ("expected text", "a list")),
    BadFile("a string where a mapping belongs", "state: {", "state: none # {", ("a mapping", "'none'")),
    BadFile("a key written twice", "arn: endpoint_arn", "key: endpoint_arn", ("duplicate key 'key'", "line 3")),
    BadFile("malformed YAML", "order: [endpoint_name, region]", "order: [endpoint_name, region", ("malformed",), 1),
    BadFile("a missing key at the top", "list: ListEndpoints\n", "", ("missing key 'list'",), -1),
    BadFile("a column without a path", "config_name: EndpointConfigName", "config: {about: No.}",
            ("'config'", "its path")),
    BadFile("a type of a number", "config_name: EndpointConfigName", "production_variants: integer",
            ("column of text",)),
    BadFile("a wrong type", "config_name: EndpointConfigName", "failure_reason: {type: int}", ("'integer'",)),
]  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_a_wrong_file_is_refused_with_its_line_and_the_right_word(refusal: BadFile, load: Load) -> None:
    refusal.check(load, TINY)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("tiny.creation_tme: timestamp", "Did you mean 'creation_time'?"),
        ("tiny.endpoint_name: json", "'endpoint_name' identifies rows or fills a parameter"),
        ("tiny.production_variants: json", "expected a type for a column of text, or a time for a number"),
        ("failure_reason: jsn", "Did you mean 'json'?"),
    ],
)
def test_a_wrong_type_in_the_head_is_refused(columns: str, message: str, load: Load) -> None:
    with pytest.raises(ResourceFileError, match=re.escape(message)):
        load(TINY, f"{HEAD}columns: {{{columns}}}\n")


# Service, words of a line (… stands for LISTED), and a part of the message.
LISTED = "list: ListEndpoints, key: endpoint_name"
LINES = [
    ("sagemaker", "list: ListEndpoint, key: endpoint_name", "Did you mean 'ListEndpoints'?"),
    ("sagemaker", "list: ListEndpoints", "missing key 'key'"),
    ("sagemaker", "…, lack: [a]", "Did you mean 'lacks'?"),
    ("sagemaker", "…, lacks: [a]", "expected `describe:` beside `lacks:`"),
    ("sagemaker", "…, batch: 5", "expected `describe:` beside `batch:`"),
    ("sagemaker", "list: ListEndpoints, key: endpoint_nam", "Did you mean 'endpoint_name'?"),
    ("sagemaker", "…, region: endpoint_arm", "Did you mean 'endpoint_arn'?"),
    ("sagemaker", "list: ListEndpoints, rows: Endpoint, key: endpoint_name", "member of ListEndpoints 'Endpoint'"),
    ("sagemaker", "list: ListEndpoints, rows: NextToken.x, key: endpoint_name", "unknown member of ListEndpoints.Next"),
    ("sagemaker", "…, send: {SortBi: Name}", "Did you mean 'SortBy'?"),
    ("sagemaker", "…, send: {SortBy: Nam}", "Did you mean 'Name'?"),
    ("sagemaker", "…, send: {MaxResults: ten}", "expected a number, found 'ten'"),
    ("sagemaker", "list: ListClusterNodes, key: cluster_name",
     "ListClusterNodes requires ClusterName; expected `each:"),
    ("sagemaker", "list: ListClusterNodes, each: {Cluster: a.b}, key: a",
     "unknown parameter of ListClusterNodes 'Cluster'"),
    ("sagemaker", "list: ListClusterNodes, each: {ClusterName: a.b}, key: a",
     "unknown table 'a'; expected one of tiny"),
    ("sagemaker", "list: ListClusterNodes, each: {ClusterName: tiny.b}, key: a", "tiny is this table"),
    ("sagemaker", "list: ListClusterNodes, each: {ClusterName: enum}, key: a", "ClusterName has no enum"),
    ("sagemaker", "list: ListHubContents, each: {HubName: [a], HubContentType: [b]}, key: a",
     "unknown value of HubCon"),
    ("sagemaker", "list: GetSagemakerServicecatalogPortfolioStatus, key: status", "`rows: .` if the reply itself"),
    ("servicecatalog", "list: ListPortfolioAccess, each: {PortfolioId: [a]}, key: [portfolio_id, account_id]",
     "expected 'resource_account_id'"),
    ("sagemaker", "list: ListEndpoints, rows: ., key: account_id", "has pages"),
    ("sagemaker", "list: ListApps, key: app_name, describe: DescribeHub",
     "DescribeHub requires HubName, which no column clearly fills"),
    ("sagemaker", "…, describe: DescribeEndpoint, lacks: [failure_reason]",
     "unknown column of list and describe 'failure_reason'"),
    ("sagemaker", "…, describe: DescribeEndpoint, arguments: {Name: endpoint_name}",
     "unknown parameter of DescribeEndpoint 'Name'"),
    ("sagemaker", "…, describe: DescribeEndpoint, arguments: {EndpointName: name}", "unknown column 'name'"),
    ("sagemaker", "…, describe: DescribeEndpoint, batch: 10",
     "EndpointName of DescribeEndpoint does not take several keys"),
    ("sagemaker", "…, describe: DescribeEndpoint, batch: 0", "expected a number from 1, found 0"),
    ("sagemaker", "list: ListEndpoints, key: [endpoint_name, endpoint_name]", "expected each column once in the key"),
    ("sagemaker", "…, describe: {call: DescribeEndpoint}, batch: 10", "expected 'batch' within `describe:`"),
    ("sagemaker", "…, describe: {call: DescribeEndpoint, item: Endpoint}",
     "unknown member of DescribeEndpoint 'Endpoint'"),
    ("sagemaker", "…, describe: {call: DescribeEndpoint, pairs: EndpointName}", "is not a map"),
    ("sagemaker", "…, tags: endpoint_arn", "the service has no `tags:`"),
    ("sagemaker", "…, arguments: {NameContains: endpoint}", "unknown column 'endp"),
    ("s3", "list: ListBuckets, key: name, also: {x: {call: GetBucketPolicy, columns: {name: Policy}}}",
     "already one of"),
    ("s3", "list: ListBuckets, key: name, write: {insert: {call: CreateBucket, send: {ACL: '{regoin}'}}}",
     "Did you mean 'region'?"),
    ("s3", "list: ListBuckets, key: name, write: {insert: {call: CreateBucket, into: CreateBucketConfig}}",
     "Did you mean 'CreateBucketConfiguration'?"),
    ("s3", "list: ListBuckets, key: name, write: {delete: {call: DeleteBucket, arguments: {Bucket: nam}}}",
     "Did you mean 'name'?"),
    ("s3", "list: ListBuckets, key: name, write: {delete: {call: DeleteBucket, marks: creation}}",
     "unknown column 'creation'"),
    ("sqs", "list: ListQueues, key: queue_url, write: {insert: {call: CreateQueue, replaces: true}}",
     "the service sets queue_url; expected `name:`"),
    ("ec2", "list: DescribeVolumes, key: volume_id, tags: {argument: Resources, items: Tags, add: CreateTag, "
     "remove: DeleteTags, keys: Tags}", "Did you mean 'CreateTags'?"),
    ("s3", "list: ListBuckets, key: name, also: {x: {call: GetBucketPolicy, columns: {a: Polcy}}}",
     "Did you mean 'Policy'?"),
    ("s3", "list: ListBuckets, key: name, also: {x: {call: GetBucketPolicy}}", "missing key 'columns'"),
    ("s3", "list: ListBuckets, key: name, also: {x: {call: DeleteBucket, columns: {a: b}}}",
     "DeleteBucket returns nothing"),
    ("sqs", "list: ListQueues, key: [a, b]", "returns bare strings; expected one column"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "words", "message"), LINES, ids=lambda part: part[-60:])
def test_a_wrong_line_is_refused_with_its_place_and_the_right_word(
    service: str, words: str, message: str, load_lines: Callable[..., Table]
) -> None:
    with pytest.raises(ResourceFileError) as caught:
        load_lines(service, f"tiny: {{{words.replace('…', LISTED)}}}")
    place, _, text = str(caught.value).partition(": ")
    assert place.endswith(f"/aws/{service}.yaml:3")
    assert message in text


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
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
def test_a_wrong_head_is_refused_with_its_line_and_the_right_word(
    right: str, wrong: str, message: str, load: Load
) -> None:
    head = HEAD.replace(right, wrong)
    with pytest.raises(ResourceFileError) as caught:
        load(TINY, head)
    place, _, text = str(caught.value).partition(": ")
    line = int(place.rpartition("/aws/sagemaker.yaml:")[2])
    assert (wrong or "tags:") in head.splitlines()[line - 1]
    assert message in text


def test_an_empty_file_is_refused(load: Load) -> None:
    with pytest.raises(ResourceFileError, match=r"tiny\.yaml:1: expected a mapping, found an empty file"):
        load("")


def test_the_file_that_the_refusals_change_is_valid(load: Load) -> None:
    assert load(TINY).full_name == "aws.sagemaker.tiny"
