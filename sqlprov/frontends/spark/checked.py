"""Reads a query with errors as data, and raises them once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlprov.errors import OperationalError, format_count
from sqlprov.frontends.spark.source import ERROR, register

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read(spark: SparkSession, query: str, **options: Any) -> DataFrame:
    """Read a query on the workers, once; its rows stay there, in memory and on disk.

    Args:
        spark: a session of Spark 4.
        query: a SELECT of live tables whose rows stand alone: columns, expressions, WHERE, UNION ALL.
        options: `regions`, `profile`, `endpoint_url`, `local`, `settings` and `partitions` of the data source.

    Raises:
        OperationalError: rows are missing; the message says where and why. Each call was made once.
        AnalysisException: Spark's; the query cannot be read in parts, or is wrong.
    """
    register(spark)
    reader = spark.read.format("sqlprov").option("query", query).option("errors", "column")
    for name, value in options.items():
        reader = reader.option(name, str(value))
    # Without it, each use of the frame would call again.
    frame = reader.load().localCheckpoint()
    problems = [row[0] for row in frame.where(frame[ERROR].isNotNull()).select(ERROR).collect()]
    if problems:
        lines = "\n  ".join(sorted(problems))
        raise OperationalError(f"Rows are missing in {format_count(len(problems), 'partition')}:\n  {lines}")
    return frame.drop(ERROR)
