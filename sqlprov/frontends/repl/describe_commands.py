"""The shell's commands that show tables and columns: `\\d` and `\\dt`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from sqlprov.errors import UnknownName
from sqlprov.frontends.completion.candidates import describe_call, shorten_type
from sqlprov.frontends.repl.shell import Shell
from sqlprov.sql.lexer import tokenize
from sqlprov.sql.names import LEVELS, find_live_table, find_service, list_names
from sqlprov.sql.show import is_like


def print_table(
    shell: Shell, rows: Sequence[Mapping[str, object]], schema: Mapping[str, pa.DataType]
) -> None:
    shell.screen.show(pa.Table.from_pylist(list(rows), pa.schema(list(schema.items()))))


def describe(shell: Shell, name: str) -> None:
    catalog = shell.connection.catalog
    if not name or name.lower() in catalog.list_providers():
        _list_services(shell, [name.lower()] if name else catalog.list_providers())
        return
    vocabulary = shell.connection.vocabulary()
    if name in vocabulary.relations:
        columns = [{"column": column, "type": kind} for column, kind in vocabulary.relations[name]]
        print_table(shell, columns, {"column": pa.string(), "type": pa.string()})
        return
    parts = tuple(token.value for token in tokenize(name) if not token.is_one_of("."))
    table = find_live_table(catalog, parts, vocabulary.path)
    service = find_service(catalog, parts, vocabulary.path)
    if table is None and service:
        listed = catalog.list_descriptions(*service).items()
        shown = [{"table": table, "description": about or None} for table, about in listed]
        print_table(shell, shown, dict.fromkeys(("table", "description"), pa.string()))
        shell.screen.info(f"\\d {'.'.join(service)}.{shown[0]['table']} shows the columns of a table.")
        return
    if table is None:
        # It also reports an unknown name.
        shell.screen.show(shell.connection.sql(f"DESCRIBE EXTENDED {name}").arrow())
        return
    shell.screen.info(f"{table.full_name}: {table.about} Key: {', '.join(table.key)}.")
    rows: list[dict[str, object]] = [
        {
            "column": column.name,
            "type": shorten_type(column.type, column.is_json),
            "filled by": describe_call(table, column) or None,
        }
        for column in table.visible_columns
    ]
    print_table(shell, rows, dict.fromkeys(("column", "type", "filled by"), pa.string()))
    rows = [
        {"method": one.name, "statement": one.verb, "call": one.call, "required": ", ".join(one.required)}
        for one in table.methods
    ]
    print_table(shell, rows, dict.fromkeys(("method", "statement", "call", "required"), pa.string()))
    shell.screen.info(f"DESCRIBE EXTENDED {name}; shows more.")


def _list_services(shell: Shell, providers: Sequence[str]) -> None:
    catalog = shell.connection.catalog
    rows: list[dict[str, object]] = [
        {
            "name": f"{provider}.{service}",
            "tables": len(catalog.list_tables(provider, service)),
            "title": title or None,
        }
        for provider in providers
        for service, (title, _) in catalog.list_titles(provider).items()
    ]
    own = shell.connection.vocabulary().relations
    rows += [{"name": "DuckDB's own", "tables": len(own), "title": None}] if own else []
    print_table(shell, rows, {"name": pa.string(), "tables": pa.int64(), "title": pa.string()})
    shell.screen.info("\\d and a name shows the tables of a service, or the columns of a table.")


def list_tables(shell: Shell, pattern: str) -> None:
    catalog = shell.connection.catalog
    names = list(list_names(catalog, len(LEVELS)))
    names += shell.connection.vocabulary().relations
    wild = pattern.replace("*", "%") if set(pattern) & {"*", "%"} else f"%{pattern}%"
    rows: list[dict[str, object]] = [{"table": name} for name in sorted(names) if is_like(name, wild)]
    if not rows:
        raise UnknownName(f"No table name matches {pattern!r}.")
    print_table(shell, rows, {"table": pa.string()})
