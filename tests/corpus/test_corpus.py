from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from corpus import TOKEN, Block, blocks, canonical, in_any_order, plain

from sqlprov import errors
from sqlprov.api.connection import Connection
from sqlprov.api.result import Result
from sqlprov.aws.read import list_windows, scan
from sqlprov.aws.read.prefetch import Prefetches
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.duck.binder import Binder
from sqlprov.duck.query_runner import QueryRunner
from sqlprov.duck.session import Session
from sqlprov.emulator import Emulator, Options
from sqlprov.settings import Settings

Made = tuple[str, str, str]
ACCOUNT: Made = ("GetCallerIdentity", "", "{}")
HERE = Path(__file__).parent
BLOCKS = list(blocks(HERE))
# What AWS does not document, the other way round than by default: no answer may depend on it.
OTHERWISE = Options(
    inclusive_bounds=True,
    name_contains_ignore_case=True,
    truncate_bounds_to_seconds=True,
    sparse_pages=True,
)
# Variables of the caller, found by name in the corpus; the same table lies in a CSV and a Parquet file.
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
def sessions(kept: Cloud, catalog: Catalog) -> Iterator[Callable[[str], Connection]]:
    """One connection for the blocks of a file: a new one for each would take most of the time."""
    made: dict[str, Connection] = {}

    def of(file: str) -> Connection:
        if file not in made:
            made[file] = Connection(Session(catalog, kept, ":memory:", False), Settings())
        kept.close()
        return made[file]

    yield of
    for connection in made.values():
        connection.close()


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_a_query_makes_the_calls_that_are_predicted_and_gives_the_rows(
    block: Block, seeded: Emulator, sessions: Callable[[str], Connection], files: Path
) -> None:
    session = sessions(block.file)
    seeded.options = Options()
    with session.cursor() as cursor:
        trial = Trial(block, seeded, cursor, files)
        planned = trial.explain()
        trial.run("push-down on", "on")
        trial.run("push-down off", "off")
    seeded.options = OTHERWISE
    with session.cursor() as cursor:
        trial = Trial(block, seeded, cursor, files)
        trial.pages_planned = planned
        trial.run("push-down on, second cursor, the undocumented otherwise", "on")
        trial.run("push-down off, second cursor, the undocumented otherwise", "off")


@pytest.fixture(scope="module")
def accelerated() -> Iterator[Counter[str]]:
    """How often each acceleration came to work; that none of them never did, if many blocks were run."""
    found: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:

        def counted(holder: type, method: str) -> None:
            original = getattr(holder, method)

            def around(*arguments: Any) -> Any:
                answer = original(*arguments)
                found[method] += len(answer) if isinstance(answer, list) else answer is not None
                return answer

            patch.setattr(holder, method, around)

        counted(list_windows.WindowSplitter, "split")
        counted(Prefetches, "take")
        counted(Binder, "stream")
        yield found
    if found["blocks"] > len(BLOCKS) // 4:
        assert found["split"] and found["take"] and found["stream"], found


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_a_query_gives_the_same_rows_with_and_without_each_acceleration(
    block: Block,
    seeded: Emulator,
    sessions: Callable[[str], Connection],
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    accelerated: Counter[str],
) -> None:
    accelerated["blocks"] += 1
    # A list is long after its first page of two rows, and worth to be cut.
    monkeypatch.setattr(scan, "LONG", 1)
    monkeypatch.setattr(scan, "LONG_LIMITED", 1)
    monkeypatch.setattr(list_windows, "WINDOW_PAGES", 0.25)
    monkeypatch.setattr(list_windows.WindowSplitter, "useful_calls", 8)
    seeded.options = Options(largest_page=2)
    for split, prefetch in (("on", "on"), ("on", "off"), ("off", "on")):
        with sessions(block.file).cursor() as cursor:
            trial = Trial(block, seeded, cursor, files)
            trial.sql(f"SET sqlprov_split = {split}; SET sqlprov_prefetch = {prefetch}")
            trial.rows_alone(f"split {split}, prefetch {prefetch}")
    # Bound twice.
    monkeypatch.setattr(QueryRunner, "_is_plain", lambda *_: False)
    with sessions(block.file).cursor() as cursor:
        Trial(block, seeded, cursor, files).rows_alone("bound twice")


def test_the_corpus_has_at_least_120_queries_and_no_name_twice() -> None:
    assert len(BLOCKS) >= 120
    assert [name for name, times in Counter(block.name for block in BLOCKS).items() if times > 1] == []


