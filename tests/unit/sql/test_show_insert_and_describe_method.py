import json
import re

import pytest
from statements import CATALOG, answer, parse_one

from sqlprov.errors import MalformedSQL, UnknownName
from sqlprov.sql import DescribeMethod, Insert, ShowInsert, find_refusal, parse

T = "aws.sagemaker.inference_experiments"


def read_template(text, path=()):
    result = answer(text, path)
    assert result.column_names == ["insert_statement"] and result.num_rows == 1
    return result["insert_statement"][0].as_py()


def test_show_insert_prints_stackqls_template():
    names = re.findall(
        r"\w+",
        "Name Type Description RoleArn EndpointName Schedule KmsKey DataStorageConfig ModelVariants "
        "ShadowModeConfig Tags StatusReason DesiredState region",
    )
    columns, values = ",\n ".join(names), ",\n ".join(f"'{{{{ {name} }}}}'" for name in names)
    assert read_template(f"SHOW INSERT INTO {T}") == (
        f"/*+ create */\nINSERT INTO {T} (\n {columns}\n)\nSELECT\n {values};"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"SHOW INSERT /*+ REQUIRED */ INTO {T}",
        f"/*+ required */ show insert into {T}",
        f"SHOW INSERT INTO /*+ REQUIRED */ {T}",
        f"SHOW EXTENDED INSERT INTO /*+ REQUIRED */ {T}",
    ],
)
def test_with_the_hint_required_the_template_has_only_required_parameters(text):
    insert = parse_one(read_template(text), Insert)
    assert insert.columns == (
        *("Name", "Type", "RoleArn", "EndpointName", "ModelVariants", "ShadowModeConfig", "region"),
    )


WRITABLE = ("endpoint_configs", "endpoints", "inference_experiments", "models")


@pytest.mark.parametrize("name", WRITABLE)
def test_the_template_of_any_table_is_an_insert_once_it_is_filled_in(name):
    text = read_template(f"SHOW INSERT INTO {name}", ("aws", "sagemaker"))
    assert "placeholder" in find_refusal(parse_one(text, Insert), CATALOG, lambda: ())
    filled = parse_one(re.sub(r"\{\{ (\w+) \}\}", r"\1", text), Insert)
    assert find_refusal(filled, CATALOG, lambda: ()) is None
    assert filled.is_ours(CATALOG, ()) and filled.columns[-1] == "region"


def test_show_insert_of_another_name_is_duckdbs_or_an_error():
    assert not isinstance(parse("show insert")[0], ShowInsert)
    with pytest.raises(MalformedSQL, match="Expected the end of the statement"):
        parse(f"show insert into {T} (a)")
    with pytest.raises(UnknownName, match=f"Did you mean '{T}'"):
        answer("show insert into inference_experiment")


def test_describe_method_has_stackqls_columns():
    result = answer(f"DESCRIBE METHOD {T}.stop")
    assert result.column_names == ["name", "type", "param_type", "shape"]
    assert [tuple(row.values())[:3] for row in result.to_pylist()] == [
        ("Name", "string", "input_required"),
        ("ModelVariantActions", "object", "input_required"),
        ("region", "string", "input_required"),
        ("DesiredModelVariants", "array", "input_optional"),
        ("DesiredState", "string", "input_optional"),
        ("Reason", "string", "input_optional"),
        ("InferenceExperimentArn", "string", "output"),
    ]


def test_the_shape_is_json_schema():
    rows = {row["name"]: row for row in answer(f"DESCRIBE METHOD {T}.stop").to_pylist()}
    actions = json.loads(rows["ModelVariantActions"]["shape"])
    assert actions["type"] == "object"
    assert actions["additionalProperties"]["enum"] == ["Retain", "Remove", "Promote"]
    (variants,) = (json.loads(rows["DesiredModelVariants"]["shape"]),)
    item = variants["items"]
    assert item["required"] == ["ModelName", "VariantName", "InfrastructureConfig"]
    assert item["properties"]["VariantName"]["maxLength"] == 63
    count = item["properties"]["InfrastructureConfig"]["properties"]["RealTimeInferenceConfig"]
    assert count["properties"]["InstanceCount"] == {"type": "integer", "minimum": 0}
    assert rows["Reason"]["shape"] == ""


@pytest.mark.parametrize(
    "text",
    [
        f"DESCRIBE METHOD EXTENDED {T}.create_resource",
        f"describe extended method {T}.create_resource",
        f"DESC METHOD EXTENDED {T}.create_inference_experiment",
    ],
)
def test_extended_adds_descriptions(text):
    result = answer(text)
    assert result.column_names == ["name", "type", "param_type", "shape", "description"]
    assert all(result["description"].to_pylist()[:4])
    required = [row["name"] for row in result.to_pylist() if row["param_type"] == "input_required"]
    assert required == [
        *("Name", "Type", "RoleArn", "EndpointName", "ModelVariants", "ShadowModeConfig", "region"),
    ]


@pytest.mark.parametrize(
    ("method", "inputs", "output"),
    [
        ("get_resource", ["data__Identifier", "region"], "EndpointMetadata"),
        ("delete_resource", ["data__Identifier", "region"], "InferenceExperimentArn"),
        ("list_resources", ["region", "NameContains", "Type"], "LastModifiedTime"),
        (
            "update_resource",
            ["data__Identifier", "data__PatchDocument", "region", "Schedule"],
            "InferenceExperimentArn",
        ),
    ],
)
def test_parameters_that_sqlprov_sets_are_left_out(method, inputs, output):
    rows = answer(f"DESCRIBE METHOD {T}.{method}").to_pylist()
    names = [row["name"] for row in rows if row["param_type"] != "output"]
    assert names[: len(inputs)] == inputs
    assert not {"Name", "NextToken", "MaxResults", "SortBy"} & set(names)
    assert output in [row["name"] for row in rows if row["param_type"] == "output"]


@pytest.mark.parametrize("name", CATALOG.list_tables("aws", "sagemaker"))
def test_every_method_of_every_table_is_described(name):
    for method in CATALOG.get_table("aws", "sagemaker", name).methods:
        rows = answer(f"DESCRIBE METHOD aws.sagemaker.{name}.{method.name}").to_pylist()
        assert {"input_required"} <= {row["param_type"] for row in rows}
        for row in rows:
            assert bool(row["shape"]) is (row["type"] in ("object", "array"))
            assert not row["shape"] or json.loads(row["shape"])["type"] == row["type"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (f"DESCRIBE METHOD {T}.stopp", UnknownName, "Did you mean 'stop'?"),
        (f"DESCRIBE METHOD {T}", UnknownName, "names a table, not a method. Expected one of create_resource,"),
        ("DESCRIBE METHOD stop", MalformedSQL, "Expected a method, such as"),
        (f"DESCRIBE METHOD {T}.stop now", MalformedSQL, "Expected the end of the statement"),
    ],
)  # fmt: skip
def test_the_error_for_an_unknown_method_has_a_caret(text, error, message):
    with pytest.raises(error, match=r"(?s)LINE 1: .*\^") as caught:
        answer(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["describe method", "describe method.x", "describe extended method"])
def test_method_may_be_the_name_of_a_table(text):
    assert not isinstance(parse(text)[0], DescribeMethod)
