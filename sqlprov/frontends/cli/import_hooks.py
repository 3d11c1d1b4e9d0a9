"""Shortens a start: leaves out what pyarrow imports needlessly, and loads libraries on another core."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

ABSENT = ("numpy", "pandas")
"""Libraries that pyarrow imports if they are installed; they take 0.3 s."""


class _Finder:
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name in ABSENT:
            raise ModuleNotFoundError(name, name=name)


def install() -> None:
    """Change what this process imports from now on."""
    sys.meta_path.insert(0, _Finder())
    threading.Thread(target=_load_libraries, daemon=True).start()


def _load_libraries() -> None:
    """Load the libraries of DuckDB and Arrow. ctypes releases Python's lock while it does; an import does not."""
    with suppress(Exception):  # what is wrong here, the import reports
        for package, name in (("_duckdb", "_duckdb"), ("pyarrow", "lib")):
            spec = find_spec(package)
            assert spec is not None and spec.origin is not None, "an import raises an error"
            ctypes.CDLL(str(Path(spec.origin).parent / f"{name}{EXTENSION_SUFFIXES[0]}"))
