from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import botocore
import pytest
import yaml

from sqlprov.catalog import Catalog
from sqlprov.catalog.regions import EVERYWHERE, find_home, find_partition, list_regions, list_service_regions
from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import Table
from sqlprov.errors import ResourceFileError, UnknownName
from sqlprov.sql.names import explain_unknown

TINY = Path(__file__).with_name("tiny.yaml").read_text()
LINE = "{list: ListEndpoints, key: endpoint_name}"


def write_table(folder: Path) -> None:
    """Write the table `aws.sagemaker.tiny`, without a file of its service."""
    (folder / "aws" / "sagemaker").mkdir(parents=True)
    (folder / "aws" / "sagemaker" / "tiny.yaml").write_text(TINY)


def write_service(folder: Path, *lines: str, head: str = "title: Amazon SageMaker\n") -> Catalog:
    """A catalog with `aws.sagemaker`, whose tables are `lines`."""
    (folder / "aws").mkdir(parents=True, exist_ok=True)
    text = head + "tables:\n" + "".join(f"  {line}\n" for line in lines)
    (folder / "aws" / "sagemaker.yaml").write_text(text)
    return Catalog([folder])


def run_python(code: str, *path: Path) -> str:
    """The output of a fresh interpreter with `path` in front of its module search path."""
    start = f"import sys; sys.path[:0] = {[str(p) for p in path]!r}; "
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=True)
    return done.stdout


def test_listing_tables_loads_neither_yaml_nor_botocore() -> None:
    printed = run_python(
        "import json, sqlprov.catalog as c; k = c.Catalog();"
        "out = [k.list_providers(), k.list_services('aws'), k.list_tables('aws', 'sagemaker')];"
        "out += [k.list_titles('aws'), k.list_descriptions('aws', 'sagemaker')];"
        "print(json.dumps([out, [m for m in ('yaml', 'botocore', 'boto3') if m in sys.modules]]))"
    )
    (providers, services, tables, titles, descriptions), loaded = json.loads(printed)
    assert loaded == []
    assert "aws" in providers
    assert "sagemaker" in services
    assert {"inference_experiments", "models", "endpoint_configs", "endpoints"} <= set(tables)
    assert set(titles) == set(services)
    assert set(descriptions) == set(tables)


def test_names_ignore_case(catalog: Catalog) -> None:
    assert catalog.get_table("AWS", "SageMaker", "MODELS") is catalog.get_table("aws", "sagemaker", "models")


