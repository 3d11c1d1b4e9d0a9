"""resources/*.yaml and botocore's model in, `Table` out.

The names of tables need none of what loads them: the rest is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .catalog import Catalog

if TYPE_CHECKING:
    from .load import ProviderInfo, ServiceInfo
    from .regions import Region
    from .table import (
        Column,
        Constraint,
        DescribeCall,
        ErrorRule,
        Filter,
        ListCall,
        Method,
        Op,
        Parameter,
        Sort,
        Source,
        Table,
        TagsCall,
    )

__all__ = [
    "Catalog",
    "Column",
    "Constraint",
    "DescribeCall",
    "ErrorRule",
    "Filter",
    "ListCall",
    "Method",
    "Op",
    "Parameter",
    "ProviderInfo",
    "Region",
    "ServiceInfo",
    "Sort",
    "Source",
    "Table",
    "TagsCall",
]

_ELSEWHERE = {"ProviderInfo": "load", "ServiceInfo": "load", "Region": "regions"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ELSEWHERE.get(name, 'table')}"), name)
