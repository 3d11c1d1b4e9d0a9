"""Leaves out what pyarrow imports and makes, and the command never needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

ABSENT = ("numpy", "pandas")
"""Libraries that pyarrow imports if they are installed; they take 0.3 s."""
COMPUTE = "pyarrow.compute"
DOCSTRINGS = "pyarrow.vendored.docscrape"


def install() -> None:
    """Change what this process imports from now on."""
    docstrings = ModuleType(DOCSTRINGS)
    docstrings.NumpyDocString = _NoDocString  # type: ignore[attr-defined]
    sys.modules[DOCSTRINGS] = docstrings
    sys.meta_path.insert(0, _Finder())


class _Finder:
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in ABSENT:
            raise ModuleNotFoundError(name, name=name)
        spec = PathFinder.find_spec(name, path) if name == COMPUTE else None
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _ComputeLoader(spec.loader.name, spec.loader.path)
        return spec


class _NoDocString:
    """In place of the parser of pyarrow's docstrings, from which it writes those of its functions."""

    def __init__(self, text: str) -> None:
        pass

    def __getitem__(self, section: str) -> tuple[()]:
        return ()


class _ComputeLoader(SourceFileLoader):
    """Loads pyarrow.compute and makes each of its 290 functions on first use; all of them take 0.02 s."""

    def exec_module(self, module: ModuleType) -> None:
        import pyarrow._compute as native

        registry = native.function_registry
        native.function_registry = lambda: _AlmostEmpty(registry())
        try:
            super().exec_module(module)
            wrap = module._wrap_function
        except Exception:  # the names are private; without this every function is made
            native.function_registry = registry
            super().exec_module(module)
            return
        finally:
            native.function_registry = registry

        def make(name: str) -> Any:
            try:
                function = registry().get_function(name.removesuffix("_"))
            except KeyError:
                raise AttributeError(f"module {COMPUTE!r} has no attribute {name!r}") from None
            module.__dict__[name] = wrap(name, function)
            return module.__dict__[name]

        module.__dict__.update(function_registry=registry, __getattr__=make)


class _AlmostEmpty:
    """A registry that lists one function, which pyarrow.compute gives a second name."""

    def __init__(self, registry: Any) -> None:
        self.get_function = registry.get_function

    def list_functions(self) -> list[str]:
        return ["utf8_zero_fill"]
