from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from input_strategies import CREATES, Coerce, Duck, Refuse

from sqlprov.catalog.service_model import build_input_shape, load_model
from sqlprov.catalog.shapes import Constraint, Shape
from sqlprov.plan.write.values import coerce, find_member, find_missing

TEXT = Shape("Text", "string")
COUNT = Shape("Count", "integer", low=0)
INNER = Shape("Inner", "structure", members={"Count": COUNT, "RoleArn": TEXT})
OUTER = Shape("Outer", "structure", members={"Inner": INNER, "Name": TEXT})
NEEDY = Shape("Needy", "structure", members={"A": TEXT, "B": TEXT, "C": TEXT}, required=("A", "B"))
TEXTS = Shape("Texts", "list", item=TEXT)
OUTERS = Shape("Outers", "list", item=OUTER)
MAP = Shape("Map", "map", key=Shape("Key", "string", constraint=Constraint(pattern="[A-Z]+")), value=TEXT)
UNION = Shape("Union", "structure", members={"A": TEXT, "B": TEXT}, union=True)
BOTH = Shape("Both", "structure", members={"name": TEXT, "Name": TEXT})
DOCUMENT = Shape("Document", "document")
CREATE, CREATE_MODEL = (
    build_input_shape(load_model("sagemaker").operation_model(CREATES[table]))
    for table in ("inference_experiments", "models")
)
ENVIRONMENT = CREATE_MODEL.members["PrimaryContainer"].members["Environment"]
TAGS = CREATE.members["Tags"]
TWO_TAGS = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]

SENT: list[tuple[Any, ...]] = [
    # (shape, value, the expressions that are sent as this value)
    # NULL members are dropped at every depth, and an empty object stays.
    (OUTER, {"Name": "x"}, "{'Name': 'x', 'Inner': {'Count': NULL, 'RoleArn': NULL}}", "MAP {'Name': 'x'}",
     "{'Name': 'x', 'Inner': NULL, 'Unheard': NULL}", """'{"Name": "x", "Inner": {"Count": null}}'"""),
    (OUTER, {"Inner": {"Count": 1}}, "{'Name': NULL, 'Inner': {'Count': 1, 'RoleArn': NULL}}",
     """{'Inner': '{"Count": "1"}'}"""),
    (OUTER, {"Name": "x", "Inner": {}}, """'{"Name": "x", "Inner": {}}'"""),
    (OUTER, None, "{'Name': NULL, 'Inner': {'Count': NULL}}", "'null'", "'null'::JSON"),
    (OUTER, {}, "'{}'", "'{}'::JSON", """'"{}"'::JSON"""),
    (OUTERS, [{"Name": "x"}, {"Inner": {"Count": 1}}, {}], "[{'Name': 'x'}, {'Inner': {'Count': 1}}, {'Name': NULL}]"),
    (OUTERS, [{"Name": "x"}], """['{"Name": "x"}']"""),
    *((INNER, {"RoleArn": "x"}, f"{{'{name}': 'x'}}", f"""'{{"{name}": "x"}}'""")
      for name in ("RoleArn", "role_arn", "ROLE_ARN", "rolearn", "roleArn")),
    (BOTH, {"name": "a", "Name": "b"}, """'{"name": "a", "Name": "b"}'"""),
    (TEXTS, ["a", "b"], "['a', 'b']", "['a', 'b']::VARCHAR[2]", """'["a", "b"]'""", """'["a", "b"]'::JSON""",
     """'["a","b"]'"""),
    (MAP, {"PORT": "1"}, "MAP {'PORT': '1'}", "MAP {'PORT': 1}", "{'PORT': 1, 'HOST': NULL}", """'{"PORT": 1}'"""),
    (TAGS, TWO_TAGS, "MAP {'a': '1', 'b': '2'}", "{'a': 1, 'b': 2, 'c': NULL}", json.dumps(TWO_TAGS).replace('"', "'"),
     "[{'key': 'a', 'value': 1}, {'key': 'b', 'value': 2}]", f"'{json.dumps(TWO_TAGS)}'", """'{"a": "1", "b": "2"}'""",
     """'{"a": 1, "b": 2}'::JSON"""),
    (TAGS, [{"Key": "Key", "Value": "team"}, {"Key": "Value", "Value": "x"}], "MAP {'Key': 'team', 'Value': 'x'}"),
    (UNION, {"A": "x"}, "{'A': 'x', 'B': NULL}"),
    (DOCUMENT, {"a": [1, 2.5, None, True], "b": {"c": None}}, """'{"a": [1, 2.5, null, true], "b": {"c": null}}'"""),
    (DOCUMENT, {"a": [1, 2]}, "{'a': [1, 2], 'b': NULL}"),
    (DOCUMENT, {"a": 1}, "MAP {'a': 1}"),
    (DOCUMENT, "x", "'\"x\"'::JSON"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "value", "written"),
    [(shape, value, written) for shape, value, *forms in SENT for written in forms],
)
def test_a_nested_value_may_be_written_in_several_forms(
    convert: Coerce, shape: Shape, value: object, written: str
) -> None:
    assert convert(written, shape) == value


