"""Runs the statements of `sqlprov exec` in order and prints their rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from sqlprov.errors import Error
from sqlprov.frontends.cli.connection_options import ConnectionOptions
from sqlprov.frontends.cli.progress import print_waits
from sqlprov.frontends.cli.reports import INCOMPLETE, REPORTS, find_exit_code
from sqlprov.frontends.cli.sql_source import SqlSource
from sqlprov.frontends.error_data import to_error
from sqlprov.records import dataclass

if TYPE_CHECKING:
    import sqlprov

_SEPARATED = ("table", "csv", "markdown")


@dataclass(frozen=True)
class ExecOptions:
    """The options of `sqlprov exec`, each under its own name."""

    target: ConnectionOptions
    output: str
    out: Path | None
    param: dict[str, str]
    dry_run: bool
    progress: bool | None
    errors: str
    keep_going: bool
    exit_code: bool
    verbose: bool


class _Stopped(Exception):
    """An error that has been reported ends the script."""


def run_script(source: SqlSource, options: ExecOptions) -> int:
    """Print the rows of each statement; return the exit code."""
    script = _Script(source, options)
    try:
        connection = options.target.connect()
        shows_waits = sys.stderr.isatty() if options.progress is None else options.progress
        try:
            with (
                _open_output(options.out) as stream,
                print_waits(connection) if shows_waits else nullcontext(),
            ):
                script.run(connection, stream)
        except KeyboardInterrupt:
            script.report.print_outcomes(connection.outcomes, script.statement)
            raise  # do not close it: closing might wait for a call
        except BaseException:
            connection.close()
            raise
        connection.close()
    except (click.ClickException, BrokenPipeError):
        raise
    except _Stopped:
        pass
    except Exception as error:
        script.report_error(to_error(error), None)
    return script.code


class _Script:
    """A script while it runs.

    Attributes:
        report: prints on stderr.
        statement: the number of the last statement that ran, from 1.
        code: the exit code: of the first error, otherwise of what the statements returned.
    """

    def __init__(self, source: SqlSource, options: ExecOptions) -> None:
        self.source, self.options = source, options
        self.report = REPORTS[options.errors]()
        self.statement = self.code = 0
        self._printed = 0

    def run(self, connection: sqlprov.Connection, stream: BinaryIO) -> None:
        """Print the results of all statements.

        Raises:
            _Stopped: a statement failed, and the others are not to run.
            Error: the script is refused before its first statement runs.
        """
        options = self.options
        texts = [each.text for each in connection.check(self.source.text)] if options.dry_run else []

        def count() -> None:
            if texts:
                self.report.print_statement(texts[self.statement], self.statement + 1)
            self.statement += 1

        def fail(error: Error) -> None:
            count()
            self._fail(error)

        parameters, is_complete, has_rows = options.param or None, True, False
        for result in connection.run(self.source.text, parameters, dry_run=options.dry_run, on_error=fail):
            count()
            try:
                has_rows |= self._print(result, stream) > 0
            except Error as error:
                self._fail(error)
            is_complete &= result.complete
        self.code = self.code or (
            INCOMPLETE if not is_complete else 3 if has_rows and options.exit_code else 0
        )

    def _print(self, result: sqlprov.Result, stream: BinaryIO) -> int:
        """Print what a statement returned; how many rows that was."""
        # Before the rows, which stdout may refuse.
        self.report.print_outcomes(result.outcomes, self.statement)
        rows = 0
        if result.has_rows:
            rows = _print_rows(result, self.options.output, stream, self._printed)
            self._printed += 1
        self.report.print_result(result, self.statement)
        return rows

    def _fail(self, error: Error) -> None:
        self.report_error(error, self.statement)
        if not self.options.keep_going:
            raise _Stopped from None

    def report_error(self, error: Error, statement: int | None) -> None:
        """Print an error; the first one decides the exit code."""
        self.report.print_error(self.source.locate(error), statement)
        self.code = self.code or find_exit_code(error)


def _print_rows(result: sqlprov.Result, format: str, stream: BinaryIO, printed: int) -> int:
    from sqlprov.output import write

    if printed and format == "parquet":
        raise Error(
            "A Parquet file holds one result, and this script has a second. That statement has run, but its "
            "rows were not written. Use another format, or one script per result."
        )
    if printed and format in _SEPARATED:
        stream.write(b"\n")
    try:
        return write(result, format, stream)
    finally:
        stream.flush()  # rows stand above the error that ends them


@contextmanager
def _open_output(out: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a temporary file that replaces `out` at the end."""
    if out is None:
        yield sys.stdout.buffer
        return
    is_special = out.exists() and not out.is_file()  # a pipe or a device: nothing to rename
    target = out.resolve()  # a link stays a link
    part = out if is_special else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        if not is_special:
            part.replace(target)
    except OSError as error:
        if error.filename in (sys.stdout.name, sys.stderr.name):
            raise
        raise Error(
            f"--out {out}: {error.strerror or error}."
        ) from None  # not the name of the temporary file
    finally:
        if not is_special:
            part.unlink(missing_ok=True)
