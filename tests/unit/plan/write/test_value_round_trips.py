from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from input_strategies import CREATES, Duck, as_json, as_sql, unpadded, valid

from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.shapes import Shape
from sqlprov.emulator.api_model import check_input
from sqlprov.plan.write.values import coerce, find_missing

MODERATE = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # shrinking a whole input takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
EVERY_CREATE = pytest.mark.parametrize("operation", CREATES.values())


def accepted_by_the_service(operation: str, parameters: dict[str, Any]) -> None:
    model = load_model("sagemaker").operation_model(operation)
    assert ParamValidator().validate(parameters, model.input_shape).generate_report() == ""
    sent = create_serializer("json").serialize_to_request(parameters, model)
    check_input(operation, json.loads(sent["body"]))


@EVERY_CREATE
@MODERATE
@given(data=st.data())
def test_an_input_written_as_json_text_is_sent_as_it_was(
    inputs: dict[str, Shape], operation: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    wanted = data.draw(valid(shape))
    sent: dict[str, Any] = {}
    for name, value in wanted.items():
        member = shape.members[name]
        is_json = member.kind not in ("structure", "list", "map") or data.draw(st.booleans())
        result, faults, warnings = coerce(
            as_json(value), pa.string(), is_json, member, row=1, column=name, zone="UTC"
        )
        assert (faults, warnings) == ([], [])
        sent[name] = result
    assert sent == wanted and find_missing(shape, sent) == ()
    accepted_by_the_service(operation, sent)


@EVERY_CREATE
@MODERATE
@given(data=st.data())
def test_an_input_written_as_struct_list_and_map_is_sent_as_it_was(
    inputs: dict[str, Shape], duck: Duck, operation: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    wanted = unpadded(data.draw(valid(shape)))
    sent: dict[str, Any] = {}
    for name, value in wanted.items():
        expression = as_sql(value, shape.members[name], name == "Tags" and data.draw(st.booleans()))
        result, faults, warnings = duck.coerce(expression, shape.members[name], column=name)
        assert (faults, warnings) == ([], [])
        sent[name] = result
    assert sent == wanted
    accepted_by_the_service(operation, sent)


@EVERY_CREATE
@MODERATE
@given(data=st.data())
def test_an_input_given_as_python_values_is_sent_as_it_was(
    inputs: dict[str, Shape], operation: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    wanted = unpadded(data.draw(valid(shape)))
    row = pa.array([wanted])
    padded = row.to_pylist()[0]
    sent: dict[str, Any] = {}
    for name in wanted:
        result, faults, warnings = coerce(
            padded[name],
            row.type.field(name).type,
            False,
            shape.members[name],
            row=1,
            column=name,
            zone="UTC",
        )
        assert (faults, warnings) == ([], [])
        sent[name] = result
    assert sent == wanted
    accepted_by_the_service(operation, sent)
