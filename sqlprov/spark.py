"""Live tables in Spark: see docs/spark.md."""

from sqlprov.frontends.spark import Engine as Engine
from sqlprov.frontends.spark import inventory as inventory
from sqlprov.frontends.spark import read as read
from sqlprov.frontends.spark import register as register
