"""Runs SQL on one DuckDB connection; registers the caller's variables that DuckDB does not find."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import pyarrow as pa

from sqlprov.duck.definitions import Definitions
from sqlprov.duck.errors import find_missing_names, find_missing_table, suggest_live_name, translate
from sqlprov.duck.foreign_functions import create_missing
from sqlprov.duck.session import VARIABLE, Session
from sqlprov.errors import NotSupportedError, ResourceFileError
from sqlprov.records import dataclass
from sqlprov.sql import Query, Statement
from sqlprov.sql.lexer import list_parameters, quote_path
from sqlprov.sql.names import TableName, find_mentions, find_tagged_table

if TYPE_CHECKING:
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table
    from sqlprov.duck.explain_plan import QueryPlan

BATCH = 2048
"""Rows that DuckDB passes at a time while a result is streamed."""
_ARROW_FAILED = "json_extract is not a scalar function"
"""DuckDB's error if an arrow that could not become a call meets the macro."""

T = TypeVar("T")
_numbers = itertools.count(1)
Parameters = Mapping[str, Any] | Sequence[Any] | None
Stream = tuple[pa.RecordBatchReader, tuple[Any, ...]]
"""Rows to be read, and DuckDB's types of their columns."""


@dataclass(frozen=True)
class Bindings:
    """The inputs of a statement beside its text.

    Attributes:
        parameters: a sequence for `?`, or a mapping for `$name`, which may hold more than one statement uses.
        variables: the caller's variables, which may serve as relations; `None` if there are none.
        following: of BEGIN, the statements after it in its script.
    """

    parameters: Parameters = None
    variables: Mapping[str, Any] | None = None
    following: Sequence[Statement] = ()

    @property
    def named(self) -> Mapping[str, Any]:
        """The parameters by name, or by number from 1."""
        parameters = self.parameters or {}
        if isinstance(parameters, Mapping):
            return parameters
        return {str(number): value for number, value in enumerate(parameters, start=1)}


