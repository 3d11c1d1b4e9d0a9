from __future__ import annotations

import json

import pyarrow as pa
import pytest
from input_strategies import Coerce, Duck, Refuse

from sqlprov.catalog.shapes import Constraint, Shape
from sqlprov.plan.write.values import coerce, find_member, find_missing

TEXT = Shape("Text", "string")
COUNT = Shape("Count", "integer", low=0)
INNER = Shape("Inner", "structure", members={"Count": COUNT, "RoleArn": TEXT})
OUTER = Shape("Outer", "structure", members={"Inner": INNER, "Name": TEXT})
NEEDY = Shape("Needy", "structure", members={"A": TEXT, "B": TEXT, "C": TEXT}, required=("A", "B"))
TEXTS = Shape("Texts", "list", item=TEXT)
MAP = Shape("Map", "map", key=Shape("Key", "string", constraint=Constraint(pattern="[A-Z]+")), value=TEXT)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("{'Name': 'x', 'Inner': {'Count': NULL, 'RoleArn': NULL}}", {"Name": "x"}),
        ("{'Name': NULL, 'Inner': {'Count': 1, 'RoleArn': NULL}}", {"Inner": {"Count": 1}}),
        ("{'Name': NULL, 'Inner': {'Count': NULL}}", None),
        ("{'Name': 'x', 'Inner': NULL, 'Unheard': NULL}", {"Name": "x"}),
        ("""'{"Name": "x", "Inner": {"Count": null}}'""", {"Name": "x"}),
        ("""'{"Name": "x", "Inner": {}}'""", {"Name": "x", "Inner": {}}),
        ("'{}'", {}),
        ("'{}'::JSON", {}),
        ("'null'", None),
        ("'null'::JSON", None),
        ("MAP {'Name': 'x'}", {"Name": "x"}),
    ],
)
def test_null_members_are_dropped_at_every_depth_and_an_empty_object_stays(
    taken: Coerce, written: str, sent: object
) -> None:
    assert taken(written, OUTER) == sent


def test_a_list_padded_by_duckdb_keeps_each_item_with_its_own_members(taken: Coerce) -> None:
    shape = Shape("List", "list", item=OUTER)
    assert taken("[{'Name': 'x'}, {'Inner': {'Count': 1}}, {'Name': NULL}]", shape) == [
        {"Name": "x"},
        {"Inner": {"Count": 1}},
        {},
    ]


def test_a_null_in_a_list_is_refused_for_dropping_it_would_move_the_others(refused: Refuse) -> None:
    assert refused("['a', NULL]", TEXTS) == {"c[1]": "a value, not NULL"}
    assert refused("""'["a", null]'""", TEXTS) == {"c[1]": "a value, not NULL"}


@pytest.mark.parametrize("name", ["RoleArn", "role_arn", "ROLE_ARN", "rolearn", "roleArn"])
def test_a_member_is_found_under_each_of_its_spellings(taken: Coerce, name: str) -> None:
    assert taken(f"{{'{name}': 'x'}}", INNER) == {"RoleArn": "x"}
    assert taken("?", INNER, json.dumps({name: "x"})) == {"RoleArn": "x"}


def test_an_exact_name_goes_before_another_spelling_of_it(taken: Coerce) -> None:
    both = Shape("Both", "structure", members={"name": TEXT, "Name": TEXT})
    assert taken("""'{"name": "a", "Name": "b"}'""", both) == {"name": "a", "Name": "b"}


def test_a_member_given_twice_is_refused(refused: Refuse) -> None:
    twice = "RoleArn once; it is also written as 'RoleArn'"
    assert refused("""'{"RoleArn": "a", "role_arn": "b"}'""", INNER) == {"c.RoleArn": twice}
    assert refused("""'{"RoleArn": "a", "RoleArn": "b"}'""", INNER) == {"c.RoleArn": twice}
    assert refused("""'{"A": "a", "A": "b"}'""", MAP) == {"c['A']": "each key once"}


def test_an_unknown_member_is_refused_with_the_nearest_word(refused: Refuse) -> None:
    assert refused("{'RoleAnr': 'x'}", INNER) == {
        "c.RoleAnr": "one of the members Count, RoleArn. Did you mean 'RoleArn'?"
    }


