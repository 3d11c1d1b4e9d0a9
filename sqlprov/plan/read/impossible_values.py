"""Explains conditions that no row can meet: an ARN where a column has names, a name where it has ARNs, and a value for
which the service is not asked.

A service takes a cluster's name where its rows have the cluster's ARN. A column always has the value of the row that it
names, so a condition with the other spelling is not answered, but explained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlprov.catalog.table import Table
from sqlprov.plan.read.predicate import Predicate
from sqlprov.plan.read.scope import find_equal

PREFIX = "arn:"


def explain_values(table: Table, where: Predicate) -> Iterator[str]:
    """What is wrong with each value that a column cannot have: of the table's ARN, and of its parents."""
    for parent in table.list.parents:
        for value in find_equal(parent.column, where) if parent.values else ():
            if value not in parent.values:
                known = ", ".join(parent.values[:8]) + (", …" if len(parent.values) > 8 else "")
                yield (
                    f"{table.full_name}: {parent.column} = {_quote(value)} is none of the values for which "
                    f"{table.list.call} is called: {known}. A newer botocore may know more."
                )
    holds_arns = {name: True for name in (table.arn,) if name}
    if table.arn and table.key == (table.arn,):
        holds_arns["data__Identifier"] = True
    for parent in table.list.parents:
        is_arn = parent.table_column.endswith("arn")
        # Without another column for its ARN, the parent's column may hold that.
        if parent.load is not None and (is_arn or parent.load().arn not in ("", parent.table_column)):
            holds_arns[parent.column] = is_arn
    for column, is_arn in holds_arns.items():
        for value in find_equal(column, where):
            if isinstance(value, str) and value.startswith(PREFIX) is not is_arn:
                yield f"{table.full_name}: {_explain(column, value, is_arn)}"


def _explain(column: str, value: str, is_arn: bool) -> str:
    written = _quote(value)
    if is_arn:
        return f"{column} holds ARNs, and {written} is not one. Write the whole ARN, or {column} LIKE '%{written[1:]}."
    name = re.split("[:/]", value)[-1].replace("'", "''")
    return f"{column} does not hold ARNs, and {written} is one. Write {column} = '{name}'."


def _quote(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
