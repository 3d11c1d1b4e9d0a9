"""Finds the operation that describes a row, and the columns that fill its parameters."""

from __future__ import annotations

from typing import Any

from sqlprov.catalog.nouns import flatten, list_nouns, match_column

from .service import Draft


def find_describe(draft: Draft) -> None:
    """Fill `describe` and `arguments`."""
    service, noun = draft.service, draft.noun
    for call in filter(None, (service.find(verb + noun) for verb in ("Describe", "Get"))):
        if call != draft.list and (arguments := _fill(draft, call)):
            draft.describe, draft.arguments = call, arguments
            return


def match(draft: Draft, parameter: str, shape: Any) -> str:
    """The column of a row, or of its parents, that fills a parameter; empty if none does."""
    exact = next((column for column in draft.columns if flatten(column) == flatten(parameter)), "")
    parents = {flatten(name): column for name, column in draft.parent_columns.items()}
    if not exact and flatten(parameter) in parents:
        return parents[flatten(parameter)]
    if shape.metadata.get("enum") and not exact:
        return ""
    return match_column(parameter, shape, draft.columns, list_nouns(draft.name))


def _fill(draft: Draft, call: str) -> dict[str, str]:
    """The arguments of a Describe of one row; empty if the row does not fill them."""
    operation, inputs = draft.service.operations[call], draft.service.get_inputs(call)
    if operation.has_streaming_output or operation.has_event_stream_output:
        return {}  # it downloads the content
    arguments = {name: match(draft, name, inputs[name]) for name in draft.service.get_required(call)}
    # What the parent gives does not identify a row.
    is_row = not set(arguments.values()) <= set(draft.parent_columns.values())
    return arguments if is_row and all(arguments.values()) else {}
