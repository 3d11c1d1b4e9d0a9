"""Reads live tables on the workers of a Spark cluster, or of Sail."""

try:
    from sqlprov.frontends.spark.checked import read
    from sqlprov.frontends.spark.engine import Engine
    from sqlprov.frontends.spark.inventory import inventory
    from sqlprov.frontends.spark.source import register
except ModuleNotFoundError as error:
    message = f"{error.name} is not installed. Run: pip install '.[spark]'"
    raise ModuleNotFoundError(message, name=error.name) from None

__all__ = ["Engine", "inventory", "read", "register"]
