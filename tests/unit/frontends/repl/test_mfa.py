"""The shell and a role that needs a code of an MFA device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from credential_server import CredentialServer, run_credential_server
from terminal import CTRL_C, CTRL_D, ENTER, Terminal, environment

DEVICE = "arn:aws:iam::123456789012:mfa/anna"
CONFIG = f"""
[profile base]
aws_access_key_id = AKIABASE
aws_secret_access_key = BASESECRETBASESECRET
[profile admin]
role_arn = arn:aws:iam::123456789012:role/admin
source_profile = base
mfa_serial = {DEVICE}
"""
READ = "SELECT count(*) AS models FROM aws.sagemaker.models;"
CODE = "246801"
QUESTION = f"Code of the MFA device {DEVICE}:"


@pytest.fixture
def server() -> Iterator[CredentialServer]:
    with run_credential_server() as server:
        server.codes.add(CODE)
        yield server


@pytest.fixture
def seat(server: CredentialServer, tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "config").write_text(CONFIG)
    variables = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_PROFILE": "admin",
        "AWS_REGION": "us-east-1",
    }
    env = {name: value for name, value in environment(tmp_path).items() if "ACCESS_KEY" not in name}
    with Terminal(env=env | variables) as terminal:
        terminal.until("profile admin. ")
        yield terminal


def test_the_shell_asks_once_before_the_first_call(seat: Terminal, server: CredentialServer) -> None:
    seat.type(f"SELECT 40 + 2 AS answer; {READ}{ENTER}")
    shown = seat.until(f"{QUESTION}$")
    assert "42" in shown
    assert server.calls == []
    seat.type(f"{CODE}{ENTER}")
    shown = seat.until(r"models\n.*\n +1\n")
    assert CODE not in shown
    seat.type(READ + ENTER)
    shown = seat.until(r"(models\n.*\n +1\n(.|\n)*){2}")
    assert shown.count(QUESTION) == 1
    assert server.count("AssumeRole") == 1


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_the_question_can_be_ended_and_the_next_line_is_no_code(
    seat: Terminal, server: CredentialServer, key: str
) -> None:
    seat.type(READ + ENTER)
    seat.until(f"{QUESTION}$")
    seat.type(key)
    seat.until("Cancelled|nothing was called")
    seat.type(f"SELECT 7 AS seven;{ENTER}")
    seat.until(r"seven\n.*\n +7\n")
    assert server.calls == []


@pytest.mark.parametrize("wrong", ["999999", "99"])
def test_after_a_wrong_code_the_shell_asks_once_more(
    seat: Terminal, server: CredentialServer, wrong: str
) -> None:
    seat.type(READ + ENTER)
    seat.until(f"{QUESTION}$")
    seat.type(f"{wrong}{ENTER}")
    shown = seat.until(f"{QUESTION}(.|\n)*{QUESTION}$")
    assert "was not accepted" in shown
    assert "Wait for the next one." in " ".join(shown.split())
    seat.type(f"{CODE}{ENTER}")
    seat.until(r"models\n.*\n +1\n")


def test_two_wrong_codes_are_an_error_and_the_next_statement_asks_again(
    seat: Terminal, server: CredentialServer
) -> None:
    seat.type(READ + ENTER)
    for asked in (1, 2):
        seat.until(f"({QUESTION}(.|\n)*){{{asked}}}$")
        seat.type(f"999999{ENTER}")
    seat.until("(was not accepted(.|\n)*){2}")
    seat.type(READ + ENTER)
    seat.until(f"({QUESTION}(.|\n)*){{3}}$")
    seat.type(f"{CODE}{ENTER}")
    seat.until(r"models\n.*\n +1\n")
    assert server.count("AssumeRole") == 3
