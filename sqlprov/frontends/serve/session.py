"""One client's session: runs statements on a cursor of the server's connection, as they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlprov.errors import DatabaseError
from sqlprov.frontends.serve.parameters import Parameters
from sqlprov.frontends.serve.pg_catalog.contents import CatalogContents
from sqlprov.frontends.serve.pg_catalog.rewrite import rewrite
from sqlprov.frontends.serve.portal import Portal, build_portal, list_columns
from sqlprov.frontends.serve.sqlstates import ServerError
from sqlprov.records import dataclass
from sqlprov.sql import (
    CatalogStatement,
    Delete,
    Exec,
    Insert,
    Query,
    SetSetting,
    Statement,
    Update,
    parse,
)
from sqlprov.sql.lexer import Token, TokenKind, list_parameters, quote_identifier, tokenize

if TYPE_CHECKING:
    import sqlprov

READS = ("SELECT", "FROM", "VALUES", "TABLE", "PIVOT", "PIVOT_WIDER", "UNPIVOT", "PIVOT_LONGER", "SUMMARIZE")
"""Verbs of queries, which can stand in parentheses after FROM."""
_CHANGES = (
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "TRUNCATE",
    "CREATE",
    "DROP",
    "ALTER",
    "COPY",
    "COMMENT",
    "EXECUTE",
)
"""Verbs that need DuckDB's transaction to be rolled back."""
_AS_TEXT = {
    "BIGNUM": "CAST({} AS VARCHAR)",
    "BIT": "CAST({} AS VARCHAR)",
    "TIME WITH TIME ZONE": "CAST({} AS VARCHAR)",
    "GEOMETRY": "CAST({} AS VARCHAR)",
    "VARIANT": "CAST(CAST({} AS JSON) AS VARCHAR)",
}
"""Types that Arrow does not hold as they are, and the text that DuckDB writes for them."""
_OBJECTS = ("TABLE", "VIEW", "SCHEMA", "INDEX", "SEQUENCE", "TYPE", "MACRO", "FUNCTION", "DATABASE")
Values = Mapping[str, Any]


@dataclass
class Prepared:
    """A statement that Parse has prepared.

    Attributes:
        text: one statement; empty for none.
        oids: the types of its parameters, as far as the client says; 0 for the others.
        types: the same once a client has asked, with what DuckDB says; `None` before.
    """

    text: str
    oids: list[int]
    types: list[int] | None = None


@dataclass
class BoundPortal:
    """A prepared statement with its parameters; Execute, or Describe of one that only reads, runs it.

    Attributes:
        prepared: the statement.
        values: of the parameters, by number.
        formats: codes of the formats of the result's columns.
        portal: `None` before it runs.
        holds: whether it outlives its transaction, as DECLARE … WITH HOLD says.
    """

    prepared: Prepared
    values: Values = field(default_factory=dict)
    formats: Sequence[int] = (0,)
    portal: Portal | None = None
    holds: bool = False


