"""Says which column or member a statement means, where DuckDB's error does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import pyarrow as pa

from sqlprov.catalog.column import TAG_MAP, Column
from sqlprov.catalog.columns import TAGS_TYPE
from sqlprov.catalog.nouns import list_nouns
from sqlprov.catalog.service_model import to_snake_case
from sqlprov.catalog.table import Table
from sqlprov.duck.vocabulary import read_keywords
from sqlprov.errors import find_nearest
from sqlprov.sql.duckdb_types import format_duckdb_type
from sqlprov.sql.lexer import Token

LONGEST_TYPE = 60
"""A type with more characters is shortened in a message."""
MOST_MEMBERS = 4
"""Members of a structure that a message names."""
_TAKING_PATHS = (
    *(
        "json_extract",
        "json_value",
        "json_exists",
        "json_type",
        "json_array_length",
        "json_keys",
        "json_each",
    ),
    "json_tree",
)
"""How the names of functions begin whose second argument is a JSON path."""
_WRONG_TYPE = re.compile(
    r"to the destination type |given name and argument types |Could not convert string|Cannot extract field"
)


def suggest_columns(
    name: str, tables: Sequence[Table], others: Iterable[str] = (), *, is_near: bool = True
) -> str:
    """` Did you mean 'name'?`: the columns that have the name in another spelling or with another noun in front.

    Args:
        name: as the statement writes it, such as `bucket_name` or `BucketName`.
        tables: the live tables of the statement.
        others: more names that it may mean.
        is_near: whether a name that is nearly the same will do, if there is no such column.
    """
    columns = {column: table for table in tables for column in table.by_name}
    if name in columns:
        return ""  # a view or a sub-query lacks it, and DuckDB says what those have
    written = to_snake_case(name.removeprefix("data__"))
    ends = [column for column in columns if written.endswith(f"_{column}") or column.endswith(f"_{written}")]
    keys = [column for column in ends if column in columns[column].key]
    meant = [written] if written in columns else keys or ends
    if not meant and is_near:
        spellings = {column.partition("_")[2]: column for column in columns if "_" in column}
        for column, table in columns.items():
            spellings |= {f"{noun}_{column}": column for noun in list_nouns(table.name)}
        spellings |= {column: column for column in (*others, *columns)}
        meant = [spellings[nearest] for nearest in [find_nearest(written, spellings)] if nearest]
    return f" Did you mean {' or '.join(map(repr, meant[:MOST_MEMBERS]))}?" if meant else ""


def explain_nested(message: str, words: frozenset[str], find_tables: Callable[[], Sequence[Table]]) -> str:
    """DuckDB's message, with what to write if it is about the type of a nested column.

    Args:
        message: DuckDB's.
        words: the statement's, in lower case.
        find_tables: returns the live tables of the statement.
    """
    tables = find_tables() if _WRONG_TYPE.search(message) else ()
    for column, spelled in _list_nested(tables, words):
        named = next((each for each in spelled if _has_type(message, each)), "")
        literal = re.search(r"(?:with value|convert string|extract field) '([^']*)'", message)
        by_key = "INT64" in message and column.type == TAGS_TYPE
        if named or by_key or f'from expression "{column.name}"' in message:
            first, _, rest = message.partition("\n")
            if len(named) > LONGEST_TYPE:
                first = first.replace(named, named.partition("(")[0] + "(…)" + "[]" * named.endswith("[]"))
            return (
                f"{first}\n{explain_column(column, literal[1] if literal else '…')}\n{rest.lstrip()}".rstrip()
            )
    return message


def explain_column(column: Column, text: str) -> str:
    """What to write for a nested column that is compared with a text, or asked for a member of that name."""
    name, type, value = column.name, column.type, f"'{text.replace(chr(39), chr(39) * 2)}'"
    if type == TAGS_TYPE:
        return f"{name} is a list of {{Key, Value}}: {TAG_MAP}[{value}] is the value of a tag."
    if pa.types.is_map(type):
        return f"{name} is a MAP; write {name}[{value}]."
    if pa.types.is_struct(type):
        return f"{name} is a STRUCT; write {' or '.join(_list_members(type, name))}."
    items = name
    if pa.types.is_struct(type.value_type):
        items = f"[{_list_members(type.value_type, 'item')[0]} FOR item IN {name}]"
    return f"{name} is a list; write list_contains({items}, {value})."


def find_null_member(tokens: Sequence[Token], tables: Sequence[Table]) -> tuple[Token, str] | None:
    """A nested column whose member would be NULL in every row, and why: a list has no members, as in `tags->>'team'`,
    or the JSON of a member has another case, as in `json_extract(state, '$.name')`."""
    renamed = {name.value.lower() for word, name in pairwise(tokens) if word.is_one_of("AS")}
    elements = _list_element_types(tokens, tables)
    for at, name in enumerate(tokens):
        opening, after = at - 1, at + 1
        while opening > 0 and tokens[opening].text == ".":
            opening -= 2
        if [token.value.lower() for token in tokens[after : after + 2]] == ["::", "json"]:
            after += 2
        arrow, key = [*tokens[after : after + 2], name, name][:2]
        is_call = arrow.text == "," and tokens[opening - 1].value.lower().startswith(_TAKING_PATHS)
        found = [
            column for table in tables if (column := table.by_name.get(table.find_column(name.value) or ""))
        ]
        is_member = key.text.startswith("'") and (is_call or arrow.text in ("->", "->>", "["))
        is_element = is_member and name.value.lower() == "value" and not found
        spelled = [_spell_member(element, key.value) for element in elements if is_element]
        if spelled and spelled[0] and all(spelled):
            return name, _explain_case(name.value, *spelled[0])
        if not is_member or not found or name.value.lower() in renamed:
            continue
        member = re.fullmatch(r"(?:\$\.|/)?\"?([A-Za-z_][^.*]*?)\"?", key.value)
        if member and all(pa.types.is_list(column.type) for column in found):
            return name, f"A list has no member of that name. {explain_column(found[0], member[1])}"
        spelled = [_spell_member(column.type, key.value) for column in found if arrow.text != "["]
        if spelled and spelled[0] and all(spelled):
            return name, _explain_case(found[0].name, *spelled[0])
    return None


def _explain_case(name: str, written: str, meant: str) -> str:
    return f"{name} has no member {written!r}: JSON minds case. Write {meant!r}."


def _list_element_types(tokens: Sequence[Token], tables: Sequence[Table]) -> list[pa.DataType]:
    """The types of the column `value` of each json_each(column) of a live table's list."""
    types = []
    for at, token in enumerate(tokens):
        if token.value.lower() == "json_each":
            end = next((end for end in range(at, len(tokens)) if tokens[end].text == ")"), 0)
            name = tokens[end - 1].value
            found = [
                column for table in tables if (column := table.by_name.get(table.find_column(name) or ""))
            ]
            types += [each.type.value_type for each in found if pa.types.is_list(each.type)]
    return types


