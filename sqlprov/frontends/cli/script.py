"""Runs the statements of `sqlprov exec` in order and prints their rows, until the first error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from sqlprov.errors import Error, WriteError
from sqlprov.frontends.cli.connection_options import ConnectionOptions
from sqlprov.frontends.cli.progress import print_waits
from sqlprov.frontends.cli.sql_source import SqlSource
from sqlprov.frontends.messages import format_outcomes, format_warnings
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
    exit_code: bool
    verbose: bool


def run_script(source: SqlSource, options: ExecOptions) -> int:
    """Print the rows of each statement; return the exit code."""
    connection = options.target.connect()
    try:
        shows_waits = sys.stderr.isatty() if options.progress is None else options.progress
        with _open_output(options.out) as stream, print_waits(connection) if shows_waits else nullcontext():
            results = connection.run(source.text, options.param or None, dry_run=options.dry_run)
            if options.dry_run:
                results = _echo_statements(source.text, results)
            complete, rows = _print_all(results, options.output, stream)
    except KeyboardInterrupt:
        _print_outcomes(connection.outcomes)
        raise  # do not close it: closing might wait for a call
    except Exception as error:
        if isinstance(error, WriteError):
            for warning in error.warnings:
                click.echo(f"Warning: {warning}", err=True)
            _print_outcomes(error.outcomes)
            error.args = (str(error).partition("\n")[0],)  # the rest are the outcomes
        connection.close()
        if isinstance(error, Error):
            raise source.locate(error) from None
        raise
    connection.close()
    return 1 if not complete else 3 if rows and options.exit_code else 0


def _echo_statements(script: str, results: Iterator[sqlprov.Result]) -> Iterator[sqlprov.Result]:
    """The results; each statement is printed on stderr before its result."""
    from sqlprov.sql import parse

    for statement in parse(script):
        click.echo(f"{statement.text};", err=True)
        yield next(results)


def _print_all(results: Iterator[sqlprov.Result], format: str, stream: BinaryIO) -> tuple[bool, int]:
    """Whether all rows were read, and how many were printed."""
    complete = True
    printed = rows = 0
    for result in results:
        _print_outcomes(result.outcomes)  # before the rows, which stdout may refuse
        if result.has_rows:
            rows += _print_rows(result, format, stream, printed)
            printed += 1
        for line in format_warnings(result):
            click.echo(line, err=True)
        complete = complete and result.complete
    return complete, rows


def _print_outcomes(outcomes: Sequence[Any]) -> None:
    for line in format_outcomes(outcomes):
        click.echo(line, err=True)


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
