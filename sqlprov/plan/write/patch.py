"""Applies a JSON Patch (RFC 6902) to a described row.

The document changes the row in Cloud Control's shape: the properties of the CloudFormation type, which are the
API's members. Only values that the patch changes are sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import jsonpatch
import pyarrow as pa

from sqlprov.catalog.column import Column, ColumnSource
from sqlprov.catalog.packing import PATCH_DOCUMENT
from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.catalog.texts import parse_time
from sqlprov.errors import DataError, InternalError, NotSupportedError, show_caret, suggest
from sqlprov.plan.write.diff import (
    diff_values,
    drop_reserved,
    merge,
    pair_items,
    parse_tags,
    spell_tags,
)
from sqlprov.plan.write.steps import RowWrite, Snapshot
from sqlprov.plan.write.values import coerce
from sqlprov.records import dataclass

_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")
_PATCH_ERRORS = (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, LookupError)


@dataclass(frozen=True)
class Property:
    """A property of the document: its column, and its shape in the call that sets it (`None`: read-only)."""

    column: Column
    shape: Shape | None = None


def apply_patch(write: RowWrite, snapshot: Snapshot, document: str) -> RowWrite:
    """The write with the changes of `document` to the row, or with its operations if the service applies them.

    Raises:
        DataError: the document is not a patch, does not apply, or a value does not fit; the text says where.
        NotSupportedError: the patch changes a property that is read-only or fixed at creation.
    """
    if is_applied_by_service(write.table):
        operations = [operation for _, operation in parse_operations(document)]
        return replace(write, values={PATCH_DOCUMENT: operations})
    properties = list_properties(write.table)
    before = {
        name: value
        for name, known in properties.items()
        if (value := _get_value(write.table, name, known, snapshot)) is not None
    }
    after = _apply_operations(document, before, properties)
    for name, known in properties.items():
        if after.get(name) != before.get(name) or (name in after) != (name in before):
            write = _add_change(write, snapshot, name, known, before.get(name), after.get(name))
    return write


def is_applied_by_service(table: Table) -> bool:
    """Whether the update takes a patch document, as Cloud Control's does."""
    update = table.by_method.get("update_resource")
    return update is not None and update.packing is not None


def list_properties(table: Table) -> dict[str, Property]:
    """Property -> column and shape: all properties that create and update take, Cloud Control adds, or
    Describe returns."""
    properties: dict[str, Property] = {}
    for method in (table.by_method.get("create_resource"), table.by_method.get("update_resource")):
        for part in method.parameters if method else ():
            if part.column and method:
                properties[part.name] = Property(
                    table.by_name[part.column], method.input_shape.members[part.name]
                )
    for name, ignored in table.write.insert.ignored.items():
        properties[name] = Property(table.by_name[ignored])
    columns = {known.column.name for known in properties.values()}
    for column in table.columns:
        if column.name not in columns and len(column.path) == 1:
            properties.setdefault(column.path[0], Property(column))
    return properties


def _get_value(table: Table, name: str, known: Property, snapshot: Snapshot) -> Any:
    """A property's value before the patch, as JSON; `None` if it is absent."""
    if known.column.source is ColumnSource.TAGS:
        if snapshot.tags is None:
            raise InternalError("the tags of the row were not read")
        return spell_tags(drop_reserved(snapshot.tags), table.tag_spelling)
    value = snapshot.get_column(table, known.column.name)
    if known.shape:
        value = merge(value, value, known.shape, name)
    elif isinstance(value, int | float) and pa.types.is_timestamp(known.column.type):
        value = parse_time(value, known.column.per_second)
    return json.loads(json.dumps(value, default=_format_value))


