"""`sqlprov doctor` in a healthy account, and in one where something fails."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
from click.testing import CliRunner
from command_line import CommandLine, CommandResult
from tls_proxy import create_certificate, run_tls_proxy

from sqlprov.emulator import Emulator, Fault, Member, Organization
from sqlprov.frontends.cli import cli

OWN = "123456789012"
MODULE = import_module("sqlprov.frontends.cli.doctor")  # the package has the command under this name


def checks(ended: CommandResult) -> dict[str, list[str]]:
    """Name of a check -> its lines, each with status and message."""
    assert ended.err == ""
    by_name: dict[str, list[str]] = {}
    name = ""
    for line in ended.out.splitlines()[:-1]:
        if "→" in line:
            by_name[name][-1] += f" {line.strip()}"
            continue
        status, name, message = line.split(None, 2)
        by_name.setdefault(name, []).append(f"{status} {message}")
    return by_name


def test_every_check_passes_in_a_healthy_account(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.add("Model", "us-east-1", {"ModelName": "m"})
    ended = cloud.run("doctor", "%sagemaker.models")
    by_name = checks(ended)
    assert ended.code == 0
    assert ended.out.endswith("\nNothing failed.\n")
    assert all(line.startswith("ok ") for each in by_name.values() for line in each)
    assert list(by_name) == [
        *("versions", "credentials", "region", "endpoint", "identity", "clock"),
        *("read", "write"),
    ]
    assert by_name["credentials"] == ["ok long-lived, from env"]
    assert by_name["region"] == ["ok us-east-1"]
    assert by_name["endpoint"] == [f"ok {emulator.url}"]
    assert by_name["identity"] == ["ok arn:aws:iam::123456789012:user/local"]
    assert "ok aws.sagemaker.models: ListModels, DescribeModel, ListTags" in by_name["read"]
    assert (
        len(by_name["read"])
        == len(by_name["write"])
        == len(cloud.run("tables", "%sagemaker.models").out.splitlines())
    )
    lists = [
        call for call in emulator.calls if call.operation.startswith("List") and call.operation != "ListTags"
    ]
    assert {call.parameters["MaxResults"] for call in lists} == {1}
    assert all(call.operation.startswith(("List", "Describe", "Get", "Simulate")) for call in emulator.calls)


def test_no_table_is_checked_unless_a_pattern_names_it(cloud: CommandLine, emulator: Emulator) -> None:
    ended = cloud.run("doctor")
    by_name = checks(ended)
    assert ended.code == 0
    for name in ("read", "write"):
        assert by_name[name] == ["skipped no table to check; name some, such as %.models"]
    assert {call.operation for call in emulator.calls} == {"GetCallerIdentity"}


def test_each_account_of_the_session_is_tried(cloud: CommandLine) -> None:
    members = [Member(OWN, "own"), Member("222222222222", "prod"), Member("333333333333", "stage", roles={})]
    with Emulator(organization=Organization(members)) as em:
        ended = CommandLine(cloud.env | {"AWS_ENDPOINT_URL": em.url}).run("doctor", "--organization")
        ok, refused = checks(ended)["accounts"]
        assert (ended.code, ok) == (1, "ok 2 accounts: own, prod")
        assert refused.startswith("failed stage: GetCallerIdentity in us-east-1: no usable credentials")
        assert "AssumeRole" in refused and "→ To read the others, set sqlprov_on_error" in refused
        em.options.denied_actions = {"ListAccounts"}
        (denied,) = checks(
            CommandLine(cloud.env | {"AWS_ENDPOINT_URL": em.url}).run("doctor", "--organization")
        )["accounts"]
    assert denied.startswith("failed The accounts of the organization could not be listed: ")
    assert denied.endswith("→ Allow organizations:ListAccounts in the identity's policy.")


def test_expired_credentials_come_with_a_remedy(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.inject(Fault("expired_credentials", times=None))
    ended = cloud.run("doctor", "sagemaker.models")
    by_name = checks(ended)
    assert ended.code == 1
    assert by_name["identity"][0].startswith(
        "failed GetCallerIdentity in us-east-1: the credentials are expired"
    )
    assert "→ Renew the credentials. Log in" in by_name["identity"][0]
    assert by_name["read"] == ["skipped no call gets through"]
    assert ended.out.endswith("\n1 check failed.\n")


def test_a_denied_read_names_the_action_to_allow(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.add("Model", "us-east-1", {"ModelName": "m"})
    emulator.options.denied_actions = {"ListEndpoints", "DescribeModel"}
    ended = cloud.run("doctor", "sagemaker")
    assert ended.code == 1
    read = {line.split()[1]: line for line in checks(ended)["read"]}
    for table, action in (("endpoints", "ListEndpoints"), ("models", "DescribeModel")):
        line = read[f"aws.sagemaker.{table}:"]
        assert line.startswith("failed ")
        assert line.endswith(f"→ Allow sagemaker:{action} in the identity's policy.")
    assert read["aws.sagemaker.inference_experiments:"].startswith("ok ")


def test_a_denied_write_is_reported_and_is_not_a_failure(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.options.denied_actions = {"DeleteModel", "CreateModel"}
    ended = cloud.run("doctor", "%sagemaker.models")
    assert ended.code == 0
    denied = "denied aws.sagemaker.models: sagemaker:CreateModel, sagemaker:DeleteModel"
    assert checks(ended)["write"] == [denied]
    emulator.options.denied_actions = {"SimulatePrincipalPolicy"}
    ended = cloud.run("doctor", "%sagemaker.models", "--read-only")
    assert ended.code == 0
    (line,) = checks(ended)["write"]
    assert line.startswith("skipped needs iam:SimulatePrincipalPolicy. ")


def test_a_skewed_clock_is_reported_to_the_second_and_fails_where_aws_refuses(
    cloud: CommandLine, emulator: Emulator
) -> None:
    emulator.options.clock = lambda: time.time() - 100
    (clock,) = checks(cloud.run("doctor", "sagemaker.models"))["clock"]
    assert clock in [f"ok {n} s ahead of the service's; AWS accepts up to 300 s" for n in (98, 99, 100)]
    emulator.options.clock = lambda: time.time() + 4000
    ended = cloud.run("doctor", "sagemaker.models")
    by_name = checks(ended)
    assert ended.code == 1
    assert by_name["clock"][0].startswith(
        tuple(f"failed {n} s behind the service's" for n in (3998, 3999, 4000))
    )
    assert "timedatectl" in by_name["clock"][0]
    assert "The clock is wrong" in by_name["identity"][0]


def test_without_credentials_or_region_the_rest_is_not_tried(cloud: CommandLine, emulator: Emulator) -> None:
    env = {name: value for name, value in cloud.env.items() if not name.startswith("AWS_ACCESS_KEY")}
    ended = CommandLine(env).run("doctor", "sagemaker.models")
    by_name = checks(ended)
    assert ended.code == 1
    assert by_name["credentials"][0].startswith("failed none found → Log in")
    assert by_name["read"] == ["skipped needs credentials"]
    env = {
        name: value for name, value in cloud.env.items() if name not in ("AWS_DEFAULT_REGION", "AWS_REGION")
    }
    by_name = checks(CommandLine(env).run("doctor", "sagemaker.models"))
    assert by_name["region"][0].startswith("failed none → Pass --region")
    assert by_name["read"] == ["skipped needs a region"]
    assert emulator.calls == []


def test_a_profile_that_does_not_exist_and_an_endpoint_that_does_not_answer(
    cloud: CommandLine, tmp_path: Path
) -> None:
    by_name = checks(cloud.run("doctor", "--profile", "nobody", "sagemaker.models"))
    assert "The config profile (nobody) could not be found" in by_name["credentials"][0]
    words = ("doctor", "--endpoint-url", "http://127.0.0.1:9", "--set", "max_attempts=1", "sagemaker.models")
    ended = cloud.run(*words)
    assert ended.code == 1
    by_name = checks(ended)
    assert by_name["endpoint"][0].startswith("failed http://127.0.0.1:9: ")
    assert "Check the network, HTTPS_PROXY" in by_name["endpoint"][0]


ENDPOINTS = {
    "variable": ("", {"AWS_ENDPOINT_URL_SAGEMAKER": "http://127.0.0.1:9"}),
    "profile": ("endpoint_url = http://127.0.0.1:8\n", {"AWS_ENDPOINT_URL_SAGEMAKER": "http://127.0.0.1:9"}),
    "services": ("services = s\n[services s]\nsagemaker =\n  endpoint_url = http://127.0.0.1:9\n", {}),
}


@pytest.mark.parametrize("case", ENDPOINTS)
def test_the_endpoints_and_the_profile_in_force_are_shown(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path, case: str
) -> None:
    lines, variables = ENDPOINTS[case]
    (tmp_path / "config").write_text(f"[profile p]\n{lines}")
    sts = {"AWS_ENDPOINT_URL_STS": cloud.env["AWS_ENDPOINT_URL"], "AWS_CONFIG_FILE": str(tmp_path / "config")}
    env = {name: value for name, value in cloud.env.items() if name != "AWS_ENDPOINT_URL"}
    ended = CommandLine(env | sts | variables | {"AWS_PROFILE": "p"}).run(
        "doctor", "%sagemaker.models", "--set", "max_attempts=1"
    )
    by_name = checks(ended)
    assert by_name["endpoint"] == [f"ok {emulator.url}, sagemaker at http://127.0.0.1:9"]
    assert by_name["credentials"] == ["ok long-lived, from env, profile p"]
    assert "http://127.0.0.1:9" in by_name["read"][0]


def test_a_certificate_that_is_not_trusted_fails_with_the_variable_to_set(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path
) -> None:
    pem = create_certificate(tmp_path)
    with run_tls_proxy(int(emulator.url.rpartition(":")[2]), pem) as url:
        for bundle, problem in (
            ({}, "the certificate is not accepted"),
            ({"AWS_CA_BUNDLE": "/missing.pem"}, "the CA bundle does not exist"),
            ({"AWS_CA_BUNDLE": str(tmp_path)}, "the CA bundle is a folder"),
        ):
            ended = CommandLine(cloud.env | {"AWS_ENDPOINT_URL": url} | bundle).run(
                "doctor", "sagemaker.models"
            )
            by_name = checks(ended)
            assert by_name["endpoint"][0].startswith(
                f"failed {url}: GetCallerIdentity in us-east-1: {problem}"
            )
            assert by_name["endpoint"][0].endswith("the authorities that you trust.")
            assert by_name["read"] == ["skipped no call gets through"]
        ended = CommandLine(cloud.env | {"AWS_ENDPOINT_URL": url, "AWS_CA_BUNDLE": str(pem)}).run("doctor")
    assert (ended.code, checks(ended)["endpoint"]) == (0, [f"ok {url}"])


class _RefuseTls(BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(9)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def test_https_to_a_server_without_tls_says_so(cloud: CommandLine) -> None:
    with ThreadingTCPServer(("127.0.0.1", 0), _RefuseTls) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{server.server_address[1]}"
        ended = CommandLine(cloud.env | {"AWS_ENDPOINT_URL": url}).run("doctor")
        server.shutdown()
    assert "the endpoint does not speak TLS" in checks(ended)["endpoint"][0]


BROKEN = {
    "credentials": ({"AWS_CONFIG_FILE": "config"}, "config:2: expected a line such as region"),
    "region": ({"AWS_DEFAULT_REGION": "us-east-1 "}, "AWS_DEFAULT_REGION = 'us-east-1 ' is not a region"),
    "endpoint": ({"AWS_ENDPOINT_URL": "nonsense"}, "AWS_ENDPOINT_URL = 'nonsense': Invalid endpoint"),
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_configuration_is_a_failed_check(
    cloud: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    variables, expected = BROKEN[check]
    (tmp_path / "config").write_text("[default]\nnonsense\n")
    monkeypatch.chdir(tmp_path)
    ended = CommandLine(cloud.env | variables).run("doctor", "sagemaker.models")
    (line,) = checks(ended)[check]
    assert (ended.code, line.partition(" ")[0], expected in line) == (1, "failed", True), line


def test_an_old_library_comes_with_the_command_that_upgrades_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(MODULE, "_list_needed_versions", lambda: {"duckdb": "99.1", "click": "8.1"})
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path))
    result = CliRunner().invoke(cli, ["doctor", "--local", "--region", "us-east-1", "sagemaker.models"])
    assert result.exit_code == 1
    assert result.stdout.startswith("failed   versions ")
    assert "→ pip install --upgrade 'duckdb>=99.1'\n" in result.stdout


def test_the_local_aws_passes_without_a_region(shell: CommandLine) -> None:
    ended = shell.run("doctor", "--local", "%sagemaker.models")
    by_name = checks(ended)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "Nothing failed.")
    assert by_name["region"] == ["ok us-east-1"]
    assert all(line.startswith("ok ") for line in by_name["read"])


def test_the_versions_needed_are_those_of_the_package() -> None:
    needed = MODULE._list_needed_versions()
    assert {"duckdb", "pyarrow", "boto3", "sqlglot", "click"} <= set(needed)
    assert needed["duckdb"].startswith("2")
