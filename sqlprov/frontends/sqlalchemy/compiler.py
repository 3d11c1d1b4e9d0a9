"""Compiles SQLAlchemy's expressions and types to DuckDB's SQL where it differs from the standard."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import cast
from sqlalchemy import types as sa
from sqlalchemy.exc import CompileError
from sqlalchemy.sql import compiler

from sqlprov.frontends.sqlalchemy.types import Map, Struct

_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')


def split_schema(schema: str) -> list[str]:
    """Split `aws.sagemaker` into names; a name with a dot in it is quoted.

    >>> split_schema('aws.sagemaker'), split_schema('"my.file".main')
    (['aws', 'sagemaker'], ['my.file', 'main'])
    """
    return [quoted.replace('""', '"') or plain for quoted, plain in _PART.findall(schema)]


class Preparer(compiler.IdentifierPreparer):
    """Quotes names."""

    def quote_schema(self, schema: str) -> str:
        """Quote a schema that may have a database, as in `aws.sagemaker`."""
        return ".".join(self.quote(part) for part in split_schema(schema))


class Compiler(compiler.SQLCompiler):
    """Compiles SELECT, INSERT, UPDATE and DELETE."""

    def limit_clause(self, select: Any, **kw: Any) -> str:
        """DuckDB takes OFFSET without LIMIT, but not LIMIT -1."""
        text: str = super().limit_clause(select, **kw)  # type: ignore[no-untyped-call]
        return text.replace("\n LIMIT -1", "", 1)

    def visit_empty_set_expr(self, element_types: Any, **kw: Any) -> str:
        """The query for an empty list in `IN ()`."""
        return f"SELECT {', '.join('NULL' for _ in element_types or [None])} WHERE false"

    def visit_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return self._ilike(binary, "ILIKE", **kw)

    def visit_not_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return self._ilike(binary, "NOT ILIKE", **kw)

    def _ilike(self, binary: Any, word: str, **kw: Any) -> str:
        escape = binary.modifiers.get("escape")
        tail = f" ESCAPE {self.render_literal_value(escape, sa.STRINGTYPE)}" if escape is not None else ""
        return f"{self.process(binary.left, **kw)} {word} {self.process(binary.right, **kw)}{tail}"

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        arguments = [self.process(binary.left, **kw), self.process(binary.right, **kw)]
        if flags := binary.modifiers.get("flags"):
            arguments.append(self.render_literal_value(flags, sa.STRINGTYPE))
        return f"regexp_matches({', '.join(arguments)})"

    def visit_not_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return f"NOT {self.visit_regexp_match_op_binary(binary, operator, **kw)}"

    def visit_regexp_replace_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        arguments = [self.process(binary.left, **kw), self.process(binary.right, **kw)]
        if flags := binary.modifiers.get("flags"):
            arguments.append(self.render_literal_value(flags, sa.STRINGTYPE))
        return f"regexp_replace({', '.join(arguments)})"

    def visit_bitwise_xor_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """DuckDB's `^` is a power."""
        return f"xor({self.process(binary.left, **kw)}, {self.process(binary.right, **kw)})"

    def visit_try_cast(self, element: Any, **kw: Any) -> str:
        return f"TRY_{self.visit_cast(element, **kw)}"  # type: ignore[no-untyped-call]

    def get_select_precolumns(self, select: Any, **kw: Any) -> str:
        """DISTINCT ON, which SQLAlchemy leaves out for most dialects."""
        if not select._distinct_on:
            return super().get_select_precolumns(select, **kw)
        return f"DISTINCT {self.visit_postgresql_distinct_on(select, **kw)} "

    def visit_postgresql_distinct_on(self, element: Any, **kw: Any) -> str:
        """The extension that SQLAlchemy 2.1 has instead of `distinct(column)`."""
        return f"ON ({', '.join(self.process(column, **kw) for column in element._distinct_on)})"

    def for_update_clause(self, select: Any, **kw: Any) -> str:
        raise CompileError("DuckDB has no FOR UPDATE: leave out with_for_update(). AWS locks no rows either.")

    def visit_getitem_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """An element of a list; indexes start at 1."""
        return f"{self.process(binary.left, **kw)}[{self.process(binary.right, **kw)}]"

    def visit_slice(self, element: Any, **kw: Any) -> str:
        """A slice of a list, both ends included."""
        return f"{self.process(element.start, **kw)}:{self.process(element.stop, **kw)}"

    def visit_json_getitem_op_binary(
        self, binary: Any, operator: Any, _cast_applied: bool = False, **kw: Any
    ) -> str:
        """A member or element of JSON: as JSON, or as text that is cast to another type."""
        # A decorated type has the type that it decorates.
        is_json = isinstance(getattr(binary.type, "impl_instance", binary.type), sa.JSON)
        if not _cast_applied and not is_json:
            return self.process(cast(binary, binary.type), _cast_applied=True, **kw)
        arrow = "->>" if _cast_applied else "->"
        return f"({self.process(binary.left, **kw)} {arrow} {self.process(binary.right, **kw)})"

    visit_json_path_getitem_op_binary = visit_json_getitem_op_binary

    def visit_aggregate_strings_func(self, fn: Any, **kw: Any) -> str:
        kw.pop("use_function_name", None)
        return f"string_agg{self.function_argspec(fn, **kw)}"

    def returning_clause(
        self, stmt: Any, returning_cols: Any, *, populate_result_map: bool, **kw: Any
    ) -> str:
        """Omits the table's name, which may have three parts; there is only one table."""
        kw["include_table"] = False
        return super().returning_clause(stmt, returning_cols, populate_result_map=populate_result_map, **kw)

    def visit_sequence(self, sequence: Any, **kw: Any) -> str:
        return f"nextval('{self.preparer.format_sequence(sequence)}')"


