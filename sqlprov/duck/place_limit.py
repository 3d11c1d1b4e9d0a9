"""Decides whether the WHERE of a write limits the accounts or the regions of its rows, by trying it on all of them.

A mention of region is not enough: `region IS NOT NULL` and `length(region) > 0` accept every region.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa

from sqlprov.aws.read.rows import IDENTIFIER
from sqlprov.catalog.table import Table
from sqlprov.plan.read.steps import ACCOUNT, REGION
from sqlprov.plan.write.steps import RowKey
from sqlprov.sql.delete import Delete
from sqlprov.sql.lexer import quote_identifier, quote_path, split_conjuncts
from sqlprov.sql.query import Query
from sqlprov.sql.update import Update

_ROW = "sqlprov_row"


def limits_place(
    statement: Update | Delete,
    table: Table,
    rows: Sequence[RowKey],
    column: str,
    places: Sequence[str],
    run_query: Callable[[str], pa.Table],
) -> bool:
    """Whether WHERE rejects each row in at least one of the regions, or of the accounts.

    Each condition on the column is tried on the rows' keys in every one of them. The other columns are NULL there, so
    a condition that depends on them rejects nothing.

    Args:
        statement, table: the write.
        rows: the rows that it matched.
        column: `region` or `account`.
        places: the regions of the account, or the accounts of the session.
        run_query: returns the rows of a query.
    """
    at = (ACCOUNT, REGION).index(column)
    every = sorted({*places, *(str(row[at]) for row in rows)})
    others = statement.from_ if isinstance(statement, Update) else statement.using
    alias = quote_identifier(statement.table_alias)
    tables = f"({_build_rows(table, rows, column, every)}) AS {alias}" + (f", {others}" if others else "")
    unlimited = set(range(len(rows)))
    for condition in split_conjuncts(statement.where or ""):
        if not unlimited or Query(condition, 0).words.isdisjoint((column, f"data__{column}")):
            continue
        query = (
            f"{statement.ctes or ''}\nSELECT DISTINCT {alias}.{_ROW}, {alias}.{column} FROM {tables}\n"
            f"WHERE ({condition}) IS DISTINCT FROM false"
        )
        try:
            accepted = run_query(query)
        except duckdb.Error:  # it means nothing without the rest of the statement
            continue
        by_row: dict[int, set[str]] = {}
        for row, place in zip(*(each.to_pylist() for each in accepted.columns), strict=True):
            by_row.setdefault(row, set()).add(place)
        # If it rejects the row itself, other columns decide it.
        unlimited -= {row for row, own in by_row.items() if rows[row][at] in own and len(own) < len(every)}
    return not unlimited


def _build_rows(table: Table, rows: Sequence[RowKey], column: str, places: list[str]) -> str:
    """The query for the rows in every place, with all columns of the table."""
    name = quote_path(table.provider, table.service, table.name)
    keys = {IDENTIFIER: 0} | {name: at for at, name in enumerate(table.key, start=1)}
    names = ", ".join(map(quote_identifier, (_ROW, *keys)))
    values = ", ".join(
        f"({number}, {', '.join(_quote(('|'.join(key), *key)[at]) for at in keys.values())})"
        for number, (_, _, key) in enumerate(rows)
    )
    each = f"SELECT unnest([{', '.join(map(_quote, places))}]) AS {column}"
    return (
        f"SELECT * FROM {name} WHERE false UNION ALL BY NAME "
        f"SELECT * FROM (VALUES {values}) AS k({names}), ({each})"
    )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
