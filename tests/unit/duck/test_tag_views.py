"""Views of tags, one row each, as StackQL names them: `endpoint_tags` of `endpoints`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sqlprov.api.connection import Connection
from sqlprov.errors import Error, UnknownName

Connect = Callable[..., Connection]
VIEW = "aws.sagemaker.endpoint_tags"


@pytest.fixture
def con(connect: Connect) -> Connection:
    return connect(regions="us-east-1")


def test_a_view_has_a_row_for_each_tag_with_the_columns_of_the_table(con: Connection) -> None:
    from_view = con.sql(f"SELECT endpoint_name, tag_key, tag_value FROM {VIEW} ORDER BY ALL").fetchall()
    from_table = con.sql(
        "SELECT endpoint_name, tag.Key, tag.Value FROM (SELECT endpoint_name, unnest(tags) AS tag "
        "FROM aws.sagemaker.endpoints) ORDER BY ALL"
    ).fetchall()
    assert from_view == from_table != []
    names = con.sql(f"FROM {VIEW} LIMIT 0").columns
    assert names[-2:] == ["tag_key", "tag_value"] and not {"tags", "tag_map"} & {*names}


@pytest.mark.parametrize("name", [VIEW, "endpoint_tags", "AWS.SageMaker.Endpoint_Tags"])
def test_a_condition_narrows_the_calls_of_a_view_as_those_of_its_table(con: Connection, name: str) -> None:
    con.sql("USE aws.sagemaker")
    result = con.sql(
        f"SELECT tag_value FROM {name} WHERE EndpointName = 'churn' AND region = 'us-east-1' AND tag_key = 'team'"
    )
    assert result.fetchall() == [("growth",)]
    assert {call.operation for call in result.calls} == {"DescribeEndpoint", "ListTags"}


def test_tables_of_that_name_come_first_and_a_table_without_tags_has_no_view(con: Connection) -> None:
    assert "tag_key" not in con.sql("FROM aws.ec2.tags LIMIT 0").columns
    for name in ("aws.sagemaker.nothing_tags", "aws.account.region_tags"):
        with pytest.raises(UnknownName, match=name.split(".")[-1]):
            con.sql(f"FROM {name}")


def test_a_view_may_be_named_first_in_a_transaction_in_a_view_and_where_nothing_can_be_written(
    connect: Connect,
) -> None:
    con = connect(regions="us-east-1")
    con.sql("SET sqlprov_read_only = on")
    con.sql("BEGIN")
    assert con.sql(f"SELECT count(*) > 0 FROM {VIEW}").fetchall() == [(True,)]
    con.sql("COMMIT")
    con.sql(
        "CREATE VIEW mine AS SELECT tag_value FROM aws.sagemaker.inference_experiment_tags WHERE tag_key = 'team'"
    )
    assert con.sql("SELECT count(*) > 0 FROM mine").fetchall() == [(True,)]
    with pytest.raises(Error, match="delete"):
        con.sql(f"DELETE FROM {VIEW} WHERE endpoint_name = 'churn'")


def test_views_of_tags_are_not_listed(con: Connection) -> None:
    con.sql(f"FROM {VIEW} LIMIT 0").fetchall()
    for listing in (
        "SHOW TABLES IN aws.sagemaker",
        "SELECT \"table\" FROM sqlprov.tables WHERE service = 'sagemaker'",
    ):
        names = {row[0] for row in con.sql(listing).fetchall()}
        assert "endpoints" in names and "endpoint_tags" not in names
