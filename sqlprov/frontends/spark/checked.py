"""Reads a query with errors as data, and raises them once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlprov.frontends.spark.source import ERROR, register

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read(spark: SparkSession, query: str, **options: Any) -> DataFrame:
    """The rows of a query, read on the workers.

    Each place is called once: an error in a partition does not make Spark read it again. It is raised when the frame is
    used, whatever of it is used, with the places that are missing.

    Args:
        spark: a session of Spark 4, or of Sail.
        query: a SELECT of live tables whose rows stand alone: columns, expressions, WHERE, UNION ALL.
        options: `regions`, `profile`, `endpoint_url`, `local`, `settings` and `partitions` of the data source.

    Raises:
        Error: the query cannot be read in parts, or is wrong.
    """
    from pyspark.sql import functions as f

    register(spark)
    reader = spark.read.format("sqlprov").option("query", query).option("errors", "column")
    for name, value in options.items():
        reader = reader.option(name, str(value))
    # A failed task is tried again, with the tasks that feed it in the same stage: the check needs a stage of its own.
    frame = reader.load().localCheckpoint(eager=False)
    problem = f.coalesce(f.col(ERROR), f.lit(""))
    return frame.where((problem == "") | f.raise_error(problem).isNotNull()).drop(ERROR)
