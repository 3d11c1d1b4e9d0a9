"""A JSON Patch (RFC 6902) and the row as described in, what changes out.

The document is applied to the row in Cloud Control's shape: the properties that CloudFormation's type has, which
are the API's members. What is the same before and after is no change, however the document came to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import jsonpatch
import pyarrow as pa

from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Column, ColumnSource, Table
from sqlprov.errors import DataError, InternalError, NotSupportedError, show_caret, suggest
from sqlprov.plan.write.diff import diff_values, drop_reserved, merge, pair_items, parse_tags, parse_time
from sqlprov.plan.write.steps import Snapshot
from sqlprov.plan.write.values import coerce

_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


class Patch(NamedTuple):
    """What a document changes, as a `Write` takes it.

    Attributes:
        changes: member of the update -> new value; `None` where it was removed, also inside a structure.
        tags, desired, reason: `None` if the document leaves them alone.
    """

    changes: dict[str, Any]
    tags: dict[str, str] | None = None
    desired: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Property:
    """A property of the document: its column, and its shape in the call that sets it (`None`: read-only)."""

    column: Column
    shape: Shape | None = None


def apply_patch(table: Table, found: Snapshot, document: str) -> Patch:
    """What `document` changes in a row.

    Raises:
        DataError: the document is no patch, does not apply, or a value does not fit; the text says where.
        NotSupportedError: a property that is read-only or fixed at creation ends with another value.
    """
    properties = list_properties(table)
    before = {
        name: value for name, known in properties.items() if (value := _shown(name, known, found)) is not None
    }
    after = _applied(document, before, properties)
    result = Patch({})
    for name, known in properties.items():
        if after.get(name) != before.get(name) or (name in after) != (name in before):
            result = _changed(table, found, name, known, before.get(name), after.get(name), result)
    return result


def list_properties(table: Table) -> dict[str, Property]:
    """Property -> column and shape: what create and update take, what Cloud Control adds, what Describe returns."""
    properties: dict[str, Property] = {}
    for method in (table.by_method.get("create_resource"), table.by_method.get("update_resource")):
        for part in method.parameters if method else ():
            if part.column and method:
                properties[part.name] = Property(
                    table.by_name[part.column], method.input_shape.members[part.name]
                )
    for name, ignored in table.write.insert.ignored.items():
        properties[name] = Property(table.by_name[ignored])
    shown = {known.column.name for known in properties.values()}
    for column in table.columns:
        if column.name not in shown and len(column.path) == 1:
            properties.setdefault(column.path[0], Property(column))
    return properties


def _shown(name: str, known: Property, found: Snapshot) -> Any:
    """A property's value before the patch, as JSON; `None` if it is absent."""
    if known.column.source is ColumnSource.TAGS:
        if found.tags is None:
            raise InternalError("the tags of the row were not read")
        return [{"Key": key, "Value": value} for key, value in drop_reserved(found.tags).items()]
    value = found.at(known.column.path)
    if known.shape:
        value = merge(value, value, known.shape, name)
    elif isinstance(value, int | float) and pa.types.is_timestamp(known.column.type):
        value = parse_time(value)
    return json.loads(json.dumps(value, default=_text))


