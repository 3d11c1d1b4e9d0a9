import duckdb
import pytest
from statements import CATALOG, parse_one

from sqlprov.errors import MalformedSQL, NotSupportedError, UnknownName
from sqlprov.sql import Exec, Query, find_refusal, parse

STOP = "aws.sagemaker.inference_experiments.stop"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            f"EXEC {STOP} @Name = 'x', @region = 'us-east-1', @ModelVariantActions = '{{\"a\": \"Retain\"}}'",
            {"Name": "'x'", "region": "'us-east-1'", "ModelVariantActions": '\'{"a": "Retain"}\''},
        ),
        (
            f"exec {STOP}\n@Name='x' --required, \n@region='us-east-1' --required \n@@json=\n'{{\"a\": 1}}'",
            {"Name": "'x'", "region": "'us-east-1'", "@@json": "'{\"a\": 1}'"},
        ),
        (f"exec {STOP} @@json = $body, @Name = ?", {"@@json": "$body", "Name": "?"}),
        (
            f"exec {STOP} @a = -1.5e3 @b = true, @c = NULL @d = f('x, @y', [1, 2]) /* , @z */",
            {"a": "-1.5e3", "b": "true", "c": "NULL", "d": "f('x, @y', [1, 2])"},
        ),
        (f'exec {STOP} @"the name" = (select @ -1)', {"the name": "(select @ -1)"}),
        (f"exec {STOP}", {}),
    ],
)
def test_exec_is_cut_into_the_values_of_its_parameters(text, values):
    statement = parse_one(text, Exec)
    assert statement.name.parts == ("aws", "sagemaker", "inference_experiments", "stop")
    assert (dict(statement.values), statement.json, statement.wait) == (values, values.get("@@json"), False)


def test_the_values_are_a_query_in_the_order_written():
    statement = parse_one(
        f"exec {STOP} @Name = ? || '!', @@json = ?, @n = -1, @x = null, @y = {{'a': [true]}}", Exec
    )
    result = duckdb.execute(statement.build_values_query(), ["x", "{}"])
    assert [column[0] for column in result.description] == ["Name", "@@json", "n", "x", "y"]
    assert result.fetchall() == [("x!", "{}", -1, None, {"a": [True]})]


def test_exec_without_values_has_a_query_for_one_row():
    assert duckdb.execute(parse_one(f"exec {STOP}", Exec).build_values_query()).fetchall() == [(None,)]


@pytest.mark.parametrize(
    "text",
    [
        "exec",
        "exec stop",
        "exec stop @Name = 'x'",
        "exec 'a'.b",
        f"exec {STOP} Name = 'x'",
        f"exec {STOP} 'x'",
        f"exec {STOP} @Name",
        f"exec {STOP} @Name =",
        f"exec {STOP} @Name = , @b = 1",
        f"exec {STOP} @Name = 'x',",
        f"exec {STOP} , @Name = 'x'",
        f"exec {STOP} @Name = (1",
        f"exec {STOP} @Name = 1)",
        f"exec {STOP} @ = 'x'",
        f"exec {STOP} @@body = 'x'",
        f"exec {STOP} @Name = 'x' @name = 'y'",
        f"exec {STOP} @@json = '' @@json = ''",
        f"explain exec {STOP} @Name",
    ],
)
def test_a_malformed_exec_is_refused_with_a_caret(text):
    with pytest.raises(MalformedSQL, match=r"(?s)Expected .*, found .*LINE 1: .*\^"):
        parse(text)


@pytest.mark.parametrize("text", ["execute p", "prepare exec as select 1", 'from "exec"'])
def test_exec_as_a_name_and_execute_belong_to_duckdb(text):
    assert isinstance(parse(text)[0], Query)


@pytest.mark.parametrize(
    ("name", "path", "call"),
    [
        (STOP, (), "StopInferenceExperiment"),
        ("AWS.SageMaker.Inference_Experiments.STOP", (), "StopInferenceExperiment"),
        ('"aws"."sagemaker"."inference_experiments"."start"', (), "StartInferenceExperiment"),
        ("inference_experiments.stop_inference_experiment", ("aws", "sagemaker"), "StopInferenceExperiment"),
        ("sagemaker.inference_experiments.start", ("aws", "main"), "StartInferenceExperiment"),
    ],
)
def test_a_method_has_its_own_name_and_that_of_its_operation(name, path, call):
    table, method = parse_one(f"exec {name}", Exec).resolve(CATALOG, path)
    assert (table.name, method.call) == ("inference_experiments", call)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aws.sagemaker.inference_experiments.stopp", "Did you mean 'stop'?"),
        ("aws.sagemaker.inference_experiments", "names a table, not a method"),
        ("aws.sagemaker.inference_experiment.stop", "Did you mean 'aws.sagemaker.inference_experiments'?"),
        ("inference_experiments.stop", "Did you mean 'aws.sagemaker.inference_experiments'?"),
        ("aws.sagemaker.inference_experiments.x.stop", "is not a live table"),
    ],
)
def test_the_error_for_an_unknown_method_or_table_suggests_the_nearest_and_has_a_caret(name, expected):
    with pytest.raises(UnknownName) as caught:
        parse_one(f"/* c */ exec {name} @a = 1", Exec).resolve(CATALOG, ())
    message, line, mark = str(caught.value).split("\n")
    assert expected in message and line[mark.index("^") :].startswith(name)


def test_a_method_that_another_statement_calls_is_refused():
    with pytest.raises(NotSupportedError, match=r"EXEC does not call create_resource; write INSERT"):
        parse_one("exec aws.sagemaker.models.create_model @ModelName = 'x'", Exec).resolve(CATALOG, ())


def test_an_exec_with_a_placeholder_is_refused():
    assert find_refusal(parse_one(f"exec {STOP} @Name = 'x'", Exec), CATALOG, lambda: ()) is None
    text = f'exec {STOP} @@json = \'{{"Name": "{{{{ Name }}}}"}}\''
    assert find_refusal(parse_one(text, Exec), CATALOG, lambda: ()).startswith(
        "{{ Name }} is a placeholder; fill it in"
    )