@pytest.mark.parametrize(
    ("written", "problem", "suggestion"),
    [
        (("awss", "sagemaker", "models"), "Unknown provider 'awss'", "'aws'"),
        (("aws", "sagmaker", "models"), "Unknown service 'sagmaker' in aws", "'sagemaker'"),
        (("aws", "sagemaker", "model"), "Unknown table 'model' in aws.sagemaker", "'models'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_right_one(
    catalog: Catalog, written: tuple[str, str, str], problem: str, suggestion: str
) -> None:
    with pytest.raises(UnknownName, match=f"{problem}.*Did you mean {suggestion}"):
        catalog.get_table(*written)


def test_concurrent_threads_get_the_same_table() -> None:
    catalog, start = Catalog(), threading.Barrier(8)

    def load(_: int) -> Table:
        start.wait()
        return catalog.get_table("aws", "sagemaker", "endpoints")

    with ThreadPoolExecutor(8) as pool:
        assert len({id(table) for table in pool.map(load, range(8))}) == 1


def test_provider_and_service_have_the_title_of_their_file(catalog: Catalog) -> None:
    assert catalog.get_provider("aws").title == "Amazon Web Services"
    service = catalog.get_service("aws", "sagemaker")
    assert (service.id, service.name, service.title) == ("aws.sagemaker", "sagemaker", "Amazon SageMaker")


def test_another_folder_adds_a_table_to_a_service_that_exists(tmp_path: Path) -> None:
    write_table(tmp_path)
    catalog = Catalog([Path(__file__).parents[3] / "resources", tmp_path])
    assert catalog.get_table("aws", "sagemaker", "tiny").client == "sagemaker"
    assert "models" in catalog.list_tables("aws", "sagemaker")


def test_a_table_that_is_written_twice_fails_alone(tmp_path: Path) -> None:
    write_table(tmp_path)
    catalog = write_service(tmp_path, f"tiny: {LINE}", f"other: {LINE}")
    assert catalog.list_tables("aws", "sagemaker") == ("other", "tiny")
    assert catalog.get_table("aws", "sagemaker", "other").name == "other"
    with pytest.raises(
        ResourceFileError, match=r"aws/sagemaker\.yaml:3: table 'tiny' is already in .*/tiny\.yaml"
    ):
        catalog.get_table("aws", "sagemaker", "tiny")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("wrong: {list: ListEndpoints", "malformed YAML"),
        (
            "wrong: {list: ListEndpoint, key: a}",
            rf"unknown operation 'ListEndpoint' of sagemaker in botocore {botocore.__version__}; a newer version may "
            r"have it\. Did you mean 'ListEndpoints'",
        ),
        ("wrong:\n    list: ListEndpoints", "expected one line for each table"),
        ("wrong: ListEndpoints", "expected a mapping"),
    ],
)
def test_a_wrong_line_fails_alone(line: str, message: str, tmp_path: Path) -> None:
    catalog = write_service(
        tmp_path, "# a comment", f"tiny: {LINE}", "", line, f"last: {LINE}  # settled: why"
    )
    assert catalog.list_tables("aws", "sagemaker") == ("last", "tiny", "wrong")
    assert catalog.get_table("aws", "sagemaker", "tiny").file == str(tmp_path / "aws" / "sagemaker.yaml")
    assert catalog.get_table("aws", "sagemaker", "last").name == "last"
    with pytest.raises(ResourceFileError, match=rf"sagemaker\.yaml:[67]: .*{message}"):
        catalog.get_table("aws", "sagemaker", "wrong")


def test_a_wrong_head_fails_its_service_alone(tmp_path: Path) -> None:
    catalog = write_service(tmp_path, f"tiny: {LINE}", head="titel: Amazon SageMaker\n")
    assert catalog.list_services("aws") == ("sagemaker",)
    assert catalog.list_tables("aws", "sagemaker") == ("tiny",)
    with pytest.raises(ResourceFileError, match=r"sagemaker\.yaml:1: .*Did you mean 'title'"):
        catalog.get_table("aws", "sagemaker", "tiny")


LINE_2 = f"  other: {LINE}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("title: X\ntables: {tiny: {list: ListEndpoints, key: endpoint_name}}\n", 2),
        ("title: X\ntables: [keys]\n", 2),
        ("title: X\ntables:", 2),
        (f"title: X\ntables:\n{LINE_2} tiny: {LINE}\n", 4),
        (f"title: X\ntables:\n    tiny: {LINE}\n{LINE_2}", 3),
        (f"title: X\ntables:\n{LINE_2}\n    tiny: {LINE}\n", 5),
        (f"title: X\ntables:\n{LINE_2}  ti-ny: {LINE}\n", 4),
        (f"title: X\ntables:\n{LINE_2}  # why\n  'tiny': {LINE}\n", 5),
        (f"title: X\ntables:\n{LINE_2}keys\n", 4),
    ],
)
def test_text_in_another_layout_fails_its_service(text: str, line: int, tmp_path: Path) -> None:
    write_service(tmp_path)
    (tmp_path / "aws" / "sagemaker.yaml").write_text(text)
    catalog = Catalog([tmp_path])
    catalog.list_descriptions("aws", "sagemaker")
    for table in ("tiny", "other"):
        message = rf"sagemaker\.yaml:{line}: expected `tables:` on its own line, then `  name: "
        with pytest.raises(ResourceFileError, match=message):
            catalog.get_table("aws", "sagemaker", table)
        with pytest.raises(ResourceFileError, match=message):
            explain_unknown(catalog, "aws", "sagemaker", "unknown")