def test_the_required_members_that_are_missing_are_named_together(refused: Refuse) -> None:
    assert refused("{'C': 'x'}", NEEDY) == {"c": "the required A and B too"}
    assert refused("'{}'", NEEDY) == {"c": "the required A and B too"}
    assert refused("[{'A': NULL}]", Shape("L", "list", item=NEEDY)) == {"c[0]": "the required A and B too"}


def test_all_problems_of_a_value_are_reported_at_once_each_with_its_path(
    experiment: Shape, duck: Duck
) -> None:
    count = "ModelVariants[0].InfrastructureConfig.RealTimeInferenceConfig.InstanceCount"
    written = """'[{"ModelName": "a_b", "VariantNam": "x", "InfrastructureConfig":
        {"RealTimeInferenceConfig": {"InstanceType": "ml.m5.xlarg", "InstanceCount": 50.5}}}, null]'"""
    _, faults, warnings = duck.coerce(written, experiment.members["ModelVariants"], column="ModelVariants")
    assert {fault.path: fault.value for fault in faults if fault.path != "ModelVariants[0]"} == {
        "ModelVariants[0].ModelName": "a_b",
        "ModelVariants[0].VariantNam": "x",
        count: "50.5",
        "ModelVariants[0].InfrastructureConfig": (
            '{"RealTimeInferenceConfig": {"InstanceType": "ml.m5.xlarg",…'
        ),
        "ModelVariants[1]": "NULL",
    }
    assert f"row 1, {count}: '50.5'; expected an integer" in map(str, faults)
    assert [warning.path for warning in warnings] == [count.replace("InstanceCount", "InstanceType")]
    assert "Did you mean 'ml.m5.xlarge'?" in warnings[0].expected


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
        ("7", "a list"),
        ('{"a": "b"}', "a list"),
        ('"a"', "a list"),
    ],
)
def test_text_for_a_list_that_is_no_json_is_refused_with_the_place(
    refused: Refuse, text: str, expected: str
) -> None:
    assert refused("?", TEXTS, text) == {"c": expected}


@pytest.mark.parametrize("written", ["1", "true", "[1]", "'[1]'", "'5'::JSON", "MAP {1: 2}::VARCHAR"])
def test_what_has_no_names_is_no_object(refused: Refuse, written: str) -> None:
    assert refused(written, INNER)["c"].startswith("an object")


def test_json_text_inside_a_struct_or_a_list_is_read_too(taken: Coerce) -> None:
    assert taken("""{'Inner': '{"Count": "1"}'}""", OUTER) == {"Inner": {"Count": 1}}
    assert taken("""['{"Name": "x"}']""", Shape("L", "list", item=OUTER)) == [{"Name": "x"}]
    assert taken("""'"{}"'::JSON""", OUTER) == {}


def test_json_inside_a_struct_is_unquoted_when_arrow_says_that_it_is_json() -> None:
    type = pa.struct({"Name": pa.json_(), "Inner": pa.struct({"Count": pa.json_()})})
    value = {"Name": '"x"', "Inner": {"Count": "1.0"}}
    sent, faults, _ = coerce(value, type, False, OUTER, row=1, column="c", zone="UTC")
    assert (sent, faults) == ({"Name": "x", "Inner": {"Count": 1}}, [])


def test_duckdbs_lossless_types_are_read() -> None:
    duck = Duck()
    duck.connection.execute("SET arrow_lossless_conversion = true")
    written = """{'Name': '"x"'::JSON, 'Inner': {'Count': 7::HUGEINT,
        'RoleArn': '0f9b6d8e-1111-4222-8333-444455556666'::UUID}}"""
    assert duck.coerce(written, OUTER)[0] == {
        "Name": "x",
        "Inner": {"Count": 7, "RoleArn": "0f9b6d8e-1111-4222-8333-444455556666"},
    }


@pytest.mark.parametrize(
    "written",
    ["['a', 'b']", "['a', 'b']::VARCHAR[2]", """'["a", "b"]'""", """'["a", "b"]'::JSON""", '\'["a","b"]\''],
)
def test_a_list_may_be_written_as_list_array_or_json(taken: Coerce, written: str) -> None:
    assert taken(written, TEXTS) == ["a", "b"]


