"""Finds rows of json_array_elements that stand alone: in PostgreSQL such a row is the element, in DuckDB a STRUCT."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from sqlprov.errors import show_caret


def find_whole_row(tree: exp.Expr, text: str, functions: Collection[str]) -> str | None:
    """Why a statement is refused: `tag` stands alone, of `FROM …, json_array_elements(x) AS tag`; `None` if none does.

    Args:
        tree: the statement.
        text: the same, as written.
        functions: names of table functions, in lower case, whose only column is `value`.
    """
    calls = (call for call in tree.find_all(exp.Anonymous) if call.name.lower() in functions)
    tables = (call.parent for call in calls if isinstance(call.parent, exp.Table))
    rows = {table.alias.lower() for table in tables if table.alias and not table.args["alias"].columns}
    for column in tree.find_all(exp.Column):
        if not column.table and column.name.lower() in rows:
            place = show_caret(text, column.this.meta.get("start", 0))
            return f"{column.name} is a row, whose column value is the element. Write {column.name}.value.\n{place}"
    return None
