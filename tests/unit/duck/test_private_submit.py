"""DuckDB's private `_submit` saves time and nothing else: whatever goes wrong with it, the same rows come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sqlprov.api.connection import Connection
from sqlprov.duck.binder import Binder

SQL = "SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' ORDER BY name"


class WithoutSubmit:
    """A DuckDB connection whose `_submit` does something else, or is gone."""

    def __init__(self, duck: Any, submit: Callable[..., Any] | None) -> None:
        self._duck = duck
        if submit is not None:
            self._submit = submit

    def __getattr__(self, name: str) -> Any:
        if name == "_submit":
            raise AttributeError(name)
        return getattr(self._duck, name)


def fail(*_: object) -> None:
    raise RuntimeError("changed")


@pytest.mark.parametrize(
    "submit",
    [None, fail, lambda text: text, lambda *_: None, lambda *_: object()],
    ids=["gone", "fails", "another signature", "returns nothing", "returns something else"],
)
def test_a_query_returns_its_rows_without_submit(
    connect: Callable[..., Connection], submit: Callable[..., Any] | None
) -> None:
    con = connect()
    rows = con.sql(SQL).fetchall()
    binder: Binder = con._runner.cursor.binder
    binder.duck = WithoutSubmit(binder.duck, submit)  # type: ignore[assignment]
    result = con.sql(SQL)
    assert result.fetchall() == rows
    assert len(result.calls) == 1
