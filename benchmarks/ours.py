"""Contender sqlprov: the same rows as (a), by SQL."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

import sqlprov

TABLE = "aws.sagemaker.inference_experiments"
LISTED = (
    "name, type, status, status_reason, description, schedule, role_arn, "
    "creation_time, completion_time, last_modified_time"
)
LIST = f"SELECT {LISTED} FROM {TABLE}"
DESCRIBE = f"SELECT * EXCLUDE (tags, tag_map) FROM {TABLE}"


class Ours:
    """
    Args:
        settings: as `connect` takes them.
    """

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        self.connection = sqlprov.connect(settings=settings)

    def warm(self, regions: list[str]) -> None:
        """One short statement, to create clients, connections and the table."""
        self._set_regions(regions)
        self.connection.sql(f"SELECT name FROM {TABLE} LIMIT 1").fetchall()

    def list_rows(self, regions: list[str]) -> pa.Table:
        """Every row of `regions`."""
        return self.connection.sql(LIST).arrow()

    def describe_rows(self, regions: list[str]) -> pa.Table:
        """Every row of `regions`, each described."""
        return self.connection.sql(DESCRIBE).arrow()

    def run(self, sql: str, regions: list[str]) -> dict[str, Any]:
        """Rows of a statement, its calls by operation, and their attempts."""
        self._set_regions(regions)
        result = self.connection.sql(sql)
        rows = result.arrow().num_rows
        return {
            "rows": rows,
            "calls": dict(Counter(call.operation for call in result.calls)),
            "attempts": sum(call.attempts for call in result.calls),
        }

    def _set_regions(self, regions: list[str]) -> None:
        self.connection.sql(f"SET sqlprov_regions = '{','.join(regions)}'")