def _spell_member(type: pa.DataType, path: str) -> tuple[str, str] | None:
    """The first member of a JSON path that a type has only in another case, and as it has it; `None` if it has none."""
    parts = re.findall(r"[^.\[\]\"/]+|\[[^\]]*\]", path.removeprefix("$")) if path[:1] in "$/" else [path]
    for part in parts:
        if pa.types.is_struct(type):
            names = [field.name for field in type]
            if part not in names:
                return next(((part, name) for name in names if name.lower() == part.lower()), None)
            type = type.field(part).type
        elif pa.types.is_list(type) and part.startswith("["):
            type = type.value_type
        else:
            return None
    return None


def _list_nested(tables: Iterable[Table], words: frozenset[str]) -> Iterator[tuple[Column, list[str]]]:
    """The nested columns that a statement names, each with DuckDB's spelling of its type and its elements' type."""
    for column in (column for table in tables for column in table.columns if column.name in words):
        types = [column.type, *([column.type.value_type] if pa.types.is_list(column.type) else [])]
        nested = [each for each in types if pa.types.is_nested(each) and str(each) != "struct<>"]
        if nested:
            yield column, [format_duckdb_type(each, read_keywords()) for each in nested]


def _has_type(message: str, spelled: str) -> bool:
    """Whether a message is about a value of this type, not of one that it is a part of."""
    return bool(re.search(rf"(?:destination type |[(,] ?){re.escape(spelled)}(?:[,)'\n]| when |$)", message))


def _list_members(type: pa.DataType, name: str) -> list[str]:
    """The paths of a structure's members, texts first."""
    members = sorted(type, key=lambda member: not pa.types.is_string(member.type))
    return [f"{name}.{member.name}" for member in members[:MOST_MEMBERS]]
