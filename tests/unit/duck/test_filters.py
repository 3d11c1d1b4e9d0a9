from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import sqlprov
from sqlprov.duck.filters import read_filter
from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("r", pa.string()),
        ("b", pa.bool_()),
        ("t", pa.timestamp("us", "UTC")),
        ("s", pa.struct([("n", pa.int64())])),
    ]
)
N, R = pc.field("n"), pc.field("r")
MEMBER = pc.if_else(R.is_valid(), R.isin(["x", "y"]), pa.scalar(None, pa.bool_()))


@pytest.mark.parametrize(
    ("expression", "predicate"),
    [
        (N == 1, Compare("n", "=", 1)),
        (pc.scalar(1) < N, Compare("n", ">", 1)),
        (R != "it's: 'x'", Compare("r", "<>", "it's: 'x'")),
        (pc.field("t") >= TIME, Compare("t", ">=", TIME)),
        (pc.scalar(1).cast("int64") > N, Compare("n", "<", 1)),
        (MEMBER, In("r", ("x", "y"))),
        (~MEMBER, Not(In("r", ("x", "y")))),
        (R.is_null(), IsNull("r")),
        (R.is_valid(), Not(IsNull("r"))),
        (
            (N > 1) & (N < 5) & (R == "x"),
            And((Compare("n", ">", 1), Compare("n", "<", 5), Compare("r", "=", "x"))),
        ),
        ((N > 5) | (R == "x"), Or((Compare("n", ">", 5), Compare("r", "=", "x")))),
        (pc.scalar(True), TRUE),
        (pc.scalar(False), FALSE),
        (pc.field("b"), Opaque(frozenset("b"))),
        (pc.field("s", "n") == 1, Opaque(frozenset("s"))),
        (N == N, Opaque(frozenset("n"))),
        (pa.scalar(None, pa.int64()) == N, Opaque(frozenset("n"))),
        (pc.starts_with(R, "x") & (N == 1), And((Opaque(frozenset("r")), Compare("n", "=", 1)))),
        (pc.if_else(N == 1, R == "x", R == "y"), Opaque(frozenset("nr"))),
    ],
)
def test_a_filter_becomes_a_predicate(expression: pc.Expression, predicate: Predicate) -> None:
    assert read_filter(expression, SCHEMA) == predicate


def test_a_thousand_alternatives_are_read() -> None:
    expression = reduce(or_, [(number == N) & (R == "x") for number in range(1000)])
    predicate = read_filter(expression, SCHEMA)
    assert isinstance(predicate, Or)
    assert predicate.parts[999] == And((Compare("n", "=", 999), Compare("r", "=", "x")))
    assert len(predicate.parts) == 1000


def test_a_form_that_pyarrow_has_changed_narrows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise pa.ArrowInvalid("not an IPC file")

    monkeypatch.setattr(pa.ipc, "open_file", fail)
    assert read_filter(N == 1, SCHEMA) == Opaque(frozenset(SCHEMA.names))


def test_a_statement_may_have_many_alternatives() -> None:
    names = "SELECT model_name FROM aws.sagemaker.models"
    with sqlprov.connect(local=True, region="us-east-1") as con:
        every = [name for (name,) in con.sql(f"{names} ORDER BY 1").fetchall()]
        chosen = [(name, "us-east-1") for name in every[:3]] + [
            (f"m{number}", "eu-west-1") for number in range(40)
        ]
        condition = " OR ".join(f"model_name = '{name}' AND region = '{region}'" for name, region in chosen)
        assert con.sql(f"{names} WHERE {condition} ORDER BY 1").fetchall() == [(name,) for name in every[:3]]
