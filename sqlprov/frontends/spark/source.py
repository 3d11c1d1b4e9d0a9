"""The data source: the driver plans a query and splits its places, the workers read them.

A partition is places and nothing else: a worker opens its own session from the options, which name profiles and never
hold a credential. There is no `pushFilters`: Spark keeps the reader that it pushed to, and later queries of the same
view would miss rows. What can be pushed is in the query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from sqlprov.errors import Error, InterfaceError, suggest
from sqlprov.sql.lexer import quote_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    import sqlprov

ERROR = "sqlprov_error"
"""The column of an error, in place of the rows that are missing; with `errors` = `column`."""
OPTIONS = (
    *("query", "table", "regions", "profile", "endpoint_url", "local", "settings", "partitions", "errors"),
)
MOST_PARTITIONS = 64
CONCURRENCY = "16"
"""Calls in flight of a partition: they wait, they do not compute."""


class SqlprovSource(DataSource):
    """`spark.read.format("sqlprov")`; the options are those of `read`."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self.chosen = parse_options(options)

    @classmethod
    def name(cls) -> str:
        return "sqlprov"

    def schema(self) -> Any:
        from pyspark.sql.pandas.types import from_arrow_schema

        with open_connection(self.chosen) as connection:
            schema, _ = connection.split(find_query(self.chosen))
        return from_arrow_schema(_add_error(_store(schema), self.chosen))

    def reader(self, schema: Any) -> DataSourceReader:
        return _Reader(self.chosen)


class _Places(InputPartition):
    """(account, region) pairs."""

    def __init__(self, places: Sequence[tuple[str, str]]) -> None:
        super().__init__(None)
        self.places = tuple(places)


class _Reader(DataSourceReader):
    """Reads a query; it holds the options only, and is sent to the workers."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self.options = dict(options)

    def partitions(self) -> list[InputPartition]:
        with open_connection(self.options) as connection:
            _, places = connection.split(find_query(self.options))
        count = min(int(self.options.get("partitions", MOST_PARTITIONS)), len(places)) or 1
        groups: list[list[tuple[str, str]]] = [[] for _ in range(count)]
        for place in places:
            groups[crc32("|".join(place).encode()) % count].append(place)
        return [_Places(group) for group in groups if group]

    def read(self, partition: Any) -> Iterator[pa.RecordBatch]:
        schema = None
        try:
            with open_connection(self.options) as connection, connection.within(partition.places) as part:
                result = part.sql(find_query(self.options))
                schema = _store(result.schema)
                for batch in result.batches():
                    yield _add_error_column(_convert(batch, schema), None, self.options)
        except Error as error:
            # Spark would read the whole partition again, up to four times.
            if self.options.get("errors") != "column":
                raise
            names = ", ".join("/".join(place) for place in partition.places)
            text = f"{type(error).__name__} in a partition of {names}: {error}"
            if schema is None:
                with open_connection(self.options) as connection:
                    schema = _store(connection.split(find_query(self.options))[0])
            nulls = pa.RecordBatch.from_arrays([pa.nulls(1, each.type) for each in schema], schema=schema)
            yield _add_error_column(nulls, text, self.options)


def register(spark: SparkSession) -> None:
    """Make `spark.read.format("sqlprov")` known to a session."""
    spark.dataSource.register(SqlprovSource)


def parse_options(options: Mapping[str, str]) -> dict[str, str]:
    """The options by their names.

    Raises:
        InterfaceError: one does not exist; there is no query, or more than one.
    """
    chosen = {name.lower(): str(value) for name, value in options.items()}
    for name in chosen:
        if name not in OPTIONS:
            raise InterfaceError(
                f"Unknown option {name!r}; expected some of {', '.join(OPTIONS)}.{suggest(name, OPTIONS)}"
            )
    if ("query" in chosen) is ("table" in chosen):
        raise InterfaceError(
            "Expected one of the options `query`, a SELECT, and `table`, such as aws.ec2.instances."
        )
    if chosen.get("errors", "raise") not in ("raise", "column"):
        raise InterfaceError(f"errors = {chosen['errors']!r}: expected `raise` or `column`.")
    return chosen


def find_query(options: Mapping[str, str]) -> str:
    """The query that the options ask for."""
    if "query" in options:
        return options["query"]
    return f"SELECT * FROM {quote_path(*options['table'].split('.'))}"


@contextmanager
def open_connection(options: Mapping[str, str]) -> Iterator[sqlprov.Connection]:
    """A connection that only reads, with the options' account and regions."""
    import sqlprov

    settings = dict(pair.split("=", 1) for pair in options.get("settings", "").split(";") if pair.strip())
    settings = {name.strip(): value.strip() for name, value in settings.items()}
    regions = [name.strip() for name in options.get("regions", "").split(",") if name.strip()]
    with sqlprov.connect(
        local=options.get("local", "").lower() == "true",
        endpoint_url=options.get("endpoint_url"),
        profile=options.get("profile"),
        region=regions or None,
        read_only=True,
        settings={"concurrency": CONCURRENCY, **settings},
    ) as connection:
        yield connection


def _store(schema: pa.Schema) -> pa.Schema:
    """The types without those of Arrow's extensions, which Spark does not know: JSON is text."""
    return pa.schema([pa.field(each.name, _store_type(each.type)) for each in schema])


def _store_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _store_type(kind.storage_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_store_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _store_type(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_store_type(kind.key_type), _store_type(kind.item_type))
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_unsigned_integer(kind):
        return pa.decimal128(20) if kind.bit_width == 64 else pa.int64()
    return kind


def _convert(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        stored = column.storage if isinstance(column, pa.ExtensionArray) else column
        columns.append(stored if stored.type == field.type else stored.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _add_error(schema: pa.Schema, options: Mapping[str, str]) -> pa.Schema:
    return schema.append(pa.field(ERROR, pa.string())) if options.get("errors") == "column" else schema


def _add_error_column(batch: pa.RecordBatch, text: str | None, options: Mapping[str, str]) -> pa.RecordBatch:
    if options.get("errors") != "column":
        return batch
    return batch.append_column(ERROR, pa.array([text] * batch.num_rows, pa.string()))
