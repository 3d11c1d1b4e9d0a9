import duckdb
import pyarrow as pa
import pytest
from statements import CATALOG, answer, parse_one

from sqlprov.catalog import Catalog
from sqlprov.duck.vocabulary import read_keywords
from sqlprov.errors import UnknownName
from sqlprov.settings import Settings
from sqlprov.sql import CatalogStatement, Describe, parse
from sqlprov.sql.duckdb_types import format_duckdb_type
from sqlprov.sql.show import is_like

T = "aws.sagemaker.inference_experiments"


@pytest.mark.parametrize(
    ("text", "columns", "row"),
    [
        ("SHOW PROVIDERS", "name version", {"name": "aws"}),
        ("SHOW EXTENDED PROVIDERS", "name version title description", {"name": "aws"}),
        ("SHOW SERVICES IN aws", "id name title", {"id": "aws.sagemaker", "title": "Amazon SageMaker"}),
        ('show extended services from "aws"', "id name title description version preferred", {"preferred": True}),
        ("SHOW RESOURCES IN AWS.SageMaker", "name id", {"name": "models", "id": "aws.sagemaker.models"}),
        ("SHOW EXTENDED RESOURCES IN aws.sagemaker LIKE 'inference_exp%'", "name id title description methods",
         {"title": "AWS::SageMaker::InferenceExperiment",
          "methods": "create_resource, delete_resource, update_resource, list_resources, get_resource, start, stop"}),
        (f"SHOW METHODS IN {T}", "MethodName RequiredParams SQLVerb",
         {"MethodName": "list_resources", "RequiredParams": "region", "SQLVerb": "SELECT"}),
        (f"SHOW EXTENDED METHODS IN {T} LIKE 'get\\_%'",
         "MethodName RequiredParams SQLVerb description call permissions",
         {"call": "DescribeInferenceExperiment",
          "permissions": "sagemaker:DescribeInferenceExperiment, sagemaker:ListTags"}),
    ],
)  # fmt: skip
def test_a_listing_has_stackqls_columns(text, columns, row):
    result = answer(text)
    assert result.column_names == columns.split()
    assert any(row.items() <= each.items() for each in result.to_pylist())
    assert result.num_rows == 1 or "LIKE" not in text


def test_show_settings_shows_value_and_default():
    changed = Settings().with_value("regions", "eu-west-1")
    result = answer("SHOW SETTINGS LIKE '%REGIONS'", settings=changed).to_pylist()
    assert [(row["name"], row["value"], row["default"]) for row in result] == [
        ("sqlprov_regions", "eu-west-1", "")
    ]
    assert answer("SHOW SETTINGS")["name"].to_pylist() == list(Settings.describe())


def test_show_of_one_setting_shows_its_value():
    assert answer("show SQLPROV_pushdown")["value"].to_pylist() == ["on"]


@pytest.mark.parametrize(
    ("text", "path", "whole"),
    [
        ("SHOW RESOURCES", ("aws", "sagemaker"), "aws.sagemaker"),
        ("SHOW RESOURCES IN sagemaker", ("aws", "sagemaker"), "aws.sagemaker"),
        ("SHOW RESOURCES IN sagemaker", ("aws",), "aws.sagemaker"),
        ("SHOW RESOURCES IN aws.sagemaker", ("elsewhere", "x"), "aws.sagemaker"),
        ("SHOW METHODS IN models", ("aws", "sagemaker"), "aws.sagemaker.models"),
        ("SHOW SERVICES", ("aws", "sagemaker"), "aws"),
        ("SHOW SERVICES", (), "aws"),
        ("SHOW SERVICES", ("memory", "main"), "aws"),
    ],
)
def test_use_completes_a_name(text, path, whole):
    assert answer(text, path).equals(answer(f"{' '.join(text.split()[:2])} IN {whole}"))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SHOW SERVICES IN awz", "aws"),
        ("SHOW TABLES IN awss", "aws"),
        ("SHOW TABLES IN sagemakr", "aws.sagemaker"),
        ("SHOW RESOURCES IN aws.sagemakr", "sagemaker"),
        ("SHOW METHODS IN aws.sagemaker.model", "models"),
        ("SHOW RESOURCES IN sagemaker", "aws.sagemaker"),
        ("SHOW RESOURCES IN aws.sagemaker.models", "aws.sagemaker"),
        ("SHOW METHODS IN endpoint_config", "aws.sagemaker.endpoint_configs"),
        ("DESCRIBE EXTENDED sagemaker.modls", "aws.sagemaker.models"),
        ("DESCRIBE EXTENDED aws.region", "aws.regions"),
        ("DESCRIBE EXTENDED aws.acounts", "aws.accounts"),
    ],
)
def test_the_error_for_an_unknown_name_suggests_the_nearest_and_has_a_caret(text, hint):
    with pytest.raises(UnknownName) as caught:
        answer(f"/* c */ {text}")
    name = text.split()[-1]
    message, line, mark = str(caught.value).split("\n")
    assert f"Did you mean '{hint}'?" in message
    assert line[mark.index("^") :] == name


