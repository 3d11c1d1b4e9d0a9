"""A line or cell of SQL in, its result out: shown, handed on, or put into a variable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

from sqlprov.api.connection import Connection, connect
from sqlprov.api.result import Result
from sqlprov.errors import Error
from sqlprov.frontends.completion import Completion
from sqlprov.frontends.notebook.asked import Asked, asked
from sqlprov.frontends.notebook.progress import watched

CONNECTING = ("local", "endpoint-url", "profile")
"""Options that say what to connect to."""


@magics_class
class SqlprovMagics(Magics):  # type: ignore[misc]
    """Runs SQL on one connection, which is made when it is first needed."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._connection: Connection | None = None
        # What it was made with; `None` if it is one of the user's own.
        self._made_with: dict[str, Any] | None = None
        self._completion: Completion | None = None

    @line_cell_magic  # type: ignore[untyped-decorator]
    @no_var_expand  # type: ignore[untyped-decorator]
    def sqlprov(self, line: str, cell: str | None = None) -> Any:
        """Run SQL over live tables: `%sqlprov SELECT …`, or `%%sqlprov` above statements.

        `%sqlprov name << SELECT …` puts the result into a variable. `$name` in SQL is a Python variable's value, and a
        DataFrame or Arrow table can be read by its name.

        Options, before the SQL; those that say what to connect to stay in force:

        --local               the local SageMaker that comes with sqlprov, without an account
        --endpoint-url URL    another server that speaks the API
        --profile NAME        AWS profile
        --region REGION       region of statements that name none; may be given more than once
        --connection NAME     a variable that holds a sqlprov connection
        --df, --pl, --arrow   the rows as pandas or polars DataFrame, or as Arrow table
        --dry-run             show the calls of a write to the cloud instead of making them
        """
        try:
            asking = asked(line, cell)
            connection = self._connected(asking)
            result: Result | None = None
            for following in self._results(asking, connection):
                if result is not None and _worth_showing(result):
                    display(result)
                result = following
        except Error as error:
            raise _told(error) from None
        finally:
            self._completion = None
        if result is None:
            return None
        if asking.name:
            self.shell.user_ns[asking.name] = self._handed(result, asking)
            return None
        return self._handed(result, asking) if _worth_showing(result) else None

    def completion(self) -> Completion:
        """What may be completed, as of the last statement."""
        if self._completion is None:
            connection = self._connected(asked(""))
            self._completion = Completion(connection.catalog, connection.vocabulary())
        return self._completion

    def _results(self, asking: Asked, connection: Connection) -> Iterator[Result]:
        names = connection.parameter_names(asking.script)
        lacking = sorted(name for name in names if name not in self.shell.user_ns)
        if lacking:
            raise UsageError(f"There is no variable {lacking[0]} for ${lacking[0]}.")
        results = connection.run(
            asking.script,
            {name: self.shell.user_ns[name] for name in names} or None,
            dry_run="dry-run" in asking.flags,
            variables=self.shell.user_ns,
        )

        def following() -> Result | None:
            # A further statement closes a result, and a notebook may read it at any time.
            result = next(results, None)
            return result and result.keep()

        while (result := watched(self.shell, connection, following)) is not None:
            yield result

    def _handed(self, result: Result, asking: Asked) -> Any:
        return getattr(result, asking.kind)() if asking.kind and result.has_rows else result

    def _connected(self, asking: Asked) -> Connection:
        """The connection that the options mean; that of the magic before if they say nothing."""
        if name := asking.values.get("connection", [""])[-1]:
            self._use(self._variable(name), None)
        wanted = {option: asking.values[option][-1] for option in CONNECTING if option in asking.values}
        if "local" in asking.flags:
            wanted["local"] = ""
        if self._connection is None or (wanted and wanted != self._made_with):
            made = connect(
                local="local" in wanted,
                endpoint_url=wanted.get("endpoint-url"),
                profile=wanted.get("profile"),
            )
            self._use(made, wanted)
        assert self._connection is not None, "made above"
        if regions := asking.values.get("region"):
            self._connection.settings = self._connection.settings.changed("regions", ",".join(regions))
        return self._connection

    def _use(self, connection: Connection, made_with: dict[str, Any] | None) -> None:
        if self._connection is not None and self._made_with is not None:
            self._connection.close()
        self._connection, self._made_with, self._completion = connection, made_with, None

    def _variable(self, name: str) -> Connection:
        found = self.shell.user_ns.get(name)
        if not isinstance(found, Connection):
            raise UsageError(
                f"--connection {name}: expected a variable that holds what sqlprov.connect() returns. "
                "A DuckDB connection takes the tables by sqlprov.attach()."
            )
        return found


def _worth_showing(result: Result) -> bool:
    return bool(result.has_rows or result.outcomes or result.rowcount >= 0)


def _told(error: Error) -> Error:
    """`error`, of which IPython shows the text alone."""
    error._render_traceback_ = lambda: [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]  # type: ignore[attr-defined]
    return error
