from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from corpus import TOKEN, Block, count_rows, format_parameters, read_blocks, to_json
from slices import take_slice

from sqlprov import errors
from sqlprov.api.connection import Connection
from sqlprov.api.result import Result
from sqlprov.aws.read import list_windows, scan
from sqlprov.aws.read.prefetch import Prefetches
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.duck.binder import Binder
from sqlprov.duck.database import open_database
from sqlprov.duck.query_runner import QueryRunner
from sqlprov.duck.session import Session
from sqlprov.emulator import Emulator, Options
from sqlprov.settings import Settings

CallKey = tuple[str, str, str]
"""Operation, region and parameters."""
ACCOUNT: CallKey = ("GetCallerIdentity", "", "{}")
HERE = Path(__file__).parent
BLOCKS = list(read_blocks(HERE))
_CHOSEN = take_slice([block.name for block in BLOCKS], 3)
SLICE = [block for block in BLOCKS if block.name in _CHOSEN]
# The opposite of the defaults, where AWS documents neither: no answer may depend on it.
UNDOCUMENTED = Options(
    inclusive_bounds=True,
    name_contains_ignore_case=True,
    truncate_bounds_to_seconds=True,
    sparse_pages=True,
)
# Variables of the caller; the same table is in a CSV and a Parquet file.
arrow_teams = pyarrow.table(
    {
        "name": ["search-relevance", "fraud-lightgbm", "image-moderation", "never-built"],
        "owner": ["Ada", "Grace", "Edsger", "Niklaus"],
    }
)
pandas_teams = pandas.DataFrame(arrow_teams.to_pydict())
polars_teams = polars.DataFrame(arrow_teams.to_pydict())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    pyarrow.csv.write_csv(arrow_teams, folder / "teams.csv")
    pyarrow.parquet.write_table(arrow_teams, folder / "teams.parquet")
    return folder


@pytest.fixture(scope="module")
def sessions(shared_cloud: Cloud, catalog: Catalog) -> Iterator[Callable[[str], Connection]]:
    """One connection for the blocks of a file: a new one for each would take most of the time."""
    connections: dict[str, Connection] = {}

    def open_session(file: str) -> Connection:
        if file not in connections:
            session = Session(catalog, AccountFinder(shared_cloud), open_database())
            connections[file] = Connection(session, Settings(show_sensitive=True))
        shared_cloud.close()
        return connections[file]

    yield open_session
    for connection in connections.values():
        connection.close()


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_a_query_makes_the_predicted_calls_and_returns_the_rows(
    block: Block, seeded: Emulator, sessions: Callable[[str], Connection], files: Path
) -> None:
    session = sessions(block.file)
    seeded.options = Options()
    with session.cursor() as cursor:
        trial = Trial(block, seeded, cursor, files)
        planned = trial.explain()
        trial.run("push-down on", "on")
        names = trial.names
    seeded.options = UNDOCUMENTED
    with session.cursor() as cursor:
        trial = Trial(block, seeded, cursor, files)
        trial.pages_planned, trial.names = planned, names
        trial.run("push-down on, second cursor, undocumented options", "on")
        trial.run("push-down off, second cursor, undocumented options", "off")


@pytest.fixture(scope="module")
def accelerated() -> Iterator[Counter[str]]:
    """How often each acceleration was used; fails at the end if one never was although many blocks ran."""
    uses: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:

        def count_uses(holder: type, method: str) -> None:
            original = getattr(holder, method)

            def around(*arguments: Any) -> Any:
                answer = original(*arguments)
                uses[method] += len(answer) if isinstance(answer, list) else answer is not None
                return answer

            patch.setattr(holder, method, around)

        count_uses(list_windows.WindowSplitter, "split")
        count_uses(Prefetches, "take")
        count_uses(Binder, "stream")
        yield uses
    if uses["blocks"] > len(SLICE) // 4:
        assert uses["split"] and uses["take"] and uses["stream"], uses


