from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from botocore.validate import ParamValidator
from broken_inputs import as_emulator, break_constraint, break_kind, emulator_paths, places
from hypothesis import strategies as st
from input_strategies import as_json, for_random_inputs, valid

from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.shapes import Shape
from sqlprov.emulator.errors import ApiError
from sqlprov.plan.write.values import ValueProblem, coerce, find_missing


def on_the_wire(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: on_the_wire(part) for name, part in value.items()}
    if isinstance(value, list):
        return [on_the_wire(part) for part in value]
    return value.timestamp() if isinstance(value, datetime) else value


def judge(sent: dict[str, Any], shape: Shape) -> tuple[list[ValueProblem], list[ValueProblem]]:
    errors: list[ValueProblem] = []
    warnings: list[ValueProblem] = []
    for name, value in sent.items():
        text, member = as_json(value), shape.members[name]
        _, broken, doubted = coerce(text, pa.string(), True, member, row=1, column=name, zone="UTC")
        errors += broken
        warnings += doubted
    return errors, warnings


@for_random_inputs
def test_sizes_forms_and_missing_members_are_refused_exactly_where_the_emulator_refuses(
    inputs: dict[str, Shape], operation: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    sent = copy.deepcopy(on_the_wire(data.draw(valid(shape))))
    for _ in range(data.draw(st.integers(1, 3))):
        break_constraint(data, sent, shape)
    theirs = emulator_paths(operation, sent)
    ours = {as_emulator(error.path) for error in judge(sent, shape)[0]}
    assert theirs and theirs == ours


@for_random_inputs
def test_a_missing_column_is_named_exactly_where_the_emulator_refuses(
    inputs: dict[str, Shape], operation: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    sent = on_the_wire(data.draw(valid(shape)))
    left_out = data.draw(st.sets(st.sampled_from(shape.required), min_size=1))
    sent = {name: value for name, value in sent.items() if name not in left_out}
    assert emulator_paths(operation, sent) == {""} and set(find_missing(shape, sent)) == left_out


@for_random_inputs
def test_a_value_of_the_wrong_kind_is_refused_exactly_there(
    inputs: dict[str, Shape], operation: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    sent = copy.deepcopy(on_the_wire(data.draw(valid(shape))))
    path = break_kind(data, sent, shape)
    with pytest.raises(ApiError):
        emulator_paths(operation, sent)
    assert [error.path for error in judge(sent, shape)[0]] == [path]


@for_random_inputs
def test_an_unknown_member_is_refused_as_botocore_refuses_it(
    inputs: dict[str, Shape], operation: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    sent = copy.deepcopy(on_the_wire(data.draw(valid(shape))))
    inside = [place for place in places(sent, shape) if place.shape.kind == "structure"]
    if not inside:
        return
    place = data.draw(st.sampled_from(inside))
    place.value["Colour"] = data.draw(st.sampled_from([None, 1, "red", {}]))
    model = load_model("sagemaker").operation_model(operation)
    report = ParamValidator().validate(sent, model.input_shape).generate_report()
    assert 'Unknown parameter in input: "Colour"' in report or f'{place.path}: "Colour"' in report
    detail = [] if place.value["Colour"] is None else [f"{place.path}.Colour"]
    assert [error.path for error in judge(sent, shape)[0]] == detail


@for_random_inputs
def test_an_enum_value_that_the_model_does_not_know_is_a_warning_there(
    inputs: dict[str, Shape], operation: str, data: st.DataObject
) -> None:
    shape = inputs[operation]
    sent = copy.deepcopy(on_the_wire(data.draw(valid(shape))))
    enums = [place for place in places(sent, shape) if place.shape.constraint.enum]
    for place in enums:
        place.holder[place.key] += "x"
    errors, warnings = judge(sent, shape)
    assert not errors and [warning.path for warning in warnings] == [place.path for place in enums]
    assert all("Did you mean" in warning.expected for warning in warnings)
