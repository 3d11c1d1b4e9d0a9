"""Runs queries and all other statements for DuckDB."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from sqlprov.catalog.column import TAG_MAP
from sqlprov.catalog.columns import TAGS
from sqlprov.duck.binder import BATCH, Binder, Bindings
from sqlprov.duck.file_access import check_read_only
from sqlprov.duck.read_hints import HintFinder
from sqlprov.duck.session import Session
from sqlprov.errors import NotSupportedError
from sqlprov.records import dataclass
from sqlprov.sql import Explain, Query, Statement
from sqlprov.sql.names import has_service

if TYPE_CHECKING:
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table
    from sqlprov.duck.explain_plan import QueryPlan
    from sqlprov.plan.read import Places, PlannedCall

WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"})
"""Verbs that change rows."""
COUNTED = WRITES | {"CREATE", "COPY", "DROP", "ALTER", "EXPORT", "IMPORT"}
"""Verbs whose single column `Count` is the number of rows changed."""
READS = frozenset({"SELECT", "FROM", "VALUES", "PIVOT", "UNPIVOT", "SUMMARIZE", "DESCRIBE", "SHOW"})
"""Verbs that return rows and change nothing."""
STEADY = READS | WRITES | {"COPY"}
"""Verbs that do not change the meaning of any name."""
MACRO_WORDS = frozenset({"macro", "function", "schema", "database"})
"""Words of a CREATE, DROP or ALTER that may change macros."""
VOLATILE = frozenset(
    {
        *("now", "today", "current_timestamp", "current_date", "current_time", "localtime", "localtimestamp"),
        *("get_current_timestamp", "get_current_time", "transaction_timestamp", "random", "uuid", "nextval"),
    }
)
"""Functions whose value differs between a query's plan and its run."""
CHANGING = frozenset({"insert", "update", "delete", "merge", "truncate", "nextval", "query"})
"""Words of a SELECT that may change something: it runs to its end even if nobody reads its rows."""
CONTAINING = frozenset({"like", "contains", "prefix", "suffix", "starts_with", "ends_with"})
"""Words of conditions on the content of a string."""
LISTINGS = frozenset(
    {
        *("information_schema", "duckdb_tables", "duckdb_views", "duckdb_columns", "duckdb_schemas"),
        *(
            "pg_tables",
            "pg_views",
            "pg_class",
            "pg_attribute",
            "pg_namespace",
            "sqlite_master",
            "show_tables",
        ),
    }
)
"""DuckDB's relations that list tables, schemas or columns."""
_SHOWS = re.compile(r"\bSHOW (ALL TABLES|(TABLES|SCHEMAS)(?! FROM))\b|^DESCRIBE$")
_TABLES = """
SELECT "table" AS name FROM sqlprov.tables WHERE (provider, service) = ('{provider}', '{service}')
UNION SELECT table_name FROM duckdb_tables() WHERE temporary
UNION SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal ORDER BY name
"""
BEGINS, COMMITS = frozenset({"BEGIN", "START"}), frozenset({"COMMIT", "END"})
ENDS = COMMITS | {"ROLLBACK", "ABORT"}
KEEPING = STEADY | BEGINS | {"SET", "USE"}
"""Verbs that create and drop no view, macro or table. Looking for them in a transaction fixes the live tables that
it sees."""
NO_READING = BEGINS | ENDS | {"SET", "RESET", "USE", "DETACH"}
"""Verbs that read no table; an aborted transaction accepts no others."""


@dataclass(frozen=True)
class Answer:
    """The result of a statement.

    Attributes:
        rows: a stream still to be read, or a table; `None` if the statement has no rows.
        rowcount: rows that were changed; -1 if it changes none.
        planned: the calls that EXPLAIN predicts.
        types: DuckDB's types of the columns; empty if Arrow's say the same.
    """

    rows: pa.RecordBatchReader | pa.Table | None = None
    rowcount: int = -1
    planned: tuple[PlannedCall, ...] = ()
    types: tuple[Any, ...] = ()


