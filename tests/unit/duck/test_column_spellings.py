"""Columns as the API spells them, in every clause of a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sqlprov.api.connection import Connection
from sqlprov.errors import Error, UnknownName

Connect = Callable[..., Connection]
E, M, P = "aws.sagemaker.inference_experiments", "aws.sagemaker.models", "aws.sagemaker.endpoints"
CHURN = "ModelName = 'churn-v1'"


@pytest.fixture
def con(connect: Connect) -> Connection:
    con = connect(regions="us-east-1")
    con.sql("CREATE TABLE mine AS SELECT 'churn-v1' AS \"ModelName\"").fetchall()
    con.sql(f"CREATE VIEW every_model AS FROM {M}").fetchall()
    return con


@pytest.mark.parametrize(
    ("query", "columns", "first"),
    [
        (f"SELECT ModelName FROM {M} WHERE {CHURN}", ["model_name"], ("churn-v1",)),
        (f"SELECT m.ModelName AS ModelName FROM {M} m WHERE m.{CHURN}", ["ModelName"], ("churn-v1",)),
        (f"SELECT ModelName AS ModelName FROM {M} WHERE {CHURN}", ["ModelName"], ("churn-v1",)),
        (f"SELECT ModelName AS ModelName FROM {M} ORDER BY ModelName LIMIT 1", ["ModelName"],
         ("churn-monthly-refresh-v2",)),
        (f"SELECT EndpointStatus AS EndpointStatus, count(*) AS n FROM {P} GROUP BY EndpointStatus ORDER BY n DESC",
         ["EndpointStatus", "n"], ("InService", 3)),
        (f"SELECT ModelName AS ModelName FROM {M} WHERE {CHURN} UNION SELECT ModelName AS ModelName FROM mine",
         ["ModelName"], ("churn-v1",)),
        (f"SELECT modelname FROM {M} WHERE Identifier = 'churn-v1'", ["model_name"], ("churn-v1",)),
        (f"SELECT data__ModelName FROM {M} WHERE data__{CHURN}", ["model_name"], ("churn-v1",)),
        (f'SELECT "ModelName" n FROM {M} ORDER BY "ModelName" LIMIT 1', ["n"], ("churn-monthly-refresh-v2",)),
        (f"SELECT upper({M}.ModelName) u FROM {M} WHERE {CHURN}", ["u"], ("CHURN-V1",)),
        (f"SELECT EndpointStatus s, count(*) n FROM {P} GROUP BY EndpointStatus HAVING EndpointStatus LIKE 'In%'",
         ["s", "n"], ("InService", 3)),
        (f"WITH m AS (SELECT ModelName FROM {M}) SELECT m.ModelName FROM m WHERE {CHURN}", ["model_name"],
         ("churn-v1",)),
        (f"SELECT count(*) n FROM {M} WHERE ModelName IN (SELECT ModelName FROM {M} WHERE ModelName LIKE 'churn%')",
         ["n"], (3,)),
        (f"SELECT e.Name n FROM {E} e JOIN {P} p ON e.EndpointName = p.EndpointName ORDER BY e.Name LIMIT 1", ["n"],
         ("churn-monthly-refresh",)),
        (f"SELECT count(*) n FROM {M} m WHERE EXISTS (FROM {P} p WHERE p.EndpointName ^@ left(m.ModelName, 5))", ["n"],
         (8,)),
        (f"SELECT value[:12] v FROM (UNPIVOT (SELECT ModelName, ExecutionRoleArn FROM {M} WHERE {CHURN}) "
         "ON ExecutionRoleArn)", ["v"], ("arn:aws:iam:",)),
        (f"SELECT count(*) > 0 b FROM {E} JOIN {P} USING (EndpointName)", ["b"], (True,)),
        (f"SELECT * EXCLUDE (ModelName) FROM (SELECT ModelName, region FROM {M}) LIMIT 1", ["region"], ("us-east-1",)),
        (f"SELECT PrimaryContainer.Mode m FROM {M} WHERE {CHURN}", ["m"], ("SingleModel",)),
        (f"SELECT min(ModelName) OVER (PARTITION BY Region) m FROM {M} WHERE region = 'us-east-1' LIMIT 1", ["m"],
         ("churn-monthly-refresh-v2",)),
        (f"SELECT ModelName m FROM {M} QUALIFY row_number() OVER (ORDER BY ModelName DESC) = 1", ["m"],
         ("search-v1",)),
        (f"SELECT ModelName FROM {M} UNION SELECT EndpointName FROM {P} ORDER BY ModelName LIMIT 1", ["model_name"],
         ("churn",)),
        (f"FROM {M} SELECT ModelName m WHERE {CHURN}", ["m"], ("churn-v1",)),
        ("SELECT ModelName FROM every_model WHERE ModelName LIKE 'churn-v%'", ["model_name"], ("churn-v1",)),
        (f"SELECT m.ModelName a, l.ModelName b FROM {M} m JOIN mine l ON m.ModelName = l.ModelName", ["a", "b"],
         ("churn-v1", "churn-v1")),
        (f"SELECT (SELECT max(ModelName) FROM mine) a FROM {M} WHERE ModelName = 'search-v1'", ["a"], ("churn-v1",)),
        (f"PIVOT {P} ON EndpointStatus IN ('InService') USING count(*) n GROUP BY Region ORDER BY Region DESC",
         ["region", "InService_n"], ("us-west-2", 2)),
    ],
)  # fmt: skip
def test_a_query_names_columns_as_the_api_does(
    con: Connection, query: str, columns: list[str], first: tuple[Any, ...]
) -> None:
    result = con.sql(query)
    assert [str(column) for column in result.columns] == columns
    assert result.fetchall()[0] == first


@pytest.mark.parametrize(
    ("statement", "query"),
    [
        (f"CREATE VIEW made AS SELECT ModelName FROM {M} WHERE {CHURN}", "FROM made"),
        (f"CREATE TABLE kept AS SELECT ModelName FROM {M} WHERE {CHURN}", "FROM kept"),
        (f"PREPARE p AS SELECT ModelName FROM {M} WHERE ModelName = ?", "EXECUTE p('churn-v1')"),
        (f"CREATE MACRO found() AS TABLE SELECT ModelName FROM {M} WHERE {CHURN}", "FROM found()"),
        (f"SET VARIABLE v = (SELECT max(ModelName) FROM {M} WHERE {CHURN})", "SELECT getvariable('v')"),
        ("BEGIN", f"SELECT ModelName FROM {M} WHERE {CHURN}"),
    ],
)
def test_so_do_statements_that_keep_a_query(con: Connection, statement: str, query: str) -> None:
    con.sql(statement).fetchall()
    assert con.sql(query).fetchall() == [("churn-v1",)]
    con.sql("COMMIT" if statement == "BEGIN" else "SELECT 1").fetchall()


def test_the_calls_are_those_of_the_column(con: Connection) -> None:
    result = con.sql(f"SELECT ModelName FROM {M} WHERE {CHURN}")
    result.fetchall()
    assert [call.operation for call in result.calls] == ["DescribeModel"]
    explained = con.sql(f"EXPLAIN SELECT ModelName FROM {M} WHERE {CHURN}").fetchall()
    assert "DescribeModel in us-east-1, once" in explained[0][1]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"SELECT ModelName, Nonsense FROM {M}", 'column "Nonsense" not found'),
        (f"SELECT EndpointName FROM {E}, {P}", 'Ambiguous reference to column name "endpoint_name"'),
        (f"SELECT ModelName FROM mine m JOIN {M} n ON m.x = n.ModelName", 'have a column named "x"'),
    ],
)
def test_an_unknown_or_ambiguous_name_is_an_error(con: Connection, query: str, message: str) -> None:
    with pytest.raises(Error, match=message):
        con.sql(query).fetchall()


def test_a_spelling_of_two_columns_names_both(con: Connection) -> None:
    # DeletePolicy takes the policy's `arn` as PolicyArn.
    tables = "aws.iam.attached_group_policies a, aws.iam.policies p"
    with pytest.raises(UnknownName, match="'PolicyArn' may mean 'arn' or 'policy_arn'; write the one"):
        con.sql(f"SELECT PolicyArn FROM {tables}").fetchall()
    assert con.sql(f"DESCRIBE SELECT a.PolicyArn, p.PolicyArn FROM {tables}").fetchall()[1][0] == "arn"
