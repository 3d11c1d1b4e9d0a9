"""Tables read AWS's own example replies, which botocore ships, in the protocol of their service."""

from __future__ import annotations

from functools import cache

import pytest
from example_server import compare_examples, find_client, read_examples
from slices import take_slice

from sqlprov.catalog import Catalog

CATALOG = Catalog()
SERVICES = [name for name in CATALOG.list_services("aws") if read_examples(find_client(CATALOG, name))]

# Table -> why not every example is read.
UNREAD = {
    "batch.jobs": "the example's job queue has a name, the table's an ARN",
    "ec2.addresses": "one of EC2-Classic, which had no allocation",
    "ec2.availability_zones": "from before zones had an id",
    "ecs.container_instances": "the example's cluster has a name, the table's an ARN",
    "ecs.services": "the example's cluster has a name, the table's an ARN",
    "ecs.tasks": "the example's cluster has a name, the table's an ARN",
    "elasticache.snapshots": "from before snapshots had an ARN",
    "glacier.jobs": "the example's account is `-`",
    "glacier.vaults": "the example's account is `-`",
    "organizations.policies": "a lookup reads the list, of whose types the example has one",
    "route53.hosted_zones": "a lookup reads the list, of which there is no example",
    "s3.multipart_upload_parts": "the region of the bucket comes first",
    "s3.multipart_uploads": "the region of the bucket comes first",
    "s3.object_versions": "the region of the bucket comes first",
    "s3.objects": "the region of the bucket comes first",
    "secretsmanager.secret_versions": "the secret comes first",
    "snowball.addresses": "the example's id does not fit the model, so it is looked for in the list",
}


@cache
def compare(service: str) -> dict[str, list[str]]:
    return compare_examples(CATALOG, service)


@pytest.mark.parametrize("service", take_slice(SERVICES, 3))
def test_tables_read_the_example_replies_of_aws(service: str) -> None:
    compared = compare(service)
    wrong = {name: problems for name, problems in compared.items() if any(problems)}
    assert set(wrong) == {name.partition(".")[2] for name in UNREAD if name.startswith(f"{service}.")}, wrong


def test_the_examples_are_many() -> None:
    problems = [problem for each in compare("ec2").values() for problem in each]
    assert problems.count("") > 30
