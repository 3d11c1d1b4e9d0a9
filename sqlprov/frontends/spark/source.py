"""The data source: the driver plans a query and splits its places, the workers read them.

A partition is places and nothing else: a worker opens its own session from the options, which name profiles and never
hold a credential. There is no `pushFilters`: Spark keeps the reader that it pushed to, and later queries of the same
view would miss rows. What can be pushed is in the query.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from sqlprov.errors import CredentialsError, Error, InterfaceError, OperationalError, suggest
from sqlprov.sql.lexer import quote_path, quote_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    import sqlprov
    from sqlprov.api.connection import Pairs

ERROR = "sqlprov_error"
"""The column of an error, in place of the rows that are missing; with `errors` = `column`."""
CONNECTING = ("regions", "profile", "endpoint_url", "local", "settings")
OPTIONS = ("query", "table", *CONNECTING, "partitions", "errors")
MOST_PARTITIONS = 64
CONCURRENCY = 16
"""Calls in flight of a partition: they wait, they do not compute."""


class SqlprovSource(DataSource):
    """`spark.read.format("sqlprov")`; the options are those of `read`."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self.chosen = parse_options(options)
        self._parts: tuple[pa.Schema, list[Pairs], dict[str, str]] | None = None

    @classmethod
    def name(cls) -> str:
        return "sqlprov"

    def schema(self) -> Any:
        from pyspark.sql.pandas.types import from_arrow_schema

        schema, *_ = self._split()
        return from_arrow_schema(add_error_field(schema) if has_error_column(self.chosen) else schema)

    def reader(self, schema: Any) -> DataSourceReader:
        return _PartitionReader(self.chosen, *self._split())

    def _split(self) -> tuple[pa.Schema, list[Pairs], dict[str, str]]:
        # Spark sends this object on from `schema` to `reader`: the account is asked for its regions once.
        if self._parts is None:
            with connect(self.chosen) as connection:
                most = int(self.chosen.get("partitions", MOST_PARTITIONS))
                schema, parts = connection.split(find_query(self.chosen), most)
                ids = read_ids(connection, (account for pairs in parts for account, _ in pairs))
            self._parts = store(schema), parts, ids
        return self._parts


class _PlacesPartition(InputPartition):
    """The (account, region) pairs that a worker reads, and the ids that its accounts must have."""

    def __init__(self, pairs: Pairs, ids: Mapping[str, str]) -> None:
        super().__init__(None)
        self.pairs = pairs
        self.ids = {account: ids[account] for account, _ in pairs if account in ids}


class _PartitionReader(DataSourceReader):
    """Reads a query. It is sent to the workers, and holds what the user wrote and what the driver planned."""

    def __init__(
        self, options: Mapping[str, str], schema: pa.Schema, parts: list[Pairs], ids: Mapping[str, str]
    ) -> None:
        self.options, self.schema, self.parts, self.ids = dict(options), schema, parts, ids

    def partitions(self) -> list[InputPartition]:
        # Each pair is in one partition: its pace is that of one process. Spark reads an empty list as one partition.
        return [_PlacesPartition(pairs, self.ids) for pairs in self.parts or [()]]

    def read(self, partition: Any) -> Iterator[pa.RecordBatch]:
        if not has_error_column(self.options):
            yield from self._read(partition)
            return
        try:
            for batch in self._read(partition):
                yield batch.append_column(ERROR, pa.nulls(batch.num_rows, pa.string()))
        except Error as error:
            # Raised, it would make Spark read the whole partition again, up to four times.
            text = f"{type(error).__name__} in {format_pairs(partition.pairs)}: {error}"
            columns = [*(pa.nulls(1, field.type) for field in self.schema), pa.array([text])]
            yield pa.RecordBatch.from_arrays(columns, schema=add_error_field(self.schema))

    def _read(self, partition: _PlacesPartition) -> Iterator[pa.RecordBatch]:
        with connect(self.options) as connection, connection.within(partition.pairs) as part:
            _check_ids(connection, partition.ids)
            result = part.sql(find_query(self.options))
            for batch in result.batches():
                yield convert(batch, self.schema)
            if not result.complete:
                raise OperationalError("; ".join(str(missing.error) for missing in result.errors))


