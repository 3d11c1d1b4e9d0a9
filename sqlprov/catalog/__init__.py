"""resources/*.yaml and botocore's model in, `Table` out."""

from .catalog import Catalog
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