@pytest.mark.parametrize("text", ["SHOW RESOURCES", "SHOW METHODS"])
def test_the_error_for_a_missing_name_gives_an_example(text):
    with pytest.raises(UnknownName, match=f"as in {text} IN aws"):
        answer(text)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("aws.sagemaker.models", ()),
        ("AWS.SageMaker.Models", ()),
        ('"aws"."sagemaker"."models"', ()),
        ("sagemaker.models", ("aws",)),
        ("models", ("aws", "sagemaker")),
    ],
)
def test_describe_shows_the_columns_of_a_live_table(name, path):
    result = answer(f"DESCRIBE {name}", path)
    assert result.column_names == ["name", "type", "description"]
    assert result["name"].to_pylist() == [
        column.name for column in CATALOG.get_table("aws", "sagemaker", "models").visible_columns
    ]
    assert result.equals(answer(f"desc table {name}", path))


def test_describe_extended_shows_where_a_column_comes_from():
    result = answer("DESCRIBE EXTENDED aws.sagemaker.inference_experiments").to_pylist()
    by_name = {row["name"]: row for row in result}
    assert by_name["name"]["key"] and by_name["data__Identifier"]["key"] and not by_name["type"]["key"]
    assert by_name["name"]["call"] == "ListInferenceExperiments"
    assert by_name["kms_key"]["call"] == "DescribeInferenceExperiment"
    assert by_name["tags"]["call"] == "ListTags"
    assert by_name["creation_time"]["filters"] == "CreationTimeAfter, CreationTimeBefore"
    assert by_name["type"]["constraint"] == "ShadowMode"
    assert by_name["name"]["constraint"].startswith("1 to 120 characters")


def test_describe_extended_says_what_confirms_a_table(tmp_path):
    folder = tmp_path / "aws"
    folder.mkdir()
    lines = "  models: {list: ListModels, key: model_name}\n  endpoints: {list: ListEndpoints, key: endpoint_name}\n"
    (folder / "sagemaker.yaml").write_text(f"title: Mine\ntables:\n{lines}")
    (folder / "_confirmed.yaml").write_text("# A note.\nsagemaker.models: [moto, example]\n")
    catalog = Catalog([tmp_path])
    for name, expected in (("models", "moto, example"), ("endpoints", "unconfirmed")):
        result = parse_one(f"DESCRIBE EXTENDED aws.sagemaker.{name}", Describe).answer(
            catalog, Settings(), (), read_keywords
        )
        assert set(result["confirmed_by"].to_pylist()) == {expected}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("DESCRIBE models", ()),
        ("DESCRIBE sagemaker.models", ()),
        ("DESCRIBE models", ("aws",)),
        ("DESCRIBE models", ("memory", "main")),
        ("DESCRIBE my_table", ("aws", "sagemaker")),
        ("DESCRIBE regions", ()),
        ("DESCRIBE regions", ("memory", "main")),
        ("DESCRIBE regions", ("aws", "sagemaker")),
        ("DESCRIBE memory.regions", ()),
        ("DESCRIBE a.b.c.d", ()),
        ("DESCRIBE method", ()),
    ],
)
def test_duckdb_answers_a_describe_of_another_table(text, path):
    assert not parse_one(text, Describe).is_ours(CATALOG, path)


