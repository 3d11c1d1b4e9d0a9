import duckdb
import pytest

from sqlprov.catalog import Catalog
from sqlprov.errors import MalformedSQL, NotSupportedError, UnknownName
from sqlprov.sql import Exec, Explain, Query, find_refusal, parse

CATALOG = Catalog()
STOP = "aws.sagemaker.inference_experiments.stop"


def one(text):
    (found,) = parse(text)
    assert isinstance(found, Exec) and found.text == text
    return found


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
    found = one(text)
    assert found.name.parts == ("aws", "sagemaker", "inference_experiments", "stop")
    assert (dict(found.values), found.json, found.wait) == (values, values.get("@@json"), False)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (f"EXEC /*+ AWAIT  */ {STOP} @Name = 'x'", True),
        (f"/*+ await */ EXEC {STOP}", True),
        (f"EXPLAIN /*+ AWAIT */ EXEC {STOP}", True),
        (f"EXEC /*+ SHOWRESULTS */ {STOP} @Name = '/*+ AWAIT */'", False),
    ],
)
def test_the_hint_await_makes_exec_wait(text, wait):
    (found,) = parse(text)
    assert (found.inner if isinstance(found, Explain) else found).wait is wait


def test_the_values_are_a_query_in_the_order_written():
    found = one(f"exec {STOP} @Name = ? || '!', @@json = ?, @n = -1, @x = null, @y = {{'a': [true]}}")
    result = duckdb.execute(found.build_values_query(), ["x", "{}"])
    assert [column[0] for column in result.description] == ["Name", "@@json", "n", "x", "y"]
    assert result.fetchall() == [("x!", "{}", -1, None, {"a": [True]})]


def test_exec_without_values_has_a_query_without_values():
    assert duckdb.execute(one(f"exec {STOP}").build_values_query()).fetchall() == [(None,)]


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
def test_an_exec_that_is_badly_written_is_malformed_with_a_caret(text):
    with pytest.raises(MalformedSQL, match=r"(?s)Expected .*, found .*LINE 1: .*\^"):
        parse(text)


@pytest.mark.parametrize("text", ["execute p", "prepare exec as select 1", 'from "exec"'])
def test_exec_is_told_from_what_duckdb_executes(text):
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
def test_a_method_is_found_by_its_name_and_by_its_operations(name, path, call):
    table, method = one(f"exec {name}").resolve(CATALOG, path)
    assert (table.name, method.call) == ("inference_experiments", call)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("aws.sagemaker.inference_experiments.stopp", "Did you mean 'stop'?"),
        ("aws.sagemaker.inference_experiments", "names a table, not a method"),
        ("aws.sagemaker.inference_experiment.stop", "Did you mean 'aws.sagemaker.inference_experiments'?"),
        ("inference_experiments.stop", "Did you mean 'aws.sagemaker.inference_experiments'?"),
        ("aws.sagemaker.inference_experiments.x.stop", "is not a live table"),
    ],
)
def test_an_unknown_method_or_table_gets_the_nearest_and_a_caret(name, said):
    with pytest.raises(UnknownName) as caught:
        one(f"/* c */ exec {name} @a = 1").resolve(CATALOG, ())
    message, line, mark = str(caught.value).split("\n")
    assert said in message and line[mark.index("^") :].startswith(name)


def test_a_method_of_another_statement_is_refused_by_name():
    with pytest.raises(NotSupportedError, match=r"EXEC does not call create_resource; write INSERT"):
        one("exec aws.sagemaker.models.create_model @ModelName = 'x'").resolve(CATALOG, ())


def test_an_exec_with_a_placeholder_is_refused():
    assert find_refusal(one(f"exec {STOP} @Name = 'x'"), CATALOG, lambda: ()) is None
    text = f'exec {STOP} @@json = \'{{"Name": "{{{{ Name }}}}"}}\''
    assert find_refusal(one(text), CATALOG, lambda: ()).startswith("{{ Name }} is a placeholder; fill it in")
