"""Record batches in, an Arrow stream out whose error is the text of what was raised, without Python's traceback."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

_LastError = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class _ArrowArrayStream(ctypes.Structure):
    """The struct of Arrow's C stream interface, whose layout is fixed for good."""

    _fields_ = (
        ("get_schema", ctypes.c_void_p),
        ("get_next", ctypes.c_void_p),
        ("get_last_error", _LastError),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    )


class Told:
    """A stream for a reader that knows nothing of Python, such as DuckDB.

    Args:
        schema: of every batch.
        batches: may raise while it is read.
    """

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self._schema, self._batches = schema, batches

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow PyCapsule interface."""
        telling = _Telling(self._batches)
        capsule = pa.RecordBatchReader.from_batches(self._schema, telling).__arrow_c_stream__(
            requested_schema
        )
        stream = _ArrowArrayStream.from_address(_pointer(capsule, b"arrow_array_stream"))
        said, usual = telling.said, stream.get_last_error

        def last_error(address: int) -> int | None:
            found: int | None = ctypes.addressof(said[0]) if said else usual(address)
            return found

        # The stream keeps the iterator, and that keeps this: neither knows the other, so that both go with it.
        telling.last_error = stream.get_last_error = _LastError(last_error)
        return capsule


class _Telling:
    """`batches`, whose error is kept as text.

    Attributes:
        said: the text as C reads it; empty as long as nothing was raised.
        last_error: what has to live as long as the stream.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.said: list[ctypes.Array[ctypes.c_char]] = []
        self.last_error: Any = None

    def __iter__(self) -> _Telling:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            return next(self._batches)
        except StopIteration:
            raise
        except BaseException as error:
            self.said.append(ctypes.create_string_buffer(str(error).encode()))
            raise
