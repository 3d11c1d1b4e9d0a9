"""Writes the rows of a statement, and reads them back for RETURNING."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sqlprov.aws.read.decoder import build_array
from sqlprov.aws.read.redaction import Warn, hide
from sqlprov.aws.transport.accounts import Accounts
from sqlprov.aws.transport.run import Run
from sqlprov.aws.write.outcome import Outcome, OutcomeStatus
from sqlprov.aws.write.row_writer import RowWriter, write_rows
from sqlprov.aws.write.target_row import TargetRow
from sqlprov.catalog.column import TAG_MAP, ColumnSource
from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.table import Table
from sqlprov.duck.target_reader import WriteStatement
from sqlprov.duck.view_columns import project
from sqlprov.errors import WriteError, format_count
from sqlprov.plan.write.steps import Snapshot

RETURNING_ROWS = "sqlprov_rows"
"""Name of the relation that RETURNING reads."""
_OTHER_SOURCES = (
    ColumnSource.REGION,
    ColumnSource.ACCOUNT_ID,
    ColumnSource.ACCOUNT,
    ColumnSource.KEY,
    ColumnSource.TAGS,
)


def write_targets(
    statement: WriteStatement, targets: list[TargetRow], run: Run, accounts: Accounts
) -> list[Outcome]:
    """Write the rows; the run keeps the outcomes.

    Raises:
        CredentialsError: the credentials cannot be got; nothing was written.
        WriteError: not every row is ok.
    """
    writers = [
        RowWriter(
            target,
            row,
            run,
            accounts.find_cloud(target.write.place),
            wait=statement.wait or run.settings.await_,
            reads_back=getattr(statement, "returning", None) is not None,
        )
        for row, target in enumerate(targets, start=1)
    ]
    if targets:
        writers[0].cloud.get_credentials(targets[0].write.region)
    run.cancellation.is_writing = True
    outcomes = write_rows(writers, run)
    run.outcomes.extend(outcomes)
    failed = [outcome for outcome in outcomes if outcome.status is not OutcomeStatus.OK]
    if failed:
        be = "is" if len(failed) == 1 else "are"
        lines = [
            f"{format_count(len(failed), 'row')} of {len(outcomes)} {be} not ok.",
            *(
                f"  row {o.row}, {o.key!r} in {o.region}{f' of {o.account}' if len(accounts) > 1 else ''}: "
                f"{o.status.value}. {o.reason}"
                for o in failed
            ),
            *(f"  Warning: {warning}" for warning in run.warnings),
        ]
        raise WriteError("\n".join(lines), outcomes, run.warnings)
    return outcomes


def project_rows(table: Table, rows: pa.Table) -> str:
    """The relation of `rows`, as `read_back` returns them, with the columns that a user sees."""
    names = {*rows.column_names, *([TAG_MAP] if TAGS in rows.column_names else [])}
    columns = project(column for column in table.visible_columns if column.name in names)
    return f"(SELECT {columns} FROM {RETURNING_ROWS})"


def read_back(table: Table, outcomes: list[Outcome], warn: Warn = lambda _: None) -> pa.Table:
    """The rows as they are now (for DELETE, as they were), with the columns that a read by key fills."""
    rows = [(outcome, outcome.snapshot) for outcome in outcomes if outcome.snapshot is not None]
    known = {*table.paths, *table.key}
    columns = [each for each in table.columns if each.name in known or each.source in _OTHER_SOURCES]
    values = [[_get_value(table, column.name, *row) for row in rows] for column in columns]
    arrays = [
        build_array(column, hide(column, of, warn), warn) for column, of in zip(columns, values, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _get_value(table: Table, name: str, outcome: Outcome, snapshot: Snapshot) -> Any:
    """The value of a column in a described row, as the service's JSON has it."""
    match table.by_name[name].source:
        case ColumnSource.REGION:
            return outcome.region
        case ColumnSource.ACCOUNT:
            return outcome.account
        case ColumnSource.KEY:
            return outcome.key
        case ColumnSource.TAGS:
            tags = snapshot.tags
            return None if tags is None else [{"Key": key, "Value": value} for key, value in tags.items()]
        case ColumnSource.ACCOUNT_ID:
            arn = snapshot.get_column(table, table.arn)
            return str(arn).split(":")[4] if arn else None
    if name in table.paths:
        return snapshot.get_column(table, name)
    return outcome.key.split("|")[table.key.index(name)]
