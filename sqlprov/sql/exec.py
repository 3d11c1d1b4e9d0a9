"""EXEC table.method @Name = value, … @@json = '{…}': calls operations that no other statement calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlprov.errors import NotSupportedError
from sqlprov.records import dataclass
from sqlprov.sql import names
from sqlprov.sql.lexer import quote_identifier
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.statement import Statement
from sqlprov.sql.write import has_await_hint

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.method import Method
    from sqlprov.catalog.table import Table

JSON = "@@json"
_METHOD = "a method, such as aws.sagemaker.inference_experiments.stop"


@dataclass(frozen=True)
class Exec(Statement):
    """`EXEC table.method [@Name = expression[,] …] [@@json = expression]`.

    Attributes:
        name: table and method, as written.
        values: name and text of each value in the order written, including `@@json`.
        wait: whether a hint says AWAIT.
    """

    name: Name
    values: tuple[tuple[str, str], ...]
    wait: bool

    @classmethod
    def parse(cls, parser: Parser) -> Exec | None:
        if not parser.accept("EXEC"):
            return None
        name = parser.parse_name(_METHOD)
        if len(name.parts) < 2:
            parser.index -= 1
            parser.fail(_METHOD)
        values: dict[str, str] = {}
        # In StackQL the commas between values are optional.
        while parser.is_at("@") or (values and parser.accept(",")):
            argument = _parse_argument(parser, values)
            parser.expect("=")
            values[argument] = parser.parse_clause("a value", ",", "@")
        parser.expect_end(f"@Name = value, {JSON} = '{{…}}' or the end of the statement")
        return cls(parser.text, parser.offset, name, tuple(values.items()), has_await_hint(parser, 0, 1))

    @property
    def target(self) -> tuple[str, ...]:
        """The parts of the table's name."""
        return self.name.parts[:-1]

    @property
    def json(self) -> str | None:
        """The text of `@@json = …`; `None` if there is none."""
        return dict(self.values).get(JSON)

    def resolve(self, catalog: Catalog, path: tuple[str, ...]) -> tuple[Table, Method]:
        """The table and the method to call.

        Raises:
            UnknownName: one of them does not exist.
            NotSupportedError: another statement calls the method.
        """
        table, method = names.resolve_method(self, self.name, catalog, path)
        if method.verb == "EXEC":
            return table, method
        raise NotSupportedError(
            f"EXEC does not call {method.name}; write {method.verb}.\n{self.show_place(self.name)}"
        )

    def build_values_query(self) -> str:
        """The query for one row, with a column for each value in the order written."""
        values = self.values or ((JSON, "NULL"),)
        return f"SELECT {', '.join(f'({text}) AS {quote_identifier(name)}' for name, text in values)}"


def _parse_argument(parser: Parser, before: dict[str, str]) -> str:
    """Consume `@Name` or `@@json`."""
    parser.expect("@")
    if parser.accept("@"):
        if not parser.is_at("JSON"):
            parser.fail(JSON)
        name = "@@" + parser.parse_identifier(JSON).lower()
    else:
        name = parser.parse_identifier("a name after @")
    if name.lower() in map(str.lower, before):
        parser.index -= 1
        parser.fail(f"a name other than {name}, which has a value")
    return name
