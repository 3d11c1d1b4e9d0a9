"""Every line of the catalog loads."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from slices import take_slice

from resources.generate.files import RESOURCES, read_file
from resources.generate.types import draft_types
from sqlprov.catalog import Catalog
from sqlprov.catalog.columns import TAGS_TYPE
from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import Table

CATALOG = Catalog([RESOURCES])
SERVICES = CATALOG.list_services("aws")
CATALOG.reveal("awscc")
READING = (
    "List",
    "Describe",
    "Get",
    "Search",
    "Lookup",
    "Filter",
    "BatchGet",
    "IsVpcPeered",
    "DomainMetadata",
)
CLOUD_CONTROL = CATALOG.list_services("awscc")


def list_reserved_words() -> frozenset[str]:
    """The words that cannot be a name without quotation marks."""
    with duckdb.connect() as duck:
        words = duck.sql(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        ).fetchall()
    return frozenset(word for (word,) in words)


RESERVED = list_reserved_words()


def load(service: str) -> Iterator[Table]:
    for name in CATALOG.list_tables("aws", service):
        yield CATALOG.get_table("aws", service, name)


@pytest.mark.parametrize("service", take_slice(SERVICES, 8))
def test_every_line_loads(service: str) -> None:
    for table in load(service):
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", table.name), table.name
        assert table.name not in RESERVED
        assert table.key
        assert "tags" not in table.by_name or table.by_name["tags"].type == TAGS_TYPE, table.name
        assert dict(draft_types(table)) == {}, f"{table.name}: settle them in the head's `columns:`"
        for call in filter(None, (table.list, table.describe, table.tags, *table.extras.values())):
            assert call.call.startswith(READING), f"{call.call}: a read-only session calls it"
        for parent in filter(None, (parent.load for parent in table.list.parents)):
            assert parent().service == service


@pytest.mark.parametrize("service", take_slice(CLOUD_CONTROL, 20))
def test_every_type_of_cloudformation_loads(service: str) -> None:
    for name in CATALOG.list_tables("awscc", service):
        table = CATALOG.get_table("awscc", service, name)
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name), name
        assert name not in RESERVED
        assert "tags" not in table.by_name or table.by_name["tags"].type == TAGS_TYPE, name


def test_no_list_is_two_tables_of_a_service() -> None:
    for service in SERVICES:
        path = RESOURCES / "aws" / f"{service}.yaml"
        lines = read_file(path).lines.values() if "tables:\n" in path.read_text("utf-8") else ()
        calls = [line.words for line in lines]
        assert len(calls) == len(set(calls)), service


POPULAR = """
    acm amplify apigateway apigatewayv2 appsync athena autoscaling backup batch bedrock cloudformation cloudfront
    cloudtrail cloudwatch codebuild codecommit codedeploy codepipeline cognito-idp config dms docdb dynamodb ec2 ecr ecs
    efs eks elasticache elb elbv2 emr events firehose fsx glue guardduty iam identitystore inspector2 kafka kinesis kms
    lambda lightsail logs macie2 memorydb mq neptune opensearch organizations rds redshift route53 s3 sagemaker
    secretsmanager securityhub sesv2 sns sqs ssm sso-admin stepfunctions transfer wafv2
"""
"""botocore's names of the services that most accounts use."""


def test_the_popular_services_have_their_tables_and_no_open_draft() -> None:
    names = POPULAR.replace("-", "_").split()
    assert len(set(names)) == 67
    counts = {name: len(CATALOG.list_tables("aws", name)) for name in names if name in SERVICES}
    assert set(counts) == set(names)
    assert sum(counts.values()) >= 1250
    drafts = [path for path in (RESOURCES / "drafts" / "aws").glob("*.yaml") if path.stem in names]
    assert drafts  # their lists that are left out for a reason
    assert not [line for path in drafts for line in read_file(path).lines.values() if not line.is_settled]


