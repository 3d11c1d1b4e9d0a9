"""Arrow's compute functions, called by name.

pyarrow.compute makes a Python function for each of the 290 when it is imported, and so does the first call of a method
such as `Array.cast`; that takes 0.03 s.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pyarrow as pa


@cache
def _load() -> Any:
    try:
        from pyarrow import _compute
    except ImportError:  # the name is private
        import pyarrow.compute as _compute
    return _compute


def compute(name: str, *values: Any, options: Any = None, memory_pool: pa.MemoryPool | None = None) -> Any:
    """The result of a function of Arrow; `values` are arrays, batches, scalars or values of Python."""
    return _load().call_function(name, list(values), options, memory_pool)


def cast(array: pa.Array, type: pa.DataType, memory_pool: pa.MemoryPool | None = None) -> pa.Array:
    """As `array.cast`."""
    return compute("cast", array, options=_load().CastOptions.safe(type), memory_pool=memory_pool)


def get_member(array: pa.Array, name: str) -> pa.Array:
    """A member of structures; NULL where the structure is."""
    return compute("struct_field", array, options=_load().StructFieldOptions(name))


def is_in(array: pa.Array, values: pa.Array) -> pa.Array:
    """Whether each value is one of `values`; false for NULL."""
    return compute("is_in", array, options=_load().SetLookupOptions(value_set=values))


def replace_text(texts: pa.Array, part: str, replacement: str, *, is_pattern: bool = False) -> pa.Array:
    """`texts` with each `part`, or each match of that regular expression, replaced."""
    options = _load().ReplaceSubstringOptions(part, replacement)
    return compute("replace_substring_regex" if is_pattern else "replace_substring", texts, options=options)


def has_match(texts: pa.Array, pattern: str) -> pa.Array:
    """Whether each text has a match of a regular expression."""
    return compute("match_substring_regex", texts, options=_load().MatchSubstringOptions(pattern))


def join_texts(*texts: pa.Array | str, separator: str = "") -> pa.Array:
    """The texts of each row as one; NULL is empty."""
    options = _load().JoinOptions(null_handling="replace", null_replacement="")
    return compute("binary_join_element_wise", *texts, separator, options=options)