class QueryRunner:
    """Runs the queries of one cursor."""

    def __init__(self, session: Session, binder: Binder) -> None:
        self._session, self._binder = session, binder
        self._definitions = binder.definitions
        self._hints = HintFinder(session, binder.duck, self._definitions)
        # Name of a prepared statement -> the statement.
        self._prepared: dict[str, Query] = {}

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._binder.in_transaction

    def run(self, query: Query, bindings: Bindings, run: Run) -> Answer:
        """Run a statement as it is written; only SHOW TABLES is replaced where USE chose a service."""
        query = self._spell(self._replace_show_tables(query), bindings, run)
        if query.verb in BEGINS:
            self._register_following(bindings.following)
        if query.verb in COMMITS:
            # DuckDB reports that an aborted transaction was committed, and rolls it back.
            self._binder.duck.execute("SELECT 1").fetchall()
        plan = self._prepare(query, bindings, run)
        if plan is not None and _is_predictable(query, run):
            self._note_join_keys(plan, query, run)
            plan.prefetch(run)
        if self._is_plain(query):
            stream = self._binder.stream(query.text, bindings, run)
            if stream is not None:
                return Answer(stream[0], types=stream[1])
        try:
            relation = self._binder.bind(query.text, bindings, run)
        finally:
            self._note_changes(query)
        if query.verb in BEGINS | ENDS:
            self._binder.in_transaction = query.verb in BEGINS
        if relation is None or (query.verb not in READS and relation.columns == ["Success"]):
            return Answer()
        reader = relation.to_arrow_reader(BATCH)
        if relation.columns == ["Count"] and query.verb in COUNTED:
            changed = reader.read_all()
            return Answer(rowcount=changed.column(0)[0].as_py() if changed.num_rows else -1)
        return Answer(reader, types=tuple(relation.types))

    def run_whole(
        self, text: str, bindings: Bindings, run: Run, tables: Sequence[Table] = ()
    ) -> duckdb.DuckDBPyRelation | None:
        """The relation of a query for a write; `tables` are those whose rows it reads under another name."""
        query = self._spell(Query(text, 0), bindings, run, tables)
        self._prepare(query, bindings, run)
        return self._binder.bind(query.text, bindings, run)

    def explain(self, query: Query, bindings: Bindings, run: Run, *, as_json: bool) -> Answer:
        """The calls that a query would make, and DuckDB's plan, as text or as JSON."""
        from sqlprov.duck.explain import list_keys, render, render_json
        from sqlprov.plan.read import check_required, list_calls

        if reads_to_bind(self._binder.duck, query):
            raise NotSupportedError(
                "EXPLAIN of a PIVOT without IN would read the table to learn its columns. "
                "Name them, as in PIVOT t ON status IN ('Running', 'Completed')."
            )
        query = self._spell(query, bindings, run)
        plan = self._prepare(query, bindings, run)
        if query.verb in ("SELECT", "FROM"):
            self._binder.bind(query.text, bindings, run)  # an error then shows the text as it was written
        plan = plan or self._binder.explain(query.text, bindings, run)
        if together := _is_predictable(query, run):
            self._note_join_keys(plan, query, run)
        reads = plan.plan_scans(run, together=together)
        for read in reads:
            check_required(read, [key.column for key in list_keys(read, run)])
        plans = [(read, scan.conditions) for read, scan in zip(reads, plan.scans, strict=True)]
        calls = [call for read in reads for call in list_calls(read)]
        asking = {call.operation: call for call in calls if not call.table}  # one call serves all scans
        planned = (*asking.values(), *(call for call in calls if call.table))
        make_table = render_json if as_json else render
        return Answer(make_table(plans, plan, run, partial(self._find_rates, run)), planned=planned)

    def split(self, query: Query, bindings: Bindings, run: Run) -> tuple[pa.Schema, list[Places]]:
        """The columns of a query, and the places of each of its scans: read apart, their rows are those of the whole.

        Raises:
            NotSupportedError: the query needs the rows of several places together.
        """
        if (
            query.verb not in ("SELECT", "FROM")
            or query.words & CHANGING
            or reads_to_bind(self._binder.duck, query)
        ):
            raise NotSupportedError(f"{query.verb} cannot be read in parts: expected a SELECT.")
        query = self._spell(query, bindings, run)
        self._prepare(query, bindings, run)
        relation = self._binder.bind(query.text, bindings, run)
        assert relation is not None, "a SELECT has rows"
        plan = self._binder.explain(query.text, bindings, run)
        if step := plan.find_joint_step():
            raise NotSupportedError(
                f"The query cannot be read in parts: {step} needs the rows of all places together. Read the columns "
                "and rows that it needs, and do the rest where they are."
            )
        return relation.limit(0).to_arrow_reader(BATCH).schema, [
            scan.plan(run).steps.places for scan in plan.scans
        ]

    def _find_rates(self, run: Run, service: str) -> Mapping[tuple[str, str], float]:
        """Account and region -> the calls a second that a service accepts there, where it has throttled."""
        accounts = self._session.accounts.choose(run, may_call=False)
        return {
            (account.name, region): rate
            for account in accounts
            if account.opened
            for region, rate in account.opened.list_rates(service).items()
        }

    def _is_plain(self, query: Query) -> bool:
        """Whether a query only returns rows, and needs no hints beforehand."""
        if query.verb not in ("SELECT", "FROM") or self.in_transaction:
            return False  # an error would abort an open transaction, but not if the text is bound first
        if query.words & CHANGING or reads_to_bind(self._binder.duck, query):
            return False
        return not self._definitions.read_bodies()  # one may hide what changes something

    def _note_changes(self, query: Query) -> None:
        """Note that a statement may have changed the meaning of names."""
        copies = query.verb == "COPY" and "database" in query.words  # its views and macros too
        self._session.changes += copies or not (query.verb in KEEPING or _creates_table(query))
        no_macro = query.verb in ("CREATE", "DROP", "ALTER") and not query.words & MACRO_WORDS
        self._session.macro_changes += copies or not (query.verb in KEEPING or no_macro)
        if copies or query.verb not in STEADY:
            self._definitions.forget_path()
            self._binder.forget_id()

    # Before a query runs

    def _register_following(self, statements: Sequence[Statement]) -> None:
        """Register what the statements of a transaction name: it may not see what is created after its first read."""
        path = self._definitions.read_path()
        for statement in statements:
            inner = statement.inner if isinstance(statement, Explain) else statement
            if isinstance(inner, Query):
                if inner.verb in ENDS:
                    break
                self._session.register(inner, path)

    def _replace_show_tables(self, query: Query) -> Query:
        """SHOW TABLES in the schema of a service as a query for all of its tables; any other statement itself."""
        if query.verb != "SHOW" or len(query.tokens) != 2 or not query.tokens[1].is_one_of("TABLES"):
            return query
        path = self._definitions.read_path()
        if not path or not has_service(self._session.catalog, *path[0]):
            return query
        provider, service = path[0]
        return Query(_TABLES.format(provider=provider, service=service), query.offset)

    def _prepare_listing(self, query: Query, run: Run) -> None:
        """Say that DuckDB lists only the live tables that this session has named, if a query lists tables."""
        listings = LISTINGS if "sqlprov" not in query.words else frozenset[str]()
        text = " ".join(token.text.upper() for token in query.tokens)
        if query.words & listings or _SHOWS.search(text):
            self._session.register_regions()
            provider = self._session.catalog.list_providers()[0]
            run.warn(
                "DuckDB lists only the live tables that this session has named so far; "
                f"SHOW TABLES IN {provider} and FROM sqlprov.tables list all."
            )

    def _warn_of_tags(self, query: Query, run: Run) -> None:
        """Warn of a star without tags that still reads them."""
        is_half = {"exclude", TAGS} <= query.words and TAG_MAP not in query.words
        if is_half and any(TAGS in table.by_name for table in self._binder.find_tables(query)):
            run.warn("tag_map reads the tags, too; EXCLUDE (tags, tag_map) leaves both out.")

    def _spell(self, query: Query, bindings: Bindings, run: Run, tables: Sequence[Table] = ()) -> Query:
        """Register the live tables of a query; return it with the names that they have for their columns."""
        if run.settings.read_only or self._session.accounts.guard.read_only:
            bodies = [] if _reads_nothing(query) else self._definitions.reach(self._find_prepared(query).text)
            check_read_only(self._binder.duck, query, bodies)
        self._session.register(query, self._definitions.read_path())
        if _reads_nothing(query) or reads_to_bind(self._binder.duck, query):
            return query
        query = self._binder.spell_columns(query, bindings, run, tables)
        return self._binder.convert_json(query, bindings, run)

    def _prepare(self, query: Query, bindings: Bindings, run: Run) -> QueryPlan | None:
        """Find the hints of a query, whose live tables are registered; return DuckDB's plan, if it was needed."""
        self._prepare_listing(query, run)
        self._warn_of_tags(query, run)
        if _reads_nothing(query):
            return None
        read = self._find_prepared(query)
        run.hints = self._hints.find(read, bindings.named if read is query else {})
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
        plan.note_hints(run)
        self._hints.check_top(run)
        if not read.words & VOLATILE:
            self._hints.narrow(plan, run)
        return plan

    def _note_join_keys(self, plan: QueryPlan, query: Query, run: Run) -> None:
        if query.verb in ("SELECT", "FROM") and not self.in_transaction:
            self._hints.note_join_keys(plan, query, run)

    def _find_prepared(self, query: Query) -> Query:
        """The prepared statement of PREPARE and EXECUTE; any other statement itself."""
        name, start = query.prepared_statement
        if query.verb == "PREPARE":
            self._prepared[name] = Query(query.text[start:], 0)
        return self._prepared.get(name, query) if query.verb in ("PREPARE", "EXECUTE") else query

    def _needs_plan(self, query: Query, run: Run) -> bool:
        """Whether DuckDB's plan is needed before the query runs."""
        if run.hints is None or reads_to_bind(self._binder.duck, query):
            return False
        if query.verb not in ("SELECT", "FROM"):
            explainable = query.verb in ("CREATE", "INSERT", "COPY") and not self.in_transaction
            return explainable and (bool(run.hints.sorted_by) or self._hints.may_narrow(query))
        if run.hints.sorted_by or query.words & CONTAINING or "~~" in query.text:
            return True
        prefetches = _is_predictable(query, run) and self._definitions.count_reads(query) > 1
        return prefetches or self._hints.may_narrow(query)


def reads_to_bind(duck: duckdb.DuckDBPyConnection, query: Query) -> bool:
    """Whether a PIVOT takes its columns from the data, which DuckDB then reads even to prepare or explain it."""
    if query.words.isdisjoint(("pivot", "pivot_wider")):
        return False
    try:
        statements = duck.extract_statements(query.text)
    except duckdb.Error:  # the statement itself reports it
        return False
    return any(each.type is duckdb.StatementType.MULTI for each in statements)


def _reads_nothing(query: Query) -> bool:
    """Whether it reads no table, as SET does unless it has a sub-query."""
    is_set = query.verb == "SET" and query.words & {"select", "from", "table"}
    return query.verb in NO_READING and not is_set


def _creates_table(query: Query) -> bool:
    """Whether it only creates a table that is not temporary."""
    words = [token.text.upper() for token in query.tokens[:4]]
    return words[:2] == ["CREATE", "TABLE"] or words == ["CREATE", "OR", "REPLACE", "TABLE"]


def _is_predictable(query: Query, run: Run) -> bool:
    """Whether the scans of DuckDB's plan can be started before DuckDB asks for them."""
    settings = run.settings
    return settings.prefetch and settings.pushdown and run.engine is None and not query.words & VOLATILE
