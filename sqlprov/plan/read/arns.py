"""Finds conditions that compare an ARN with something else, or something else with an ARN: no row meets them.

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


def explain_arns(table: Table, where: Predicate) -> Iterator[str]:
    """What to write for each value that the column cannot have: of the table's ARN, and of its parents."""
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
    written = "'" + value.replace("'", "''") + "'"
    if is_arn:
        return f"{column} holds ARNs, and {written} is not one. Write the whole ARN, or {column} LIKE '%{written[1:]}."
    name = re.split("[:/]", value)[-1].replace("'", "''")
    return f"{column} does not hold ARNs, and {written} is one. Write {column} = '{name}'."
