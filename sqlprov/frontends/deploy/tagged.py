"""Finds and deletes the rows that carry a stack's tag and that its manifest no longer names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlprov.errors import Error
from sqlprov.frontends.deploy.runner import Runner
from sqlprov.frontends.deploy.stack import STACK_TAG, Stack
from sqlprov.frontends.messages import format_warnings
from sqlprov.records import dataclass
from sqlprov.sql.lexer import quote_identifier, quote_path

if TYPE_CHECKING:
    from sqlprov.catalog.table import Table


@dataclass(frozen=True)
class TaggedRow:
    """A row with the stack's tag.

    Attributes:
        table: full name.
        key: column -> value, the region included.
    """

    table: str
    key: Mapping[str, Any]

    def __str__(self) -> str:
        key = "|".join(str(value) for name, value in self.key.items() if name != "region")
        return f"{self.table} {key!r} in {self.key['region']}"


def find_tagged_rows(stack: Stack, runner: Runner) -> tuple[list[TaggedRow], list[str]]:
    """The rows with the stack's tag, in the tables that its services can tag and delete; and the full names of tables
    that could not be read, which is reported."""
    region = stack.renderer.context.get("region")
    rows, unread = list[TaggedRow](), list[str]()
    for table in _list_tables(stack, runner):
        columns = ", ".join(quote_identifier(name) for name in (*table.key, "region"))
        condition, parameters = "tag_map[?] = ?", [STACK_TAG, stack.tag]
        if region:
            condition, parameters = f"{condition} AND region = ?", [*parameters, str(region)]
        sql = f"SELECT {columns} FROM {quote_path(*table.full_name.split('.'))} WHERE {condition}"
        try:
            result = runner.connection.sql(sql, parameters)
            rows += [TaggedRow(table.full_name, row) for row in result.arrow().to_pylist()]
        except Error as error:
            unread.append(table.full_name)
            runner.reporter.report("warning", text=f"{table.full_name} could not be searched: {error}")
            continue
        unread += [] if result.complete else [table.full_name]
        for warning in format_warnings(result):
            runner.reporter.report("warning", text=warning.removeprefix("Warning: "))
    return rows, unread


def delete_row(row: TaggedRow, runner: Runner) -> None:
    """Delete a row, and wait for the end of it; raises Error."""
    conditions = " AND ".join(f"{quote_identifier(name)} = ?" for name in row.key)
    with runner.awaiting(True):
        runner.connection.sql(
            f"DELETE FROM {quote_path(*row.table.split('.'))} WHERE {conditions}", [*row.key.values()]
        )


def _list_tables(stack: Stack, runner: Runner) -> Iterator[Table]:
    catalog = runner.connection.catalog
    services = {
        tuple(resource.table.split(".")[:2]) for resource in stack.manifest.resources if resource.table
    }
    for provider, service in sorted(services):
        for name in catalog.list_tables(provider, service):
            table = catalog.get_table(provider, service, name)
            if table.tagging and "delete_resource" in table.by_method:
                yield table
