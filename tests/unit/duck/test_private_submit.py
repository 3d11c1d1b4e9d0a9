"""DuckDB's private `_submit` only saves time: without it a query has the same answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sqlprov.api.connection import Connection
from sqlprov.duck.binder import Binder
from sqlprov.errors import Error

EXPERIMENTS = "aws.sagemaker.inference_experiments"


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


QUERIES = [
    f"SELECT name, status FROM {EXPERIMENTS} WHERE region = 'us-east-1' ORDER BY name",
    f"FROM {EXPERIMENTS} WHERE region LIKE 'us-%' ORDER BY region, name LIMIT 3",
    f"SELECT count(*) AS n, region FROM {EXPERIMENTS} GROUP BY ALL ORDER BY ALL",
    "SELECT 1 AS one, [1, 2] AS list, {'a': NULL} AS struct",
    "SELECT 1 WHERE false",
    "SELECT nothing",
    "SELECT * FROM nowhere",
    "SELECT ?",
    f"SELECT nam FROM {EXPERIMENTS}",
    f"SELECT CAST(name AS INTEGER) FROM {EXPERIMENTS} WHERE region = 'us-east-1'",
]
BROKEN = {
    "gone": None,
    "fails": fail,
    "another signature": lambda text: text,
    "returns nothing": lambda *_: None,
    "returns something else": lambda *_: object(),
}


CASES = [*((text, "fails") for text in QUERIES), *((QUERIES[0], how) for how in BROKEN if how != "fails")]


@pytest.mark.parametrize(("text", "how"), CASES)
def test_a_query_has_the_same_answer_without_submit(
    connect: Callable[..., Connection], text: str, how: str
) -> None:
    def answer(con: Connection) -> object:
        try:
            result = con.sql(text)
            return result.arrow(), len(result.calls)
        except Error as error:
            return type(error), str(error).split("\n")[0]

    con = connect()
    expected = answer(connect())
    binder: Binder = con._runner.cursor.binder
    binder.duck = WithoutSubmit(binder.duck, BROKEN[how])  # type: ignore[assignment]
    assert answer(con) == expected
