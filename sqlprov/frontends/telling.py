"""A Result in, what is to be told beside its rows out, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlprov


def warnings(result: sqlprov.Result) -> Iterator[str]:
    """What is worth a second look, and the rows that are missing."""
    for warning in result.warnings:
        yield f"Warning: {warning}"
    for missing in result.errors:
        yield f"Warning: rows are missing: {missing.table}, {missing.region}: {missing.error}"


def outcomes(rows: Sequence[Any]) -> Iterator[str]:
    """What became of each row that was written."""
    for one in rows:
        made = f" ({', '.join(one.operations)})" if one.operations else ""
        reason = f": {one.reason}" if one.reason else ""
        yield f"{one.status.value:<8}{one.key} in {one.region}{made}{reason}"
