"""`sqlprov doctor` in a healthy account, and in one where something fails."""

from __future__ import annotations

import time

from command_line import CommandLine, CommandResult

from sqlprov.emulator import Emulator, Fault


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
    ended = cloud.run("doctor")
    by_name = checks(ended)
    assert ended.code == 0
    assert ended.out.endswith("\nNothing failed.\n")
    assert all(line.startswith("ok ") for each in by_name.values() for line in each)
    assert list(by_name) == ["versions", "credentials", "region", "endpoint", "identity", "clock"]
    assert by_name["credentials"] == ["ok long-lived, from env"]
    assert by_name["region"] == ["ok us-east-1"]
    assert by_name["endpoint"] == [f"ok {emulator.url}"]
    assert by_name["identity"] == ["ok arn:aws:iam::123456789012:user/local"]
    assert {call.operation for call in emulator.calls} == {"GetCallerIdentity"}


def test_expired_credentials_come_with_a_remedy(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.inject(Fault("expired_credentials", times=None))
    ended = cloud.run("doctor")
    by_name = checks(ended)
    assert ended.code == 1
    assert by_name["identity"][0].startswith(
        "failed GetCallerIdentity in us-east-1: the credentials are expired"
    )
    assert "→ Renew the credentials. Log in" in by_name["identity"][0]
    assert ended.out.endswith("\n1 check failed.\n")


def test_a_skewed_clock_is_reported_to_the_second_and_fails_where_aws_refuses(
    cloud: CommandLine, emulator: Emulator
) -> None:
    emulator.options.clock = lambda: time.time() - 100
    (clock,) = checks(cloud.run("doctor"))["clock"]
    assert clock in [f"ok {n} s ahead of the service's; AWS accepts up to 300 s" for n in (98, 99, 100)]
    emulator.options.clock = lambda: time.time() + 4000
    ended = cloud.run("doctor")
    by_name = checks(ended)
    assert ended.code == 1
    assert by_name["clock"][0].startswith(
        tuple(f"failed {n} s behind the service's" for n in (3998, 3999, 4000))
    )
    assert "timedatectl" in by_name["clock"][0]
    assert "The clock is wrong" in by_name["identity"][0]


def test_without_credentials_or_region_the_rest_is_not_tried(cloud: CommandLine, emulator: Emulator) -> None:
    env = {name: value for name, value in cloud.env.items() if not name.startswith("AWS_ACCESS_KEY")}
    ended = CommandLine(env).run("doctor")
    by_name = checks(ended)
    assert ended.code == 1
    assert by_name["credentials"][0].startswith("failed none found → Log in")
    assert by_name["identity"] == ["skipped needs credentials"]
    env = {
        name: value for name, value in cloud.env.items() if name not in ("AWS_DEFAULT_REGION", "AWS_REGION")
    }
    by_name = checks(CommandLine(env).run("doctor"))
    assert by_name["region"][0].startswith("failed none → Pass --region")
    assert by_name["identity"] == ["skipped needs a region"]
    assert emulator.calls == []


def test_a_profile_that_does_not_exist_and_an_endpoint_that_does_not_answer(cloud: CommandLine) -> None:
    by_name = checks(cloud.run("doctor", "--profile", "nobody"))
    assert "The config profile (nobody) could not be found" in by_name["credentials"][0]
    words = ("doctor", "--endpoint-url", "http://127.0.0.1:9", "--set", "max_attempts=1")
    ended = cloud.run(*words)
    assert ended.code == 1
    by_name = checks(ended)
    assert by_name["endpoint"][0].startswith("failed http://127.0.0.1:9: ")
    assert "→ Check the network, HTTPS_PROXY" in by_name["endpoint"][0]


def test_the_local_aws_passes_without_a_region(shell: CommandLine) -> None:
    ended = shell.run("doctor", "--local")
    by_name = checks(ended)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "Nothing failed.")
    assert by_name["region"] == ["ok us-east-1"]
