"""A SQLAlchemy 2 dialect for `sqlprov://` URLs: DuckDB with live tables, where each statement commits.

>>> from sqlalchemy import create_engine, text
>>> engine = create_engine("sqlprov://?local=1&region=eu-west-1")
>>> with engine.connect() as con:
...     con.execute(text("SELECT count(*) FROM aws.sagemaker.models")).scalar() > 0
True
>>> engine.dispose()
"""

try:
    from sqlprov.frontends.sqlalchemy.dialect import Dialect
    from sqlprov.frontends.sqlalchemy.types import INTERVAL, Map, Struct
except ModuleNotFoundError as error:
    message = f"{error.name} is not installed. Run: pip install '.[sqlalchemy]'"
    raise ModuleNotFoundError(message, name=error.name) from None

__all__ = ["INTERVAL", "Dialect", "Map", "Struct"]
