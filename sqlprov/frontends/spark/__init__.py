"""Reads live tables on the workers of a Spark cluster, or of Sail: `register(spark)`, then `read(spark, query)`."""

from sqlprov.frontends.spark.checked import read
from sqlprov.frontends.spark.source import register

__all__ = ["read", "register"]
