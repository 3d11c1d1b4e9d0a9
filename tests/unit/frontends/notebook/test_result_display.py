from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

import sqlprov
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import InterfaceError, OperationalError

EXPERIMENTS = "aws.sagemaker.inference_experiments"
MANY = "SELECT range AS n FROM range(10_000)"


@pytest.fixture
def own_connection(em: Emulator) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=em.url, region="us-east-1") as made:
        yield made


class HTMLReader(HTMLParser):
    """The tags and the text of a document, in which each tag must be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def render(result: sqlprov.Result) -> HTMLReader:
    html = result._repr_html_()
    assert isinstance(html, str)
    return HTMLReader(html)


# Contents


def test_values_are_text_and_nested_values_are_folded(own_connection: sqlprov.Connection) -> None:
    page = render(
        own_connection.sql(f"""
            SELECT name, schedule, model_variants, creation_time, NULL AS nothing, [] AS empty, MAP {{'a': 1}} AS map,
                   'ab'::BLOB AS bytes, INTERVAL 3 DAY AS span, repeat('long ', 50) AS long, TIMESTAMP '2020-10-10' AS t
            FROM {EXPERIMENTS} WHERE name = 'fraud-lightgbm'
        """)
    )
    assert "2025-04-14T09:00:00Z" in page.text and "2020-10-10 00:00:00" in page.text
    assert "StartTime, EndTime" in page.text and '"InstanceType": "ml.c5.2xlarge"' in page.text
    assert page.tags.count("details") == 5  # schedule, variants, map, the long text, calls
    assert "NULL" in page.text and "[]" in page.text


@pytest.mark.parametrize(
    "value", ["'<script>alert(1)</script>'", "{'<b>': ['</td>', '\"&']}", "repeat('<i>', 200)", "['<u>']"]
)
def test_html_in_values_and_names_is_escaped(own_connection: sqlprov.Connection, value: str) -> None:
    page = render(own_connection.sql(f'SELECT {value} AS "<h1>&amp;"'))
    assert not {"script", "b", "i", "u", "h1"} & set(page.tags)
    assert "<h1>&amp;" in page.text


def test_the_page_lists_the_calls(own_connection: sqlprov.Connection) -> None:
    page = render(own_connection.sql(f"SELECT name FROM {EXPERIMENTS}"))
    assert re.search(r"6 rows, 1 call, [\d.]+ s", page.text)
    assert "ListInferenceExperiments" in page.text and '"MaxResults":100' in page.text


def test_repr_names_the_columns_and_reads_no_rows(own_connection: sqlprov.Connection, em: Emulator) -> None:
    result = own_connection.sql(f"SELECT name, status FROM {EXPERIMENTS}")
    made = len(em.calls)
    assert re.fullmatch(r"<Result of name, status: 0 rows, .*, not read to the end>", repr(result))
    assert len(em.calls) == made
    rows = len(result.fetchall())
    assert re.fullmatch(rf"<Result of name, status: {rows} rows, 1 call, [\d.]+ s>", repr(result))
    assert re.fullmatch(r"<Result: 0 calls, [\d.]+ s>", repr(own_connection.sql("CREATE TABLE t (a INT)")))


def test_missing_rows_are_reported(own_connection: sqlprov.Connection, em: Emulator) -> None:
    own_connection.sql("SET sqlprov_on_error = 'warn'")
    em.inject(Fault("access_denied", region="eu-west-1", times=None))
    page = render(
        own_connection.sql(f"SELECT name FROM {EXPERIMENTS} WHERE region IN ('us-east-1', 'eu-west-1')")
    )
    assert "incomplete" in page.text
    assert "Missing:" in page.text and "sagemaker:ListInferenceExperiments" in page.text


def test_the_outcome_of_each_written_row_is_listed(own_connection: sqlprov.Connection) -> None:
    page = render(
        own_connection.sql(
            f"UPDATE {EXPERIMENTS} SET description = 'By hand.' WHERE name = 'fraud-xgboost-17'"
        )
    )
    assert "1 row changed" in page.text
    assert "1 outcome" in page.text and "UpdateInferenceExperiment" in page.text


def test_only_the_first_rows_are_rendered(own_connection: sqlprov.Connection) -> None:
    page = render(own_connection.sql(MANY))
    assert page.tags.count("tr") == 51
    assert "The first 50 rows are shown." in page.text
    assert "The first" not in render(own_connection.sql("SELECT * FROM range(50)")).text


def test_an_error_while_rendering_is_raised(own_connection: sqlprov.Connection) -> None:
    with Emulator() as em, sqlprov.connect(endpoint_url=em.url, region="us-east-1") as con:
        em.fill(300)
        em.inject(Fault("access_denied", operation="DescribeInferenceExperiment", at=40, times=None))
        result = con.sql(f"SELECT arn FROM {EXPERIMENTS}")
        with pytest.raises(OperationalError, match="DescribeInferenceExperiment"):
            result._repr_html_()


def test_a_plan_keeps_its_lines_and_is_not_folded(own_connection: sqlprov.Connection) -> None:
    page = render(own_connection.sql(f"EXPLAIN SELECT name FROM {EXPERIMENTS} WHERE status = 'Running'"))
    assert "  ListInferenceExperiments in us-east-1, each page" in page.text
    assert page.tags.count("pre") == 2 and "details" not in page.tags


# Rendering consumes no rows


def test_rendered_rows_can_still_be_read(own_connection: sqlprov.Connection) -> None:
    for read in (
        lambda r: r.df()["n"].tolist(),
        lambda r: [n for (n,) in r.fetchall()],
        lambda r: r.reader().read_all()["n"].to_pylist(),
        lambda r: r.pl()["n"].to_list(),
    ):
        result = own_connection.sql(MANY)
        render(result)
        assert read(result) == list(range(10_000))


def test_fetchone_and_rendering_lose_no_rows(own_connection: sqlprov.Connection) -> None:
    result = own_connection.sql(MANY)
    first = [result.fetchone(), result.fetchone()]
    render(result)
    third = result.fetchone()
    assert [*first, third] == [(0,), (1,), (2,)]
    assert result.arrow()["n"].to_pylist() == list(range(3, 10_000))
    assert result.fetchone() is None


def test_a_closed_result_can_be_rendered_but_not_read(own_connection: sqlprov.Connection) -> None:
    result = own_connection.sql(MANY)
    render(result)
    own_connection.sql("SELECT 1")
    assert "not read to the end" in render(result).text
    with pytest.raises(InterfaceError, match="closed"):
        result.df()
    with pytest.raises(InterfaceError, match="closed"):
        next(result.batches())


def test_a_kept_result_can_be_read_repeatedly(own_connection: sqlprov.Connection) -> None:
    result = own_connection.sql(MANY)
    assert result.fetchone() == (0,)
    assert result.keep() is result
    own_connection.sql("SELECT 1")
    for _ in range(2):
        assert result.arrow().num_rows == len(result.df()) == len(list(result)) == 9_999
        assert result.keep().reader().read_all().num_rows == 9_999
    assert "9,999" in result.summary or "10,000 rows" in result.summary
    assert result.fetchall() == list(result)


def test_numbers_are_right_aligned_and_plans_have_one_width_per_character(
    own_connection: sqlprov.Connection,
) -> None:
    html = own_connection.sql("SELECT 12 AS n, 1.5 AS d, 'x' AS t")._repr_html_()
    assert '<th class="number">n</th><th class="number">d</th><th>t</th>' in html
    assert '<td class="number">12</td><td class="number">1.5</td><td>x</td>' in html
    plan = own_connection.sql("EXPLAIN ANALYZE SELECT 1 AS n")._repr_html_()
    assert re.search("<pre>[^<]*─", plan)
    assert re.search(r"\.sqlprov pre \{[^}]*white-space: pre; font-family: monospace", plan)