NO_NULL, MISSING, TWICE = (
    "a value, not NULL",
    "the required A and B too",
    "each tag key once; it is also in c[0]",
)
ALSO = "RoleArn once; it is also written as 'RoleArn'"
ONE_TAG = 'a list, [{"Key": …, "Value": …}], or an object of keys and values'
REFUSED: list[tuple[Any, ...]] = [
    # (shape, where, what was expected, the expressions that do not fit)
    (TEXTS, "c[1]", NO_NULL, "['a', NULL]", """'["a", null]'"""),  # to drop it would move the others
    (INNER, "c.RoleArn", ALSO, """'{"RoleArn": "a", "role_arn": "b"}'""", """'{"RoleArn": "a", "RoleArn": "b"}'"""),
    (MAP, "c['A']", "each key once", """'{"A": "a", "A": "b"}'"""),
    (INNER, "c.RoleAnr", "one of the members Count, RoleArn. Did you mean 'RoleArn'?", "{'RoleAnr': 'x'}"),
    (NEEDY, "c", MISSING, "{'C': 'x'}", "'{}'"),
    (Shape("L", "list", item=NEEDY), "c[0]", MISSING, "[{'A': NULL}]"),
    (Shape("L", "list", item=TEXT, low=1, high=2), "c", "a list of 1 to 2 items (not 0)", "[]"),
    (Shape("L", "list", item=TEXT, high=1), "c", "a list of at most 1 item (not 2)", "['a', 'b']"),
    (Shape("M", "map", key=TEXT, value=TEXT, low=1), "c", "an object of at least 1 item (not 0)", "MAP {}"),
    (MAP, "c['port']", "text that matches [A-Z]+", "MAP {'port': 'x', 'HOST': 'y'}"),
    (ENVIRONMENT, "c['a-b']", "text that matches [a-zA-Z_][a-zA-Z0-9_]*", "MAP {'a-b': 'x'}"),
    (TAGS, "c[1].Key", TWICE, "[{'Key': 'a', 'Value': '1'}, {'Key': 'a', 'Value': '1'}]", """'{"a": "1", "a": "2"}'"""),
    (TAGS, "c", ONE_TAG, "{'Key': 'team', 'Value': 'x'}", """'{"Key": "team", "Value": "x"}'"""),
    (UNION, "c", "exactly one of A, B", "{'A': 'x', 'B': 'y'}"),
    (TEXTS, "c", "a list", "'7'", """'{"a": "b"}'""", "'\"a\"'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "path", "expected", "written"),
    [(shape, path, expected, written) for shape, path, expected, *forms in REFUSED for written in forms],
)
def test_a_nested_value_that_does_not_fit_is_refused_with_its_path(
    find_refusals: Refuse, shape: Shape, path: str, expected: str, written: str
) -> None:
    assert find_refusals(written, shape) == {path: expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["a" "b"]', "a list as JSON (Expecting ',' delimiter at line 1, column 6, after '[\"a\" ')"),
        ("a, b", "a list as JSON (Expecting value at line 1, column 1)"),
        ('["a",\n b]', "a list as JSON (Expecting value at line 2, column 2, after '[\"a\",\\n ')"),
        ('["a', "a list as JSON (Unterminated string starting at line 1, column 2, after '[')"),
        ("", "a list; for no value write NULL, not ''"),
        ("[NaN]", "a list as JSON, with numbers that other programs can read"),
        ("[" + "9" * 5000 + "]", "a list as JSON, with numbers that other programs can read"),
        ("[" * 100_000, "a list as JSON that is nested less deeply"),
    ],
)
def test_text_that_is_not_valid_json_is_refused_with_the_place(
    find_refusals: Refuse, text: str, expected: str
) -> None:
    assert find_refusals("?", TEXTS, text) == {"c": expected}


