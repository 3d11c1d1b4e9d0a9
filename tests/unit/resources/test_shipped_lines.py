"""Every line of the catalog loads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from slices import take_slice

from resources.generate.files import RESOURCES, read_file
from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table

CATALOG = Catalog([RESOURCES])
SERVICES = CATALOG.list_services("aws")


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
        for parent in filter(None, (parent.load for parent in table.list.parents)):
            assert parent().service == service


def test_no_list_is_two_tables_of_a_service() -> None:
    for service in SERVICES:
        path = RESOURCES / "aws" / f"{service}.yaml"
        lines = read_file(path).lines.values() if "tables:\n" in path.read_text("utf-8") else ()
        calls = [line.words for line in lines]
        assert len(calls) == len(set(calls)), service


# List call of an outside catalog -> why no table has it.
REASONS = {
    "ce.GetCostForecast": "a query",
    "cloudformation.ListStacks": "stacks come from DescribeStacks, which says more",
    "cloudsearch.ListDomainNames": "domains come from DescribeDomains",
    "cloudwatch.GetMetricData": "a query",
    "cloudwatch.GetMetricStatistics": "a query",
    "codecommit.BatchGetRepositories": "repositories come from ListRepositories and GetRepository",
    "ecr.DescribeImageScanFindings": "it requires an image, which is a structure",
    "glue.ListMLTransforms": "transforms come from GetMLTransforms, which says more",
    "health.DescribeAffectedEntities": "it requires a filter",
    "iam.GetCredentialReport": "a file, which has to be made first",
    "inspector.DescribeExclusions": "exclusions come from ListExclusions",
    "resource-explorer-2.Search": "a query",
    "ssm.DescribeDocumentPermission": "a part of a document",
    "ssm.GetServiceSetting": "it requires the id of a setting",
    "ssm.ListInventoryEntries": "it requires the name of a type of entries",
    "wellarchitected.GetConsolidatedReport": "a document",
    "wellarchitected.GetLensReviewReport": "a document",
}


def test_the_lists_of_an_outside_catalog_are_tables_or_have_a_reason() -> None:
    # `outside_lists.json`: the list calls behind 508 tables that another catalog of AWS has.
    outside = json.loads((Path(__file__).parents[2] / "support" / "outside_lists.json").read_text())
    missing = []
    del outside["sagemaker"]  # its tables have a test of their own, against a longer list
    for client, calls in outside.items():
        service = client.replace("-", "_")
        paths = (RESOURCES / "aws" / f"{service}.yaml", *(RESOURCES / "aws" / service).glob("*.yaml"))
        texts = [path.read_text("utf-8") for path in paths if path.is_file()]
        # A draft that is left out for good says why behind it.
        drafts = read_file(RESOURCES / "drafts" / "aws" / f"{service}.yaml")
        texts += [line.words for line in drafts.settled.values() if ": " in line.mark]
        known = set(re.findall(r"(?:list|describe|call): (\w+)", "\n".join(texts)))
        missing += [f"{client}.{call}" for call in calls if call not in known]
    assert set(missing) - set(REASONS) == set(), "neither a line nor a reason"
    assert set(REASONS) - set(missing) == set(), "there is a line by now"
