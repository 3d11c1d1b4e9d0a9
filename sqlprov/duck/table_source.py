"""A live table as DuckDB reads it, with a smaller schema for the conditions that DuckDB passes."""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa

try:
    from duckdb._sources.pyarrow import PyArrowDatasetSource
except ImportError:  # it is private; DuckDB makes one of a dataset
    PyArrowDatasetSource = None  # type: ignore[assignment, misc]


class Scannable(Protocol):
    """What DuckDB uses of a pyarrow dataset: `schema`, and `scanner(columns=…, filter=…)`."""

    @property
    def schema(self) -> pa.Schema: ...

    @property
    def scanner(self) -> Any: ...


def build_source(table: Scannable) -> Any:
    """The object to register with DuckDB for `table`."""
    return _build_dataset(table) if PyArrowDatasetSource is None else _TableSource(table)


def _build_dataset(table: Scannable) -> Any:
    # Where pandas is installed it takes 0.2 s, as pyarrow.dataset imports it.
    import pyarrow.dataset as ds

    class TableDataset(ds.Dataset):  # type: ignore[misc]
        schema = table.schema

        def __init__(self) -> None:
            pass  # Dataset's own always raises

        def scanner(self, **options: Any) -> Any:
            return table.scanner(**options)

    return TableDataset()


class _TableSource(PyArrowDatasetSource or object):  # type: ignore[misc]
    """The table's rows and types.

    For each condition DuckDB goes twice through every type in the declared schema, 3 ms for SageMaker's endpoints. A
    condition can name a column or a field of a structure, but nothing inside a list or a map.
    """

    def __init__(self, table: Scannable) -> None:
        super().__init__(table)
        self._flat = pa.schema([field.with_type(_flatten(field.type)) for field in table.schema])

    def declared_schema(self) -> pa.Schema:
        """The schema over which conditions are converted."""
        return self._flat

    def __arrow_c_schema__(self) -> object:
        return self.obj.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        # DuckDB refuses an object without it, but calls `stream` with the conditions.
        return self.obj.scanner().to_reader().__arrow_c_stream__(requested_schema)


def _flatten(type: pa.DataType) -> pa.DataType:
    """The type with nothing inside lists and maps."""
    if pa.types.is_struct(type):
        return pa.struct([field.with_type(_flatten(field.type)) for field in type])
    return pa.null() if pa.types.is_nested(type) else type
