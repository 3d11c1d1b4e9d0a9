from __future__ import annotations

import pytest

from sqlprov.catalog import Catalog
from sqlprov.sql.row_state import find_state_query

ENDPOINTS = "aws.sagemaker.endpoints"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        (f"SELECT a FROM {ENDPOINTS}", f"FROM {ENDPOINTS}"),
        (
            f"select a, (SELECT 1 FROM x) from {ENDPOINTS} where a = 'FROM';",
            f"from {ENDPOINTS} where a = 'FROM'",
        ),
        (f"SELECT a FROM {ENDPOINTS} ORDER BY a LIMIT 1", f"FROM {ENDPOINTS} ORDER BY a LIMIT 1"),
        ('SELECT a FROM "aws".sagemaker."endpoints" WHERE b', 'FROM "aws".sagemaker."endpoints" WHERE b'),
    ],
)
def test_the_rows_of_a_plain_query_have_states(text: str, query: str) -> None:
    assert find_state_query(text, Catalog()) == (
        f'SELECT "endpoint_status" AS state {query}',
        frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}),
    )


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT a FROM {ENDPOINTS} e",
        f"SELECT a FROM {ENDPOINTS}, x",
        f"SELECT a FROM {ENDPOINTS} JOIN x USING (a)",
        f"WITH t AS (SELECT 1) SELECT a FROM {ENDPOINTS}",
        f"SELECT a FROM {ENDPOINTS} UNION SELECT a FROM x",
        f"SELECT a FROM {ENDPOINTS} WHERE b UNION SELECT a FROM x",
        f"SELECT a FROM (SELECT * FROM {ENDPOINTS})",
        "SELECT a FROM aws.iam.roles",
        "SELECT a FROM local",
        "SELECT 1",
        "FROM aws.sagemaker.endpoints",
    ],
)
def test_other_queries_have_none(text: str) -> None:
    assert find_state_query(text, Catalog()) is None
