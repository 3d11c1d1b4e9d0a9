"""A scan whose calls the workers of an engine make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa

from sqlprov.aws.transport.engine import ScanEngine, TaskReport
from sqlprov.aws.transport.run import Run
from sqlprov.errors import Error, OperationalError, format_count
from sqlprov.plan.read import ReadPlan, check_required, count_least_calls
from sqlprov.plan.read.scan_task import ScanTask


class EngineScan:
    """A scan of a table on an engine.

    Args:
        plan: the calls.
        run: the statement.
        engine: runs the scan.
        task: the scan as data.
    """

    def __init__(self, plan: ReadPlan, run: Run, engine: ScanEngine, task: ScanTask) -> None:
        self.plan, self.run, self.engine, self.task = plan, run, engine, task

    def start(self) -> None:
        """Check that the scan can be made.

        Raises:
            BudgetExceeded: the statement may not make as many calls as the scan needs at least.
            ProgrammingError: the plan lacks a value for which the table is listed.
        """
        check_required(self.plan)
        self.run.expect_calls(count_least_calls(self.plan, is_limited=False))

    def read_batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, with every column of the plan.

        Raises:
            Cancelled: the statement was cancelled.
            Error: a task failed. It names what every other failed task says, too.
            OperationalError: the engine left out a task or rows of it, or returned them twice, or a worker has another
                catalog.
        """
        if not self.task.pairs or self.plan.empty:
            return
        errors: list[Error] = []
        reported, expected, returned = Counter[tuple[str, str]](), 0, 0
        for each in self.engine.scan(self.task, self.run.cancellation.on_cancel):
            self.run.cancellation.check()
            if isinstance(each, TaskReport):
                self._note(each)
                reported.update(each.pairs)
                expected += each.rows
                errors += [each.error] if each.error else []
            elif not errors:
                self._check_columns(each)
                self.run.log.note_read(rows=each.num_rows)
                returned += each.num_rows
                yield each
        if errors:
            raise _join(errors)
        if wrong := [pair for pair in self.task.pairs if reported[pair] != 1]:
            account, region = wrong[0]
            times = "twice" if reported[wrong[0]] else "not"
            raise OperationalError(
                f"The engine returned the task of {account} in {region} {times}, one of "
                f"{format_count(len(wrong), 'place')} of {self.plan.table.full_name} whose rows would be wrong."
            )
        if returned != expected:
            raise OperationalError(
                f"The tasks of {self.plan.table.full_name} have {format_count(expected, 'row')}, and the engine "
                f"returned {returned:,}."
            )

    def _check_columns(self, batch: pa.RecordBatch) -> None:
        """Check that the rows have the columns of this process's catalog: DuckDB reads them as those types."""
        types = dict(zip(batch.schema.names, batch.schema.types, strict=True))
        for name in self.task.columns:
            expected, real = self.plan.table.by_name[name].type, types.get(name)
            if real != expected:
                has = f"has the type {real}, not {expected}" if real else "is missing"
                raise OperationalError(
                    f"The column {name} of {self.plan.table.full_name} {has} on the worker. Install the version of "
                    "sqlprov there that the process has that plans the statement."
                )

    def _note(self, report: TaskReport) -> None:
        self.run.log.note_calls(report.calls)
        for text in report.warnings:
            self.run.warn(text)
        for gap in report.missing:
            self.run.log.note_missing(gap.table, gap.account, gap.region, gap.error)
        self.run.count_call(report.counted)


def _join(errors: Sequence[Error]) -> Error:
    """The first error, with what the others say."""
    first, *others = errors
    if texts := [text for text in dict.fromkeys(map(str, others)) if text != str(first)]:
        lines = "\n  ".join(sorted(texts))
        first.args = (f"{first}\n{format_count(len(others), 'further task')} failed, too:\n  {lines}",)
    return first
