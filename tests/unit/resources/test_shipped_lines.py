"""Every line of the catalog loads, and finds its rows and key in AWS's own example replies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import UnknownServiceError
from slices import SWEEP, take_slice

from resources.generate.files import RESOURCES, read_file
from sqlprov.catalog import Catalog
from sqlprov.catalog.service_model import get_loader
from sqlprov.catalog.table import ColumnSource, Table

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


@cache
def read_examples(client: str) -> dict[str, Any]:
    """Operation -> AWS's own examples."""
    try:
        return dict(get_loader().load_service_model(client, "examples-1")["examples"])
    except UnknownServiceError:
        return {}


def follow(value: Any, path: tuple[str, ...]) -> list[Any]:
    """What `path` leads to, through lists."""
    values = value if isinstance(value, list) else [value]
    for member in path:
        found = [each[member] for each in values if isinstance(each, dict) and member in each]
        values = [item for each in found for item in (each if isinstance(each, list) else [each])]
    return values


# Table -> why AWS's example lacks the rows or the key.
OLD_EXAMPLES = {
    "ec2.addresses": "one of EC2-Classic, which had no allocation",
    "ec2.availability_zones": "from before zones had an id",
    "elasticache.snapshots": "from before snapshots had an ARN",
    "elb.load_balancer_attributes": "without additional attributes",
    "rds.db_cluster_snapshot_attributes": "an empty reply",
    "rds.db_snapshot_attributes": "an empty reply",
    "rds.engine_default_cluster_parameters": "an empty reply",
    "rds.engine_default_parameters": "an empty reply",
    "s3.bucket_cors": "a rule without an id",
    "s3.object_delete_markers": "only versions",
}


def test_rows_and_keys_are_in_the_examples_of_aws() -> None:
    # Some 160 examples of lists, and 70 of describes.
    seen, wrong = 0, set()
    for service in take_slice(SERVICES, 3):
        examples = read_examples(CATALOG.get_service("aws", service).nodes["client"].text())
        for table in load(service) if examples else ():
            name = f"{service}.{table.name}"
            for reply in (e["output"] for e in examples.get(table.list.call, ()) if e.get("output")):
                path = table.list.rows
                rows = follow(reply, path)
                is_empty = [] in (follow(reply, path[:-1]) or [{}])[0].values() if path else False
                seen += 1
                if not (rows or is_empty or any(value == [] for value in reply.values())):
                    wrong.add(name)
                own = [table.by_name[c] for c in table.key if table.by_name[c].source is ColumnSource.LIST]
                texts = [c for c in own if not table.list.scalar]
                if not all(follow(row, column.path) for row in rows for column in texts):
                    wrong.add(name)
            for reply in (
                e["output"]
                for e in examples.get(table.describe.call if table.describe else "", ())
                if e.get("output")
            ):
                seen += 1
                items = follow(reply, table.describe.item) if table.describe else []
                if not any(follow(item, p) for item in items for p in table.describe.paths.values()):
                    wrong.add(f"{name} describe")
    assert seen > (200 if SWEEP else 40)
    assert wrong <= set(OLD_EXAMPLES), "no rows, or no key, in AWS's example"


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
        files = (RESOURCES / "aws" / f"{service}.yaml", RESOURCES / "drafts" / "aws" / f"{service}.yaml")
        texts = [path.read_text("utf-8") for path in files if path.is_file()]
        texts += [path.read_text("utf-8") for path in (RESOURCES / "aws" / service).glob("*.yaml")]
        known = set(re.findall(r"(?:list|describe|call): (\w+)", "\n".join(texts)))
        missing += [f"{client}.{call}" for call in calls if call not in known]
    assert set(missing) - set(REASONS) == set(), "neither a line nor a reason"
    assert set(REASONS) - set(missing) == set(), "there is a line by now"
