"""The magics, which run SQL and show the results, return them, or store them in a variable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

from sqlprov.api.connect import connect
from sqlprov.api.connection import Connection
from sqlprov.api.result import Result
from sqlprov.errors import Error
from sqlprov.frontends.completion.completer import SqlCompleter
from sqlprov.frontends.notebook.arguments import Arguments, parse_arguments
from sqlprov.frontends.notebook.display import run_with_progress
from sqlprov.settings import Settings
from sqlprov.sql.lexer import list_parameters


@magics_class
class SqlprovMagics(Magics):  # type: ignore[misc]
    """Runs SQL on one connection, which it opens when needed."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._connection: Connection | None = None
        # The options that it was opened with; `None` if it belongs to the user.
        self._options: dict[str, Any] | None = None
        self._completion: SqlCompleter | None = None

    @line_cell_magic  # type: ignore[untyped-decorator]
    @no_var_expand  # type: ignore[untyped-decorator]
    def sqlprov(self, line: str, cell: str | None = None) -> Any:
        """Run SQL over live tables: `%sqlprov SELECT …`, or `%%sqlprov` above statements.

        `%sqlprov name << SELECT …` stores the result in a variable. In SQL, `$name` is the value of a Python variable,
        and DataFrames and Arrow tables can be read by name.

        Options go before the SQL; the first eight stay in effect:

        --local               the local AWS that comes with sqlprov, without an account
        --endpoint-url URL    another server that speaks the AWS API
        --profile NAME        AWS profile; may be repeated, to read several accounts
        --read-only           refuse every write to the cloud and to files
        --sandbox             SQL uses no files, no extensions and no network but AWS
        --allow-file PATH     --sandbox, but for this file or folder; may be repeated
        --region REGION       region for statements that name none; may be repeated
        --connection NAME     a variable that holds a sqlprov connection
        --df, --pl, --arrow   the rows as a pandas DataFrame, a polars DataFrame, or an Arrow table
        --dry-run             show the API calls of a write instead of making them
        """
        try:
            arguments = parse_arguments(line, cell)
            connection = self._connect(arguments)
            result: Result | None = None
            for following in self._run(arguments, connection):
                if result is not None and _has_output(result):
                    display(result)
                result = following
        except Error as error:
            raise _hide_traceback(error) from None
        finally:
            self._completion = None
        if result is None:
            return None
        value = getattr(result, arguments.frame)() if arguments.frame and result.has_rows else result
        if not arguments.name:
            return value if _has_output(result) else None
        self.shell.user_ns[arguments.name] = value
        return None

    def completion(self) -> SqlCompleter:
        """Completion for the connection, as of the last statement."""
        if self._completion is None:
            connection = self._connect(parse_arguments(""))
            self._completion = SqlCompleter(connection.catalog, connection.vocabulary())
        return self._completion

    def _run(self, arguments: Arguments, connection: Connection) -> Iterator[Result]:
        names = list_parameters(arguments.script)
        missing = sorted(name for name in names if name not in self.shell.user_ns)
        if missing:
            raise UsageError(f"There is no variable {missing[0]} for ${missing[0]}.")
        results = connection.run(
            arguments.script,
            {name: self.shell.user_ns[name] for name in names} or None,
            dry_run="dry-run" in arguments.flags,
            variables=self.shell.user_ns,
        )

        def read_next() -> Result | None:
            # The next statement closes a result, but a notebook may read it at any time.
            result = next(results, None)
            return result and result.keep()

        while (result := run_with_progress(self.shell, connection, read_next)) is not None:
            yield result

    def _connect(self, arguments: Arguments) -> Connection:
        """The connection that the options select; without any, the one of the previous magic."""
        options = _list_options(arguments)
        if names := arguments.values.get("connection"):
            if options:
                raise UsageError("--connection takes no option of a connection but --read-only and --region.")
            self._use(self._read_variable(names[-1]), None)
        opened = self._options or {}
        if not options.keys() <= {"sandbox"}:
            opened = {name: value for name, value in opened.items() if name == "sandbox"}
        options = opened | options
        if self._connection is None or (options and options != self._options):
            settings = (
                self._connection.settings if self._connection and self._options is not None else Settings()
            )
            self._use(
                connect(**options, region=settings.regions or None, read_only=settings.read_only), options
            )
        assert self._connection is not None, "opened above"
        if regions := arguments.values.get("region"):
            self._connection.settings = self._connection.settings.with_value("regions", ",".join(regions))
        if "read-only" in arguments.flags:
            self._connection.sql("SET sqlprov_read_only = on")
        return self._connection

    def _use(self, connection: Connection, options: dict[str, Any] | None) -> None:
        if self._connection is not None and self._options is not None:
            self._connection.close()
        self._connection, self._options, self._completion = connection, options, None

    def _read_variable(self, name: str) -> Connection:
        value = self.shell.user_ns.get(name)
        if not isinstance(value, Connection):
            raise UsageError(
                f"--connection {name}: expected a variable that holds a connection of sqlprov.connect(). "
                "For a DuckDB connection, use sqlprov.attach()."
            )
        return value


def _list_options(arguments: Arguments) -> dict[str, Any]:
    """The account and the sandbox that a magic chooses, as arguments of `connect`."""
    options: dict[str, Any] = {name: True for name in ("local", "sandbox") if name in arguments.flags}
    if "endpoint-url" in arguments.values:
        options["endpoint_url"] = arguments.values["endpoint-url"][-1]
    if profiles := arguments.values.get("profile"):
        options["profile"] = profiles if len(profiles) > 1 else profiles[0]
    if files := arguments.values.get("allow-file"):
        options["sandbox"] = files
    return options


def _has_output(result: Result) -> bool:
    return bool(result.has_rows or result.outcomes or result.rowcount >= 0)


def _hide_traceback(error: Error) -> Error:
    """Make IPython show only the message of `error`."""
    error._render_traceback_ = lambda: [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]  # type: ignore[attr-defined]
    return error
