"""SQLAlchemy's expressions in, DuckDB's SQL out, where it differs from the standard."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import cast
from sqlalchemy import types as sa
from sqlalchemy.sql import compiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import _anonymous_label
from sqlalchemy.sql.selectable import TableClause

from sqlprov.frontends.sqlalchemy.types import Map, Struct

# The words of duckdb_keywords() that cannot be a name everywhere.
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
all analyse analyze and anti any array as asc asof asymmetric at authorization between bigint binary bit boolean
both by case cast char character check coalesce collate collation column columns concurrently constraint create
cross dec decimal default deferrable desc describe distinct do else end except exists extract false fetch float for
foreign freeze from full generated glob group grouping grouping_id having ilike in initially inner inout int integer
intersect interval into is isnull join lambda lateral leading left like limit map national natural nchar none not
notnull null nullif numeric offset on only or order out outer overlaps overlay pivot pivot_longer pivot_wider placing
position positional precision primary qualify real references returning right row select semi setof show similar
smallint some struct substring summarize symmetric table tablesample then time timestamp to trailing treat trim true
try_cast tuple union unique unpack unpivot using values varchar variadic verbose when where window with xmlattributes
xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
        """,
    )
)
_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')


def schema_parts(schema: str) -> list[str]:
    """The names within `aws.sagemaker`; a name that holds a dot is written in quotes.

    >>> schema_parts('aws.sagemaker'), schema_parts('"my.file".main')
    (['aws', 'sagemaker'], ['my.file', 'main'])
    """
    return [quoted.replace('""', '"') or plain for quoted, plain in _PART.findall(schema)]


class Preparer(compiler.IdentifierPreparer):
    """Quotes names."""

    reserved_words = set(RESERVED)  # noqa: RUF012

    def quote_schema(self, schema: str) -> str:
        """A schema may stand in a database: `aws.sagemaker`."""
        return ".".join(self.quote(part) for part in schema_parts(schema))


class Compiler(compiler.SQLCompiler):
    """SELECT, INSERT, UPDATE and DELETE.

    A table with a schema gets an alias, because SQLAlchemy would write `aws.sagemaker.models.region`, a name that ends
    to mean anything where a condition on the region is put beside the table.
    """

    def visit_table(self, table: Any, asfrom: bool = False, *arguments: Any, **kw: Any) -> str:
        """`aws.sagemaker.models AS models_1`."""
        text: str = super().visit_table(table, asfrom, *arguments, **kw)  # type: ignore[no-untyped-call]
        alias = self._alias(table) if asfrom and kw.get("enclosing_alias") is None else None
        return f"{text} AS {alias}" if alias else text

    def visit_column(
        self,
        column: Any,
        add_to_result_map: Any = None,
        include_table: bool = True,
        *arguments: Any,
        **kw: Any,
    ) -> str:
        """`models_1.region`."""
        alias = self._alias(column.table) if include_table else None
        include_table = include_table and alias is None
        text = super().visit_column(column, add_to_result_map, include_table, *arguments, **kw)
        return f"{alias}.{text}" if alias else text

    def _alias(self, table: Any) -> str | None:
        """The name of a table of some schema, but for the one that is written."""
        if not isinstance(table, TableClause) or not self.preparer.schema_for_object(table):  # type: ignore[arg-type]
            return None
        if isinstance(self.statement, UpdateBase) and self.statement.table is table:
            return None
        label = _anonymous_label.safe_construct(id(table), table.name)
        return self.preparer.quote(self._truncated_identifier("alias", label))

    def limit_clause(self, select: Any, **kw: Any) -> str:
        """DuckDB has OFFSET without LIMIT, and no LIMIT -1."""
        text = ""
        if select._limit_clause is not None:
            text += f"\n LIMIT {self.process(select._limit_clause, **kw)}"
        if select._offset_clause is not None:
            text += f"\n OFFSET {self.process(select._offset_clause, **kw)}"
        return text

    def visit_empty_set_expr(self, element_types: Any, **kw: Any) -> str:
        """What `IN ()` of no values stands for."""
        return f"SELECT {', '.join('NULL' for _ in element_types or [None])} WHERE false"

    def visit_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """DuckDB has ILIKE."""
        return self._ilike(binary, "ILIKE", **kw)

    def visit_not_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """DuckDB has NOT ILIKE."""
        return self._ilike(binary, "NOT ILIKE", **kw)

    def _ilike(self, binary: Any, word: str, **kw: Any) -> str:
        escape = binary.modifiers.get("escape")
        tail = f" ESCAPE {self.render_literal_value(escape, sa.STRINGTYPE)}" if escape is not None else ""
        return f"{self.process(binary.left, **kw)} {word} {self.process(binary.right, **kw)}{tail}"

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """A part of the text matches."""
        arguments = [self.process(binary.left, **kw), self.process(binary.right, **kw)]
        if flags := binary.modifiers.get("flags"):
            arguments.append(self.render_literal_value(flags, sa.STRINGTYPE))
        return f"regexp_matches({', '.join(arguments)})"

    def visit_not_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """No part of the text matches."""
        return f"NOT {self.visit_regexp_match_op_binary(binary, operator, **kw)}"

    def visit_getitem_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """An element of a list, counted from 1."""
        return f"{self.process(binary.left, **kw)}[{self.process(binary.right, **kw)}]"

    def visit_slice(self, element: Any, **kw: Any) -> str:
        """Of a list, both ends included."""
        return f"{self.process(element.start, **kw)}:{self.process(element.stop, **kw)}"

    def visit_json_getitem_op_binary(
        self, binary: Any, operator: Any, _cast_applied: bool = False, **kw: Any
    ) -> str:
        """A member or element of JSON, as JSON or, where another type is asked for, as its text."""
        if not _cast_applied and binary.type._type_affinity is not sa.JSON:
            return self.process(cast(binary, binary.type), _cast_applied=True, **kw)
        arrow = "->>" if _cast_applied else "->"
        return f"({self.process(binary.left, **kw)} {arrow} {self.process(binary.right, **kw)})"

    visit_json_path_getitem_op_binary = visit_json_getitem_op_binary

    def visit_aggregate_strings_func(self, fn: Any, **kw: Any) -> str:
        """DuckDB's name for it."""
        kw.pop("use_function_name", None)
        return f"string_agg{self.function_argspec(fn, **kw)}"

    def returning_clause(
        self, stmt: Any, returning_cols: Any, *, populate_result_map: bool, **kw: Any
    ) -> str:
        """Of the one table that is written, so that its name, which may have three parts, is left out."""
        kw["include_table"] = False
        return super().returning_clause(stmt, returning_cols, populate_result_map=populate_result_map, **kw)

    def visit_sequence(self, sequence: Any, **kw: Any) -> str:
        """The next value."""
        return f"nextval('{self.preparer.format_sequence(sequence)}')"