class ClientSession:
    """A client's session.

    Args:
        connection: the client's own cursor; it is closed with the session.
        user: whoever logged in.
        contents: what PostgreSQL's catalogs hold.

    Attributes:
        status: I outside a transaction, T inside, E inside one that met an error.
        parameters: what SET changes.
        statements: those of Parse, by name.
        portals: those of Bind and the cursors of DECLARE, by name.
    """

    def __init__(self, connection: sqlprov.Connection, user: str, contents: CatalogContents) -> None:
        self.connection = connection
        self.status = "I"
        self._user, self._contents = user, contents
        self._initial, self._database = connection.settings, ""
        self.parameters = Parameters(user)
        self.statements: dict[str, Prepared] = {}
        self.portals: dict[str, BoundPortal] = {}
        self._current: Portal | None = None

    def use_database(self, name: str, user: str) -> None:
        """Make a provider or a database of DuckDB the one whose schemas need no prefix.

        psql and others name the user if they are given no database; that means the first provider.

        Raises:
            ServerError: it does not exist.
        """
        names = self.list_databases()
        if name not in names and name in (user, "postgres", ""):
            name = names[0]
        try:
            self.run_quietly(f"USE {quote_identifier(name)}")
            self._database = name
        except DatabaseError:
            expected = ", ".join(names)
            raise ServerError("3D000", f'database "{name}" does not exist; expected {expected}') from None

    def keep_initial(self) -> None:
        """Make the present settings those that RESET ALL and DISCARD ALL restore."""
        self.parameters.keep_initial()
        self._initial = self.connection.settings

    def reset_settings(self) -> None:
        """Give every setting its first value."""
        self.parameters.reset_all()
        self.connection.settings = self._initial
        zone = self.parameters.get("TimeZone").replace("'", "''")
        self.run_quietly(f"SET TimeZone = '{zone}'")
        self.run_quietly(f"USE {quote_identifier(self._database)}")

    def discard(self) -> None:
        """Forget what the client has done: its temporary tables end with its cursor."""
        self.close_portals(all=True)
        self.statements.clear()
        self._current = None
        old, self.connection = self.connection, self.connection.connection.cursor()
        old.close()
        self.reset_settings()

    def list_databases(self) -> list[str]:
        """The providers, then DuckDB's own databases."""
        providers = self.connection.catalog.list_providers()
        hidden = ("system", "temp", "sqlprov", *providers)
        rows = self.connection.sql("SELECT database_name FROM duckdb_databases()").fetchall()
        return [*providers, *(name for (name,) in rows if name not in hidden)]

    def run_quietly(self, text: str) -> list[tuple[Any, ...]]:
        """Run a statement of the server's own; return its rows."""
        self._let_go()
        result = self.connection.sql(text)
        return result.fetchall() if result.has_rows else []

    # Statements

    def check(self, text: str) -> None:
        """Parse one statement of several without running it.

        Raises:
            Error: it cannot be parsed, or is not supported.
        """
        self.connection.check(f"SELECT 1;{(self._adapt(text) or (text, False))[0]}")

    def run(self, text: str, values: Values) -> Portal:
        """Run one statement on the connection until its first rows can be read.

        Args:
            text: one statement.
            values: of `$1`, `$2`, …, by number.

        Raises:
            Error: it failed.
        """
        self._let_go()
        text, is_catalog = self._adapt(text) or (text, False)
        (statement,) = parse(text)
        if _changes(statement) and self.parameters.get("transaction_read_only") == "on":
            raise ServerError("25006", f"cannot execute {text.split()[0].upper()} in a read-only transaction")
        if self.status == "T" and _changes(statement) and not self.connection.in_transaction:
            # Not before: a transaction of DuckDB does not see live tables that are named after its first read.
            self.connection.sql("BEGIN")
        result = self._start(text, values)
        columns = list_columns(result.schema, result.types, text, is_catalog) if result.has_rows else None
        names = [quote_identifier(name) for name in result.schema.names]
        texts = [
            f"{_AS_TEXT[kind].format(name)} AS {name}"
            for name, kind in zip(names, result.types, strict=False)
            if kind in _AS_TEXT
        ]
        if texts and _is_query(statement):
            result.close()
            result = self._start(f"SELECT * REPLACE ({', '.join(texts)}) FROM (\n{text}\n)", values)
        portal = build_portal(result, _find_tag(statement, result.has_rows))
        portal.columns, portal.is_catalog = columns, is_catalog
        self._current = portal
        return portal

    def _adapt(self, text: str) -> tuple[str, bool] | None:
        """As `rewrite`."""
        values = {"current_user": self._user, "sqlprov_version": self.parameters.describe_version()}

        @cache
        def find_database() -> str:
            return str(self.run_quietly("SELECT current_database()")[0][0])

        def qualify(definition: str) -> str:
            for word, value in values.items():
                quoted = value.replace("'", "''")
                definition = definition.replace(word, f"'{quoted}'")
            return self._contents.qualify(definition, find_database())

        return rewrite(text, qualify, self._user, self.parameters.find_value)

    def _start(self, text: str, values: Values) -> sqlprov.Result:
        used = list_parameters(text)
        chosen = {name: value for name, value in values.items() if name in used}
        return next(self.connection.run(text, chosen or None, variables=self._contents.list_variables(text)))

    def _let_go(self) -> None:
        """Keep the rows of an unfinished statement, which the next one would end."""
        if self._current is not None and not self._current.is_done:
            self._current.buffer()
        self._current = None

    # Transactions

    def end_transaction(self, verb: str) -> str:
        """COMMIT or ROLLBACK; return the tag: a COMMIT after an error rolls back."""
        if self.status == "E":
            verb = "ROLLBACK"
        self.close_portals()
        self._let_go()
        try:
            (self.connection.commit if verb == "COMMIT" else self.connection.rollback)()
        finally:
            self.status = "I"
            self.parameters.restore_access()
        return verb

    def close_portals(self, *, all: bool = False) -> None:
        """End the portals whose transaction has ended, or all of them."""
        for name, bound in list(self.portals.items()):
            if all or not bound.holds:
                self.close_portal(name)

    def close_portal(self, name: str) -> None:
        """Stop the statement of a portal; do nothing if there is none of that name."""
        bound = self.portals.pop(name, None)
        if bound is not None and bound.portal is not None:
            bound.portal.close()

    def fail(self) -> None:
        """Note that a statement failed."""
        if self.status == "T":
            self.status = "E"

    def close(self) -> None:
        """End the statement and the cursor."""
        self.connection.close()