def read_ids(connection: sqlprov.Connection, accounts: Iterable[str]) -> dict[str, str]:
    """Account -> its id, as far as it can be read.

    Raises:
        OperationalError: it cannot.
    """
    names = ", ".join(map(quote_text, sorted(set(accounts))))
    if not names:
        return {}
    return dict(
        connection.sql(f"FROM aws.accounts SELECT account, account_id WHERE account IN ({names})").fetchall()
    )


def _check_ids(connection: sqlprov.Connection, ids: Mapping[str, str]) -> None:
    """Check that the names of accounts mean here what they mean on the driver.

    Raises:
        CredentialsError: one is another account, or none.
    """
    here = read_ids(connection, ids)
    for name, expected in ids.items():
        if here.get(name) != expected:
            raise CredentialsError(
                f"The account {name!r} is {expected} on the driver, and {here.get(name, 'none')} on the worker. Give "
                "the workers the same profiles, or credentials of the same account."
            )


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
    if not chosen.get("partitions", "1").isdecimal() or chosen.get("partitions") == "0":
        raise InterfaceError(f"partitions = {chosen['partitions']!r}: expected a number from 1.")
    return chosen


def has_error_column(options: Mapping[str, str]) -> bool:
    """Whether errors are rows, in place of the rows that are missing."""
    return options.get("errors") == "column"


def format_pairs(pairs: Pairs) -> str:
    """The pairs as a user reads them, the first few if there are many."""
    names = ["/".join(pair) for pair in pairs]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} others" if len(names) > 3 else "")


def find_query(options: Mapping[str, str]) -> str:
    """The query that the options ask for."""
    if "query" in options:
        return options["query"]
    return f"SELECT * FROM {quote_path(*options['table'].split('.'))}"


@lru_cache(maxsize=1)
def open_connection(options: Pairs) -> sqlprov.Connection:
    """A connection that only reads, with the options' account and regions; the next partition uses it again."""
    import sqlprov

    chosen = dict(options)
    words = (word.partition("=") for word in chosen.get("settings", "").split(";") if word.strip())
    settings = {name.strip(): value.strip() for name, _, value in words}
    regions, profiles = (
        [name.strip() for name in chosen.get(option, "").split(",") if name.strip()]
        for option in ("regions", "profile")
    )
    return sqlprov.connect(
        local=chosen.get("local", "").lower() == "true",
        endpoint_url=chosen.get("endpoint_url"),
        profile=profiles or None,
        region=regions or None,
        read_only=True,
        settings={"concurrency": str(CONCURRENCY), **settings},
    )


def connect(options: Mapping[str, str]) -> sqlprov.Connection:
    """A cursor of the options' connection."""
    return open_connection(tuple((name, options[name]) for name in CONNECTING if name in options)).cursor()


def store(schema: pa.Schema) -> pa.Schema:
    """The columns with types that Spark knows: JSON is text, and an integer without a sign has a larger type."""
    return pa.schema([pa.field(field.name, _store_type(field.type)) for field in schema])


def _store_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _store_type(kind.storage_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", _store_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _store_type(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_store_type(kind.key_type), _store_type(kind.item_type))
    if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_unsigned_integer(kind):
        return pa.decimal128(20) if kind.bit_width == 64 else pa.int64()
    return kind


def convert(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the types of `store`. Sail minds the name of a list's element, which `==` does not compare."""
    columns = [
        column if str(column.type) == str(field.type) else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def add_error_field(schema: pa.Schema) -> pa.Schema:
    """The columns, and that of the error."""
    return schema.append(pa.field(ERROR, pa.string()))
