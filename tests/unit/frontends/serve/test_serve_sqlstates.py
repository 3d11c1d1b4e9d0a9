from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from local_sagemaker import ROLE, connection
from postgres_server import connect, serve

from sqlprov import errors
from sqlprov.emulator import Emulator, Fault, Options
from sqlprov.frontends.serve.sqlstates import describe_error, find_sqlstate

ERRORS = {
    "SELEC 1": ("42601", 1),
    "SELECT 1 +": ("42601", None),
    "SELECT 'open": ("42601", 8),
    "SELECT 1 FROM nope": ("42P01", None),
    "SELECT *\nFROM aws.sagemaker.modles": ("42P01", 29),
    "SELECT 1 FROM aws.nope.x": ("3F000", 24),
    "SELECT 1;\nSELECT\n  nope FROM sagemaker.models": ("42703", 20),
    "SELECT nofunc(1)": ("42883", None),
    "SELECT 1::notype": ("42704", None),
    "SELECT 'x'::INTEGER": ("22P02", 11),
    "SELECT 2147483647::INTEGER + 1::INTEGER": ("22003", None),
    "SELECT 1 // 0": ("22012", None),
    "SELECT a.n FROM range(1) a(n), range(1) b(n) WHERE n = 1": ("42702", None),
    "SELECT n, count(*) FROM range(1) t(n)": ("42803", None),
    "INSERT OR REPLACE INTO sagemaker.models BY NAME SELECT 'm' AS model_name": ("0A000", 8),
}
"""A statement -> the SQLSTATE, and the position in characters, from 1."""


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_has_the_right_sqlstate_and_position(pg: psycopg.Connection[Any], text: str) -> None:
    sqlstate, position = ERRORS[text]
    with pytest.raises(psycopg.Error) as caught:
        pg.execute(text)
    diag = caught.value.diag
    assert diag.sqlstate == sqlstate, diag.message_primary
    if position is not None:
        assert diag.statement_position == str(position)
    assert "\n" not in str(diag.message_primary)


def test_an_error_suggests_the_nearest_name(pg: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.Error) as caught:
        pg.execute("SELECT 1 FROM aws.sagemaker.modles")
    assert str(caught.value.diag.message_hint).startswith("Did you mean 'models'?")


def test_a_denied_call_is_named_with_the_permission(pg: psycopg.Connection[Any]) -> None:
    with Emulator(Options()) as emulator, run_against(emulator) as client:
        emulator.inject(Fault("access_denied", operation="ListModels", times=None))
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            client.execute("SELECT model_name FROM sagemaker.models")
    assert caught.value.diag.message_hint == "Allow the IAM action sagemaker:ListModels."
    assert "Call: ListModels in us-east-1" in str(caught.value.diag.message_detail)


@contextmanager
def run_against(emulator: Emulator) -> Iterator[psycopg.Connection[Any]]:
    """A client of a server that calls a local SageMaker."""
    with connection(emulator.url) as con, serve(con) as server, connect(server) as client:
        yield client


def test_an_incomplete_answer_comes_with_a_warning() -> None:
    with Emulator(Options()) as emulator, run_against(emulator) as client:
        emulator.inject(Fault("access_denied", operation="ListModels", region="eu-west-1", times=None))
        notices: list[tuple[str | None, str | None]] = []
        client.add_notice_handler(lambda each: notices.append((each.severity, each.message_primary)))
        client.execute("SET sqlprov_on_error = 'warn'")
        client.execute("SELECT count(*) FROM sagemaker.models WHERE region IN ('us-east-1', 'eu-west-1')")
    ((severity, message),) = notices
    assert severity == "WARNING"
    assert str(message).startswith("rows are missing: aws.sagemaker.models, eu-west-1:")


def test_a_failed_write_lists_the_outcomes() -> None:
    with Emulator(Options()) as emulator, run_against(emulator) as client:
        emulator.inject(Fault("access_denied", operation="CreateModel", times=None))
        with pytest.raises(psycopg.Error) as caught:
            client.execute(
                "INSERT INTO sagemaker.models (model_name, execution_role_arn, region) "
                f"VALUES ('m', '{ROLE}', 'us-east-1')"
            )
    assert caught.value.diag.sqlstate == "HV000"
    assert "row 1, 'm' in us-east-1: failed." in str(caught.value.diag.message_detail)


def test_an_error_of_a_call_is_not_one_of_the_clients_connection() -> None:
    for error in (errors.Unreachable("x"), errors.BrokenReply("x")):
        assert find_sqlstate(error).startswith("HV")
    assert find_sqlstate(errors.Throttled("x")) == errors.Throttled.sqlstate
    assert find_sqlstate(ValueError("x")) == "XX000"


def test_the_place_in_a_long_line_is_found() -> None:
    text = "SELECT " + "1, " * 100 + "nope"
    shown = text[250:]
    message = f"Binder Error: not there\nLINE 1: ...{shown}\n{' ' * (len('LINE 1: ...') + text.index('nope') - 250)}^"
    fields = dict(describe_error(errors.UnknownName(message), text, 10))
    assert fields["P"] == str(10 + text.index("nope") + 1)
