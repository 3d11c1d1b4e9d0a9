"""SQL in, each statement's rows out, in order, until the first error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from sqlprov.errors import Error, WriteError
from sqlprov.frontends.cli.connecting import Way
from sqlprov.frontends.cli.source import Source
from sqlprov.frontends.cli.waiting import telling
from sqlprov.frontends.telling import outcomes, warnings

if TYPE_CHECKING:
    import sqlprov

_SEPARATED = ("table", "csv", "markdown")


@dataclass(frozen=True)
class Asked:
    """The options of `sqlprov exec`, each under its own name."""

    sql: str | None
    way: Way
    output: str
    out: Path | None
    file: BinaryIO | None
    param: dict[str, str]
    var: dict[str, str]
    var_file: tuple[Path, ...]
    jinja: bool
    dry_run: bool
    progress: bool | None
    verbose: bool


def run(source: Source, asked: Asked) -> bool:
    """Print the rows of each statement; tells whether all of them were there."""
    connection = asked.way.connection()
    try:
        shown = sys.stderr.isatty() if asked.progress is None else asked.progress
        with _stream(asked.out) as stream, telling(connection) if shown else nullcontext():
            results = connection.run(source.text, asked.param or None, dry_run=asked.dry_run)
            if asked.dry_run:
                results = _shown(source.text, results)
            complete = _print_all(results, asked.output, stream)
    except KeyboardInterrupt:
        _tell(connection.outcomes)
        raise
    except WriteError as error:
        for warning in error.warnings:
            click.echo(f"Warning: {warning}", err=True)
        _tell(error.outcomes)
        connection.close()
        error.args = (str(error).partition("\n")[0],)  # the rest are the outcomes
        raise source.located(error) from None
    except Error as error:
        connection.close()
        raise source.located(error) from None
    except Exception:
        connection.close()
        raise
    # After Ctrl-C the process ends at once: closing might wait for a call in flight.
    connection.close()
    return complete


def _shown(script: str, results: Iterator[sqlprov.Result]) -> Iterator[sqlprov.Result]:
    """The results, each after its statement was shown on stderr."""
    from sqlprov.sql import parse

    for statement in parse(script):
        click.echo(f"{statement.text};", err=True)
        yield next(results)


def _print_all(results: Iterator[sqlprov.Result], format: str, stream: BinaryIO) -> bool:
    complete = True
    printed = 0
    for result in results:
        if result.has_rows:
            _print(result, format, stream, printed)
            printed += 1
        for line in warnings(result):
            click.echo(line, err=True)
        _tell(result.outcomes)
        complete = complete and result.complete
    return complete


def _tell(rows: Sequence[Any]) -> None:
    """What became of each row that was written, a line each on stderr."""
    for line in outcomes(rows):
        click.echo(line, err=True)


def _print(result: sqlprov.Result, format: str, stream: BinaryIO, printed: int) -> None:
    from sqlprov.output import write

    if printed and format == "parquet":
        raise Error(
            "A Parquet file holds one result, and this script has a second: its statement has run, its rows "
            "were not written. Use another format, or one script for each result."
        )
    if printed and format in _SEPARATED:
        stream.write(b"\n")
    try:
        write(result, format, stream)
    finally:
        stream.flush()  # what an error leaves stands above its message


@contextmanager
def _stream(out: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file beside `out` that takes its name when all went well."""
    if out is None:
        yield sys.stdout.buffer
    elif out.exists() and not out.is_file():  # a pipe or a device: nothing to rename
        with out.open("wb") as stream:
            yield stream
    else:
        target = out.resolve()  # a link stays a link
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with _opened(part, out) as stream:
                yield stream
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _opened(part: Path, out: Path) -> BinaryIO:
    try:
        return part.open("wb")
    except OSError as error:
        # Our own name for it would tell nobody anything.
        raise Error(f"--out {out}: {error.strerror}.") from None