class TypeCompiler(compiler.GenericTypeCompiler):
    """Compiles types of columns and casts."""

    def visit_TIMESTAMP(self, type_: Any, **kw: Any) -> str:
        return "TIMESTAMP WITH TIME ZONE" if type_.timezone else "TIMESTAMP"

    visit_DATETIME = visit_TIMESTAMP

    def visit_TIME(self, type_: Any, **kw: Any) -> str:
        return "TIME WITH TIME ZONE" if type_.timezone else "TIME"

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:
        """DuckDB's FLOAT has 24 bits; SQLAlchemy's has Python's 53 unless its precision is lower."""
        return "REAL" if type_.precision and type_.precision <= 24 else "DOUBLE"

    def visit_BINARY(self, type_: Any, **kw: Any) -> str:
        return "BLOB"

    visit_VARBINARY = visit_BINARY

    def visit_uuid(self, type_: Any, **kw: Any) -> str:
        return "UUID"

    def visit_INTERVAL(self, type_: Any, **kw: Any) -> str:
        return "INTERVAL"

    def visit_JSON(self, type_: Any, **kw: Any) -> str:
        return "JSON"

    def visit_ARRAY(self, type_: Any, **kw: Any) -> str:
        return f"{self.process(type_.item_type, **kw)}{'[]' * (type_.dimensions or 1)}"

    def visit_user_defined(self, type_: Any, **kw: Any) -> str:
        if isinstance(type_, Struct):
            quote = self.dialect.identifier_preparer.quote_identifier
            fields = (f"{quote(name)} {self.process(kind, **kw)}" for name, kind in type_.fields)
            return f"STRUCT({', '.join(fields)})"
        if isinstance(type_, Map):
            return f"MAP({self.process(type_.key, **kw)}, {self.process(type_.value, **kw)})"
        return super().visit_user_defined(type_, **kw)


class JSONPath(sa.JSON.JSONPathType):
    """Compiles a JSON path: `("a", 1)` is `$."a"[1]`."""

    def bind_processor(self, dialect: Any) -> Any:
        return lambda path: (
            "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in path)
        )
