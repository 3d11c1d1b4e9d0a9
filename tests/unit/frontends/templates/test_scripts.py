"""`sqlprov exec` with templates, and the places in its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from experiment_members import sampling, variant
from seeds import ALL, REQUIRED

from sqlprov.emulator import Emulator, Options
from sqlprov.frontends.cli import cli
from sqlprov.frontends.templates.variables import read

VALUES: dict[str, Any] = {
    "Name": "seed-1",
    "Type": "ShadowMode",
    "Description": 'what\'s "new": 100 % \\ $$',
    "RoleArn": "arn:aws:iam::123456789012:role/service",
    "EndpointName": "endpoint",
    "Schedule": {"StartTime": "2035-01-01T00:00:00Z", "EndTime": "2035-01-05T00:00:00Z"},
    "KmsKey": "alias/ExampleAlias",
    "DataStorageConfig": {"Destination": "s3://bucket/it's"},
    "ModelVariants": [variant("production", count="1"), variant("shadow", count="1")],
    "ShadowModeConfig": sampling("20"),
    "Tags": [{"Value": "the search team", "Key": "team"}],
    "StatusReason": "none yet",
    "DesiredState": "Running",
}


@pytest.fixture
def em(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(Options()) as emulator:
        monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield emulator


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_exec(*words: str) -> Result:
    return CliRunner().invoke(cli, ["exec", *words])


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("file", ["values.json", "values.yaml"])
def test_the_insert_template_of_stackql_runs_with_a_file_of_variables(
    em: Emulator, here: Path, file: str
) -> None:
    Path("create.sql").write_text(ALL)
    # JSON is YAML too.
    Path(file).write_text(json.dumps(VALUES, indent=1))
    words = ("-f", "create.sql", "--var-file", file, "--var", "region=us-east-1")
    result = run_exec(*words)
    assert result.exit_code == 0, result.stderr
    record = em.get("InferenceExperiment", "us-east-1", "seed-1")
    assert record is not None
    for member in ("Name", "Description", "RoleArn", "KmsKey", "DataStorageConfig"):
        assert record[member] == VALUES[member]
    assert record["Tags"] == [{"Key": "team", "Value": "the search team"}]
    assert [variant["VariantName"] for variant in record["ModelVariants"]] == ["production", "shadow"]


@pytest.mark.parametrize("words", [(), ("--var", "Name=x"), ("--jinja",)])
def test_a_template_without_values_makes_no_call(em: Emulator, here: Path, words: tuple[str, ...]) -> None:
    script = f"SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';\n{REQUIRED}"
    Path("s.sql").write_text(script)
    result = run_exec("-f", "s.sql", *words)
    assert result.exit_code == 4
    line = 12 if words != ("--var", "Name=x") else 13
    message = "{{ Name }} is a placeholder" if not words else "The variable '"
    assert f"Error: s.sql:{line}: {message}" in result.stderr
    assert result.stdout == ""
    assert em.calls == []


def test_braces_are_sql_without_template_options(here: Path) -> None:
    sql = "SELECT '{{ x }} {% if %}' AS a, '{# c #}' AS b"
    assert rows(run_exec("-o", "jsonl", sql)) == [{"a": "{{ x }} {% if %}", "b": "{# c #}"}]


def test_var_overrides_later_files_which_override_earlier_ones(here: Path) -> None:
    Path("a.json").write_text('{"x": "json", "y": "json", "z": "json"}')
    Path("b.env").write_text("# c\nexport y=env\nz='e n v'\n")
    words = ("-o", "jsonl", "--var-file", "a.json", "--var-file", "b.env", "--var", "z=var")
    values = rows(run_exec(*words, "SELECT '{{ x }}' AS x, '{{ y }}' AS y, '{{ z }}' AS z"))
    assert values == [{"x": "json", "y": "env", "z": "var"}]


def test_parameters_and_variables_can_be_combined(here: Path) -> None:
    words = ("-o", "jsonl", "--var", "x=1", "--param", "y={{ x }}")
    assert rows(run_exec(*words, "SELECT '{{ x }}' AS x, $y AS y")) == [{"x": "1", "y": "{{ x }}"}]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("v.json", '{"a": 1,\n "b": }', "v.json:2: malformed JSON: "),
        ("v.json", '{"a": 1, "a": 2}', "v.json: 'a' is given twice."),
        ("v.json", "[1]", "v.json: expected a mapping of names to values."),
        ("v.json", '{"a": NaN}', "v.json: NaN is not valid JSON."),
        ("v.yaml", "a: 1\n b: [", "v.yaml:2: malformed YAML: "),
        ("v.yaml", "a: 1\na: 2", "v.yaml:2: 'a' is given twice."),
        ("v.yml", "a: 1\nb: !Ref x", "v.yml:2: the tag !Ref is not supported."),
        ("v.yml", "", "v.yml: expected a mapping of names to values."),
        (".env.local", "A=1\nfoo bar", ".env.local:2: expected NAME=VALUE, found 'foo bar'."),
        ("v.env", "A=1\nA=2", "v.env:2: 'A' is given twice."),
        ("v.env", "A='it's'", "v.env:1: expected NAME=VALUE, found"),
        ("v.env", 'A=1\n\nB="open\n"', "v.env:3: expected NAME=VALUE, found"),
        ("v.toml", "a = 1", "v.toml: expected a file named *.json, *.yaml, *.yml, *.env."),
    ],
)
def test_an_invalid_file_of_variables_is_a_usage_error(
    here: Path, name: str, text: str, message: str
) -> None:
    Path(name).write_text(text)
    result = run_exec("--var-file", name, "SELECT 1")
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_env_file_has_quotes_comments_and_export(here: Path) -> None:
    Path(".env").write_text(
        '# comment\n\nA=1\n  export B = two words # comment\nC=\'a \\n # b\' # c\nD="a\\n\\"#\\\\\\$"\n'
        "E=\nF= # comment\nG=#fff\nH=a#b=c\r\n",
        newline="",
    )
    assert read(Path(".env")) == {
        "A": "1",
        "B": "two words",
        "C": "a \\n # b",
        "D": 'a\n"#\\\\$',
        "E": "",
        "F": "",
        "G": "#fff",
        "H": "a#b=c",
    }


def test_plain_yaml_scalars_have_the_types_of_json(here: Path) -> None:
    Path("v.yaml").write_text(
        "v: [1, -1.5, true, null, 2026-01-01, 12:30, 0755, yes, no, 1_000, 0x1f, .inf, '1', \"true\"]\n"
        "e:\nt: |\n  a\n  b\n"
    )
    (values,) = rows(
        run_exec("-o", "jsonl", "--var-file", "v.yaml", "SELECT '{{ v }}' AS v, {{ e }} AS e, '{{ t }}' AS t")
    )
    typed = [1, -1.5, True, None]
    texts = ["2026-01-01", "12:30", "0755", "yes", "no", "1_000", "0x1f", ".inf", "1", "true"]
    assert (json.loads(values["v"]), values["e"], values["t"]) == ([*typed, *texts], None, "a\nb\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--var", "a", "SELECT 1"), 2, "'a': expected NAME=VALUE."),
        (("--var", "a-b=1", "SELECT 1"), 2, "'a-b': expected a name of letters, digits and _."),
        (("--var-file", "no.json", "SELECT 1"), 2, "no.json"),
        (("--var", "nmae=1", "--var-file", "v.json", "SELECT '{{ name }}'"), 4, "no variable 'nmae'. Did you mean"),
    ],
)  # fmt: skip
def test_an_invalid_variable_is_an_error(here: Path, words: tuple[str, ...], code: int, message: str) -> None:
    Path("v.json").write_text('{"name": "x", "more": 1}')
    result = run_exec(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in " ".join(result.stderr.split())


SCRIPT = """\
-- a script
SELECT '{{ x }}' AS first;

