"""Finds hints for scans in a query's text and in DuckDB's plan, beyond the filters that DuckDB passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from sqlprov.aws.transport.run import Run
from sqlprov.duck.definitions import Definitions
from sqlprov.duck.foreign_functions import TABLE_MACROS
from sqlprov.duck.region_finder import list_known_regions
from sqlprov.duck.scope_finder import REGION
from sqlprov.duck.session import Session
from sqlprov.sql import Query
from sqlprov.sql.lexer import tokenize
from sqlprov.sql.outline import find_limit

if TYPE_CHECKING:
    from sqlprov.duck.explain_plan import QueryPlan
    from sqlprov.plan.read.hints import Hints
    from sqlprov.sql.column_use import ColumnUse

COMPARING = (
    *(
        "=",
        "==",
        "<>",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        ",",
        ")",
        "IN",
        "BETWEEN",
        "FROM",
        "WHERE",
        "AS",
        "ASC",
        "DESC",
    ),
    *("GROUP", "ORDER", "HAVING", "QUALIFY", "LIMIT", "UNION", "AND", "OR"),
)
"""Tokens after a column whose condition DuckDB passes, or that has no condition."""
TEXT_WORDS = frozenset(
    {
        *("and", "or", "not", "is", "null", "distinct", "from", "true", "false", "coalesce"),
        *("case", "when", "then", "else", "end", "cast", "as", "varchar", "bigint", "integer", "double"),
    }
)
"""Keywords of conditions on strings that mean the same in DuckDB's plan as in SQL."""
_TEXT_FUNCTIONS = (
    "SELECT lower(function_name) FROM duckdb_functions() WHERE function_type = 'scalar' GROUP BY ALL HAVING "
    "bool_and(stability = 'CONSISTENT') AND "
    "bool_or(varargs IS NULL AND parameter_types[1] = 'VARCHAR' "
    "AND list_has_all(['VARCHAR', 'BIGINT', 'BOOLEAN'], parameter_types))"
)


