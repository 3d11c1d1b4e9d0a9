"""DESCRIBE of a live table or a table of a provider: its columns, without a call."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.errors import format_count
from sqlprov.records import dataclass
from sqlprov.settings import Settings
from sqlprov.sql import names
from sqlprov.sql.duckdb_types import format_duckdb_type
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.statement import CatalogStatement, Keywords
from sqlprov.sql.text_table import build_table

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.column import Column, ColumnSource
    from sqlprov.catalog.provider_tables import ProviderTable
    from sqlprov.catalog.shapes import Constraint
    from sqlprov.catalog.table import Table


@dataclass(frozen=True)
class Describe(CatalogStatement):
    """`DESCRIBE [EXTENDED] name`; DuckDB describes everything that is not a live table."""

    name: Name
    extended: bool

    @classmethod
    def parse(cls, parser: Parser) -> Describe | None:
        if not parser.accept("DESCRIBE", "DESC"):
            return None
        extended = parser.accept("EXTENDED") is not None
        if parser.is_at("TABLE") and len(parser.tokens) > parser.index + 1:
            parser.accept("TABLE")
        if not extended and not _is_name(parser):
            return None
        name = parser.parse_name("a live table, such as aws.sagemaker.models")
        parser.expect_end("the end of the statement")
        return cls(parser.text, parser.offset, name, extended)

    def is_ours(self, catalog: Catalog, path: tuple[str, ...]) -> bool:
        # DuckDB has no EXTENDED, so its message would not show what is wrong with the name.
        if self.extended or names.find_provider_table(catalog, self.name.parts, path):
            return True
        return names.find_live_name(catalog, self.name.parts, path) is not None

    def answer(
        self, catalog: Catalog, settings: Settings, path: tuple[str, ...], keywords: Keywords
    ) -> pa.Table:
        if own := names.find_provider_table(catalog, self.name.parts, path):
            rows = _describe_provider_table(own)
        else:
            table = names.resolve_table(self, self.name, catalog, path)
            confirmed = catalog.list_confirmations(table.provider).get(f"{table.service}.{table.name}")
            word = ", ".join(confirmed or (UNCONFIRMED,))
            rows = [
                {**_describe_column(table, column, keywords()), "confirmed_by": word}
                for column in table.visible_columns
            ]
        columns = build_table(rows, _EXTENDED)
        return columns if self.extended else columns.select(["name", "type", "description"])


_LONG = {"elide": "on a terminal"}
"""Metadata of a column whose values may be cut on a terminal; `output.table` reads it."""
_EXTENDED = pa.schema(
    [
        ("name", pa.string()),
        pa.field("type", pa.string(), metadata=_LONG),
        ("description", pa.string()),
        ("source", pa.string()),
        ("call", pa.string()),
        ("key", pa.bool_()),
        ("filters", pa.string()),
        pa.field("constraint", pa.string(), metadata=_LONG),
        ("sensitive", pa.string()),
        ("confirmed_by", pa.string()),
    ]
)
UNCONFIRMED = "unconfirmed"
"""Says that a table was compared with nothing but botocore's model."""


def _is_name(parser: Parser) -> bool:
    """Whether nothing but a dotted name is left."""
    rest = parser.tokens[parser.index :]
    parts, dots = rest[::2], rest[1::2]
    return len(parts) == len(dots) + 1 and (
        all(token.is_name for token in parts) and all(token.is_one_of(".") for token in dots)
    )


def _describe_column(table: Table, column: Column, keywords: Collection[str]) -> dict[str, object]:
    from sqlprov.catalog.column import ColumnSource
    from sqlprov.catalog.sensitive import format_path

    return {
        "name": column.name,
        "type": "JSON" if column.is_json else format_duckdb_type(column.type, keywords),
        "description": column.description,
        "source": column.source.value,
        "call": find_call(table, column.source),
        "key": column.name in table.key or column.source is ColumnSource.KEY,
        "filters": ", ".join(each.label for each in table.list.filters if each.column == column.name),
        "constraint": _format_constraint(column.constraint),
        "sensitive": ", ".join(dict.fromkeys(format_path(column.name, path) for path in column.sensitive)),
    }


def _describe_provider_table(table: ProviderTable) -> list[dict[str, object]]:
    """The columns of a table such as `aws.regions`."""
    blank: dict[str, object] = dict.fromkeys(_EXTENDED.names, "")
    blank |= {"type": format_duckdb_type(pa.string()), "source": "session"}
    key = next(iter(table.columns))
    return [
        {
            **blank,
            "name": name,
            "description": description,
            "key": name == key,
            "call": table.calls.get(name, ""),
        }
        for name, description in table.columns.items()
    ]


def find_call(table: Table, source: ColumnSource) -> str:
    """The call that fills the columns of a source; empty if none does."""
    from sqlprov.catalog.column import ColumnSource

    calls = {
        ColumnSource.LIST: table.list.call,
        ColumnSource.DESCRIBE: table.describe.call if table.describe else "",
        ColumnSource.TAGS: table.tags.call if table.tags else "",
        ColumnSource.ACCOUNT_ID: "GetCallerIdentity",
    }
    return calls.get(source, "")


def _format_constraint(limits: Constraint) -> str:
    if limits.enum:
        return " | ".join(limits.enum)
    low, high = limits.min, limits.max
    length = (
        f"{low or 0} to {format_count(high, 'character')}"
        if high is not None
        else f"{format_count(low, 'character')} or more"
        if low
        else ""
    )
    return ", ".join(part for part in (length, limits.pattern or "") if part)
