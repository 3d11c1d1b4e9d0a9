from __future__ import annotations

import pyarrow as pa
from input_strategies import Coerce

from sqlprov.catalog.service_model import build_input_shape, build_shape, load_model
from sqlprov.plan.write.values import coerce


def test_an_operation_without_input_takes_nothing() -> None:
    model = load_model("sts")
    assert dict(build_input_shape(model.operation_model("GetCallerIdentity")).members) == {}
    assert dict(build_input_shape(load_model("ec2").operation_model("DescribeRegions")).members) != {}


def test_a_shape_that_contains_itself_is_built_as_deep_as_it_is_used(convert: Coerce) -> None:
    value = build_shape(load_model("dynamodb").shape_for("AttributeValue"))
    assert value.members["L"].item is not None
    assert value.members["L"].item.members["M"].value is not None
    assert convert("""'{"L": [{"M": {"a": {"B": "YWJj"}}}, {"NS": ["1"]}]}'""", value) == {
        "L": [{"M": {"a": {"B": b"abc"}}}, {"NS": ["1"]}]
    }


def test_a_value_nested_beyond_pythons_stack_is_refused() -> None:
    value = build_shape(load_model("dynamodb").shape_for("AttributeValue"))
    deep = '{"L": [' * 300 + '{"S": "x"}' + "]}" * 300
    sent, errors, _ = coerce(deep, pa.string(), False, value, row=1, column="c", zone="UTC")
    assert sent is None and [error.expected for error in errors] == ["a value that is nested less deeply"]


def test_a_document_is_any_json() -> None:
    shape = build_shape(load_model("bedrock-agent").shape_for("AdditionalModelRequestFieldsValue"))
    assert (shape.kind, dict(shape.members)) == ("document", {})