def _format_value(value: Any) -> str:
    """A value that JSON cannot represent, as text, such as a time (ISO 8601)."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _apply_operations(
    text: str, before: Mapping[str, Any], properties: Mapping[str, Property]
) -> dict[str, Any]:
    """The document after the patch."""
    after = dict(before)
    for place, operation in parse_operations(text):
        check_operation(operation, properties, place)
        adjusted = _adjust_operation(operation, after)
        if adjusted is None:
            continue
        try:
            applied = jsonpatch.JsonPatch([adjusted]).apply(after)
        except jsonpatch.JsonPatchTestFailed as error:
            raise DataError(f"{place}: the row has another value; nothing was changed") from error
        except _PATCH_ERRORS as error:
            raise DataError(f"{place}: {error}") from error
        if not isinstance(applied, dict):
            raise DataError(f"{place}: the result is not an object of properties")
        after = applied
        for name in after:
            _check_name(name, properties, place)
    return after


def parse_operations(text: str) -> list[tuple[str, Any]]:
    """The operations of a document, each with its place for messages.

    Raises:
        DataError: the document is not a JSON list.
    """
    try:
        operations = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"the patch is not valid JSON: {error.msg}\n{show_caret(text, error.pos)}") from error
    if not isinstance(operations, list):
        raise DataError(f"expected a list of operations as the patch, found {_abbreviate(operations)}")
    return [
        (f"operation {at} of the patch, {_abbreviate(operation)}", operation)
        for at, operation in enumerate(operations)
    ]


def check_operation(operation: Any, properties: Mapping[str, Property] | None, place: str) -> None:
    """Check the form of an operation, independent of the row; without `properties`, not the names in its paths.

    Raises:
        DataError: its op or path is missing or unknown.
    """
    if not isinstance(operation, dict):
        raise DataError(f"{place}: expected an object with `op` and `path`")
    verb = operation.get("op")
    if verb not in _OPERATIONS:
        raise DataError(
            f"{place}: unknown op {verb!r}; expected one of {', '.join(_OPERATIONS)}."
            f"{suggest(str(verb), _OPERATIONS)}"
        )
    for key in ("path", "from") if verb in ("move", "copy") else ("path",):
        pointer = operation.get(key)
        is_text = isinstance(pointer, str)
        if not is_text or (properties is not None and pointer and not pointer.startswith("/")):
            raise DataError(f"{place}: expected {key!r} such as '/Description', found {pointer!r}")
        if pointer and properties is not None:
            _check_name(_find_first_step(pointer), properties, place)


def _adjust_operation(operation: dict[str, Any], document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The operation to apply; `None` if there is nothing to do.

    Cloud Control does not return write-only properties (Schedule, DesiredState) and empty ones: replacing such a
    property adds it, removing it does nothing.
    """
    verb, path = operation["op"], operation["path"]
    absent = path.count("/") == 1 and _find_first_step(path) not in document
    if absent and verb == "remove":
        return None
    return {**operation, "op": "add"} if absent and verb == "replace" else operation


def parse_pointer(pointer: str) -> list[str]:
    """The steps of a JSON pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _find_first_step(pointer: str) -> str:
    return parse_pointer(pointer)[0]


def _check_name(name: str, properties: Mapping[str, Property], place: str) -> None:
    if name not in properties:
        raise DataError(
            f"{place}: unknown property {name!r}; expected one of {', '.join(properties)}.{suggest(name, properties)}"
        )


def _add_change(
    write: RowWrite, snapshot: Snapshot, name: str, known: Property, before: Any, after: Any
) -> RowWrite:
    """The write with a property that the patch changes."""
    rule = write.table.write.desired
    if known.column.source is ColumnSource.TAGS and known.shape:
        spelling = write.table.tag_spelling
        tags = parse_tags(_coerce(name, after, known.shape), spelling) if after else {}
        return write if tags == drop_reserved(snapshot.tags or {}) else replace(write, tags=tags)
    if rule and known.column.name in (rule.column, rule.reason):
        if after is not None and not isinstance(after, str):
            raise DataError(f"{name} of the patch: {_abbreviate(after)}; expected text")
        is_state = known.column.name == rule.column
        return replace(write, desired=after) if is_state else replace(write, reason=after)
    if known.shape is None:
        raise NotSupportedError(f"{name} is read-only: a patch cannot change it")
    value = _mark_removed(_coerce(name, after, known.shape), before, known.shape, name)
    now = snapshot.get_column(write.table, known.column.name)
    if not list(diff_values(value, now, known.shape, name)):
        return write
    if name in write.table.create_only:
        raise NotSupportedError(
            f"{name} cannot be changed after the row was created; DELETE the row and INSERT it again"
        )
    return replace(write, values={**write.values, name: value})


def _coerce(name: str, value: Any, shape: Shape) -> Any:
    """The value as boto3 takes it; raises DataError with all its problems."""
    if value is None:
        return None
    coerced, errors, _ = coerce(json.dumps(value), pa.string(), True, shape, row=0, column=name, zone="UTC")
    if errors:
        problems = "; ".join(f"{each.path}: {each.value!r}, expected {each.expected}" for each in errors)
        raise DataError(f"the patch does not fit: {problems}")
    return coerced


def _mark_removed(value: Any, before: Any, shape: Shape, path: str) -> Any:
    """`value` with `None` for each member that it no longer has."""
    if shape.kind == "structure" and isinstance(value, Mapping) and isinstance(before, Mapping):
        return {
            name: _mark_removed(value.get(name), before.get(name), member, f"{path}.{name}")
            for name, member in shape.members.items()
            if name in value or name in before
        }
    if shape.item is not None and isinstance(value, list) and isinstance(before, list):
        pairs = pair_items(value, before, shape.item, path)
        return [_mark_removed(item, other, shape.item, path) for item, other in pairs]
    return value


def _abbreviate(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
