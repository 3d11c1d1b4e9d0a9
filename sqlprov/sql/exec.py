"""EXEC table.method @Name = value, … @@json = '{…}': an operation that is no SELECT, INSERT, UPDATE or DELETE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlprov.errors import NotSupportedError, show_caret
from sqlprov.sql import names
from sqlprov.sql.lexer import quote_identifier
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.statement import Statement
from sqlprov.sql.write import has_await_hint

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.table import Method, Table

JSON = "@@json"
_METHOD = "a method, such as aws.sagemaker.inference_experiments.stop"


@dataclass(frozen=True)
class Exec(Statement):
    """`EXEC table.method [@Name = expression[,] …] [@@json = expression]`.

    Attributes:
        name: table and method, as written.
        values: name and text of each value in the order written; `@@json` is one of the names.
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
        # StackQL takes the commas between values or leaves them out.
        while parser.is_at("@") or (values and parser.accept(",")):
            argument = _argument(parser, values)
            parser.expect("=")
            values[argument] = parser.parse_clause("a value", ",", "@")
        parser.expect_end(f"@Name = value, {JSON} = '{{…}}' or the end of the statement")
        return cls(parser.text, parser.offset, name, tuple(values.items()), has_await_hint(parser, 0, 1))

    @property
    def target(self) -> tuple[str, ...]:
        """The parts of the table's name."""
        return self.name.parts[:-1]

    @property
    def method(self) -> str:
        """The method's name as written, or its operation's."""
        return self.name.parts[-1]

    @property
    def arguments(self) -> tuple[tuple[str, str], ...]:
        """Name and text of each `@Name = …`."""
        return tuple((name, text) for name, text in self.values if name != JSON)

    @property
    def json(self) -> str | None:
        """The text of `@@json = …`; `None` if there is none."""
        return dict(self.values).get(JSON)

    def is_ours(self, catalog: Catalog, path: tuple[str, ...]) -> bool:
        """Whether the target is a live table; DuckDB has no EXEC."""
        return names.find_live_table(catalog, self.target, path) is not None

    def resolve(self, catalog: Catalog, path: tuple[str, ...]) -> tuple[Table, Method]:
        """The table and the method to call.

        Raises:
            UnknownName: one of them does not exist.
            NotSupportedError: the method is what another statement does.
        """
        table, method = names.resolve_method(self, self.name, catalog, path)
        if method.verb == "EXEC":
            return table, method
        raise NotSupportedError(
            f"{method.name} is not called by EXEC: write {method.verb}.\n"
            f"{show_caret(self.text, self.name.start - self.offset)}"
        )

    def build_values_query(self) -> str:
        """The query for one row, with a column for each value in the order written."""
        values = self.values or ((JSON, "NULL"),)
        return f"SELECT {', '.join(f'({text}) AS {quote_identifier(name)}' for name, text in values)}"


def _argument(parser: Parser, before: dict[str, str]) -> str:
    """`@Name` or `@@json`, passed over."""
    parser.expect("@")
    if parser.accept("@"):
        if not parser.is_at("JSON"):
            parser.fail(JSON)
        name = "@@" + parser.parse_identifier(JSON).lower()
    else:
        name = parser.parse_identifier("a name after @")
    if name.lower() in map(str.lower, before):
        parser.index -= 1
        parser.fail(f"another name than {name}, which has a value")
    return name
