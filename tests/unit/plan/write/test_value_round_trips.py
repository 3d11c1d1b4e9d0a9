from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from hypothesis import strategies as st
from input_strategies import Duck, as_json, as_sql, for_random_inputs, pad, valid

from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.shapes import Shape
from sqlprov.emulator.api_model import check_input
from sqlprov.plan.write.values import coerce, find_missing


def check_service_accepts(operation: str, parameters: dict[str, Any]) -> None:
    model = load_model("sagemaker").operation_model(operation)
    assert ParamValidator().validate(parameters, model.input_shape).generate_report() == ""
    sent = create_serializer("json").serialize_to_request(parameters, model)
    check_input(operation, json.loads(sent["body"]))


@pytest.mark.parametrize("form", ["JSON text", "SQL", "Python values"])
@for_random_inputs
def test_an_input_is_sent_as_written_in_each_form(
    inputs: dict[str, Shape], duck: Duck, operation: str, form: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    wanted = data.draw(valid(shape) if form == "JSON text" else pad(shape))
    sent: dict[str, Any] = {}
    for name, value in wanted.items():
        member = shape.members[name]
        if form == "JSON text":
            is_json = member.kind not in ("structure", "list", "map") or data.draw(st.booleans())
            column = as_json(value), pa.string(), is_json
        elif form == "SQL":
            column = duck.column(as_sql(value, member, name == "Tags" and data.draw(st.booleans())))
        else:
            array = pa.array([value])
            column = array.to_pylist()[0], array.type, False
        sent[name], errors, warnings = coerce(*column, member, row=1, column=name, zone="Europe/Berlin")
        assert (errors, warnings) == ([], [])
    assert sent == wanted and find_missing(shape, sent) == ()
    check_service_accepts(operation, sent)
