"""The lines that the command line and the shell print beside a result's rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlprov


def format_warnings(result: sqlprov.Result) -> Iterator[str]:
    """Warnings, and the reads that failed."""
    for warning in result.warnings:
        yield f"Warning: {warning}"
    for missing in result.errors:
        yield f"Warning: rows are missing: {missing.table}, {missing.region}: {missing.error}"


def format_outcomes(outcomes: Sequence[Any]) -> Iterator[str]:
    """The outcome of each written row."""
    for outcome in outcomes:
        operations = f" ({', '.join(outcome.operations)})" if outcome.operations else ""
        reason = f": {outcome.reason}" if outcome.reason else ""
        yield f"{outcome.status.value:<8}{outcome.key} in {outcome.region}{operations}{reason}"