# Call of an outside catalog -> why no table has it.
REASONS = {
    "apigateway.GetIntegration": "resources has the methods with their integrations",
    "apigateway.GetIntegrationResponse": "resources has the methods with their integrations",
    "apigateway.GetMethod": "resources has the methods",
    "apigateway.GetMethodResponse": "resources has the methods",
    "ce.GetCostAndUsage": "a query",
    "ce.GetCostForecast": "a query",
    "cloudformation.DescribeStackResources": "resources come from ListStackResources, which has pages",
    "cloudformation.GetTemplateSummary": "stacks has the template itself",
    "cloudformation.ListStacks": "stacks come from DescribeStacks, which says more",
    "cloudsearch.ListDomainNames": "domains come from DescribeDomains",
    "cloudtrail.ListTrails": "trails come from DescribeTrails, which says more",
    "cloudwatch.GetMetricData": "a query",
    "cloudwatch.GetMetricStatistics": "a query",
    "codecommit.BatchGetRepositories": "repositories come from ListRepositories and GetRepository",
    "dynamodb.Scan": "items are data",
    "ec2.DescribeInstanceAttribute": "one attribute at a time; instances has most of them",
    "ec2.GetIpamPoolAllocations": "allocations come from DescribeIpamPoolAllocations, which needs no pool",
    "ecr.DescribeImageScanFindings": "it requires an image, which is a structure",
    "glue.ListMLTransforms": "transforms come from GetMLTransforms, which says more",
    "glue.ListSchemaVersions": "it requires a schema, which is a structure",
    "glue.ListTriggers": "triggers come from GetTriggers, which says more",
    "guardduty.GetMasterAccount": "an account without an administrator gets a reply that lacks it",
    "health.DescribeAffectedEntities": "it requires a filter",
    "iam.GetCredentialReport": "a file, which has to be made first",
    "inspector.DescribeExclusions": "exclusions come from ListExclusions",
    "kinesis.DescribeStream": "streams come from DescribeStreamSummary, which has no pages of shards",
    "lambda.GetFunctionUrlConfig": "the configurations come from ListFunctionUrlConfigs",
    "mq.DescribeConfigurationRevision": "a document",
    "resource-explorer-2.Search": "a query",
    "s3.GetBucketLocation": "buckets has the region",
    "s3.HeadBucket": "buckets come from ListBuckets",
    "s3.ListObjects": "objects come from ListObjectsV2",
    "servicecatalog.DescribeProvisioningParameters": "the answer to a question about one product",
    "servicecatalog.ScanProvisionedProducts": "provisioned products come from SearchProvisionedProducts",
    "simspaceweaver.ListSimulations": "the service has ended, and botocore lacks it",
    "ssm.DescribeDocumentPermission": "a part of a document",
    "ssm.GetServiceSetting": "it requires the id of a setting",
    "ssm.ListInventoryEntries": "it requires the name of a type of entries",
    "sts.GetCallerIdentity": "who asks, not a resource",
    "support.DescribeTrustedAdvisorCheckSummaries": "trusted_advisor_checks has the whole results",
    "wafv2.GetWebACLForResource": "resources_for_web_acl says the same",
    "wellarchitected.GetConsolidatedReport": "a document",
    "wellarchitected.GetLensReviewReport": "a document",
}


def test_the_calls_of_outside_catalogs_are_tables_or_have_a_reason() -> None:
    # `outside_lists.json`: the calls by which ten other catalogs and tools read what AWS has.
    outside = json.loads((Path(__file__).parents[2] / "support" / "outside_lists.json").read_text())
    missing = []
    for client, calls in outside.items():
        service = client.replace("-", "_")
        paths = (RESOURCES / "aws" / f"{service}.yaml", *(RESOURCES / "aws" / service).glob("*.yaml"))
        texts = [path.read_text("utf-8") for path in paths if path.is_file()]
        # A draft that is left out for good says why behind it.
        drafts = read_file(RESOURCES / "drafts" / "aws" / f"{service}.yaml")
        texts += [line.words for line in drafts.lines.values() if line.is_settled and ": " in line.mark]
        known = set(re.findall(r"(?:list|describe|call): (\w+)", "\n".join(texts)))
        missing += [f"{client}.{call}" for call in calls if call not in known]
    assert set(missing) - set(REASONS) == set(), "neither a line nor a reason"
    assert set(REASONS) - set(missing) == set(), "there is a line by now"


def test_every_list_of_sagemaker_is_read() -> None:
    paths = (RESOURCES / "aws" / "sagemaker.yaml", *(RESOURCES / "aws" / "sagemaker").glob("*.yaml"))
    calls = set(
        re.findall(r"(?:list|describe|call): (\w+)", "\n".join(path.read_text("utf-8") for path in paths))
    )
    lists = {name for name in load_model("sagemaker").operation_names if name.startswith("List")}
    assert lists - calls == {"ListInferenceRecommendationsJobSteps"}  # docs/coverage.md says why


def test_no_error_code_is_a_misspelled_one_of_the_service() -> None:
    for service in SERVICES:
        path = RESOURCES / "aws" / f"{service}.yaml"
        written = set(re.findall(r"\b[A-Z]\w+(?:\.\w+)*(?=[]:,])", path.read_text("utf-8")))
        tables = CATALOG.list_tables("aws", service)
        if not (written and tables):
            continue
        client = CATALOG.get_table("aws", service, tables[0]).client
        known = {
            code
            for shape in load_model(client).error_shapes
            for code in (shape.name, str(shape.metadata.get("error", {}).get("code", shape.name)))
        }
        for code in written - known:
            nearest = difflib.get_close_matches(code, known, 1, 0.9)
            assert not nearest, f"{service}: {code} is perhaps {nearest[0]}"


UNLISTED = {"AWS::SageMaker::Device", "AWS::SageMaker::DeviceFleet"}
"""Types that Cloud Control cannot list."""


def test_each_type_of_cloudformation_that_a_line_names_exists() -> None:
    known = {
        json.loads(line)["type"]
        for path in (RESOURCES / "awscc" / "_types").glob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    }
    for path in (RESOURCES / "aws").rglob("*.yaml"):
        for written in re.findall(r"cloudformation: ([\w:]+)", path.read_text("utf-8")):
            assert written in known | UNLISTED, f"{path.name}: {written}"