{% for i in [1, 2] %}
SELECT {{ i }} AS i;
{% endfor %}
-- before the statement
SELECT '{{ x }}',
       STATEMENT;
"""


@pytest.mark.parametrize(
    ("statement", "line", "place"),
    [
        ("nothing", 9, "LINE 9:        nothing;\n               ^"),
        ("1 +", 9, "LINE 9: "),
        ("error('stop')", 8, ""),
        ("FROM (SELECT count(*) FROM aws.sagemaker.models WHERE creation_time = 'moon')", 8, ""),
    ],
)
def test_an_error_names_the_line_of_the_file(
    em: Emulator, here: Path, statement: str, line: int, place: str
) -> None:
    Path("s.sql").write_text(SCRIPT.replace("STATEMENT", statement))
    result = run_exec("-f", "s.sql", "-o", "csv", "--var", "x=1\n2\n3")
    assert result.exit_code == 4
    assert result.stderr.startswith(f"Error: s.sql:{line}: ")
    assert place.removesuffix(";\n               ^") in result.stderr
    mark = result.stderr.splitlines()[-1]
    if place.endswith("^"):
        assert mark == place.splitlines()[-1]


def test_an_error_while_rows_arrive_names_its_line(em: Emulator, here: Path) -> None:
    Path("s.sql").write_text(
        "SELECT 1 AS a;\n\n\nSELECT CASE WHEN i > 50000 THEN error('late') ELSE i END AS b FROM range(99999) AS r(i)"
    )
    result = run_exec("-f", "s.sql", "-o", "jsonl")
    assert result.stderr.startswith("Error: s.sql:4: ")
    assert "late" in result.stderr


def test_an_error_in_sql_on_the_command_line_names_only_the_line(here: Path) -> None:
    result = run_exec("SELECT 1;\n\nSELECT nothing")
    assert result.stderr.startswith("Error: Binder Error")
    assert "\nLINE 3: SELECT nothing\n               ^\n" in result.stderr


def test_a_dry_run_shows_each_rendered_statement_and_the_calls_of_writes(em: Emulator, here: Path) -> None:
    em.add("Model", "us-east-1", {"ModelName": "it-is"})
    sql = """SELECT '{{ x }}' AS x; -- next
        DELETE FROM aws.sagemaker.models WHERE region = 'us-east-1' AND model_name = '{{ name }}'"""
    result = run_exec("--dry-run", "-o", "jsonl", "--var", "x=a'b", "--var", "name=it-is", sql)
    first, planned = rows(result)
    assert first == {"x": "a'b"}
    assert (planned["key"], planned["operation"]) == ("it-is", "DeleteModel")
    assert result.stderr.startswith("SELECT 'a''b' AS x;\n-- next\n")
    assert result.stderr.endswith("model_name = 'it-is';\n")
    assert em.get("Model", "us-east-1", "it-is")
