"""`sqlprov doctor` in an account where all is well, and where something is not."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from shell import Ended, Shell

from sqlprov.emulator import Emulator, Fault
from sqlprov.frontends.cli import cli

MODULE = import_module("sqlprov.frontends.cli.doctor")  # the package has the command under this name


def lines(ended: Ended) -> dict[str, list[str]]:
    """Check -> its lines, each with how it ended and what was told."""
    assert ended.err == ""
    found: dict[str, list[str]] = {}
    check = ""
    for line in ended.out.splitlines()[:-1]:
        if "→" in line:
            found[check][-1] += f" {line.strip()}"
            continue
        health, check, told = line.split(None, 2)
        found.setdefault(check, []).append(f"{health} {told}")
    return found


def test_an_account_where_all_is_well(cloud: Shell, emulator: Emulator) -> None:
    emulator.add("Model", "us-east-1", {"ModelName": "m"})
    ended = cloud.run("doctor")
    found = lines(ended)
    assert ended.code == 0
    assert ended.out.endswith("\nNothing failed.\n")
    assert all(line.startswith("ok ") for each in found.values() for line in each)
    assert list(found) == [
        *("versions", "credentials", "region", "endpoint", "identity", "clock"),
        *("read", "write"),
    ]
    assert found["credentials"] == ["ok found by env, of long life"]
    assert found["region"] == ["ok us-east-1"]
    assert found["endpoint"] == [f"ok {emulator.url}"]
    assert found["identity"] == ["ok arn:aws:iam::123456789012:user/local"]
    assert "ok aws.sagemaker.models: ListModels, DescribeModel, ListTags" in found["read"]
    assert len(found["read"]) == len(found["write"]) == len(cloud.run("tables").out.splitlines()) - 1
    lists = [
        call for call in emulator.calls if call.operation.startswith("List") and call.operation != "ListTags"
    ]
    assert {call.parameters["MaxResults"] for call in lists} == {1}
    assert all(call.operation.startswith(("List", "Describe", "Get", "Simulate")) for call in emulator.calls)


def test_expired_credentials_are_told_with_what_to_do(cloud: Shell, emulator: Emulator) -> None:
    emulator.inject(Fault("expired_credentials", times=None))
    ended = cloud.run("doctor", "models")
    found = lines(ended)
    assert ended.code == 1
    assert found["identity"][0].startswith(
        "failed GetCallerIdentity in us-east-1: the credentials are expired"
    )
    assert "→ Renew the credentials. Log in" in found["identity"][0]
    assert found["read"] == ["- not checked: no call gets through"]
    assert ended.out.endswith("\n1 of the checks failed.\n")


def test_a_denied_read_names_the_action_to_allow(cloud: Shell, emulator: Emulator) -> None:
    emulator.add("Model", "us-east-1", {"ModelName": "m"})
    emulator.options.denied_actions = {"ListEndpoints", "DescribeModel"}
    ended = cloud.run("doctor")
    assert ended.code == 1
    read = {line.split()[1]: line for line in lines(ended)["read"]}
    for table, action in (("endpoints", "ListEndpoints"), ("models", "DescribeModel")):
        line = read[f"aws.sagemaker.{table}:"]
        assert line.startswith("failed ")
        assert line.endswith(f"→ Allow sagemaker:{action} in the policy of the identity.")
    assert read["aws.sagemaker.inference_experiments:"].startswith("ok ")


def test_what_may_not_be_written_is_told_and_is_no_failure(cloud: Shell, emulator: Emulator) -> None:
    emulator.options.denied_actions = {"DeleteModel", "CreateModel"}
    ended = cloud.run("doctor", "%.models")
    assert ended.code == 0
    told = "no aws.sagemaker.models: not allowed: sagemaker:CreateModel, sagemaker:DeleteModel"
    assert lines(ended)["write"] == [told]
    emulator.options.denied_actions = {"SimulatePrincipalPolicy"}
    ended = cloud.run("doctor", "%.models", "--read-only")
    assert ended.code == 0
    (line,) = lines(ended)["write"]
    assert line.startswith("- not checked: iam:SimulatePrincipalPolicy does not answer. ")


def test_a_skewed_clock_is_told_to_the_second_and_fails_where_aws_refuses(
    cloud: Shell, emulator: Emulator
) -> None:
    emulator.options.skew = -100
    (clock,) = lines(cloud.run("doctor", "models"))["clock"]
    assert clock in [f"ok {n} s ahead of the service's; up to 300 s are accepted" for n in (98, 99, 100)]
    emulator.options.skew = 4000
    ended = cloud.run("doctor", "models")
    found = lines(ended)
    assert ended.code == 1
    assert found["clock"][0].startswith(
        tuple(f"failed {n} s behind the service's" for n in (3998, 3999, 4000))
    )
    assert "timedatectl" in found["clock"][0]
    assert "The clock is wrong" in found["identity"][0]


def test_without_credentials_or_region_the_rest_is_not_tried(cloud: Shell, emulator: Emulator) -> None:
    env = {name: value for name, value in cloud.env.items() if not name.startswith("AWS_ACCESS_KEY")}
    ended = Shell(env).run("doctor", "models")
    found = lines(ended)
    assert ended.code == 1
    assert found["credentials"][0].startswith("failed none were found → Log in")
    assert found["read"] == ["- not checked without credentials"]
    env = {
        name: value for name, value in cloud.env.items() if name not in ("AWS_DEFAULT_REGION", "AWS_REGION")
    }
    found = lines(Shell(env).run("doctor", "models"))
    assert found["region"][0].startswith("failed none → Give --region")
    assert found["read"] == ["- not checked without a region"]
    assert emulator.calls == []


def test_a_profile_that_does_not_exist_and_an_endpoint_that_does_not_answer(
    cloud: Shell, tmp_path: Path
) -> None:
    found = lines(cloud.run("doctor", "--profile", "nobody", "models"))
    assert "The config profile (nobody) could not be found" in found["credentials"][0]
    words = ("doctor", "--endpoint-url", "http://127.0.0.1:9", "--set", "max_attempts=1", "models")
    ended = cloud.run(*words)
    assert ended.code == 1
    found = lines(ended)
    assert found["endpoint"][0].startswith("failed http://127.0.0.1:9: ")
    assert "→ Check the network, HTTPS_PROXY" in found["endpoint"][0]


def test_an_old_library_is_told_with_the_command_that_renews_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(MODULE, "_needed", lambda: iter([("duckdb", "99.1"), ("click", "8.1")]))
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path))
    result = CliRunner().invoke(cli, ["doctor", "--local", "--region", "us-east-1", "models"])
    assert result.exit_code == 1
    assert result.stdout.startswith("failed  versions ")
    assert "→ pip install --upgrade 'duckdb>=99.1'\n" in result.stdout


def test_the_local_sagemaker_is_well_without_a_region(shell: Shell) -> None:
    ended = shell.run("doctor", "--local")
    found = lines(ended)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "Nothing failed.")
    assert found["region"] == ["- none, so that a statement must name one, or --region; us-east-1 is checked"]
    assert all(line.startswith("ok ") for line in found["read"])


def test_the_versions_needed_are_those_of_the_package() -> None:
    needed = dict(MODULE._needed())
    assert {"duckdb", "pyarrow", "boto3", "sqlglot", "click"} <= set(needed)
    assert needed["duckdb"].startswith("2")