class TypeCompiler(compiler.GenericTypeCompiler):
    """Types of columns and casts."""

    def visit_TIMESTAMP(self, type_: Any, **kw: Any) -> str:
        """With or without a time zone."""
        return "TIMESTAMP WITH TIME ZONE" if type_.timezone else "TIMESTAMP"

    visit_DATETIME = visit_TIMESTAMP

    def visit_TIME(self, type_: Any, **kw: Any) -> str:
        """With or without a time zone."""
        return "TIME WITH TIME ZONE" if type_.timezone else "TIME"

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:
        """DuckDB's FLOAT has 24 bits; SQLAlchemy's is Python's unless it says less."""
        return "REAL" if type_.precision and type_.precision <= 24 else "DOUBLE"

    def visit_BINARY(self, type_: Any, **kw: Any) -> str:
        """DuckDB has one type for bytes."""
        return "BLOB"

    visit_VARBINARY = visit_BINARY

    def visit_uuid(self, type_: Any, **kw: Any) -> str:
        """DuckDB has one."""
        return "UUID"

    def visit_JSON(self, type_: Any, **kw: Any) -> str:
        """DuckDB has one."""
        return "JSON"

    def visit_ARRAY(self, type_: Any, **kw: Any) -> str:
        """A list."""
        return f"{self.process(type_.item_type, **kw)}{'[]' * (type_.dimensions or 1)}"

    def visit_user_defined(self, type_: Any, **kw: Any) -> str:
        """STRUCT and MAP hold other types."""
        if isinstance(type_, Struct):
            quote = self.dialect.identifier_preparer.quote_identifier
            fields = (f"{quote(name)} {self.process(kind, **kw)}" for name, kind in type_.fields)
            return f"STRUCT({', '.join(fields)})"
        if isinstance(type_, Map):
            return f"MAP({self.process(type_.key, **kw)}, {self.process(type_.value, **kw)})"
        return super().visit_user_defined(type_, **kw)


class JSONPath(sa.JSON.JSONPathType):
    """A path within JSON, as DuckDB writes it."""

    def bind_processor(self, dialect: Any) -> Any:
        """("a", 1) is $."a"[1]."""
        return lambda path: (
            "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in path)
        )
