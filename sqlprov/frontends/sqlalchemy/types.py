"""Parses the name of a DuckDB type to a SQLAlchemy type, and adds the types that SQLAlchemy lacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import types as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import func, literal_column
from sqlalchemy.sql.elements import ColumnElement

Type: TypeAlias = sa.TypeEngine[Any]


class Struct(sa.UserDefinedType[dict[str, Any]]):
    """A STRUCT whose values are dictionaries; `column["Field"]` is a field.

    Attributes:
        fields: names and types.
    """

    cache_ok = True

    def __init__(self, fields: Mapping[str, Type] | tuple[tuple[str, Type], ...]) -> None:
        self.fields = tuple(fields.items()) if isinstance(fields, Mapping) else fields

    class Comparator(sa.UserDefinedType.Comparator[dict[str, Any]]):
        type: Struct

        def __getitem__(self, name: str) -> ColumnElement[Any]:
            fields = {known.lower(): kind for known, kind in self.type.fields}
            if name.lower() not in fields:
                raise KeyError(f"There is no field {name!r}. The fields are {', '.join(self.type.names)}.")
            text = name.replace("'", "''")  # DuckDB takes no parameter here
            return func.struct_extract(self.expr, literal_column(f"'{text}'"), type_=fields[name.lower()])

    comparator_factory = Comparator

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.fields]


class Map(sa.UserDefinedType[dict[Any, Any]]):
    """A MAP whose values are dictionaries; `column["key"]` is the value of a key."""

    cache_ok = True

    def __init__(self, key: Type, value: Type) -> None:
        self.key, self.value = key, value

    class ValueComparator(sa.UserDefinedType.Comparator[dict[Any, Any]]):
        type: Map

        def __getitem__(self, key: Any) -> ColumnElement[Any]:
            return func.map_extract_value(self.expr, key, type_=self.type.value)

    comparator_factory = ValueComparator


class INTERVAL(postgresql.INTERVAL):
    """An INTERVAL, also for SQLAlchemy's Interval; its values are timedelta, with 30 days for a month."""

    @classmethod
    def adapt_emulated_to_native(cls, interval: Any, **kw: Any) -> INTERVAL:  # type: ignore[override]
        return cls()

    def literal_processor(self, dialect: Any) -> Callable[[timedelta], str]:
        return lambda value: f"INTERVAL '{value // timedelta(microseconds=1)} microseconds'"


# If SQLAlchemy lacks a type, one that holds all of its values.
_PLAIN: dict[str, Callable[[], Type]] = {
    "BOOLEAN": sa.BOOLEAN,
    "TINYINT": sa.SMALLINT,
    "SMALLINT": sa.SMALLINT,
    "INTEGER": sa.INTEGER,
    "BIGINT": sa.BIGINT,
    "UTINYINT": sa.SMALLINT,
    "USMALLINT": sa.INTEGER,
    "UINTEGER": sa.BIGINT,
    "UBIGINT": lambda: sa.NUMERIC(20, 0),
    "HUGEINT": lambda: sa.NUMERIC(38, 0),
    "UHUGEINT": lambda: sa.NUMERIC(38, 0),
    "FLOAT": sa.REAL,
    "DOUBLE": sa.DOUBLE,
    "VARCHAR": sa.VARCHAR,
    "BLOB": sa.BLOB,
    "UUID": sa.UUID,
    "JSON": sa.JSON,
    "DATE": sa.DATE,
    "TIME": sa.TIME,
    "TIME WITH TIME ZONE": lambda: sa.TIME(timezone=True),
    "TIMESTAMP": sa.TIMESTAMP,
    "TIMESTAMP_S": sa.TIMESTAMP,
    "TIMESTAMP_MS": sa.TIMESTAMP,
    "TIMESTAMP_NS": sa.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": lambda: sa.TIMESTAMP(timezone=True),
    "INTERVAL": INTERVAL,
}
_TOKEN = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|\w+|[()\[\],])""")


def parse_type(name: str) -> Type:
    """The SQLAlchemy type of a DuckDB type; NullType for those without one, such as UNION and BIT.

    >>> parse_type('STRUCT("Key" VARCHAR, "Value" DECIMAL(9,2)[])[]').item_type.names
    ['Key', 'Value']
    """
    words = [word for word in _TOKEN.findall(name) if word]
    return _TypeParser(iter([*words, ""])).parse()


class _TypeParser:
    def __init__(self, words: Iterator[str]) -> None:
        self._words = words
        self._next = next(words)

    def _take(self) -> str:
        taken, self._next = self._next, next(self._words, "")
        return taken

    def parse(self) -> Type:
        name = self._take()
        while self._next and self._next not in "()[],":
            name += f" {self._take()}"
        kind = self._build(name, list(self._parse_arguments(name)))
        lists = 0
        while self._next == "[":  # INTEGER[] and INTEGER[3]
            while self._take() != "]":
                pass
            lists += 1
        return sa.ARRAY(kind, dimensions=lists) if lists else kind

    def _parse_arguments(self, name: str) -> Iterator[Any]:
        if self._next != "(":
            return
        while self._take() in ("(", ","):
            if name in ("STRUCT", "UNION"):
                yield _unquote(self._take()), self.parse()
            elif name == "MAP":
                yield self.parse()
            else:
                yield _unquote(self._take())

    @staticmethod
    def _build(name: str, arguments: list[Any]) -> Type:
        match name:
            case "STRUCT":
                return Struct(tuple(arguments))
            case "MAP":
                return Map(*arguments)
            case "DECIMAL":
                precision, scale = map(int, arguments)
                return sa.DECIMAL(precision, scale)
            case "ENUM":
                return sa.Enum(*arguments)
        kind: Type = _PLAIN.get(name, sa.NullType)()
        return kind


def _unquote(word: str) -> str:
    quote = word[:1]
    return word[1:-1].replace(quote * 2, quote) if quote in ('"', "'") else word
