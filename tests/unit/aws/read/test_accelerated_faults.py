"""A fault at each call of statements whose lists are split, ended early or read together: no row is lost silently."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emulator_calls import EXPERIMENTS, add_experiment, wait_until_idle

import sqlprov
from sqlprov.aws.read import list_windows, scan
from sqlprov.emulator import Emulator, Fault, Options

MODELS = "aws.sagemaker.models"
QUERIES = {
    "windows": "SELECT name, creation_time FROM {e}",
    "first rows": "SELECT name FROM {e} WHERE status <> 'Completed' ORDER BY creation_time DESC, name LIMIT 6",
    "described first rows": "SELECT name, endpoint_name FROM {e} ORDER BY creation_time, name LIMIT 4",
    "join": "SELECT e.name, m.model_name FROM {e} e FULL JOIN {m} m ON m.model_name = e.name ORDER BY ALL",
    "LIKE": "SELECT e.name, m.model_name FROM {e} e JOIN {m} m ON m.model_name = e.name WHERE e.name LIKE '%-1%'",
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    with Emulator(Options(largest_page=4)) as emulator:
        for number in range(30):
            at = 1_700_000_000.0 + 5000 * (number // 3)
            add_experiment(emulator, f"e-{number}", CreationTime=at, LastModifiedTime=at, EndpointName="p")
        for number in range(9):
            emulator.add("Model", "us-east-1", {"ModelName": f"e-{number}"})
        yield emulator


@pytest.fixture(scope="module")
def con(cloud: Emulator, aws: object) -> Iterator[sqlprov.Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "LONG", 1)
        patch.setattr(list_windows, "WINDOW_PAGES", 0.25)
        patch.setattr(list_windows.WindowSplitter, "useful_calls", 8)
        with sqlprov.connect(endpoint_url=cloud.url, region="us-east-1") as con:
            con.sql("SET sqlprov_max_attempts = 1")
            con.sql(f"CREATE TABLE e AS FROM {EXPERIMENTS}; CREATE TABLE m AS FROM {MODELS}")
            yield con


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("kind", ["access_denied", "truncated", "empty", "repeated_token"])
@pytest.mark.parametrize("on_error", ["fail", "warn"])
def test_a_fault_gives_the_right_rows_or_an_error_or_reports_missing_rows(
    cloud: Emulator, con: sqlprov.Connection, query: str, kind: str, on_error: str
) -> None:
    con.sql(f"SET sqlprov_on_error = '{on_error}'")
    text = QUERIES[query].format(e=EXPERIMENTS, m=MODELS)
    expected = sorted(map(str, con.sql(QUERIES[query].format(e="e", m="m")).fetchall()))
    hit = 0
    for at in range(1, 14, 2):
        cloud.inject(Fault(kind, at=at))
        try:
            result = con.sql(text)
            rows = sorted(map(str, result.fetchall()))
        except sqlprov.OperationalError:
            hit += 1
        else:
            hit += not result.complete
            assert rows == expected or not result.complete, f"silently short at call {at}"
        wait_until_idle(cloud)
        cloud.clear_faults()
    assert hit, "no fault had an effect"
