from __future__ import annotations

import doctest
import importlib

import pytest

from sqlprov import Connection, Result

MODULES = {
    "sqlprov.api.connect": 1,
    "sqlprov.api.connection": 10,
    "sqlprov.api.pep249_cursor": 4,
    "sqlprov.api.result": 12,
    "sqlprov.errors": 2,
    "sqlprov.api.pep249": 4,
    "sqlprov.frontends.sqlalchemy": 4,
    "sqlprov.frontends.sqlalchemy.compiler": 1,
    "sqlprov.frontends.sqlalchemy.types": 1,
}
"""Module -> the least number of its examples."""


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_show(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0, capsys.readouterr().out
    assert result.attempted >= MODULES[name]


@pytest.mark.parametrize(
    "method",
    [
        *(
            getattr(Connection, name)
            for name in ("sql", "run", "executemany", "cursor", "commit", "fetchone")
        ),
        *(
            getattr(Result, name)
            for name in ("arrow", "reader", "df", "pl", "fetchall", "__arrow_c_stream__")
        ),
    ],
    ids=lambda method: method.__qualname__,
)
def test_a_method_that_returns_rows_has_an_example(method: object) -> None:
    assert ">>> " in (method.__doc__ or "")
