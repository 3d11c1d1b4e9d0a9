"""Fetching several pages in one task gives the same rows with the same calls."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import orjson
import pytest
from emulator_calls import EXPERIMENTS, LIST, add_experiment, count_operations, wait_until_idle
from raw_server import RawServer

import sqlprov
from sqlprov.aws.read import list_windows, pagination, scan
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import BrokenReply

BEGIN = 1_700_000_000.0


@pytest.fixture(autouse=True)
def together(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of pages of each task: as many as allowed, on any machine, from the second page on."""
    monkeypatch.setattr(pagination, "LONGEST_FETCH", 60.0)
    monkeypatch.setattr(scan, "RAMP", 1)
    fetched: list[int] = []
    arrived = scan.TableScan._handle_pages

    def note(self: Any, window: Any, pages: pagination.FetchedPages) -> None:
        fetched.append(len(pages.pages))
        arrived(self, window, pages)

    monkeypatch.setattr(scan.TableScan, "_handle_pages", note)
    return fetched


@pytest.fixture
def pages(em: Emulator) -> Emulator:
    """80 experiments in us-east-1, two on a page."""
    em.options.largest_page = 2
    for number in range(80):
        add_experiment(
            em, f"e-{number:02}", CreationTime=BEGIN + number, Schedule={"EndTime": BEGIN + number}
        )
    return em


def get_moment(row: dict[str, Any]) -> dict[str, Any] | None:
    schedule: dict[str, Any] | None = row.get("Schedule")
    return schedule and {"StartTime": None, **schedule}


# Columns that Arrow reads for many rows at once, those that it does not, and those that no page has.
COLUMNS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "name": lambda row: row["Name"],
    "creation_time": lambda row: row["CreationTime"],
    "schedule": get_moment,
    "region": lambda _: "us-east-1",
    "data__Identifier": lambda row: row["Name"],
}


@pytest.mark.parametrize("columns", [["name"], ["region", "schedule", "creation_time"], [*COLUMNS]], ids=len)
def test_the_rows_equal_those_of_boto3s_paginator(
    pages: Emulator, connect: Any, together: list[int], columns: list[str]
) -> None:
    client = boto3.client("sagemaker", endpoint_url=pages.url, region_name="us-east-1")
    paginator = client.get_paginator("list_inference_experiments").paginate(SortOrder="Ascending")
    listed = [row for page in paginator for row in page["InferenceExperiments"]]
    expected = [tuple(COLUMNS[column](row) for column in columns) for row in listed]
    assert len(expected) == 80
    con = connect(split="off")
    for sparse, calls in ((False, 40), (True, 80)):
        pages.options.sparse_pages = sparse
        pages.reset_calls()
        assert con.sql(f"SELECT {', '.join(columns)} FROM {EXPERIMENTS}").fetchall() == expected
        assert count_operations(pages) == {LIST: calls}
    assert max(together) > 1


@pytest.mark.parametrize("kind", ["access_denied", "truncated"])
def test_a_fault_at_any_page_keeps_the_pages_before_it(
    pages: Emulator, connect: Any, together: list[int], kind: str
) -> None:
    con = connect(split="off", on_error="warn", max_attempts=1)
    for at in range(1, 41):
        pages.clear_faults()
        pages.inject(Fault(kind, at=at, operation=LIST))
        with con.sql(f"SELECT name FROM {EXPERIMENTS}") as result:
            assert [name for (name,) in result.fetchall()] == [
                f"e-{number:02}" for number in range(2 * at - 2)
            ]
            assert [(gap.region, gap.error.operation) for gap in result.errors] == [("us-east-1", LIST)]
        wait_until_idle(pages)
    assert max(together) > 1


def page(number: int, of: int, **other: object) -> bytes:
    """A page of two rows; the second has the members in `other`."""
    rows = [{"Name": f"{number}-{at}", "CreationTime": BEGIN + number} for at in "ab"]
    rows[1] |= other
    token = {"NextToken": str(number)} if number < of else {}
    return orjson.dumps({"InferenceExperiments": rows, **token})


PAGES = 14