def test_a_table_in_the_text_of_another_is_not_unknown(tmp_path: Path) -> None:
    catalog = write_service(tmp_path, f"other: {LINE}\n    tiny: {LINE}", f"last: {LINE}")
    for table in ("other", "tiny"):
        with pytest.raises(ResourceFileError, match=r"sagemaker\.yaml:4: expected one line for each table"):
            catalog.get_table("aws", "sagemaker", table)
    assert catalog.get_table("aws", "sagemaker", "last").name == "last"


def test_a_service_without_tables_is_refused_if_its_head_is_wrong(tmp_path: Path) -> None:
    write_service(tmp_path)
    (tmp_path / "aws" / "sagemaker.yaml").write_text(f"title: X\ntable:\n{LINE_2}")
    with pytest.raises(ResourceFileError, match=r"sagemaker\.yaml:2: unknown key 'table'"):
        Catalog([tmp_path]).get_table("aws", "sagemaker", "other")


def test_bytes_that_are_not_utf_8_fail_the_statement_that_names_their_table(tmp_path: Path) -> None:
    write_service(tmp_path, f"other: {LINE}")
    (tmp_path / "aws" / "sagemaker.yaml").write_bytes(b"title: X\ntables:\n  a: {about: caf\xe9}\n")
    (tmp_path / "aws" / "iam.yaml").write_text(
        "title: IAM\ntables:\n  roles: {list: ListRoles, key: role_name}\n"
    )
    (tmp_path / "aws" / "iam").mkdir()
    (tmp_path / "aws" / "iam" / "own.yaml").write_bytes(b"list: ListUsers\nabout: caf\xe9\nkey: user_name\n")
    catalog = Catalog([tmp_path])
    assert catalog.list_titles("aws") == {"iam": ("IAM", ""), "sagemaker": ("X", "")}
    assert catalog.list_descriptions("aws", "sagemaker") == {"a": "caf\ufffd"}
    assert catalog.list_descriptions("aws", "iam") == {"own": "caf\ufffd", "roles": ""}
    assert catalog.get_table("aws", "iam", "roles").name == "roles"
    for service, table, line in (("sagemaker", "a", 3), ("sagemaker", "b", 3), ("iam", "own", 2)):
        with pytest.raises(ResourceFileError, match=rf"\.yaml:{line}: expected UTF-8, found the byte 0xe9"):
            catalog.get_table("aws", service, table)


def test_every_file_is_read_without_libyaml_as_with_it() -> None:
    for file in sorted((Path(__file__).parents[3] / "resources" / "aws").glob("[!_]*.yaml")):
        text = file.read_text("utf-8")
        assert yaml.load(text, yaml.BaseLoader) == yaml.load(text, yaml.CBaseLoader), file.name


def test_the_region_of_a_service_is_that_of_its_tables(catalog: Catalog) -> None:
    assert catalog.get_table("aws", "globalaccelerator", "accelerators").home == "us-west-2"
    assert catalog.get_table("aws", "cur", "report_definitions").home == "us-east-1"
    assert find_home(load_model("cur"), "aws-cn", is_global=True) == "cn-northwest-1"


def test_a_service_without_its_file_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path)
    with pytest.raises(ResourceFileError, match=r"aws/sagemaker\.yaml:1: expected this file"):
        Catalog([tmp_path]).get_table("aws", "sagemaker", "tiny")


