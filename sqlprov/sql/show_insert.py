"""SHOW INSERT INTO t: a template whose placeholders are to be filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.errors import NotSupportedError, show_caret
from sqlprov.settings import Settings
from sqlprov.sql import names
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.statement import CatalogStatement, Keywords

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.table import Method, Table


@dataclass(frozen=True)
class ShowInsert(CatalogStatement):
    """`SHOW INSERT INTO t`; with the hint `/*+ REQUIRED */` only what must be given."""

    name: Name
    required: bool

    @classmethod
    def parse(cls, parser: Parser) -> ShowInsert | None:
        if not parser.is_at("SHOW", "INSERT", "INTO"):
            return None
        parser.index += 3
        name = parser.parse_name("a live table, such as aws.sagemaker.models")
        parser.expect_end("the end of the statement")
        required = any("required" in parser.find_hints(index) for index in range(4))
        return cls(parser.text, parser.offset, name, required)

    def answer(
        self, catalog: Catalog, settings: Settings, path: tuple[str, ...], keywords: Keywords
    ) -> pa.Table:
        """One column, `sql`, and one row; raises NotSupportedError for a table that takes no INSERT."""
        table = names.resolve_table(self, self.name, catalog, path)
        create = table.by_method.get("create_resource")
        if create is None:
            raise NotSupportedError(
                f"{table.full_name} takes no INSERT.\n{show_caret(self.text, self.name.start - self.offset)}"
            )
        chosen = [*_properties(table, create, self.required), "region"]
        columns = ",\n ".join(chosen)
        values = ",\n ".join(f"'{{{{ {name} }}}}'" for name in chosen)
        sql = f"/*+ create */\nINSERT INTO {table.full_name} (\n {columns}\n)\nSELECT\n {values};"
        return pa.table({"sql": pa.array([sql], pa.string())})


def _properties(table: Table, create: Method, required: bool) -> Iterator[str]:
    """What INSERT takes, in the order of the columns, then what has none."""
    place = {column.name: at for at, column in enumerate(table.columns)}
    found = {part.name: place.get(part.column, len(place)) for part in create.parameters}
    found |= {name: place.get(column, len(place)) for name, column in table.write.insert.ignored.items()}
    # The service may require more than CloudFormation does: a template without it would be refused.
    needed = {*create.required, *create.input_shape.required}
    yield from (name for name in sorted(found, key=found.__getitem__) if not required or name in needed)