@pytest.mark.parametrize(
    "text", ["DESCRIBE SELECT 1", "DESCRIBE FROM t", "DESCRIBE", "DESCRIBE (SELECT 1)", "DESCRIBE 'x.csv'"]
)
def test_duckdb_answers_a_describe_of_a_query(text):
    assert not isinstance(parse(text)[0], CatalogStatement)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("aws.regions", ()),
        ("AWS.Regions", ("memory", "main")),
        ("aws.main.regions", ()),
        ("regions", ("aws", "main")),
    ],
)
def test_the_table_of_regions_is_described_like_other_tables(name, path):
    result = answer(f"DESCRIBE {name}", path)
    assert result.column_names == ["name", "type", "description"]
    assert result["name"].to_pylist() == ["region", "partition", "description", "opt_in_status"]
    assert all(result["description"].to_pylist())
    extended = answer(f"DESCRIBE EXTENDED {name}", path)
    assert extended.column_names == answer("DESCRIBE EXTENDED aws.sagemaker.models").column_names
    assert extended["key"].to_pylist() == [True, False, False, False]


def test_the_table_of_accounts_is_described_with_the_calls_that_it_may_make():
    result = answer("DESCRIBE EXTENDED aws.accounts")
    assert dict(zip(result["name"].to_pylist(), result["call"].to_pylist(), strict=True)) == {
        "account": "",
        "account_id": "GetCallerIdentity",
        "profile": "",
        "role": "",
        "status": "ListAccounts",
    }
    assert result["key"].to_pylist() == [True, False, False, False, False]


def test_the_table_of_regions_has_no_methods():
    assert answer("SHOW METHODS IN aws.regions").num_rows == 0
    assert answer("SHOW EXTENDED METHODS IN regions", ("aws", "main")).num_rows == 0
    with pytest.raises(UnknownName, match=r"'aws\.regions' has no methods"):
        answer("DESCRIBE METHOD aws.regions.list_resources")


STRUCT = pa.struct(
    [("Key", pa.string()), ("odd name", pa.int32()), ('a"b', pa.bool_()), ("lower", pa.float32())]
)
TYPES = [
    *(pa.string(), pa.large_string(), pa.bool_(), pa.binary(), pa.date32(), pa.float32(), pa.float64()),
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    *(pa.timestamp("us", "UTC"), pa.decimal128(10, 2), pa.list_(pa.string()), pa.list_(STRUCT)),
    *(pa.struct([("A", STRUCT)]), pa.map_(pa.string(), pa.list_(STRUCT))),
]


def describe_in_duckdb(schema):
    empty = schema.empty_table()
    with duckdb.connect() as connection:
        connection.register("empty", empty)
        return [row[1] for row in connection.execute("DESCRIBE empty").fetchall()]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_a_type_is_spelled_as_duckdb_spells_it(kind):
    assert [format_duckdb_type(kind, read_keywords())] == describe_in_duckdb(pa.schema([("c", kind)]))


@pytest.mark.parametrize("name", CATALOG.list_tables("aws", "sagemaker"))
def test_describe_shows_the_types_that_duckdb_shows(name):
    columns = CATALOG.get_table("aws", "sagemaker", name).visible_columns
    schema = pa.schema([(c.name, pa.json_() if c.is_json else c.type) for c in columns])
    assert answer(f"DESCRIBE aws.sagemaker.{name}")["type"].to_pylist() == describe_in_duckdb(schema)


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        ("models", "models", True),
        ("models", "MOD%", True),
        ("models", "%del%", True),
        ("models", "model", False),
        ("models", "model_", True),
        ("a_b", r"a\_b", True),
        ("axb", r"a\_b", False),
        ("50%", r"50\%", True),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
        ("", "%", True),
        ("a\nb", "a%b", True),
    ],
)
def test_like_ignores_case(text, pattern, matches):
    assert is_like(text, pattern) is matches