class HintFinder:
    """Finds the hints of the queries of one cursor, one query after another."""

    def __init__(self, session: Session, duck: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
        self._session, self._duck, self._definitions = session, duck, definitions

    def find(self, query: Query, parameters: Mapping[str, Any]) -> Hints | None:
        """The hints from a query's text and parameters; `None` if it reads no live table."""
        if not self._definitions.may_read_live(query):
            return None
        # Imported here: a statement without a live table needs none of it.
        from sqlprov.plan.read.hints import Hints

        texts = [query.text, *self._definitions.reach(query.text)]
        decides = self._ask_use(texts)
        limited = bool(query.words & {"limit", "fetch"})
        first = find_limit(query.tokens, parameters)
        hints = Hints(decides, partial(_is_compared, texts), limited=limited, first_rows=first)
        if not (limited and "order" in query.words) or query.tree is None:
            return hints
        # Imported here: sqlglot takes 60 ms, and only some statements need it.
        from sqlprov.sql.sort_column import find_sort_columns

        return replace(hints, sorted_by=find_sort_columns(query.tree, self._definitions.make_resolver()))

    def _ask_use(self, texts: Sequence[str]) -> Callable[[], bool]:
        """Whether a query uses region for more than showing it, decided when a scan needs to know.

        DuckDB is busy then, so the names are resolved beforehand.
        """
        find_live, catalog = self._definitions.make_resolver(), self._session.catalog

        def is_regional(parts: tuple[str, ...]) -> bool:
            """Whether a name means a live table that is read in the regions of the statement."""
            name = find_live(parts)
            return name is not None and not catalog.get_table(*name.split(".")).home

        @cache
        def find_use() -> ColumnUse:
            from sqlprov.sql.column_use import find_use

            return find_use(texts, REGION, is_regional)

        self._use = find_use
        return lambda: find_use().decides

    # DuckDB's plan

    def may_narrow(self, query: Query) -> bool:
        """Whether DuckDB's plan may limit scans that get no condition on region: LIKE, functions, joins."""
        bodies = self._definitions.reach(query.text)
        if any(REGION in body.lower() for body in bodies):
            return True
        tokens = query.tokens
        mentions = [at for at, token in enumerate(tokens) if token.value.lower() == REGION]
        plain = all(
            (at + 1 == len(tokens) or tokens[at + 1].is_one_of(*COMPARING))
            and not (at and tokens[at - 1].is_one_of("("))
            for at in mentions
        )
        several = self._definitions.count_reads(query) > 1 or not query.words.isdisjoint(
            ("unnest", "lateral", "json_each", "json_tree", *TABLE_MACROS)
        )
        return bool(mentions) and (several or not plain)

    def narrow(self, plan: QueryPlan, run: Run) -> None:
        """Pass the run the places that DuckDB's plan leaves to scans without a condition on region, or on account."""
        from sqlprov.duck.narrowing import is_open, narrow
        from sqlprov.plan.read.domain import find_domain

        self._narrow_accounts(plan, run)
        has_open = any(is_open(scan, REGION) for scan in plan.scans)
        if run.hints is None or not has_open or not self._use().decides:
            return
        known = frozenset(list_known_regions(run.settings.region_names()))
        is_clean = not self._use().renamed
        narrowed = narrow(plan, REGION, known, lambda text: self._try(text, REGION, known), is_clean=is_clean)
        values = (find_domain(scan.where, REGION).values for scan in plan.scans)
        named = frozenset().union(*(each for each in values if each is not None))
        run.hints = replace(
            run.hints,
            narrowed={name: each.values for name, each in narrowed.items()},
            sources={name: tuple(sorted(each.sources)) for name, each in narrowed.items() if each.sources},
            named=named,
        )

    def _narrow_accounts(self, plan: QueryPlan, run: Run) -> None:
        from sqlprov.duck.narrowing import is_open, narrow
        from sqlprov.plan.read.steps import ACCOUNT

        accounts = self._session.accounts.choose(run, may_call=False)
        is_useful = len(accounts) > 1 and any(is_open(scan, ACCOUNT) for scan in plan.scans)
        if run.hints is None or accounts.is_estimate or not is_useful:
            return
        known = frozenset(each.name for each in accounts)
        # Other names may mean the same column: only conditions right above a scan count.
        narrowed = narrow(plan, ACCOUNT, known, lambda text: self._try(text, ACCOUNT, known), is_clean=False)
        # An account that joins the organization now is not among them, and is read.
        others = {name: known - each.values for name, each in narrowed.items()}
        run.hints = replace(run.hints, other_accounts=others)

    # Joins

    def note_join_keys(self, plan: QueryPlan, query: Query, run: Run) -> None:
        """Pass the run the keys that the query's joins limit."""
        if run.hints is not None and run.settings.sideways and len({scan.live for scan in plan.scans}) > 1:
            from sqlprov.duck.join_keys import find_join_keys

            texts = [query.text, *self._definitions.reach(query.text)]
            words = {token.value.lower() for text in texts for token in tokenize(text)}
            keys = find_join_keys(self._session, self._duck, query.text, words, plan.scans)
            run.hints = replace(run.hints, join_keys=keys)

    def _try(self, condition: str, column: str, known: frozenset[str]) -> frozenset[str] | None:
        """The values that meet a condition of DuckDB's plan; `None` if the column alone does not decide it."""
        tokens = tokenize(condition)
        words = {token.value.lower() for token in tokens if token.is_name}
        # For other functions, the plan may omit parts that matter: the names in a struct, the body of a lambda.
        if column not in words or not words <= {column, *TEXT_WORDS, *self._find_text_functions()}:
            return None
        query = f'SELECT "{column}" FROM (SELECT unnest($known) AS "{column}") WHERE {condition}'
        try:
            # A separate cursor, because an error would abort the user's transaction.
            with self._duck.cursor() as own:
                rows = own.execute(query, {"known": sorted(known)}).fetchall()
        except duckdb.Error:
            return None
        return frozenset(row[0] for row in rows)

    def check_top(self, run: Run) -> None:
        """Forget each top N whose condition depends on more than texts, or that DuckDB's plan may not show whole."""
        if run.hints is None:
            return
        clear = dict(run.hints.top)
        for name, top in run.hints.top.items():
            if not top.checks:
                continue
            table = self._session.catalog.get_table(*name.split("."))
            words = {token.value.lower() for token in tokenize(top.checks) if token.is_name}
            checked = words & table.by_name.keys()
            is_text = all(pa.types.is_string(table.by_name[column].type) for column in checked)
            if is_text and words - checked <= {*TEXT_WORDS, *self._find_text_functions()}:
                clear[name] = replace(top, checked=frozenset(checked))
            else:
                del clear[name]
        run.hints = replace(run.hints, top=clear)

    def _find_text_functions(self) -> frozenset[str]:
        """Deterministic functions on strings, except those that users have made."""
        session = self._session
        if session.text_functions is None:  # the query takes 20 ms
            rows = self._duck.execute(_TEXT_FUNCTIONS).fetchall()
            session.text_functions = frozenset(row[0] for row in rows)
        return session.text_functions - {name for name, _ in self._definitions.read_bodies()}


def _is_compared(texts: Sequence[str], member: str) -> bool:
    from sqlprov.sql.column_use import is_compared

    return is_compared(texts, member)