def split(text: str) -> list[tuple[str, int]]:
    """The statements of a text, and where each begins.

    Raises:
        MalformedSQL: a literal or a comment is not closed.
    """
    statements: list[tuple[str, int]] = []
    part: list[Token] = []
    for token in [*tokenize(text), Token(TokenKind.SYMBOL, ";", len(text), len(text))]:
        if not token.is_one_of(";"):
            part.append(token)
        elif part:
            statements.append((text[part[0].start : part[-1].end], part[0].start))
            part = []
    return statements


def is_reading(text: str) -> bool:
    """Whether a statement returns rows and changes nothing."""
    statements = parse(text)
    return bool(statements) and all(
        isinstance(each, CatalogStatement) or _is_query(each) for each in statements
    )


def _is_query(statement: Statement) -> bool:
    return isinstance(statement, Query) and statement.verb in READS


def _changes(statement: Statement) -> bool:
    if isinstance(statement, Query):
        is_analyzed = statement.verb == "EXPLAIN"  # EXPLAIN ANALYZE runs its statement
        return statement.verb in _CHANGES or (
            is_analyzed and any(token.is_one_of(*_CHANGES) for token in statement.tokens)
        )
    return isinstance(statement, Insert | Update | Delete | Exec)


def _find_tag(statement: Statement, has_rows: bool) -> str:
    """CommandComplete's tag, with {} for the number of rows."""
    match statement:
        case Insert():
            return "INSERT 0 {}"
        case Update():
            return "UPDATE {}"
        case Delete():
            return "DELETE {}"
        case Exec():
            return "CALL"
        case SetSetting():
            return statement.text.split()[0].upper()
        case Query():
            return _find_query_tag(statement, has_rows)
    return "SELECT {}" if has_rows else statement.text.split()[0].upper()


def _find_query_tag(query: Query, has_rows: bool) -> str:
    verb = query.verb
    if verb == "INSERT":
        return "INSERT 0 {}"
    if verb in ("UPDATE", "DELETE", "MERGE", "COPY"):
        return f"{verb} {{}}"
    if verb in ("CREATE", "DROP", "ALTER"):
        words = (token.text.upper() for token in query.tokens[1:6])
        return " ".join([verb, *[word for word in words if word in _OBJECTS][:1]])
    return "SELECT {}" if has_rows else verb
