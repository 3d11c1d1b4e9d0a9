"""Query and manage cloud resources with SQL: AWS resources as tables in DuckDB.

    import sqlprov

    with sqlprov.connect(local=True) as con:
        con.sql("SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'").df()

Modules load on first use: `sqlprov --version` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sqlprov import errors
from sqlprov.api import pep249
from sqlprov.api.pep249 import *  # noqa: F403
from sqlprov.errors import *  # noqa: F403
from sqlprov.errors import Warning as Warning  # PEP 249's; a star import leaves Python's own
from sqlprov.version import VERSION

if TYPE_CHECKING:
    from sqlprov.api.connect import attach, connect, detach
    from sqlprov.api.connection import Connection
    from sqlprov.api.result import Result
    from sqlprov.duck.attachment import Attachment

__version__ = VERSION
__all__ = [
    "Attachment",
    "Connection",
    "Result",
    "__version__",
    "attach",
    "connect",
    "detach",
    *pep249.__all__,
    *errors.__all__,
]

_LAZY = {
    "Attachment": "sqlprov.duck.attachment",
    "attach": "sqlprov.api.connect",
    # IPython calls it for %load_ext sqlprov.
    "load_ipython_extension": "sqlprov.frontends.notebook",
    "detach": "sqlprov.api.connect",
    "Connection": "sqlprov.api.connection",
    "connect": "sqlprov.api.connect",
    "Result": "sqlprov.api.result",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'sqlprov' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