@pytest.fixture
def con_to_raw(server: RawServer) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=server.url, region="us-east-1", settings={"split": "off"}) as con:
        yield con


@pytest.mark.parametrize(
    "strange",
    [
        {"CreationTime": "soon"},
        {"CreationTime": 1e300},
        {"Schedule": "daily"},
        {"Schedule": {"EndTime": [1]}},
    ],
    ids=str,
)
def test_a_page_that_cannot_be_read_keeps_the_pages_before_it(
    server: RawServer, con_to_raw: Any, together: list[int], strange: dict[str, Any]
) -> None:
    query = f"SELECT name, creation_time, schedule FROM {EXPERIMENTS}"
    for at in range(1, PAGES + 1):
        server.pages = [page(n, PAGES, **strange if n == at else {}) for n in range(1, PAGES + 1)]
        con_to_raw.sql("SET sqlprov_on_error = 'fail'")
        with pytest.raises(BrokenReply, match="us-east-1"):
            con_to_raw.sql(query).fetchall()
        con_to_raw.sql("SET sqlprov_on_error = 'warn'")
        with con_to_raw.sql(query) as result:
            names = [row[0] for row in result.fetchall()]
            assert names == [f"{number}-{row}" for number in range(1, at) for row in "ab"]
            assert [gap.region for gap in result.errors] == ["us-east-1"]
    assert max(together) > 1


def test_a_value_that_can_be_converted_keeps_its_place(
    server: RawServer, con_to_raw: Any, together: list[int]
) -> None:
    for at in range(1, PAGES + 1):
        server.pages = [page(n, PAGES, **{"Name": 7} if n == at else {}) for n in range(1, PAGES + 1)]
        expected = [f"{number}-{row}" for number in range(1, PAGES + 1) for row in "ab"]
        expected[2 * at - 1] = "7"
        assert con_to_raw.sql(f"SELECT name FROM {EXPERIMENTS}").fetchall() == [(name,) for name in expected]
    assert max(together) > 1


@pytest.mark.parametrize("rows", [1, 2, 3, 20, 41])
def test_a_limit_fetches_few_pages_that_it_does_not_need(pages: Emulator, con: Any, rows: int) -> None:
    for query in ("SELECT name FROM {e} LIMIT {n}", "WITH x AS (FROM {e}) SELECT name FROM x LIMIT {n}"):
        pages.reset_calls()
        assert len(con.sql(query.format(e=EXPERIMENTS, n=rows)).fetchall()) == rows
        wait_until_idle(pages)
        assert count_operations(pages)[LIST] <= -(-rows // 2) + 2


def test_rows_created_and_deleted_while_windows_are_read_affect_no_other_row(
    em: Emulator, con: Any, together: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "LONG", 4)
    monkeypatch.setattr(list_windows, "WINDOW_PAGES", 1)
    monkeypatch.setattr(list_windows.WindowSplitter, "useful_calls", 8)
    em.options.largest_page = 3
    for number in range(400):
        add_experiment(em, f"e-{number:03}", "us-west-2", CreationTime=BEGIN + 60 * (number // 2))
        add_experiment(em, f"e-{number:03}", CreationTime=BEGIN + 60 * number)
    steady = {(region, f"e-{number:03}") for region in ("us-east-1", "us-west-2") for number in range(400)}
    over = threading.Event()

    def disturb() -> None:
        number = 0
        while not over.is_set():
            number += 1
            add_experiment(em, f"new-{number}", CreationTime=BEGIN + 60 * number)
            em.remove("InferenceExperiment", "us-east-1", f"new-{number}")

    for sparse in (False, True):
        em.options.sparse_pages = sparse
        over.clear()
        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            query = f"SELECT region, name FROM {EXPERIMENTS} WHERE region IN ('us-east-1', 'us-west-2')"
            counts = Counter(con.sql(query).fetchall())
        finally:
            over.set()
            thread.join()
        assert steady <= set(counts)
        assert max(counts.values()) == 1
    bounds = {
        (call.region, call.parameters.get("CreationTimeAfter")) for call in em.calls if call.operation == LIST
    }
    assert len(bounds) > 4, "no list was cut"
    assert max(together) > 1