class Binder:
    """One DuckDB connection of a session. A result has to be read to its end before the next text runs.

    Attributes:
        duck: the connection.
        id: string that the scans of its statements carry in their filter.
        definitions: the names in a statement, as the connection sees them.
        in_transaction: whether a transaction is open.
    """

    def __init__(self, session: Session) -> None:
        self.duck = session.cursor()
        self.id = f"c{next(_numbers)}"
        self.definitions = Definitions(session, self.duck)
        self.in_transaction = False
        self._session = session
        self._macros: dict[str, str] = {}  # those of the JSON functions, and their bodies
        self._hidden = ""  # the body of the macro to_json, during a COPY
        self._has_id = False  # whether VARIABLE holds it; setting it takes a quarter of a millisecond

    def stream(self, text: str, bindings: Bindings, run: Run) -> Stream | None:
        """The rows of a query that only reads, bound once, and their types; `None` if `bind` has to answer.

        `DuckDBPyConnection._submit` is private: DuckDB's relations run their text with it. `sql` makes a
        relation, which binds the text a second time. If anything goes wrong with `_submit`, `bind` answers.
        """
        self._set_id()
        try:
            values = self._select_parameters(text, bindings.parameters)
            result = self.duck._submit(self._prepare_json(text), values, "stream", BATCH)
            types = tuple(kind for _, kind, *_ in result.description)
            return result.arrow_reader(), types
        except Exception:
            if run.error is not None or run.log.calls or run.cancellation.is_cancelled:
                raise
            return None

    def bind(self, text: str, bindings: Bindings, run: Run) -> duckdb.DuckDBPyRelation | None:
        """Have DuckDB bind `text`; it runs a statement that changes something."""
        return self._run(lambda text, values: self.duck.sql(text, params=values), text, bindings, run)

    def explain(self, text: str, bindings: Bindings, run: Run) -> QueryPlan:
        """DuckDB's plan of a query."""
        from sqlprov.duck.explain_plan import QueryPlan

        rows = self._run(partial(_explain, self.duck), text, bindings, run)
        return QueryPlan(self._session, str(rows[0][1]))

    def spell_columns(
        self, query: Query, bindings: Bindings, run: Run, tables: Sequence[Table] = ()
    ) -> Query:
        """The query with the columns of live tables as the tables call them: `model_name` for `ModelName`.

        Args:
            query, bindings, run: the query.
            tables: those of a query that reads rows of theirs under another name.
        """
        duck = self._open_probe()
        if query.verb == "PREPARE":
            named = dict.fromkeys(list_parameters(query.text))
            unnamed = [None for token in query.tokens if token.text == "?"]
            bindings = replace(bindings, parameters=named or unnamed)

        def bind(text: str) -> object:
            return self._try(partial(_explain, duck), text, bindings, run)

        from sqlprov.duck.column_spellings import spell_columns

        return spell_columns(query, tables or self.find_tables(query), bind)

    def convert_json(self, query: Query, bindings: Bindings, run: Run) -> Query:
        """The query, with AWS's JSON in each COPY to a JSON file.

        Raises:
            NotSupportedError: DuckDB would convert a nested column to JSON in another place.
        """
        if self._hidden:
            self.duck.execute(f"CREATE OR REPLACE TEMP MACRO to_json{self._hidden}")
            self._macros["to_json"], self._hidden = self._hidden, ""
        is_copy = {"copy", "to"} <= query.words
        bodies, tables = self._reach(query.text), self.find_tables(query)
        columns = [column for table in tables for column in table.columns]
        nested = frozenset(column.name for column in columns if pa.types.is_nested(column.type))
        if not is_copy and not tables:
            return query
        from sqlprov.duck.json_words import may_convert

        documents = frozenset(column.name for column in columns if column.is_json)
        if not is_copy and not may_convert(query, bodies, nested, documents):
            return query
        from sqlprov.duck.json_check import JsonCheck

        duck = self._open_probe()

        def ask(how: Callable[[str, Any], Any], text: str) -> Any:
            return self._try(how, text, replace(bindings, parameters=None), run)

        check = JsonCheck(
            self._session, duck, query, bodies, nested, bindings.parameters, ask, run.bound_variables
        )
        if tables:
            check.check()
        if is_copy:
            from sqlprov.duck.json_copies import convert_copies

            self._hide_to_json()
            query = Query(convert_copies(query.text, check.serialize, check.list_types), query.offset)
            self._hide_to_json()  # which the query itself may have needed
        return query

    def _reach(self, text: str) -> list[str]:
        """The views and macros that a text reaches; none in an aborted transaction."""
        try:
            return self.definitions.reach(text)
        except duckdb.Error:
            return []

    def _hide_to_json(self) -> None:
        """Drop the macro until the next statement: DuckDB calls a function of that name for each row of a COPY."""
        if body := self._macros.pop("to_json", ""):
            self.duck.execute("DROP MACRO IF EXISTS temp.to_json")
            self._hidden = body

    def _open_probe(self) -> duckdb.DuckDBPyConnection:
        """A connection on which a statement may fail: an error would abort the transaction of this one."""
        if not self.in_transaction:
            return self.duck
        probe = self._session.cursor()
        probe.execute(f"USE {quote_path(*self.read_path())}")
        return probe

    def _run(self, ask: Callable[[str, Any], T], text: str, bindings: Bindings, run: Run) -> T:
        try:
            return self._try(ask, text, bindings, run)
        except duckdb.Error as error:
            catalog = self._session.catalog
            better = suggest_live_name(
                error, text, catalog, self.read_path, lambda: self.find_tables(Query(text, 0))
            )
            raise better or error from None

    def _try(self, ask: Callable[[str, Any], T], text: str, bindings: Bindings, run: Run) -> T:
        """What `ask` returns, after whatever it needs is there."""
        self._set_id()
        parameters = self._select_parameters(text, bindings.parameters)
        prepared, may_group = self._prepare_json(text), True
        while True:
            try:
                return ask(prepared, parameters)
            except duckdb.Error as error:
                if self._register_missing(error, text):
                    continue
                if self._adopt(error, bindings.variables, run):
                    continue
                if create_missing(self.duck, error):
                    continue
                if _ARROW_FAILED in str(error):
                    self.duck.execute("DROP MACRO temp.json_extract")
                    self._macros.pop("json_extract", None)
                    continue
                if may_group and (grouped := self._group_by_key(prepared, error)):
                    prepared = grouped
                    continue
                if prepared != text and not run.log.calls:
                    prepared, may_group = text, False  # so that the error shows the text as it was written
                    continue
                raise

    def _group_by_key(self, text: str, error: duckdb.Error) -> str | None:
        """The text with a column in GROUP BY that the key there determines; `None` if that is not the error."""
        if "GROUP BY" not in str(error) or self.in_transaction:  # which the error has ended
            return None
        from sqlprov.duck.grouped_columns import group_by_key

        tables = self.find_tables(Query(text, 0))

        def find_table(word: str) -> Table | None:
            catalog = self._session.catalog
            named = (
                each
                for each in tables
                if each.name in (word, find_tagged_table(catalog, each.provider, each.service, word))
            )
            return next(named, None)

        return group_by_key(text, error, find_table)

    def _prepare_json(self, text: str) -> str:
        """Create the macros for the JSON functions of a statement; return the text in which they are called."""
        try:
            texts = [text, *self.definitions.reach(text)]
        except duckdb.Error:  # an aborted transaction
            return text
        if not any("->" in each or "json" in each.lower() for each in texts):
            return text
        from sqlprov.duck.json_functions import write_macros
        from sqlprov.sql.json_calls import name_rows, rewrite

        query = Query(text, 0)
        is_local = not self.definitions.find_mentions(query)
        # The definition may be read without sqlprov.
        is_lasting = query.verb == "CREATE" and not query.words.isdisjoint(("view", "macro", "function"))
        texts[0] = name_rows(text) if is_local and is_lasting else rewrite(text)
        for name, body in write_macros(texts).items():
            if self._macros.get(name) != body:
                self.duck.execute(f'CREATE OR REPLACE TEMP MACRO "{name}"{body}')
                if not self.in_transaction:  # which may be rolled back
                    self._macros[name] = body
        return texts[0]

    def _register_missing(self, error: duckdb.Error, text: str) -> bool:
        """Create the live tables that DuckDB does not find; return whether there were any.

        Raises:
            ResourceFileError: the resource file of one is wrong.
            NotSupportedError: they exist, but the open transaction began to read live tables before they did.
        """
        missing = find_missing_names(error)
        if not missing:
            return False
        session, path = self._session, self.definitions.read_path()
        texts = [Query(text, 0)]
        if session.register_missing(missing, texts[0].words, path):
            return True
        # Not before: when a transaction looks for views, it fixes the tables that it sees.
        texts += (Query(body, 0) for body in self.definitions.reach(text))
        if any(session.register_missing(missing, each.words, path) for each in texts[1:]):
            return True
        named = frozenset[TableName]().union(*(find_mentions(session.catalog, each, path) for each in texts))
        unseen = [".".join(name) for name in named & session.registered if name[-1] in missing]
        if unseen and self.in_transaction:
            raise NotSupportedError(
                f"{unseen[0]} is named for the first time in this transaction, which does not see it, because it has "
                f"already read live tables. Name it before BEGIN; FROM {unseen[0]} LIMIT 0 does so without a call."
            )
        return False

    def _set_id(self) -> None:
        if not self._has_id:
            # The statement itself reports an aborted transaction, unless it is the ROLLBACK.
            with contextlib.suppress(duckdb.TransactionException):
                self.duck.execute(f"SET VARIABLE {VARIABLE} = '{self.id}'")
                self._has_id = True

    def forget_id(self) -> None:
        """Note that a statement may have changed VARIABLE."""
        self._has_id = False

    def _adopt(self, error: duckdb.Error, variables: Mapping[str, Any] | None, run: Run) -> bool:
        """If a caller's variable was missing, make it a relation for this statement."""
        name = find_missing_table(error)
        if not name or variables is None or name in run.bound_variables:
            return False
        value = variables.get(name)
        if value is None:
            return False
        try:
            self.duck.register(name, value)
        except (duckdb.Error, TypeError):
            return False
        run.bound_variables.append(name)
        return True

    def release(self, run: Run) -> None:
        """Remove the relations made from variables."""
        for name in run.bound_variables:
            self.duck.unregister(name)
        run.bound_variables.clear()

    def _select_parameters(self, text: str, parameters: Parameters) -> Any:
        if not isinstance(parameters, Mapping):
            return list(parameters) if parameters else None
        names = list_parameters(text)
        return {name: value for name, value in parameters.items() if name in names} or None

    def select_from(self, rows: pa.Table, name: str, written: str, rest: str, bindings: Bindings) -> pa.Table:
        """The rows after the clauses of a SELECT.

        Args:
            rows: the rows.
            name: what a message calls them; a word of `written`.
            written: the statement, which begins with SHOW.
            rest: its end, from WHERE, ORDER BY or LIMIT on.
            bindings: the parameters of `rest`.
        """
        start, at = written.rindex(rest), written.upper().index(name)
        blanks = [
            re.sub(r"[^\n]", " ", part)
            for part in (written[len("SHOW") : at], written[at + len(name) : start])
        ]
        text = f"FROM{blanks[0]}{name}{blanks[1]}{rest}"  # so that an error's place is that in `written`
        with self._session.cursor() as own:  # an error would abort the user's transaction
            own.register(name, rows)
            try:
                return own.sql(
                    text, params=self._select_parameters(rest, bindings.parameters)
                ).to_arrow_table()
            except duckdb.Error as error:
                raise translate(error, written, list) from None

    # State of the connection

    def read_path(self) -> tuple[str, ...]:
        """The catalog and schema that USE chose; empty in an aborted transaction."""
        try:
            (path,) = self.duck.execute("SELECT current_database(), current_schema()").fetchall()
        except duckdb.Error:
            return ()
        return tuple(path)

    def find_tables(self, query: Query) -> list[Table]:
        """The live tables that a statement names, or its views and macros do."""
        queries = [query, *(Query(body, 0) for body in self.definitions.reach(query.text))]
        names = {name for each in queries for name in self.definitions.find_mentions(each)}
        tables = []
        for name in sorted(names):
            with contextlib.suppress(ResourceFileError):  # if the statement reads the table, it reports it
                tables.append(self._session.catalog.get_table(*name))
        return tables

    def read_time_zone(self) -> str:
        """The time zone for times without one."""
        ((zone,),) = self.duck.execute("SELECT current_setting('TimeZone')").fetchall()
        return str(zone)


def _explain(duck: duckdb.DuckDBPyConnection, text: str, values: Any) -> list[Any]:
    """The rows of EXPLAIN (FORMAT json)."""
    try:
        return duck.execute(f"EXPLAIN (FORMAT json)\n{text}", values).fetchall()
    except duckdb.Error as error:  # its lines are those of the user's text, but for the first
        lines = re.sub(r"(?m)^LINE (\d+):", lambda line: f"LINE {int(line[1]) - 1}:", str(error))
        raise type(error)(lines) from None
