"""Runs queries and all other statements for DuckDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from sqlprov.duck.binder import BATCH, Binder, Bindings
from sqlprov.duck.definitions import Definitions
from sqlprov.duck.read_hints import HintFinder
from sqlprov.duck.session import Session
from sqlprov.errors import NotSupportedError
from sqlprov.sql import Query

if TYPE_CHECKING:
    from sqlprov.aws.transport.run import Run
    from sqlprov.duck.explain_plan import QueryPlan
    from sqlprov.plan.read import PlannedCall

COUNTED = frozenset(
    {"INSERT", "UPDATE", "DELETE", "CREATE", "COPY", "DROP", "ALTER", "EXPORT", "IMPORT", "MERGE", "TRUNCATE"}
)
"""Verbs whose single column `Count` is the number of rows changed."""
READS = frozenset({"SELECT", "FROM", "VALUES", "PIVOT", "UNPIVOT", "SUMMARIZE", "DESCRIBE", "SHOW"})
"""Verbs that return rows and change nothing."""
STEADY = READS | {"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "COPY"}
"""Verbs that do not change the meaning of any name."""
KEEPING = STEADY | {"SET", "USE"}
"""Verbs that create and drop no view, macro or table."""
VOLATILE = frozenset(
    {
        *("now", "today", "current_timestamp", "current_date", "current_time", "localtime", "localtimestamp"),
        *("get_current_timestamp", "get_current_time", "transaction_timestamp", "random", "uuid", "nextval"),
    }
)
"""Functions whose value differs between a query's plan and its run."""
CHANGING = frozenset({"insert", "update", "delete", "merge", "truncate", "nextval", "query"})
"""Words of a SELECT that may change something: it runs to its end even if nobody reads its rows."""
LISTINGS = frozenset({"information_schema", "tables", "views", "columns"})
"""Words of statements that list tables, such as SHOW TABLES, which need every table registered."""
BEGINS, COMMITS = frozenset({"BEGIN", "START"}), frozenset({"COMMIT", "END"})
ENDS = COMMITS | {"ROLLBACK", "ABORT"}
NO_READING = BEGINS | ENDS | {"SET", "RESET", "USE", "DETACH"}
"""Verbs that read no table; an aborted transaction accepts no others."""


@dataclass(frozen=True)
class Answer:
    """The result of a statement.

    Attributes:
        rows: a stream still to be read, or a table; `None` if the statement has no rows.
        rowcount: rows that were changed; -1 if it changes none.
        planned: the calls that EXPLAIN predicts.
    """

    rows: pa.RecordBatchReader | pa.Table | None = None
    rowcount: int = -1
    planned: tuple[PlannedCall, ...] = ()


