"""SHOW [EXTENDED] INSERT INTO t: an INSERT with placeholders to fill in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.errors import NotSupportedError
from sqlprov.records import dataclass
from sqlprov.settings import Settings
from sqlprov.sql import names
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.statement import CatalogStatement, Keywords
from sqlprov.sql.text_table import build_table

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.method import Method
    from sqlprov.catalog.table import Table


@dataclass(frozen=True)
class ShowInsert(CatalogStatement):
    """`SHOW [EXTENDED] INSERT INTO t`; with the hint `/*+ REQUIRED */` only the required parameters."""

    name: Name
    required: bool

    @classmethod
    def parse(cls, parser: Parser) -> ShowInsert | None:
        words = ("SHOW", "EXTENDED") if parser.is_at("SHOW", "EXTENDED") else ("SHOW",)
        if not parser.is_at(*words, "INSERT", "INTO"):
            return None
        parser.index += len(words) + 2
        start = parser.index
        name = parser.parse_name("a live table, such as aws.sagemaker.models")
        parser.expect_end("the end of the statement")
        required = any("required" in parser.find_hints(index) for index in range(start + 1))
        return cls(parser.text, parser.offset, name, required)

    def answer(
        self, catalog: Catalog, settings: Settings, path: tuple[str, ...], keywords: Keywords
    ) -> pa.Table:
        """One row with StackQL's column `insert_statement`.

        Raises:
            NotSupportedError: the table does not support INSERT.
        """
        table = names.resolve_table(self, self.name, catalog, path)
        create = table.by_method.get("create_resource")
        if create is None:
            place = self.show_place(self.name)
            raise NotSupportedError(f"{table.full_name} does not support INSERT.\n{place}")
        parameters = [*_list_parameters(table, create, self.required), "region"]
        columns = ",\n ".join(parameters)
        values = ",\n ".join(f"'{{{{ {name} }}}}'" for name in parameters)
        sql = f"/*+ create */\nINSERT INTO {table.full_name} (\n {columns}\n)\nSELECT\n {values};"
        return build_table([{"insert_statement": sql}], pa.schema([("insert_statement", pa.string())]))


def _list_parameters(table: Table, create: Method, required: bool) -> Iterator[str]:
    """The parameters of INSERT: those with a column in its order, then the others."""
    place = {column.name: at for at, column in enumerate(table.columns)}
    order = {part.name: place.get(part.column, len(place)) for part in create.parameters}
    order |= {name: place.get(column, len(place)) for name, column in table.write.insert.ignored.items()}
    order |= dict.fromkeys(create.attributes, len(place))
    names = sorted(order, key=order.__getitem__)
    yield from (name for name in names if not required or name in create.required)