@pytest.mark.parametrize(
    ("shape", "written", "expected"),
    [
        (Shape("L", "list", item=TEXT, low=1, high=2), "[]", "a list of 1 to 2 items (not 0)"),
        (Shape("L", "list", item=TEXT, high=1), "['a', 'b']", "a list of at most 1 item (not 2)"),
        (Shape("M", "map", key=TEXT, value=TEXT, low=1), "MAP {}", "an object of at least 1 item (not 0)"),
    ],
)
def test_the_number_of_items_is_checked(refused: Refuse, shape: Shape, written: str, expected: str) -> None:
    assert refused(written, shape) == {"c": expected}


@pytest.mark.parametrize(
    "written", ["MAP {'PORT': '1'}", "MAP {'PORT': 1}", "{'PORT': 1, 'HOST': NULL}", """'{"PORT": 1}'"""]
)
def test_a_map_may_be_written_as_map_struct_or_json(taken: Coerce, written: str) -> None:
    assert taken(written, MAP) == {"PORT": "1"}


def test_the_keys_of_a_map_are_checked(refused: Refuse) -> None:
    assert refused("MAP {'port': 'x', 'HOST': 'y'}", MAP) == {"c['port']": "text that matches [A-Z]+"}


@pytest.mark.parametrize(
    "written",
    [
        "MAP {'a': '1', 'b': '2'}",
        "{'a': 1, 'b': 2, 'c': NULL}",
        "[{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': '2'}]",
        "[{'key': 'a', 'value': 1}, {'key': 'b', 'value': 2}]",
        """'[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]'""",
        """'{"a": "1", "b": "2"}'""",
        """'{"a": 1, "b": 2}'::JSON""",
    ],
)
def test_tags_may_be_a_map_an_object_or_a_list(experiment: Shape, taken: Coerce, written: str) -> None:
    assert taken(written, experiment.members["Tags"]) == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "2"},
    ]


@pytest.mark.parametrize(
    "written", ["[{'Key': 'a', 'Value': '1'}, {'Key': 'a', 'Value': '1'}]", """'{"a": "1", "a": "2"}'"""]
)
def test_a_tag_key_given_twice_is_refused(experiment: Shape, refused: Refuse, written: str) -> None:
    assert refused(written, experiment.members["Tags"]) == {
        "c[1].Key": "each tag key once; it is also in c[0]"
    }


def test_one_tag_outside_a_list_is_not_taken_for_two(
    experiment: Shape, taken: Coerce, refused: Refuse
) -> None:
    tags = experiment.members["Tags"]
    for written in ("{'Key': 'team', 'Value': 'x'}", """'{"Key": "team", "Value": "x"}'"""):
        assert refused(written, tags) == {
            "c": 'a list, [{"Key": …, "Value": …}], or an object of keys and values'
        }
    assert len(taken("MAP {'Key': 'team', 'Value': 'x'}", tags)) == 2


def test_a_union_takes_exactly_one_member(taken: Coerce, refused: Refuse) -> None:
    union = Shape("Union", "structure", members={"A": TEXT, "B": TEXT}, union=True)
    assert taken("{'A': 'x', 'B': NULL}", union) == {"A": "x"}
    assert refused("{'A': 'x', 'B': 'y'}", union) == {"c": "exactly one of A, B"}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (
            """'{"a": [1, 2.5, null, true], "b": {"c": null}}'""",
            {"a": [1, 2.5, None, True], "b": {"c": None}},
        ),
        ("{'a': [1, 2], 'b': NULL}", {"a": [1, 2]}),
        ("MAP {'a': 1}", {"a": 1}),
        ("'\"x\"'::JSON", "x"),
    ],
)
def test_a_document_takes_any_json(taken: Coerce, written: str, sent: object) -> None:
    assert taken(written, Shape("Document", "document")) == sent


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("Name", "Name"),
        ("name", "Name"),
        ("NAME", "Name"),
        ("RoleArn", "RoleArn"),
        ("role_arn", "RoleArn"),
        ("data__RoleArn", "RoleArn"),
        ("data__role_arn", "RoleArn"),
        ("DATA__ROLEARN", "RoleArn"),
        ("data__Identifier", None),
        ("rolearns", None),
        ("data__", None),
    ],
)
def test_a_column_means_the_member_that_it_spells(experiment: Shape, name: str, member: str | None) -> None:
    assert find_member(name, experiment) == member


def test_missing_names_the_required_members_in_the_models_order(experiment: Shape) -> None:
    assert find_missing(experiment, ["role_arn", "data__Name", "ModelVariants", "region"]) == (
        "Type",
        "EndpointName",
        "ShadowModeConfig",
    )
