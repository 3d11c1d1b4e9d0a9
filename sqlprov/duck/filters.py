"""Parses a pyarrow filter through its Substrait form. Anything unknown narrows nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate

COMPARED = {"equal": "=", "not_equal": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Unreadable(Exception):
    """A part of the expression that a Predicate cannot represent."""


def read_filter(filter_: pc.Expression | None, schema: pa.Schema) -> Predicate:
    """Parse `filter_`, an expression over `schema`."""
    if filter_ is None:
        return TRUE
    # Imported here: it takes 40 ms, and only statements with a live table need it.
    from substrait.proto import ExtendedExpression

    message = ExtendedExpression()
    try:
        message.ParseFromString(bytes(filter_.to_substrait(schema)))
    except pa.ArrowException:
        return Opaque(frozenset(schema.names))
    functions = {
        extension.extension_function.function_anchor: extension.extension_function.name.split(":")[0]
        for extension in message.extensions
    }
    return _Reader(functions, schema.names).read(message.referred_expr[0].expression)


class _Reader:
    def __init__(self, functions: dict[int, str], names: list[str]) -> None:
        self.functions, self.names = functions, names

    def read(self, node: Any) -> Predicate:
        try:
            return self._read(node)
        except Unreadable:
            return Opaque(frozenset(self._list_columns(node)))

    def _read(self, node: Any) -> Predicate:
        kind = node.WhichOneof("rex_type")
        if kind == "singular_or_list":
            values = tuple(self._get_value(option) for option in node.singular_or_list.options)
            return In(self._get_column(node.singular_or_list.value), values)
        if kind == "literal" and node.literal.WhichOneof("literal_type") == "boolean":
            return TRUE if node.literal.boolean else FALSE
        if kind == "if_then":
            return self._parse_member(node.if_then)
        if kind != "scalar_function":
            raise Unreadable
        name = self.functions.get(node.scalar_function.function_reference, "")
        arguments = [argument.value for argument in node.scalar_function.arguments]
        if name in ("and", "or"):
            parts = tuple(self.read(argument) for argument in arguments)
            return And(parts) if name == "and" else Or(parts)
        if name == "not":
            return Not(self.read(arguments[0]))
        if name in ("is_null", "is_not_null"):
            null = IsNull(self._get_column(arguments[0]))
            return null if name == "is_null" else Not(null)
        if name in COMPARED:
            return self._read_comparison(COMPARED[name], *arguments)
        raise Unreadable

    def _parse_member(self, node: Any) -> Predicate:
        """IN arrives as an if: whether a column is in the list if it is not null, otherwise null."""
        branches = list(node.ifs)
        if len(branches) != 1:
            raise Unreadable
        condition, member = self._read(getattr(branches[0], "if")), self._read(branches[0].then)
        if not isinstance(member, In) or condition != Not(IsNull(member.column)):
            raise Unreadable
        return member

    def _read_comparison(self, op: str, left: Any, right: Any) -> Predicate:
        if left.WhichOneof("rex_type") == "literal":
            left, right, op = right, left, MIRRORED[op]
        return Compare(self._get_column(left), op, self._get_value(right))

    def _get_column(self, node: Any) -> str:
        if node.WhichOneof("rex_type") != "selection":
            raise Unreadable
        segment = node.selection.direct_reference.struct_field
        if segment.HasField("child"):
            raise Unreadable
        name: str = self.names[segment.field]
        return name

    def _get_value(self, node: Any) -> Any:
        if node.WhichOneof("rex_type") == "cast":
            node = node.cast.input
        if node.WhichOneof("rex_type") != "literal":
            raise Unreadable
        kind = node.literal.WhichOneof("literal_type")
        if kind is None:
            return _read_timestamp(node.literal)
        value = getattr(node.literal, kind)
        match kind:
            case "string" | "boolean" | "i8" | "i16" | "i32" | "i64" | "fp32" | "fp64":
                return value
            case "var_char":
                return value.value
            case "timestamp_tz":
                return EPOCH + timedelta(microseconds=value)
            case "precision_timestamp_tz":
                return EPOCH + timedelta(microseconds=value.value * 10 ** (6 - value.precision))
        raise Unreadable

    def _list_columns(self, node: Any) -> set[str]:
        """The columns named anywhere in a message."""
        if hasattr(node, "direct_reference"):
            return {self.names[node.direct_reference.struct_field.field]}
        columns: set[str] = set()
        for field, value in node.ListFields():
            if field.message_type is not None:
                for each in [value] if hasattr(value, "ListFields") else value:
                    columns |= self._list_columns(each)
        return columns


TIMESTAMP_TZ = 27
"""Number of Substrait's `Literal.timestamp_tz`: pyarrow writes it, newer definitions no longer have it."""


def _read_timestamp(literal: Any) -> datetime:
    """The timestamp of a literal whose kind the installed definitions lack, in microseconds since 1970."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    for field in UnknownFieldSet(literal):
        if field.field_number == TIMESTAMP_TZ:
            # A varint holds the two's complement of a negative number.
            signed = field.data - (1 << 64) if field.data >= 1 << 63 else field.data
            return EPOCH + timedelta(microseconds=signed)
    raise Unreadable