def test_descriptions_of_tables_are_read_without_loading_them(tmp_path: Path) -> None:
    write_table(tmp_path)
    catalog = write_service(
        tmp_path,
        "a: {about: Some of them, list: x}",
        "b: {list: x, about: 'These, and those'}",
        f"c: {LINE}",
        f"d: {LINE}",
    )
    (tmp_path / "aws" / "_descriptions.txt").write_text(
        "# A note.\nsagemaker.b: Older\nsagemaker.d: Models: all.\n"
    )
    assert catalog.list_descriptions("aws", "sagemaker") == {
        "a": "Some of them",
        "b": "These, and those",
        "c": "",
        "d": "Models: all.",
        "tiny": "Small, and right until a test changes a line.",
    }
    assert catalog.get_table("aws", "sagemaker", "d").about == "Models: all."
    assert catalog.get_table("aws", "sagemaker", "c").about.startswith("Lists ")


def test_an_installed_package_adds_tables_without_being_run(tmp_path: Path) -> None:
    folder = tmp_path / "acme" / "cloud" / "sagemaker"
    folder.mkdir(parents=True)
    (tmp_path / "acme" / "__init__.py").write_text("raise RuntimeError('was run')\n")
    folder.with_suffix(".yaml").write_text("title: Amazon SageMaker\n")
    (folder / "tiny.yaml").write_text(TINY)
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sqlprov.resources]\nacme = acme\n")
    printed = run_python(
        "from sqlprov.catalog import Catalog; k = Catalog();"
        "print(k.list_providers(), k.get_table('cloud', 'sagemaker', 'tiny').full_name)",
        tmp_path,
    )
    assert printed == "('aws', 'cloud') cloud.sagemaker.tiny\n"


def test_regions_of_every_partition_are_known_without_a_call() -> None:
    known = {region.region: region for region in list_regions()}
    assert len(known) == len(list_regions())
    assert known["us-east-1"].partition == "aws"
    assert known["us-east-1"].description == "US East (N. Virginia)"
    assert known["cn-north-1"].partition == "aws-cn"
    assert known["us-gov-west-1"].partition == "aws-us-gov"
    assert not any("global" in region or "fips" in region for region in known)


def test_a_service_has_the_regions_where_it_has_endpoints() -> None:
    regions = list_service_regions("sagemaker", "aws")
    assert {"us-east-1", "eu-west-1", "ap-southeast-2"} <= set(regions)
    assert not any("fips" in region for region in regions)
    assert list_service_regions("sagemaker", "aws-cn") == ("cn-north-1", "cn-northwest-1")
    assert list_service_regions("sagemaker", "nowhere") == ()


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-east-99", "aws"),
        ("cn-south-9", "aws-cn"),
        ("nowhere", None),
        ("us-east", None),
    ],
)
def test_a_region_has_a_partition_even_if_botocore_does_not_know_it_yet(
    region: str, partition: str | None
) -> None:
    assert find_partition(region) == partition


def test_a_table_without_arn_has_no_tags(load_lines: Callable[..., Table]) -> None:
    head = Path(__file__).with_name("tiny_service.yaml").read_text().strip()
    table = load_lines("sagemaker", "apps: {list: ListApps, key: [app_type, app_name]}", head=head)
    assert table.tags is None
    assert "tags" not in table.by_name
    actions = {action for method in table.methods for action in method.permissions}
    assert not any("Tags" in action for action in actions)


def test_the_client_that_every_region_has_has_the_same_name_in_endpoints() -> None:
    assert load_model(EVERYWHERE).endpoint_prefix == EVERYWHERE


@pytest.mark.parametrize(
    ("table", "actions"),
    [
        (
            "s3.buckets",
            {"s3:ListAllMyBuckets", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock"},
        ),
        ("s3.objects", {"s3:ListBucket"}),
        ("cloudwatch.metric_alarms", {"cloudwatch:DescribeAlarms"}),
        ("apigateway.rest_apis", {"apigateway:GET"}),
        ("elbv2.load_balancers", {"elasticloadbalancing:DescribeLoadBalancers"}),
        ("iam.roles", {"iam:ListRoles", "iam:GetRole"}),
    ],
)
def test_permissions_are_named_as_iam_names_them(table: str, actions: set[str]) -> None:
    methods = Catalog().get_table("aws", *table.split(".")).methods
    assert actions <= {action for method in methods for action in method.permissions}