def _text(value: Any) -> str:
    """What JSON has no form for: a time as ISO 8601."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _applied(text: str, before: Mapping[str, Any], properties: Mapping[str, Property]) -> dict[str, Any]:
    """The document after the patch."""
    after = dict(before)
    for place, operation in parse_operations(text):
        check_operation(operation, properties, place)
        wanted = _applicable(operation, after)
        if wanted is None:
            continue
        try:
            applied = jsonpatch.JsonPatch([wanted]).apply(after)
        except jsonpatch.JsonPatchTestFailed as error:
            raise DataError(f"{place}: the row holds another value; nothing was changed") from error
        except (
            jsonpatch.JsonPatchException,
            jsonpatch.JsonPointerException,
            TypeError,
            LookupError,
        ) as error:
            raise DataError(f"{place}: {error}") from error
        if not isinstance(applied, dict):
            raise DataError(f"{place}: leaves no object of properties")
        after = applied
        for name in after:
            _check_name(name, properties, place)
    return after


def parse_operations(text: str) -> list[tuple[str, Any]]:
    """The operations of a document, each with the words for its place.

    Raises:
        DataError: the document is no list in JSON.
    """
    try:
        operations = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"the patch is no JSON: {error.msg}\n{show_caret(text, error.pos)}") from error
    if not isinstance(operations, list):
        raise DataError(f"expected a list of operations as the patch, found {_brief(operations)}")
    return [
        (f"operation {at} of the patch, {_brief(operation)}", operation)
        for at, operation in enumerate(operations)
    ]


def check_operation(operation: Any, properties: Mapping[str, Property], place: str) -> None:
    """That an operation is one, whatever the row.

    Raises:
        DataError: it has no known op, no path, or the path of no property.
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
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            raise DataError(f"{place}: expected {key!r} such as '/Description', found {pointer!r}")
        if pointer:
            _check_name(_first(pointer), properties, place)


def _applicable(operation: dict[str, Any], document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The operation to apply; `None` if nothing is to be done.

    Cloud Control does not return what is only written (Schedule, DesiredState), and leaves out what is empty:
    replacing such a property adds it, removing it does nothing.
    """
    verb, path = operation["op"], operation["path"]
    absent = path.count("/") == 1 and _first(path) not in document
    if absent and verb == "remove":
        return None
    return {**operation, "op": "add"} if absent and verb == "replace" else operation


def parse_pointer(pointer: str) -> list[str]:
    """The steps of a JSON pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _first(pointer: str) -> str:
    return parse_pointer(pointer)[0]


def _check_name(name: str, properties: Mapping[str, Property], place: str) -> None:
    if name not in properties:
        raise DataError(
            f"{place}: unknown property {name!r}; expected one of {', '.join(properties)}.{suggest(name, properties)}"
        )


def _changed(
    table: Table, found: Snapshot, name: str, known: Property, before: Any, after: Any, result: Patch
) -> Patch:
    """`result` with the property that is another after the patch."""
    declared = table.write.desired
    if known.column.source is ColumnSource.TAGS and known.shape:
        tags = parse_tags(_fitting(name, after or [], known.shape))
        return result if tags == drop_reserved(found.tags or {}) else result._replace(tags=tags)
    if declared and known.column.name in (declared.column, declared.reason):
        if after is not None and not isinstance(after, str):
            raise DataError(f"{name} of the patch: {_brief(after)}; expected a text")
        if known.column.name == declared.column:
            return result._replace(desired=after)
        return result._replace(reason=after)
    if known.shape is None:
        raise NotSupportedError(f"{name} is read-only: a patch cannot change it")
    value = _removed(_fitting(name, after, known.shape), before, known.shape, name)
    if not list(diff_values(value, found.at(known.column.path), known.shape, name)):
        return result
    if name in table.create_only:
        raise NotSupportedError(
            f"{name} cannot be changed after the row was created; DELETE the row and INSERT it anew"
        )
    return result._replace(changes={**result.changes, name: value})


def _fitting(name: str, value: Any, shape: Shape) -> Any:
    """The value as boto3 takes it; raises DataError with every fault in it."""
    if value is None:
        return None
    fitting, faults, _ = coerce(json.dumps(value), pa.string(), True, shape, row=0, column=name, zone="UTC")
    if faults:
        told = "; ".join(f"{fault.path}: {fault.value!r}, expected {fault.expected}" for fault in faults)
        raise DataError(f"the patch does not fit: {told}")
    return fitting


def _removed(value: Any, before: Any, shape: Shape, path: str) -> Any:
    """`value` with `None` for each member that was there before."""
    if shape.kind == "structure" and isinstance(value, Mapping) and isinstance(before, Mapping):
        return {
            name: _removed(value.get(name), before.get(name), member, f"{path}.{name}")
            for name, member in shape.members.items()
            if name in value or name in before
        }
    if shape.item is not None and isinstance(value, list) and isinstance(before, list):
        pairs = pair_items(value, before, shape.item, path)
        return [_removed(item, other, shape.item, path) for item, other in pairs]
    return value


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
