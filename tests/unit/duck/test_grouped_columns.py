"""A column may be missing from a GROUP BY that has the key of its table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sqlprov.api.connection import Connection
from sqlprov.errors import Error

Connect = Callable[..., Connection]
M, T = "aws.sagemaker.models", "aws.sagemaker.endpoint_tags"
US = "region = 'us-east-1'"


@pytest.fixture
def con(connect: Connect) -> Connection:
    return connect(regions="us-east-1")


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        (f"SELECT model_name, model_arn FROM {M} WHERE {US} GROUP BY model_name", "model_name, model_arn"),
        (f"SELECT upper(model_arn), execution_role_arn FROM {M} AS m GROUP BY region, model_name", "ALL"),
        (
            f"SELECT count(*) FROM (SELECT endpoint_arn, count(*) AS n FROM {T} WHERE {US} AND endpoint_name "
            "IN ('churn') GROUP BY endpoint_name HAVING n > 0) WHERE endpoint_arn IS NOT NULL",
            "endpoint_name, endpoint_arn",
        ),
        (f"SELECT ModelArn FROM {M} WHERE {US} GROUP BY ModelName ORDER BY 1", "model_arn, model_name"),
    ],
)
def test_the_key_determines_the_other_columns(con: Connection, short: str, whole: str) -> None:
    head, _, tail = short.partition("GROUP BY ")
    group = tail.partition(" HAVING")[0].partition(" ORDER")[0]
    expected = con.sql(head + f"GROUP BY {whole}" + tail.removeprefix(group)).fetchall()
    assert sorted(con.sql(short).fetchall()) == sorted(expected) != []


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT model_name, model_arn FROM {M} GROUP BY model_name",
        f"SELECT model_name, model_arn FROM {M} WHERE {US} OR true GROUP BY model_name",
        f"SELECT model_arn FROM {M} WHERE {US} GROUP BY execution_role_arn HAVING min(model_name) > ''",
        f"SELECT model_arn FROM {M} JOIN (SELECT 'x' AS x) ON true WHERE {US} GROUP BY model_name",
        f"SELECT model_arn FROM {M}, (SELECT 'x' AS x) WHERE {US} GROUP BY model_name",
        f"SELECT tag_key FROM {T} WHERE {US} GROUP BY endpoint_name",
        "SELECT b FROM (SELECT 1 AS a, 2 AS b) GROUP BY a",
    ],
)
def test_any_other_missing_column_is_still_an_error(con: Connection, query: str) -> None:
    with pytest.raises(Error, match="must appear in the GROUP BY clause"):
        con.sql(query)
