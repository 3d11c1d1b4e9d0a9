"""Runs the scans of a statement on the workers of Spark or Sail."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from sqlprov.errors import Error, InterfaceError, OperationalError
from sqlprov.frontends.spark.source import CONCURRENCY, MOST_PARTITIONS, connect

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

    from sqlprov.api.connection import ScanTask, TaskReport

MESSAGE = pa.schema({"rows": pa.binary(), "report": pa.binary()})
"""What a worker returns: an Arrow stream of rows, or a pickled TaskReport."""
MESSAGE_BYTES = 1_000_000
"""Size of a stream: its schema is in each, and a page of a list has few rows."""


class Engine:
    """Runs scans on the workers of Spark 4 or Sail, for `Connection.sql(…, engine=Engine(spark))`.

    Args:
        spark: the session.
        tasks: most tasks of a scan. A place is in one of them, which makes up to 16 calls at a time.

    Raises:
        InterfaceError: `tasks` is not a number from 1.
    """

    def __init__(self, spark: SparkSession, tasks: int = MOST_PARTITIONS) -> None:
        if not isinstance(tasks, int) or tasks < 1:
            raise InterfaceError(f"tasks is a number from 1, not {tasks!r}.")
        self._spark, self._most = spark, tasks

    def scan(
        self, task: ScanTask, on_cancel: Callable[[Callable[[], None]], None]
    ) -> Iterator[pa.RecordBatch | TaskReport]:
        """As ScanEngine."""
        tag = f"sqlprov-{uuid4().hex}"
        on_cancel(partial(self._interrupt, tag))
        try:
            for message in self._start(task.split(self._most), tag):
                if message.rows is None:
                    yield pickle.loads(message.report)
                else:
                    yield from pa.ipc.open_stream(message.rows)
        except Exception as error:
            if isinstance(error, Error):
                raise
            text = str(error).strip().partition("\n")[0]
            raise OperationalError(f"Spark could not run the scan of {task.table}: {text}") from None

    def _start(self, tasks: Sequence[ScanTask], tag: str) -> Iterator[Row]:
        """The messages of tasks, once the first is there."""
        # A tag is one of the thread, and another thread may read the rest.
        self._spark.addTag(tag)
        try:
            messages = iter(self._make_frame(tasks).toLocalIterator(prefetchPartitions=True))
            first = next(messages)
        finally:
            self._spark.removeTag(tag)
        return chain([first], messages)

    def _make_frame(self, tasks: Sequence[ScanTask]) -> DataFrame:
        """The messages of tasks, a partition each."""
        numbers = self._spark.range(0, len(tasks), 1, len(tasks))
        frame = numbers.mapInArrow(partial(run_tasks, tasks), "rows binary, report binary")
        # Without it, Spark would run one partition after another. Spark Connect runs all, and streams what they return.
        is_alone = len(tasks) == 1 or type(self._spark).__module__.startswith("pyspark.sql.connect")
        return frame if is_alone else frame.localCheckpoint()

    def _interrupt(self, tag: str) -> None:
        with suppress(Exception):  # it has ended
            self._spark.interruptTag(tag)


def run_tasks(tasks: Sequence[ScanTask], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The messages of those tasks whose numbers a worker gets."""
    for batch in batches:
        for number in batch.column(0).to_pylist():
            yield from run_task(tasks[number])


def run_task(task: ScanTask) -> Iterator[pa.RecordBatch]:
    """The messages of a task: its rows, then its report."""
    settings = replace(task.settings, read_only=True, concurrency=task.settings.concurrency or CONCURRENCY)
    options = {"profile": task.profile, "endpoint_url": task.endpoint_url}
    waiting: list[pa.RecordBatch] = []
    with connect({name: value for name, value in options.items() if value}) as connection:
        for each in connection.scan(replace(task, settings=settings)):
            if not isinstance(each, pa.RecordBatch):
                if waiting:
                    yield _make_message(rows=_write(waiting))
                yield _make_message(report=pickle.dumps(each))
                return
            waiting.append(each)
            if sum(batch.nbytes for batch in waiting) > MESSAGE_BYTES:
                yield _make_message(rows=_write(waiting))
                waiting.clear()


def _write(batches: Sequence[pa.RecordBatch]) -> Any:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _make_message(**columns: bytes) -> pa.RecordBatch:
    arrays = [pa.array([columns.get(name)], pa.binary()) for name in MESSAGE.names]
    return pa.RecordBatch.from_arrays(arrays, schema=MESSAGE)
