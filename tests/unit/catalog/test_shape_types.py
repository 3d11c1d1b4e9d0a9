from __future__ import annotations

import pyarrow as pa
import pytest

from sqlprov.catalog.service_model import load_model, summarize, to_arrow_type
from sqlprov.catalog.shapes import Constraint

TIME = pa.timestamp("us", "UTC")


def read_type(client: str, shape: str, *, as_json: bool = False) -> pa.DataType:
    return to_arrow_type(load_model(client).shape_for(shape), as_json=as_json)


@pytest.mark.parametrize(
    ("client", "shape", "type", "json_type"),
    [
        ("sagemaker", "ModelName", pa.string(), pa.string()),
        ("sagemaker", "Boolean", pa.bool_(), pa.bool_()),
        ("sagemaker", "MaxResults", pa.int32(), pa.int32()),
        ("sagemaker", "Timestamp", TIME, pa.float64()),
        ("sagemaker", "VariantWeight", pa.float64(), pa.float64()),
        ("sagemaker", "Double", pa.float64(), pa.float64()),
        ("sagemaker", "Long", pa.int64(), pa.int64()),
        ("sagemaker", "EnvironmentMap", pa.map_(pa.string(), pa.string()), pa.map_(pa.string(), pa.string())),
        ("sagemaker", "SecurityGroupIds", pa.list_(pa.string()), pa.list_(pa.string())),
        ("dynamodb", "BinaryAttributeValue", pa.binary(), pa.string()),
    ],
)
def test_a_shape_has_an_arrow_type_and_the_type_of_its_json(
    client: str, shape: str, type: pa.DataType, json_type: pa.DataType
) -> None:
    assert read_type(client, shape) == type
    assert read_type(client, shape, as_json=True) == json_type


def test_a_structure_keeps_its_members_in_the_order_and_spelling_of_aws() -> None:
    assert read_type("sagemaker", "InferenceExperimentSchedule") == pa.struct(
        [("StartTime", TIME), ("EndTime", TIME)]
    )


def test_a_recursive_shape_ends_as_json_text() -> None:
    value = read_type("dynamodb", "AttributeValue")
    assert value.field("L").type == pa.list_(pa.string())
    assert value.field("M").type == pa.map_(pa.string(), pa.string())
    assert value.field("B").type == pa.binary()


def test_a_document_is_json_text() -> None:
    assert read_type("bedrock-agent", "AdditionalModelRequestFieldsValue") == pa.string()


def test_a_structure_without_members_is_json_text() -> None:
    assert read_type("s3", "TargetObjectKeyFormat").field("SimplePrefix").type == pa.string()


@pytest.mark.parametrize(
    ("documentation", "expected"),
    [
        ("<p>The name of the model.</p>", "The name of the model."),
        ("<p> An array of <code>Tag</code>   objects. </p> <p>More.</p>", "An array of Tag objects."),
        ("<p>The status. It is one of:</p><ul><li>A</li></ul>", "The status."),
        ("<p>One of the following:</p><ul><li>A</li></ul>", "One of the following:"),
        ('<p>See <a href="x">a &amp; b</a> &lt;here&gt;</p>', "See a & b <here>"),
        ("<note><p>Careful.</p></note>", "Careful."),
        ("", ""),
    ],
)
def test_a_description_is_the_first_paragraph_as_plain_text(documentation: str, expected: str) -> None:
    assert summarize(documentation) == expected


def test_a_constraint_refuses_what_the_service_would_refuse() -> None:
    name = Constraint(pattern="[a-z](-*[a-z])*", min=1, max=5)
    assert name.accepts("a-b")
    assert not name.accepts("")
    assert not name.accepts("abcdef")
    assert not name.accepts("a_b")
    assert not name.accepts("a\n")
    assert not Constraint(enum=("Running",)).accepts("running")
    assert Constraint(pattern="a{2}{3}").accepts("anything, for Python cannot read this pattern")