class QueryRunner:
    """Runs the queries of one cursor.

    Attributes:
        in_transaction: whether a transaction is open.
    """

    def __init__(self, session: Session, binder: Binder) -> None:
        self._session, self._binder = session, binder
        self._definitions = Definitions(session, binder.duck)
        self._hints = HintFinder(session, binder.duck, self._definitions)
        # Name of a prepared statement -> the statement.
        self._prepared: dict[str, Query] = {}
        self.in_transaction = False

    def run(self, query: Query, bindings: Bindings, run: Run) -> Answer:
        """Run a statement as it is written."""
        if query.verb in BEGINS:
            self._session.register_all()
        if query.verb in COMMITS:
            # DuckDB reports that an aborted transaction was committed, and rolls it back.
            self._binder.duck.execute("SELECT 1").fetchall()
        plan = self._prepare(query, bindings, run)
        if plan is not None and _is_predictable(query, run):
            plan.prefetch(self._session, run)
        if self._is_plain(query):
            rows = self._binder.stream(query.text, bindings, run)
            if rows is not None:
                return Answer(rows)
        try:
            relation = self._binder.bind(query.text, bindings, run)
        finally:
            self._note_changes(query)
        if query.verb in BEGINS | ENDS:
            self.in_transaction = query.verb in BEGINS
        if relation is None or (query.verb not in READS and relation.columns == ["Success"]):
            return Answer()
        reader = relation.to_arrow_reader(BATCH)
        if relation.columns == ["Count"] and query.verb in COUNTED:
            changed = reader.read_all()
            return Answer(rowcount=changed.column(0)[0].as_py() if changed.num_rows else -1)
        return Answer(reader)

    def run_whole(self, text: str, bindings: Bindings, run: Run) -> duckdb.DuckDBPyRelation | None:
        """The relation of a query for a write."""
        self._prepare(Query(text, 0), bindings, run)
        return self._binder.bind(text, bindings, run)

    def explain(self, query: Query, bindings: Bindings, run: Run) -> Answer:
        """The calls that a query would make, and DuckDB's plan."""
        from sqlprov.duck.explain import render

        if query.has_pivot_without_in:
            raise NotSupportedError(
                "EXPLAIN of a PIVOT without IN would read the table to learn its columns. "
                "Name them, as in PIVOT t ON status IN ('Running', 'Completed')."
            )
        plan = self._prepare(query, bindings, run)
        if query.verb in ("SELECT", "FROM"):
            self._binder.bind(query.text, bindings, run)  # an error then shows the text as it was written
        plan = plan or self._binder.explain(query.text, bindings, run)
        plans = [(scan.plan(self._session, run, may_call=False), scan.conditions) for scan in plan.scans]
        calls = [call for read, _ in plans for call in read.calls()]
        of_account = [call for call in calls if not call.table][:1]  # one call serves all scans
        planned = (*of_account, *(call for call in calls if call.table))
        return Answer(render(plans, plan), planned=planned)

    def _is_plain(self, query: Query) -> bool:
        """Whether a query only returns rows, and needs no hints beforehand."""
        if query.verb not in ("SELECT", "FROM") or self.in_transaction:
            return False  # an error would abort an open transaction, but not if the text is bound first
        if query.has_pivot_without_in or query.words & CHANGING:
            return False
        return not self._definitions.bodies()  # one may hide what changes something

    def _note_changes(self, query: Query) -> None:
        """Note that a statement may have changed the meaning of names."""
        copies = query.verb == "COPY" and "database" in query.words  # its views and macros too
        self._session.changes += copies or query.verb not in KEEPING
        if copies or query.verb not in STEADY:
            self._definitions.forget_path()
            self._binder.forget_id()

    # Before a query runs

    def _prepare(self, query: Query, bindings: Bindings, run: Run) -> QueryPlan | None:
        """Register the live tables of a query and find its hints; return DuckDB's plan, if it was needed."""
        self._session.register(query.words)
        if LISTINGS & query.words or any(word.startswith(("duckdb_", "pg_")) for word in query.words):
            self._session.register_all()
        if query.verb in NO_READING and not (
            query.verb == "SET" and query.words & {"select", "from", "table"}
        ):
            return None
        read = self._find_prepared(query)
        run.hints = self._hints.find(read, bindings.parameters)
        if query.verb == "PREPARE" or not self._needs_plan(read, run):
            return None
        if self.in_transaction and not query.words & CHANGING:
            if query.verb == "EXECUTE":
                return None
            # An error in the explained query would abort the transaction.
            self._binder.bind(query.text, bindings, run)
        try:
            plan = self._binder.explain(query.text, bindings, run)
        except duckdb.Error:  # the statement itself reports it, with the text as written
            return None
        plan.note_first_rows(run)
        if not read.words & VOLATILE:
            self._hints.narrow(plan, run)
        return plan

    def _find_prepared(self, query: Query) -> Query:
        """The prepared statement of PREPARE and EXECUTE; any other statement itself."""
        name, start = query.prepared
        if query.verb == "PREPARE":
            self._prepared[name] = Query(query.text[start:], 0)
        return self._prepared.get(name, query) if query.verb in ("PREPARE", "EXECUTE") else query

    def _needs_plan(self, query: Query, run: Run) -> bool:
        """Whether DuckDB's plan is needed before the query runs."""
        if run.hints is None or query.has_pivot_without_in:
            return False
        if query.verb not in ("SELECT", "FROM"):
            explainable = query.verb in ("CREATE", "INSERT", "COPY") and not self.in_transaction
            return explainable and self._hints.may_narrow(query)
        if run.hints.sorted_by is not None:
            return True
        prefetches = _is_predictable(query, run) and self._definitions.count_reads(query) > 1
        return prefetches or self._hints.may_narrow(query)


def _is_predictable(query: Query, run: Run) -> bool:
    """Whether the scans of DuckDB's plan can be started before DuckDB asks for them."""
    return run.settings.prefetch and run.settings.pushdown and not query.words & VOLATILE
