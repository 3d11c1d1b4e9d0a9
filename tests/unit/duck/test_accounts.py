"""The account of a row, and conditions on it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from seeded import Connect

import sqlprov
from sqlprov.errors import UnknownName

MODELS = "aws.sagemaker.models"


def test_every_row_names_its_account_without_a_call(connect: Connect) -> None:
    result = connect(regions="us-east-1").sql(f"SELECT DISTINCT account FROM {MODELS}")
    assert result.fetchall() == [("local",)]
    assert {(call.operation, call.account) for call in result.calls} == {("ListModels", "local")}


def test_a_condition_on_another_account_makes_no_call(connect: Connect) -> None:
    con = connect(regions="us-east-1")
    result = con.sql(f"SELECT model_name FROM {MODELS} WHERE account = 'prod'")
    assert (result.fetchall(), result.calls) == ([], [])
    assert result.warnings == [
        f"No account of the session meets the condition on account of {MODELS}: it has 'local'."
    ]
    (row, _) = con.sql(f"EXPLAIN SELECT model_name FROM {MODELS} WHERE account = 'prod'").fetchall()
    assert "no call: no account meets the conditions" in row[1]


def test_a_condition_on_the_own_account_reads_it(connect: Connect) -> None:
    con = connect(regions="us-east-1")
    every = con.sql(f"SELECT count(*) FROM {MODELS}").fetchall()
    assert con.sql(f"SELECT count(*) FROM {MODELS} WHERE account IN ('prod', 'local')").fetchall() == every
    assert con.sql(f"SELECT count(*) FROM {MODELS} WHERE account LIKE 'lo%'").fetchall() == every


def test_an_account_that_does_not_exist_is_an_error_before_the_first_statement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile prod]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for options in ({"settings": {"accounts": "prood"}}, {"profile": ["prod", "prood"]}):
        with pytest.raises(UnknownName, match=r"no account 'prood' .*Did you mean 'prod'\?"):
            sqlprov.connect(**options)
        with duckdb.connect() as con, pytest.raises(UnknownName, match="no account 'prood'"):
            sqlprov.attach(con, "sagemaker", regions="us-east-1", **options)
