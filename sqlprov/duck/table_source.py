"""A live table as DuckDB reads it, with a smaller schema for the conditions that DuckDB passes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

try:
    from duckdb._sources.pyarrow import PyArrowDatasetSource
except ImportError:  # it is private; DuckDB makes one of a dataset
    PyArrowDatasetSource = None  # type: ignore[assignment, misc]


def build_source(dataset: ds.Dataset) -> Any:
    """The object to register with DuckDB in place of `dataset`."""
    return dataset if PyArrowDatasetSource is None else _TableSource(dataset)


class _TableSource(PyArrowDatasetSource or object):  # type: ignore[misc]
    """The dataset's rows and types.

    For each condition DuckDB goes twice through every type in the declared schema, 3 ms for SageMaker's endpoints. A
    condition can name a column or a field of a structure, but nothing inside a list or a map.
    """

    def __init__(self, dataset: ds.Dataset) -> None:
        super().__init__(dataset)
        self._flat = pa.schema([field.with_type(_flatten(field.type)) for field in dataset.schema])

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
