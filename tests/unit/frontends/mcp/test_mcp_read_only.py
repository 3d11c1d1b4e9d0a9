"""No query of an agent writes to AWS or to a file, unless the server's mode allows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from write_attempts import ATTEMPTS, NAME
from write_session import REGION

import sqlprov
from sqlprov.emulator import Emulator
from sqlprov.errors import Error, InternalError
from sqlprov.frontends.mcp.tools import Limits, Mode, Toolbox


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    with Emulator() as em:
        em.add("InferenceExperiment", REGION, {"Name": NAME, "Status": "Running", "Description": "old"})
        yield em


@pytest.fixture(scope="module", params=[Mode.READ, Mode.PROPOSE])
def tools(
    request: pytest.FixtureRequest, service: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Toolbox]:
    folder = tmp_path_factory.mktemp("mcp")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HOME", str(folder))
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        with duckdb.connect(folder / "kept.db") as duck:
            duck.execute("CREATE TABLE kept (a INT); COPY kept TO 'mine.csv'")
        is_read_only = request.param is Mode.READ
        with sqlprov.connect(
            endpoint_url=service.url, region=REGION, read_only=is_read_only, sandbox=True
        ) as con:
            con.sql("CREATE TABLE mine AS SELECT 1 AS a")
            yield Toolbox(con, request.param, Limits(10, 100, 60))


def list_files() -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in Path.cwd().rglob("*")}


@pytest.mark.parametrize("sql", ATTEMPTS)
def test_a_query_that_would_write_is_refused(tools: Toolbox, service: Emulator, sql: str) -> None:
    before = list_files()
    with pytest.raises(Error) as error:
        tools.query(sql)
    assert not isinstance(error.value, InternalError)
    assert list_files() == before
    assert not any(call.committed for call in service.calls)
    record = service.get("InferenceExperiment", REGION, NAME)
    assert record is not None and (record["Status"], record["Description"]) == ("Running", "old")
