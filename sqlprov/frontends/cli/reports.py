"""What a command prints on stderr about errors, warnings and writes, as text or as JSON; and its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from sqlprov.errors import (
    AccessDenied,
    CredentialsError,
    DataError,
    Error,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    WriteError,
)
from sqlprov.frontends.error_data import describe_error, describe_outcome
from sqlprov.frontends.messages import format_outcomes, format_warnings

if TYPE_CHECKING:
    import sqlprov

INCOMPLETE = 7
_EXIT_CODES: dict[type[Error], int] = {
    WriteError: 8,
    AccessDenied: 5,
    CredentialsError: 5,
    OperationalError: 6,
    DataError: 4,
    IntegrityError: 4,
    NotSupportedError: 4,
    ProgrammingError: 4,
}


def find_exit_code(error: Error) -> int:
    """The exit code of the nearest class that has one; 1 for any other error."""
    if type(error) is OperationalError:  # DuckDB's own, about a file, memory or a transaction
        return 1
    return next((_EXIT_CODES[each] for each in type(error).__mro__ if each in _EXIT_CODES), 1)


class TextReport:
    """Prints lines for people.

    Statements are numbered from 1.
    """

    def print_statement(self, text: str, statement: int) -> None:
        """Print a statement before its dry run."""
        click.echo(f"{text};", err=True)

    def print_result(self, result: sqlprov.Result, statement: int) -> None:
        """Print the warnings of a result whose rows have been read, and the reads that failed."""
        for line in format_warnings(result):
            click.echo(line, err=True)

    def print_outcomes(self, outcomes: Sequence[Any], statement: int) -> None:
        """Print how the write of each row ended."""
        for line in format_outcomes(outcomes):
            click.echo(line, err=True)

    def print_error(self, error: Error, statement: int | None = None) -> None:
        """Print an error, after the warnings and outcomes that it carries."""
        text = str(error)
        if isinstance(error, WriteError):
            for warning in error.warnings:
                click.echo(f"Warning: {warning}", err=True)
            self.print_outcomes(error.outcomes, 0)
            text = text.partition("\n")[0]  # the rest are the outcomes
        click.echo(f"Error: {text}", err=True)


class JsonReport(TextReport):
    """Prints one JSON object a line; see docs/cli.md."""

    def print_statement(self, text: str, statement: int) -> None:
        _print(level="info", statement=statement, sql=text)

    def print_result(self, result: sqlprov.Result, statement: int) -> None:
        for warning in result.warnings:
            _print(level="warning", statement=statement, message=warning)
        for missing in result.errors:
            error = {**describe_error(missing.error), "table": missing.table}
            error |= {"account": missing.account, "region": missing.region}
            _print(level="warning", statement=statement, **error)

    def print_outcomes(self, outcomes: Sequence[Any], statement: int) -> None:
        if outcomes:
            _print(level="info", statement=statement, outcomes=[describe_outcome(each) for each in outcomes])

    def print_error(self, error: Error, statement: int | None = None) -> None:
        _print(level="error", statement=statement, exit_code=find_exit_code(error), **describe_error(error))


def _print(**record: Any) -> None:
    import orjson

    click.echo(orjson.dumps(record).decode(), err=True)


REPORTS = {"text": TextReport, "json": JsonReport}
"""The values of --errors."""
