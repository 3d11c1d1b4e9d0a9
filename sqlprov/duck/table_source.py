"""A table as DuckDB scans it: its columns, the conditions that it applies, and the batches of each scan.

DuckDB's class is private. DuckDB also scans datasets of pyarrow, but passes their conditions as expressions, which
cannot be read, after it has gone through every type of the schema twice for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from sqlprov.plan.read.predicate import Predicate

try:
    from duckdb._sources import ArrowScanSource

    from sqlprov.duck.conditions import read_conditions
except ImportError:
    raise ImportError(
        f"sqlprov does not work with DuckDB {duckdb.__version__}. Run: pip install 'duckdb>=2.0.1,<2.1'"
    ) from None


class TableSource(ArrowScanSource):
    """A table, to be registered with `from_arrow`.

    DuckDB scans it in its own thread, batch by batch: LIMIT 5 pulls only the first.

    Args:
        schema: every column. DuckDB requests the first if it needs none, as in `count(*)`.
    """

    schema_is_stable = True

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__(self)
        self.schema = schema

    def scan(self, names: tuple[str, ...], where: Predicate) -> Iterator[pa.RecordBatch]:
        """The columns `names` of the rows that meet `where`; DuckDB calls this for each reference to the table.

        DuckDB reports an error raised here as plain text, and one raised by the iterator with a traceback.
        """
        raise NotImplementedError

    # The methods that DuckDB calls

    def accepts(self, condition: Any) -> bool:
        """Whether `scan` is to apply a condition; otherwise DuckDB does, to the rows that it returns."""
        try:
            read_conditions([condition])
        except (ValueError, OverflowError, RecursionError):
            return False
        return True

    def stream(self, columns: Sequence[int] | None, conditions: Sequence[Any]) -> tuple[object, bool]:
        """The columns at these positions, or all, and that there are no others."""
        fields = list(self.schema) if columns is None else [self.schema.field(at) for at in columns]
        batches = self.scan(tuple(field.name for field in fields), read_conditions(conditions))
        return pa.RecordBatchReader.from_batches(pa.schema(fields), batches).__arrow_c_stream__(), True

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        # DuckDB refuses an object without it, but calls `stream`.
        return self.stream(None, ())[0]