class Trial:
    """One block on one cursor."""

    def __init__(self, block: Block, emulator: Emulator, cursor: Connection, files: Path) -> None:
        self.block, self.emulator, self.cursor, self.files = block, emulator, cursor, files
        self.pages_planned: set[Made] | None = None
        if block.setup:
            self.sql(block.setup)
            cursor.sql("SELECT 1").close()

    def sql(self, text: str, params: Any = None) -> Result:
        return self.cursor.sql(text.replace("{files}", str(self.files)), params)

    def explain(self) -> set[Made] | None:
        """The lists that EXPLAIN predicts, with every parameter; `None` if it predicts nothing."""
        block = self.block
        if not block.explained:
            return None
        self.emulator.reset_calls()
        if block.error and (block.calls is None or block.bounded):
            with self.refused():
                self.sql(f"EXPLAIN {block.sql}", block.params)
        else:
            explained = self.sql(f"EXPLAIN {block.sql}", block.params)
            planned = explained.planned
            assert "__ctx" not in "".join(row[1] for row in explained.fetchall())
            assert all(call.columns for call in planned if call.times == "each row"), "for which columns"
            found = [(c.operation, c.region, canonical(c.parameters), c.times == "each row") for c in planned]
            assert sorted(found) == sorted(call.planned for call in block.calls or ()), (
                "what EXPLAIN predicts"
            )
            lists = (call for call in planned if call.times == "each page")
            self.pages_planned = {(c.operation, c.region, canonical(c.parameters, TOKEN)) for c in lists}
        assert self.emulator.calls == [], "EXPLAIN makes no call"
        return self.pages_planned

    def run(self, how: str, pushdown: str) -> None:
        block = self.block
        self.sql(f"SET sqlprov_pushdown = {pushdown}")
        self.emulator.reset_calls()
        if block.error:
            with self.refused():
                self.sql(block.sql, block.params).fetchall()
            if pushdown == "on":
                self.compare_calls(self.sent(), how)
            return
        names = self.named()
        result = self.sql(block.sql, block.params)
        assert names is None or result.columns == names, f"{how}: the names of the columns"
        rows = plain(result.fetchall())
        self.compare_pages(how, pushdown)
        sent, noted = self.sent(), self.noted(result)
        assert noted == sent, f"{how}: Result.calls and what the server saw"
        if pushdown == "on":
            self.compare_calls(sent, how)
        if block.then:
            rows = plain(self.sql(block.then).fetchall())
        self.compare_rows(rows, how)

    def named(self) -> list[str] | None:
        """DuckDB's names for the columns of a query as it was written; `None` of what it does not describe."""
        if self.block.sql.split()[0] not in ("SELECT", "FROM", "WITH") or "PIVOT" in self.block.sql:
            return None
        return [row[0] for row in self.sql(f"DESCRIBE {self.block.sql}", self.block.params).fetchall()]

    def rows_alone(self, how: str) -> None:
        """Run it; which calls it makes is another matter."""
        if self.block.error:
            with self.refused():
                self.sql(self.block.sql, self.block.params).fetchall()
            return
        rows = plain(self.sql(self.block.sql, self.block.params).fetchall())
        if self.block.then:
            rows = plain(self.sql(self.block.then).fetchall())
        self.compare_rows(rows, how)

    def refused(self) -> Any:
        assert self.block.error
        kind, said = self.block.error
        return pytest.raises(getattr(errors, kind), match=re.escape(said))

    def compare_rows(self, rows: list[Any], how: str) -> None:
        block = self.block
        if block.count is not None:
            assert len(rows) == block.count, how
        elif block.ordered:
            assert rows == block.rows, how
        else:
            assert in_any_order(rows) == in_any_order(block.rows or []), how

    def sent(self) -> Counter[Made]:
        return _counted((c.operation, c.region, c.parameters) for c in self.emulator.calls)

    def noted(self, result: Result) -> Counter[Made]:
        return _counted((c.operation, c.region, c.parameters) for c in result.calls)

    def compare_pages(self, how: str, pushdown: str) -> None:
        """Every call with a page token goes on with a list that was begun, word for word, and asks for no page twice.

        What the small data set holds of one type and region fits on a page; where pages are sparse it is the second.
        """
        begun: Counter[Made] = Counter()
        further: Counter[Made] = Counter()
        tokens: Counter[tuple[Made, str]] = Counter()
        for call in self.emulator.calls:
            if call.operation.startswith("List"):
                made = call.operation, call.region, canonical(call.parameters, TOKEN)
                token = call.parameters.get("NextToken")
                begun[made] += token is None
                further[made] += token is not None
                tokens[made, token] += token is not None
            else:
                assert "NextToken" not in call.parameters, how
        assert all(times <= begun[made] for (made, _), times in tokens.items()), (
            f"{how}: a page asked for again"
        )
        expected = begun if self.emulator.options.sparse_pages else Counter()
        assert (further <= expected) if self.block.bounded else (+further == +expected), (
            f"{how}: further pages"
        )
        if pushdown == "on" and self.pages_planned is not None:
            lists = {made for made in begun if made[0] != "ListTags"}
            assert lists <= self.pages_planned, f"{how}: lists with other parameters than predicted"

    def compare_calls(self, made: Counter[Made], how: str) -> None:
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


def _counted(calls: Iterable[tuple[str, str, Mapping[str, Any]]]) -> Counter[Made]:
    """How often each call was made; the further pages of a list, which `compare_pages` judges, belong to its first."""
    return Counter(
        ACCOUNT if operation == ACCOUNT[0] else (operation, region, canonical(parameters))
        for operation, region, parameters in calls
        if "NextToken" not in parameters
    )