@pytest.mark.parametrize("block", SLICE, ids=[block.name for block in SLICE])
def test_a_query_returns_the_same_rows_with_and_without_each_acceleration(
    block: Block,
    seeded: Emulator,
    sessions: Callable[[str], Connection],
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    accelerated: Counter[str],
) -> None:
    accelerated["blocks"] += 1
    # A list is long after its first page of two rows, and worth splitting.
    monkeypatch.setattr(scan, "LONG", 1)
    monkeypatch.setattr(scan, "LONG_LIMITED", 1)
    monkeypatch.setattr(list_windows, "WINDOW_PAGES", 0.25)
    monkeypatch.setattr(list_windows.WindowSplitter, "useful_calls", 8)
    seeded.options = Options(largest_page=2)
    for split, prefetch in (("on", "on"), ("on", "off"), ("off", "on")):
        with sessions(block.file).cursor() as cursor:
            trial = Trial(block, seeded, cursor, files)
            trial.sql(f"SET sqlprov_split = {split}; SET sqlprov_prefetch = {prefetch}")
            trial.check_rows(f"split {split}, prefetch {prefetch}")
    # Bound twice.
    monkeypatch.setattr(QueryRunner, "_is_plain", lambda *_: False)
    with sessions(block.file).cursor() as cursor:
        Trial(block, seeded, cursor, files).check_rows("bound twice")


def test_the_corpus_has_at_least_120_queries_and_no_name_twice() -> None:
    assert len(BLOCKS) >= 120
    assert [name for name, times in Counter(block.name for block in BLOCKS).items() if times > 1] == []


