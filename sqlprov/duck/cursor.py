"""A statement in, DuckDB's answer out: one connection to DuckDB, with live tables and regions brought as needed.

Everything here runs on the cursor's one thread (`Worker`).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import pyarrow as pa

from sqlprov.duck.definitions import Definitions
from sqlprov.duck.errors import find_missing_table, find_missing_words, suggest_live_name
from sqlprov.duck.read_hints import HintFinder
from sqlprov.duck.session import VARIABLE, Session
from sqlprov.errors import DataError, NotSupportedError
from sqlprov.sql import (
    Delete,
    Exec,
    Explain,
    Insert,
    Query,
    Statement,
    Update,
    WriteStatement,
    find_refusal,
)
from sqlprov.sql.lexer import TokenKind, tokenize

if TYPE_CHECKING:
    from sqlprov.aws.transport.run import Run
    from sqlprov.duck.dry_run import WritePreview
    from sqlprov.duck.explain_plan import QueryPlan
    from sqlprov.duck.target_reader import QueryResult
    from sqlprov.plan.read import PlannedCall

STRING = "CREATE TEMP MACRO string(value) AS CAST(value AS VARCHAR)"
"""StackQL's function for a text; to DuckDB it is the name of a type."""
STRING_IS_MISSING = "Scalar Function with name string does not exist"
BATCH = 2048
"""Rows that DuckDB hands on at a time while a result is read bit by bit."""
COUNTED = frozenset(
    {"INSERT", "UPDATE", "DELETE", "CREATE", "COPY", "DROP", "ALTER", "EXPORT", "IMPORT", "MERGE", "TRUNCATE"}
)
"""Verbs whose single column `Count` tells how many rows were changed."""
READS = frozenset({"SELECT", "FROM", "VALUES", "PIVOT", "UNPIVOT", "SUMMARIZE", "DESCRIBE", "SHOW"})
"""Verbs whose answer is rows and nothing else."""
STEADY = READS | {"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "COPY"}
"""Verbs after which every name means what it meant before."""
KEEPING = STEADY | {"SET", "USE"}
"""Verbs that make and drop no view and no macro."""
TEMPORARY = (
    "SELECT 1 FROM duckdb_tables() WHERE temporary AND lower(table_name) = lower(?) "
    "UNION ALL SELECT 1 FROM duckdb_views() WHERE temporary AND NOT internal AND lower(view_name) = lower(?)"
)
VOLATILE = frozenset(
    {
        *("now", "today", "current_timestamp", "current_date", "current_time", "localtime", "localtimestamp"),
        *("get_current_timestamp", "get_current_time", "transaction_timestamp", "random", "uuid", "nextval"),
    }
)
"""Words whose meaning differs between a query's plan and the query."""
CHANGING = frozenset({"insert", "update", "delete", "merge", "truncate", "nextval", "query"})
"""Words of a SELECT that may change something, and so runs to its end although nobody may read its rows."""
LISTINGS = frozenset({"information_schema", "tables", "views", "columns"})
"""Words of statements that list what there is, as SHOW TABLES does: every table has to be there for them."""
BEGINS, COMMITS = frozenset({"BEGIN", "START"}), frozenset({"COMMIT", "END"})
ENDS = COMMITS | {"ROLLBACK", "ABORT"}
NO_READING = BEGINS | ENDS | {"SET", "RESET", "USE", "DETACH"}
"""Verbs that read no table; in an aborted transaction nothing but these may be run."""

T = TypeVar("T")
_numbers = itertools.count(1)
Parameters = Mapping[str, Any] | Sequence[Any] | None


@dataclass(frozen=True)
class Bindings:
    """What comes with a statement's text.

    Attributes:
        parameters: a sequence for `?`, or a mapping for `$name`, which may hold more than one statement uses.
        variables: of the caller, which may serve as relations; `None` if there are none.
    """

    parameters: Parameters = None
    variables: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """What a statement answered.

    Attributes:
        rows: a stream still to be read, or a table; `None` if the statement has no rows.
        rowcount: rows that were changed; -1 if it changes none.
        planned: the calls that EXPLAIN predicts.
    """

    rows: pa.RecordBatchReader | pa.Table | None = None
    rowcount: int = -1
    planned: tuple[PlannedCall, ...] = ()


@dataclass(frozen=True)
class Pending:
    """A write that waits to be confirmed: what would be done, and what does it."""

    preview: WritePreview
    write: Callable[[], Answer]


class Cursor:
    """One DuckDB connection of a session; what is asked of it is read to its end, else it takes nothing else.

    Attributes:
        id: text that the demands of its statements carry in their filter.
        in_transaction: whether a BEGIN waits for its COMMIT or ROLLBACK.
    """

    def __init__(self, session: Session) -> None:
        self.duck = session.cursor()
        self._session = session
        self._definitions = Definitions(session, self.duck)
        self._hints = HintFinder(session, self.duck, self._definitions)
        self.id = f"c{next(_numbers)}"
        # Whether VARIABLE holds it: setting it takes a quarter of a millisecond.
        self._carried = False
        # Name of a prepared statement -> the statement.
        self._prepared: dict[str, Query] = {}
        self.in_transaction = False

    def path(self) -> tuple[str, ...]:
        """What USE chose: catalog and schema; empty if DuckDB answers nothing, in an aborted transaction."""
        try:
            (found,) = self.duck.execute("SELECT current_database(), current_schema()").fetchall()
        except duckdb.Error:
            return ()
        return tuple(found)

    def answer(
        self,
        statement: Statement,
        bindings: Bindings,
        run: Run,
        *,
        dry_run: bool = False,
        asking: bool = False,
    ) -> Answer | Pending:
        """Run a statement that is not answered by the catalog alone.

        With `asking`, an UPDATE, DELETE or EXEC of the cloud stops before its first writing call.

        Raises:
            Error: it is refused, or what it met in the cloud.
            duckdb.Error: what it met in DuckDB.
        """
        # Not before: until now the demands were those of a statement that nobody waits for any more.
        self._session.scans.runs[self.id] = run
        run.is_write = self._is_write(statement) and not dry_run
        if reason := find_refusal(statement, self._session.catalog, self.path):
            raise NotSupportedError(reason)
        if isinstance(statement, Explain):
            if self._is_write(statement.inner):
                return self._write(statement.inner, bindings, run, dry_run=True)
            return self._explain(statement.inner, bindings, run)
        if self._is_write(statement):
            return self._write(statement, bindings, run, dry_run=dry_run, asking=asking)
        assert isinstance(statement, Query), "every other kind is handled above"
        return self._query(statement, bindings, run)

    # Reads, and whatever is DuckDB's own

    def _query(self, query: Query, bindings: Bindings, run: Run) -> Answer:
        if query.verb in BEGINS:
            self._session.register_all()
        if query.verb in COMMITS:
            # Of an aborted transaction DuckDB says that it was committed, and rolls it back.
            self.duck.execute("SELECT 1").fetchall()
        plan = self._prepare(query, bindings, run)
        if plan is not None and _is_predictable(query, run):
            plan.prefetch(self._session, run)
        if self._is_plain(query) and (rows := self._stream(query.text, bindings, run)) is not None:
            return Answer(rows)
        try:
            relation = self._bind(query.text, bindings, run)
        finally:
            copies = query.verb == "COPY" and "database" in query.words  # its views and macros too
            self._session.changes += copies or query.verb not in KEEPING
            if copies or query.verb not in STEADY:
                self._definitions.forget_path()
                self._carried = False
        if query.verb in BEGINS | ENDS:
            self.in_transaction = query.verb in BEGINS
        if relation is None or (query.verb not in READS and relation.columns == ["Success"]):
            return Answer()
        reader = relation.to_arrow_reader(BATCH)
        if relation.columns == ["Count"] and query.verb in COUNTED:
            changed = reader.read_all()
            return Answer(rowcount=changed.column(0)[0].as_py() if changed.num_rows else -1)
        return Answer(reader)

    def _is_plain(self, query: Query) -> bool:
        """Whether a query does nothing but return rows, and nothing of it has to be known before the first."""
        if query.verb not in ("SELECT", "FROM") or self.in_transaction:
            return False  # in a transaction an error would abort it, which it does not where the text is bound first
        if query.has_pivot_without_in or query.words & CHANGING:
            return False
        return not self._definitions.bodies()  # one may hide what changes something

    def _stream(self, text: str, bindings: Bindings, run: Run) -> pa.RecordBatchReader | None:
        """The rows of a plain query, bound once; `None` if DuckDB refuses it, or lacks what can be registered.

        `DuckDBPyConnection._submit` is private: DuckDB's relations run their text with it. `sql` makes a relation,
        for which the text is bound a second time. Whatever goes wrong with `_submit`, `sql` answers.
        """
        self._carry()
        try:
            values = self._select_parameters(text, bindings.parameters)
            return self.duck._submit(text, values, "stream", BATCH).arrow_reader()
        except Exception:
            if run.error is not None or run.log.calls or run.cancellation.is_cancelled:
                raise
            return None

    def _explain(self, query: Query | Exec, bindings: Bindings, run: Run) -> Answer:
        from sqlprov.duck.explain import render

        assert isinstance(query, Query), "EXEC is a write"
        if query.has_pivot_without_in:
            raise NotSupportedError(
                "EXPLAIN of a PIVOT without IN would read the table to learn its columns. "
                "Name them, as in PIVOT t ON status IN ('Running', 'Completed')."
            )
        plan = self._prepare(query, bindings, run)
        if query.verb in ("SELECT", "FROM"):
            self._bind(query.text, bindings, run)  # an error then shows the text as it was written
        plan = plan or self._plan(query, bindings, run)
        plans = [(scan.plan(self._session, run, may_call=False), scan.conditions) for scan in plan.scans]
        calls = [call for read, _ in plans for call in read.calls()]
        of_account = [call for call in calls if not call.table][:1]  # one call serves all scans
        planned = (*of_account, *(call for call in calls if call.table))
        return Answer(render(plans, plan), planned=planned)

    def _prepare(self, query: Query, bindings: Bindings, run: Run) -> QueryPlan | None:
        """Register the live tables of a query and find its hints; DuckDB's plan of it, if that was needed."""
        self._session.register(query.words)
        if LISTINGS & query.words or any(word.startswith(("duckdb_", "pg_")) for word in query.words):
            self._session.register_all()
        if query.verb in NO_READING and not (
            query.verb == "SET" and query.words & {"select", "from", "table"}
        ):
            return None
        name, start = query.prepared
        read = query
        if query.verb == "PREPARE":
            read = Query(query.text[start:], 0)
            self._prepared[name] = read
        elif query.verb == "EXECUTE":
            read = self._prepared.get(name, query)
        run.hints = self._hints.find(read, bindings.parameters)
        if query.verb == "PREPARE" or not self._needs_plan(read, run):
            return None
        if self.in_transaction and not query.words & CHANGING:
            if query.verb == "EXECUTE":
                return None
            self._bind(query.text, bindings, run)  # an error in what is explained would abort the transaction
        try:
            plan = self._plan(query, bindings, run)
        except duckdb.Error:  # the statement itself will report it, with the text as it was written
            return None
        plan.note_first_rows(run)
        if not read.words & VOLATILE:
            self._hints.narrow(plan, run)
        return plan

    def _needs_plan(self, query: Query, run: Run) -> bool:
        """Whether DuckDB's plan is worth a look before the query runs."""
        if query.has_pivot_without_in or not self._definitions.may_read_live(query.words):
            return False
        if query.verb not in ("SELECT", "FROM"):
            explainable = query.verb in ("CREATE", "INSERT", "COPY") and not self.in_transaction
            return explainable and self._hints.may_narrow(query)
        if run.hints is not None and run.hints.sorted_by is not None:
            return True
        prefetches = _is_predictable(query, run) and self._definitions.count_reads(query) > 1
        return prefetches or self._hints.may_narrow(query)

    def _plan(self, query: Query, bindings: Bindings, run: Run) -> QueryPlan:
        """DuckDB's plan of a query."""
        from sqlprov.duck.explain_plan import QueryPlan

        text = f"EXPLAIN (FORMAT json) {query.text}"

        def ask(values: Any) -> list[tuple[Any, ...]]:
            return self.duck.execute(text, values).fetchall()

        return QueryPlan(self._session, str(self._run_with_relations(ask, text, bindings, run)[0][1]))

    def _bind(self, text: str, bindings: Bindings, run: Run) -> duckdb.DuckDBPyRelation | None:
        """Have DuckDB bind `text`; a statement that changes something is run."""
        return self._run_with_relations(
            lambda values: self.duck.sql(text, params=values), text, bindings, run
        )

    def _run_with_relations(self, ask: Callable[[Any], T], text: str, bindings: Bindings, run: Run) -> T:
        """DuckDB's answer; registers the live tables and the caller's variables that it does not find."""
        self._carry()
        parameters = self._select_parameters(text, bindings.parameters)
        while True:
            try:
                return ask(parameters)
            except duckdb.Error as error:
                if self._session.register(find_missing_words(error)) or self._adopt(
                    error, bindings.variables, run
                ):
                    continue
                if STRING_IS_MISSING in str(error):
                    self.duck.execute(STRING)
                    continue
                raise suggest_live_name(error, text, self._session.catalog, self.path) or error from None

    def _carry(self) -> None:
        if not self._carried:
            # Of an aborted transaction the statement itself will tell, unless it is the ROLLBACK.
            with contextlib.suppress(duckdb.TransactionException):
                self.duck.execute(f"SET VARIABLE {VARIABLE} = '{self.id}'")
                self._carried = True

    def _adopt(self, error: duckdb.Error, variables: Mapping[str, Any] | None, run: Run) -> bool:
        """Make a variable of the caller a relation for this statement, if that is what was missing."""
        name = find_missing_table(error)
        if not name or variables is None or name in run.bound_variables:
            return False
        found = variables.get(name)
        if found is None:
            return False
        try:
            self.duck.register(name, found)
        except (duckdb.Error, TypeError):
            return False
        run.bound_variables.append(name)
        return True

    def _select_parameters(self, text: str, parameters: Parameters) -> Any:
        if not isinstance(parameters, Mapping):
            return list(parameters) if parameters else None
        names = self.parameter_names(text)
        return {name: value for name, value in parameters.items() if name in names} or None

    def parameter_names(self, text: str) -> frozenset[str]:
        """The names of the parameters of a text."""
        try:
            statements = self.duck.extract_statements(text)
        except duckdb.Error:
            # A statement of ours, such as EXEC, or one that will be refused.
            given = (token.text for token in tokenize(text) if token.kind is TokenKind.PARAMETER)
            return frozenset(name[1:] for name in given if name[0] == "$")
        return frozenset(name for statement in statements for name in statement.named_parameters)

    # Writes

    def _is_write(self, statement: Statement) -> bool:
        """Whether a statement writes a live table; of another table it is DuckDB's."""
        if isinstance(statement, Exec):
            return True
        if not isinstance(statement, WriteStatement) or not statement.is_ours(
            self._session.catalog, self.path()
        ):
            return False
        return len(statement.target) > 1 or not self._is_temporary(statement.target[0])

    def _is_temporary(self, name: str) -> bool:
        """Whether a temporary table or view has this name, which DuckDB takes before any other."""
        return bool(self.duck.execute(TEMPORARY, [name, name]).fetchall())

    def _write(
        self, statement: Statement, bindings: Bindings, run: Run, *, dry_run: bool, asking: bool = False
    ) -> Answer | Pending:
        # Here, not above: only a write needs botocore's exceptions before it has a client.
        from sqlprov.duck.dry_run import build_preview, list_calls
        from sqlprov.duck.target_reader import TargetReader
        from sqlprov.duck.writes import RETURNING_ROWS, read_back, write_targets

        assert isinstance(statement, Insert | Update | Delete | Exec), "only these write"
        if not dry_run:
            self._check_may_write(run)
        if not isinstance(statement, Exec):
            # DuckDB tells what is malformed as a whole, where the parts cut from it would pass.
            self.duck.extract_statements(statement.text)
        asker = _Asker(self, bindings, run)
        zone, parameters = self._zone(), bindings.parameters
        session, cloud = self._session, self._session.cloud
        reader = TargetReader(session, statement, self.path(), asker.ask, run, zone, parameters)
        targets = reader.read()
        returning = None
        if not isinstance(statement, Exec) and statement.returning is not None:
            returning = statement.build_returning_query(RETURNING_ROWS)
            # Bound to no rows first: what is wrong with it is told before anything is written.
            self._returned(returning, read_back(reader.table, []), asker.rest, run)
        if dry_run:
            return Answer(list_calls(targets, run, cloud))

        def write() -> Answer:
            outcomes = write_targets(statement, targets, run, cloud)
            if returning is None:
                return Answer(rowcount=len(outcomes))
            rows = self._returned(returning, read_back(reader.table, outcomes), asker.rest, run)
            return Answer(rows, len(outcomes))

        if asking and targets and not isinstance(statement, Insert):
            return Pending(build_preview(statement.text, targets, run, cloud), write)
        return write()

    def _returned(self, query: str, rows: pa.Table, bindings: Bindings, run: Run) -> pa.Table:
        from sqlprov.duck.writes import RETURNING_ROWS

        self.duck.register(RETURNING_ROWS, rows)
        try:
            # Prepared anew: what the write's own query told of its tables does not hold for this one's.
            relation = self._prepare_and_bind(query, bindings, run)
            assert relation is not None, "a SELECT has rows"
            return relation.to_arrow_table()
        finally:
            self.duck.unregister(RETURNING_ROWS)

    def _prepare_and_bind(self, text: str, bindings: Bindings, run: Run) -> duckdb.DuckDBPyRelation | None:
        self._prepare(Query(text, 0), bindings, run)
        return self._bind(text, bindings, run)

    def whole(self, text: str, bindings: Bindings, run: Run) -> QueryResult:
        """The whole answer of a query that serves a write."""
        # Without it JSON inside a STRUCT arrives as text that keeps the quotes of its strings.
        self.duck.execute("SET arrow_lossless_conversion = true")
        try:
            relation = self._prepare_and_bind(text, bindings, run)
            if relation is None:
                raise DataError("The query of the rows gives none.")
            from sqlprov.duck.target_reader import QueryResult

            kinds = tuple(str(kind) for kind in relation.types)
            return QueryResult(relation.to_arrow_table(), kinds)
        finally:
            self.duck.execute("RESET arrow_lossless_conversion")

    def _check_may_write(self, run: Run) -> None:
        if run.settings.read_only:
            raise NotSupportedError("The session is read-only (sqlprov_read_only): nothing was written.")
        if self.in_transaction:
            raise NotSupportedError(
                "A write to the cloud cannot be rolled back, so that it is refused within BEGIN … COMMIT."
            )

    def _zone(self) -> str:
        ((zone,),) = self.duck.execute("SELECT current_setting('TimeZone')").fetchall()
        return str(zone)

    # End

    def release(self, run: Run) -> None:
        """Forget the variables that served a statement as relations."""
        for name in run.bound_variables:
            self.duck.unregister(name)
        run.bound_variables.clear()


def _is_predictable(query: Query, run: Run) -> bool:
    """Whether the scans of DuckDB's plan can be started before DuckDB asks for them."""
    return run.settings.prefetch and run.settings.pushdown and not query.words & VOLATILE


class _Asker:
    """Hands a write's parameters to its queries: each `?` takes the next one, in the order of the text."""

    def __init__(self, cursor: Cursor, bindings: Bindings, run: Run) -> None:
        self._cursor, self._run, self.rest = cursor, run, bindings

    def ask(self, text: str) -> QueryResult:
        """The whole answer of one of the queries."""
        bindings = self.rest
        if not isinstance(bindings.parameters, Mapping) and bindings.parameters:
            count = sum(token.text == "?" for token in Query(text, 0).tokens)
            if count:
                given = list(bindings.parameters)
                bindings = Bindings(given[:count], bindings.variables)
                self.rest = Bindings(given[count:], bindings.variables)
            elif not self._cursor.parameter_names(text):
                bindings = Bindings(None, bindings.variables)
        return self._cursor.whole(text, bindings, self._run)
