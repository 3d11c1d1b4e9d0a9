"""`sqlprov exec` for programs: one JSON object for each problem, exit codes that tell the kinds apart, --continue."""

from __future__ import annotations

import json
from typing import Any

import pytest
from command_line import CommandLine, CommandResult
from emulator_calls import add_experiment

from sqlprov import errors
from sqlprov.emulator import Emulator, Fault

LIST = "SELECT name FROM aws.sagemaker.inference_experiments"
DELETE = "DELETE FROM aws.sagemaker.inference_experiments WHERE name = 'exp-000001' AND region = 'us-east-1'"


@pytest.fixture(autouse=True)
def experiment(request: pytest.FixtureRequest) -> None:
    if "cloud" in request.fixturenames:
        add_experiment(request.getfixturevalue("emulator"), "exp-000001")


def read_records(ended: CommandResult) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.err.splitlines()]


def test_an_error_is_an_object_with_its_class_code_statement_and_offset(shell: CommandLine) -> None:
    script = "SELECT 1 AS a; SELECT nonsense; SELECT 3 AS c"
    ended = shell.run("exec", "--errors", "json", "-o", "csv", script)
    (record,) = read_records(ended)
    assert record.pop("message").startswith("Binder Error: Referenced column")
    assert record == {
        "level": "error",
        "statement": 2,
        "exit_code": 4,
        "class": "UnknownName",
        "code": "42704",
        "offset": script.index("SELECT nonsense"),
    }
    assert (ended.code, ended.out) == (4, "a\n1\n")


def test_a_script_that_cannot_be_parsed_has_no_statement(shell: CommandLine) -> None:
    (record,) = read_records(shell.run("exec", "--errors", "json", "SELECT 1; SELECT '"))
    assert (record["class"], record["code"], record["statement"]) == ("MalformedSQL", "42601", None)


def test_a_denied_call_names_the_permission(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.options.denied_actions = {"ListInferenceExperiments"}
    ended = cloud.run("exec", "--errors", "json", LIST)
    (record,) = read_records(ended)
    shown = {name: record[name] for name in ("class", "code", "operation", "region", "permission")}
    assert shown == {
        "class": "AccessDenied",
        "code": "42501",
        "operation": "ListInferenceExperiments",
        "region": "us-east-1",
        "permission": "sagemaker:ListInferenceExperiments",
    }
    assert ended.code == 5
    (missing,) = read_records(cloud.run("exec", "--errors", "json", "--set", "on_error=warn", LIST))
    assert (missing["level"], missing["table"]) == ("warning", "aws.sagemaker.inference_experiments")
    assert missing["permission"] == "sagemaker:ListInferenceExperiments"


def test_a_write_that_is_not_ok_carries_its_outcomes(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.options.denied_actions = {"DeleteInferenceExperiment"}
    ended = cloud.run("exec", "--errors", "json", DELETE)
    (record,) = read_records(ended)
    (outcome,) = record["outcomes"]
    assert "DeleteInferenceExperiment" in outcome.pop("reason")
    assert outcome == {
        "row": 1,
        "table": "aws.sagemaker.inference_experiments",
        "account": "default",
        "region": "us-east-1",
        "key": "exp-000001",
        "status": "failed",
        "operations": [],
    }
    assert (record["class"], ended.code) == ("WriteError", 8)
    assert "\n" not in record["message"]


def test_a_write_that_is_ok_prints_its_outcomes(cloud: CommandLine) -> None:
    ended = cloud.run("exec", "--errors", "json", "SELECT 1 AS a;" + DELETE)
    (record,) = read_records(ended)
    assert (record["level"], record["statement"], ended.code) == ("info", 2, 0)
    assert [each["status"] for each in record["outcomes"]] == ["ok"]


def test_a_warning_is_an_object(shell: CommandLine) -> None:
    ended = shell.run("exec", "--errors", "json", "SET sqlprov_regions = 'mars-1'; SELECT 1 AS a")
    (record,) = read_records(ended)
    assert (record["level"], record["statement"], ended.code) == ("warning", 1, 0)
    assert "mars-1" in record["message"]


def test_a_dry_run_prints_each_statement(shell: CommandLine) -> None:
    ended = shell.run("exec", "--errors", "json", "--dry-run", "-o", "csv", "SELECT 1 AS a; SELECT 2 AS b")
    assert [record["sql"] for record in read_records(ended)] == ["SELECT 1 AS a", "SELECT 2 AS b"]
    assert ended.out == "a\n1\n\nb\n2\n"


def test_a_file_that_cannot_be_written_is_an_object(shell: CommandLine) -> None:
    ended = shell.run("exec", "--errors", "json", "--out", "/nowhere/rows.csv", "SELECT 1 AS a")
    (record,) = read_records(ended)
    assert (record["class"], ended.code) == ("Error", 1)


def test_continue_runs_the_statements_after_an_error(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.options.denied_actions = {"DeleteInferenceExperiment"}
    script = f"{DELETE}; SELECT key, status FROM sqlprov.outcomes; SELECT nonsense; SELECT 2 AS b"
    ended = cloud.run("exec", "--continue", "-o", "csv", script)
    assert (ended.code, ended.out) == (8, "key,status\nexp-000001,failed\n\nb\n2\n")
    assert [line.split(":")[0] for line in ended.err.splitlines() if line.startswith("Error")] == [
        "Error"
    ] * 2
    records = read_records(cloud.run("exec", "--continue", "--errors", "json", "-o", "csv", script))
    assert [(record["statement"], record["class"]) for record in records] == [
        (1, "WriteError"),
        (3, "UnknownName"),
    ]


def test_continue_goes_on_after_rows_that_could_not_be_read(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.inject(Fault("access_denied", at=2, times=None))
    ended = cloud.run("exec", "--continue", "--errors", "json", "-o", "csv", f"{LIST}; SELECT 2 AS b")
    (record,) = read_records(ended)
    assert (record["statement"], record["class"], ended.code) == (1, "AccessDenied", 5)
    assert ended.out.endswith("b\n2\n")


def test_continue_runs_nothing_if_a_statement_cannot_be_parsed(shell: CommandLine) -> None:
    ended = shell.run("exec", "--continue", "SELECT 1 AS a; SELECT '")
    assert (ended.code, ended.out) == (4, "")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["SELECT 1/"], 4),
        (["--set", "nothing=1", "SELECT 1"], 2),
        (["--profile", "nobody", LIST], 5),
        (["--endpoint-url", "http://127.0.0.1:9", "--set", "max_attempts=1", LIST], 6),
        (["FROM 'nothing.csv'"], 1),
        (["COMMIT"], 1),
        (["--read-only", DELETE], 4),
        (["--exit-code", "SELECT 1"], 3),
        (["--exit-code", "SELECT 1 WHERE false"], 0),
    ],
)
def test_the_exit_code_tells_the_kinds_of_problem_apart(
    cloud: CommandLine, words: list[str], code: int
) -> None:
    assert cloud.run("exec", *words).code == code


def test_missing_rows_have_an_exit_code_of_their_own(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.options.denied_actions = {"ListInferenceExperiments"}
    assert cloud.run("exec", "--set", "on_error=warn", LIST).code == 7


def test_every_class_of_error_has_a_code_of_five_characters() -> None:
    for name in errors.__all__:
        code = getattr(errors, name).sqlstate
        assert len(code) == 5 and code.isalnum() and code == code.upper(), name