@pytest.mark.parametrize("written", ["1", "true", "[1]", "'[1]'", "'5'::JSON", "MAP {1: 2}::VARCHAR"])
def test_a_value_without_names_is_not_an_object(find_refusals: Refuse, written: str) -> None:
    assert find_refusals(written, INNER)["c"].startswith("an object")


def test_all_problems_of_a_value_are_reported_at_once_each_with_its_path(duck: Duck) -> None:
    count = "ModelVariants[0].InfrastructureConfig.RealTimeInferenceConfig.InstanceCount"
    written = """'[{"ModelName": "a_b", "VariantNam": "x", "InfrastructureConfig":
        {"RealTimeInferenceConfig": {"InstanceType": "ml.m5.xlarg", "InstanceCount": 50.5}}}, null]'"""
    _, errors, warnings = duck.coerce(written, CREATE.members["ModelVariants"], column="ModelVariants")
    assert {error.path: error.value for error in errors if error.path != "ModelVariants[0]"} == {
        "ModelVariants[0].ModelName": "a_b",
        "ModelVariants[0].VariantNam": "x",
        count: "50.5",
        "ModelVariants[0].InfrastructureConfig": (
            '{"RealTimeInferenceConfig": {"InstanceType": "ml.m5.xlarg",…'
        ),
        "ModelVariants[1]": "NULL",
    }
    assert f"row 1, {count}: '50.5'; expected an integer" in map(str, errors)
    assert [warning.path for warning in warnings] == [count.replace("InstanceCount", "InstanceType")]
    assert "Did you mean 'ml.m5.xlarge'?" in warnings[0].expected


def test_json_inside_a_struct_is_unquoted_when_arrow_says_that_it_is_json() -> None:
    type = pa.struct({"Name": pa.json_(), "Inner": pa.struct({"Count": pa.json_()})})
    value = {"Name": '"x"', "Inner": {"Count": "1.0"}}
    sent, errors, _ = coerce(value, type, False, OUTER, row=1, column="c", zone="UTC")
    assert (sent, errors) == ({"Name": "x", "Inner": {"Count": 1}}, [])


def test_duckdbs_lossless_types_are_read() -> None:
    duck = Duck()
    duck.connection.execute("SET arrow_lossless_conversion = true")
    written = """{'Name': '"x"'::JSON, 'Inner': {'Count': 7::HUGEINT,
        'RoleArn': '0f9b6d8e-1111-4222-8333-444455556666'::UUID}}"""
    assert duck.coerce(written, OUTER)[0] == {
        "Name": "x",
        "Inner": {"Count": 7, "RoleArn": "0f9b6d8e-1111-4222-8333-444455556666"},
    }


MEMBERS = {
    "Name": ("Name", "name", "NAME"),
    "RoleArn": ("RoleArn", "role_arn", "data__RoleArn", "data__role_arn", "DATA__ROLEARN"),
    None: ("data__Identifier", "rolearns", "data__"),
}


@pytest.mark.parametrize(
    ("name", "member"), [(name, member) for member, names in MEMBERS.items() for name in names]
)
def test_a_column_means_the_member_that_it_spells(name: str, member: str | None) -> None:
    assert find_member(name, CREATE) == member


def test_missing_names_the_required_members_in_the_models_order() -> None:
    assert find_missing(CREATE, ["role_arn", "data__Name", "ModelVariants", "region"]) == (
        "Type",
        "EndpointName",
        "ShadowModeConfig",
    )