class Trial:
    """One block on one cursor."""

    def __init__(self, block: Block, emulator: Emulator, cursor: Connection, files: Path) -> None:
        self.block, self.emulator, self.cursor, self.files = block, emulator, cursor, files
        self.pages_planned: set[CallKey] | None = None
        self.names: list[str] | None = None
        if block.setup:
            self.sql(block.setup)
            cursor.sql("SELECT 1").close()

    def sql(self, text: str, params: Any = None) -> Result:
        return self.cursor.sql(text.replace("{files}", str(self.files)), params)

    def explain(self) -> set[CallKey] | None:
        """The lists that EXPLAIN predicts, with every parameter; `None` if it predicts nothing."""
        block = self.block
        if not block.explained:
            return None
        self.emulator.reset_calls()
        if block.error and (block.calls is None or block.bounded):
            with self.expect_error():
                self.sql(f"EXPLAIN {block.sql}", block.params)
        else:
            explained = self.sql(f"EXPLAIN {block.sql}", block.params)
            # Of the few rows here, GetResources reads no tags; another test does.
            planned = [call for call in explained.planned if call.operation != "GetResources"]
            assert "__ctx" not in "".join(row[1] for row in explained.fetchall())
            assert all(call.columns for call in planned if call.times.startswith("each row")), (
                "for which columns"
            )
            calls = [
                (
                    c.operation,
                    place["region"],
                    format_parameters(c.parameters),
                    c.times.startswith("each row"),
                )
                for c in planned
                for place in c.places
            ]
            expected = block.planned or block.calls or ()
            assert sorted(calls) == sorted(call.planned for call in expected), "the calls of EXPLAIN"
            lists = (call for call in planned if call.times.startswith(("each page", "until")))
            self.pages_planned = {
                (c.operation, place["region"], format_parameters(c.parameters, TOKEN))
                for c in lists
                for place in c.places
            }
        assert self.emulator.calls == [], "EXPLAIN makes no call"
        return self.pages_planned

    def run(self, how: str, pushdown: str) -> None:
        block = self.block
        self.sql(f"SET sqlprov_pushdown = {pushdown}")
        self.emulator.reset_calls()
        if block.error:
            with self.expect_error():
                self.sql(block.sql, block.params).fetchall()
            if pushdown == "on":
                self.compare_calls(_count_calls(self.emulator.calls), how)
            return
        if self.names is None:
            self.names = self.read_names()
        result = self.sql(block.sql, block.params)
        assert not self.names or result.columns == self.names, f"{how}: the names of the columns"
        rows = to_json(result.fetchall())
        self.compare_pages(how, pushdown)
        sent = _count_calls(self.emulator.calls)
        assert _count_calls(result.calls) == sent, (
            f"{how}: Result.calls and the calls that the server received"
        )
        if pushdown == "on":
            self.compare_calls(sent, how)
        if block.then:
            rows = to_json(self.sql(block.then).fetchall())
        self.compare_rows(rows, how)

    def read_names(self) -> list[str]:
        """DuckDB's names for the columns of the query; none if DuckDB cannot describe it."""
        if self.block.sql.split()[0] not in ("SELECT", "FROM", "WITH") or "PIVOT" in self.block.sql:
            return []
        return [row[0] for row in self.sql(f"DESCRIBE {self.block.sql}", self.block.params).fetchall()]

    def check_rows(self, how: str) -> None:
        """Run the query and compare its rows only."""
        if self.block.error:
            with self.expect_error():
                self.sql(self.block.sql, self.block.params).fetchall()
            return
        rows = to_json(self.sql(self.block.sql, self.block.params).fetchall())
        if self.block.then:
            rows = to_json(self.sql(self.block.then).fetchall())
        self.compare_rows(rows, how)

    def expect_error(self) -> Any:
        assert self.block.error
        kind, message = self.block.error
        return pytest.raises(getattr(errors, kind), match=re.escape(message))

    def compare_rows(self, rows: list[Any], how: str) -> None:
        block = self.block
        if block.count is not None:
            assert len(rows) == block.count, how
        elif block.ordered:
            assert rows == block.rows, how
        else:
            assert count_rows(rows) == count_rows(block.rows or []), how

    def compare_pages(self, how: str, pushdown: str) -> None:
        """Every call with a page token continues a list that was begun and asks for no page twice.

        The rows of one type and region fit on one page; where pages are sparse, on the second.
        """
        begun: Counter[CallKey] = Counter()
        further: Counter[CallKey] = Counter()
        tokens: Counter[tuple[CallKey, str]] = Counter()
        for call in self.emulator.calls:
            if call.operation.startswith("List"):
                made = call.operation, call.region, format_parameters(call.parameters, TOKEN)
                token = call.parameters.get("NextToken")
                begun[made] += token is None
                further[made] += token is not None
                tokens[made, token] += token is not None
            else:
                assert "NextToken" not in call.parameters, how
        assert all(times <= begun[made] for (made, _), times in tokens.items()), (
            f"{how}: a page was requested twice"
        )
        expected = begun if self.emulator.options.sparse_pages else Counter()
        assert (further <= expected) if self.block.bounded else (+further == +expected), (
            f"{how}: further pages"
        )
        if pushdown == "on" and self.pages_planned is not None:
            lists = {made for made in begun if made[0] != "ListTags"}
            assert lists <= self.pages_planned, f"{how}: lists with other parameters than predicted"

    def compare_calls(self, made: Counter[CallKey], how: str) -> None:
        calls = self.block.calls or ()
        bounded = self.block.bounded or self.block.error is not None
        if self.block.calls is None and not bounded:
            return
        once = Counter(call.planned[:3] for call in calls if not call.each_row)
        each_row = {(call.operation, call.region): call for call in calls if call.each_row}
        singly = Counter(
            {key: times for key, times in made.items() if key in once or key[:2] not in each_row}
        )
        if bounded:
            assert singly <= once, f"{how}: calls that were not predicted"
        else:
            # One STS call serves a whole session.
            once.subtract({ACCOUNT: once[ACCOUNT] - singly[ACCOUNT]})
            assert singly == +once, f"{how}: the calls predicted"
        for where, call in each_row.items():
            times = sum(made[key] for key in made if key[:2] == where and key not in once)
            fits = times <= call.rows if bounded else times == call.rows
            assert fits or call.rows < 0, f"{how}: {call.operation} in {call.region} for {times} rows"


def _count_calls(calls: Iterable[Any]) -> Counter[CallKey]:
    """How often each call was made, without further pages of a list, which `compare_pages` checks."""
    return Counter(
        ACCOUNT if c.operation == ACCOUNT[0] else (c.operation, c.region, format_parameters(c.parameters))
        for c in calls
        if "NextToken" not in c.parameters
    )
