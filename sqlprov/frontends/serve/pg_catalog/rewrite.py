"""Rewrites statements about PostgreSQL's catalogs for DuckDB, token by token.

A relation becomes a common table expression, a function the expression that takes its place: nothing is created.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlprov.frontends.serve.pg_catalog.definitions import (
    list_functions,
    read_macros,
    read_relations,
    write_query,
)
from sqlprov.frontends.serve.types import TEXT_ARRAY, decode_parameter
from sqlprov.sql.lexer import Token, TokenKind, find_closing, quote_identifier, tokenize

_SCHEMAS = ("pg_catalog", "information_schema")
_TO_OID = {"regclass": "to_regclass", "regtype": "to_regtype", "regnamespace": "to_regnamespace"}
_TO_NAME = {"regclass": "regclass_name", "regtype": "regtype_name", "regnamespace": "regnamespace_name"}
"""PostgreSQL's types of names -> the function that finds the OID of a text, and the name of an OID."""
_TYPES = {
    **dict.fromkeys(
        ("name", "char", "regproc", "regprocedure", "regoper", "regrole", "regconfig"), "VARCHAR"
    ),
    **dict.fromkeys(
        ("pg_node_tree", "aclitem", "inet", "cidr", "xml", "citext", "sql_identifier"), "VARCHAR"
    ),
    **dict.fromkeys(
        ("character_data", "yes_or_no", "regoperator", "regdictionary", "regcollation"), "VARCHAR"
    ),
    **dict.fromkeys(("oid", "xid", "cid"), "UINTEGER"),
    "cardinal_number": "INTEGER",
    "int2vector": "SMALLINT[]",
    "oidvector": "UINTEGER[]",
    "jsonb": "JSON",
}
"""Types that DuckDB does not have -> what holds their values."""
_RENAMED = {
    **dict.fromkeys(("json_build_object", "jsonb_build_object"), "json_object"),
    **dict.fromkeys(("json_build_array", "jsonb_build_array"), "json_array"),
    **dict.fromkeys(("json_agg", "jsonb_agg"), "json_group_array"),
    **dict.fromkeys(("json_object_agg", "jsonb_object_agg"), "json_group_object"),
    "to_jsonb": "to_json",
    "jsonb_array_length": "json_array_length",
    "jsonb_typeof": "json_type",
}
"""PostgreSQL's functions that DuckDB has under another name."""
_TWO_MEANINGS = ("age",)
"""Functions that are DuckDB's own unless the statement says pg_catalog."""
_BEFORE_RELATION = ("FROM", "JOIN", ",", "ONLY", "TABLE", "(")
_BEFORE_OPERAND = (
    "IN",
    "AND",
    "OR",
    "NOT",
    "THEN",
    "ELSE",
    "WHEN",
    "ANY",
    "ALL",
    "SELECT",
    "WHERE",
    "ON",
    "BY",
)
"""Words before a parenthesis that are not the name of a function."""
Qualify = Callable[[str], str]


def rewrite(
    text: str, qualify: Qualify, user: str, get_parameter: Callable[[str], str | None]
) -> tuple[str, bool] | None:
    """The statement for DuckDB, and whether it reads the catalogs; `None` if there is nothing of PostgreSQL's in it.

    Args:
        text: one statement.
        qualify: gives the tables in the text of a definition the names that DuckDB knows.
        user: whoever logged in.
        get_parameter: returns the value of a parameter for current_setting.
    """
    rewriter = _Rewriter(text, tokenize(text), qualify, user, get_parameter)
    rewriter.rewrite(0, len(rewriter.tokens))
    if rewriter.relations:
        rewriter.add_relations()
    if not rewriter.edits:
        return None
    return rewriter.take(0, len(text)), rewriter.reads_catalog


class _Rewriter:
    """The state of rewriting one statement.

    Attributes:
        edits: start and end of a part of the text, and what replaces it.
        relations: what the statement needs.
        reads_catalog: whether it reads a relation, or calls a function of the catalogs.
    """

    def __init__(
        self,
        text: str,
        tokens: Sequence[Token],
        qualify: Qualify,
        user: str,
        get_parameter: Callable[[str], str | None],
    ) -> None:
        self.text, self.tokens = text, tokens
        self.edits: list[tuple[int, int, str]] = []
        self.relations: set[str] = set()
        self.reads_catalog = False
        self._qualify, self._user, self._get_parameter = qualify, user, get_parameter

    def take(self, start: int, end: int) -> str:
        """The rewritten text between two places; its edits are done."""
        inside = sorted(each for each in self.edits if start <= each[0] and each[1] <= end)
        self.edits = [each for each in self.edits if each not in inside]
        pieces, at = [], start
        for first, last, replacement in inside:
            pieces += [self.text[at:first], replacement]
            at = last
        return "".join([*pieces, self.text[at:end]])

    def add_relations(self) -> None:
        """Put the relations before the statement as common table expressions."""
        self.reads_catalog = True
        first = self.tokens[0]
        has_others = first.is_one_of("WITH")
        last = self.tokens[1] if has_others and self._read_word(1) == "recursive" else first
        words = {token.value.lower() for token in self.tokens}
        hidden = frozenset(words & {"tableoid", "xmin"})
        has_indexes = "pg_index" in self.relations
        queries = ", ".join(
            f"{quote_identifier(name)} AS NOT MATERIALIZED ({self._qualify(query)})"
            for name in sorted(self.relations)
            if (query := write_query(name, hidden, has_indexes))
        )
        start = last.end if has_others else first.start
        self.edits.append((start, start, f" {queries}," if has_others else f"WITH {queries} "))

    def rewrite(self, at: int, end: int) -> None:
        """Rewrite the tokens from one index to before another."""
        while at < end:
            at = self._rewrite_at(at)

    def _rewrite_at(self, at: int) -> int:
        """Rewrite what begins at an index; return the index after it."""
        token, word = self.tokens[at], self._read_word(at)
        if token.is_one_of("OPERATOR") and self._read_text(at + 1) == "(":
            end = find_closing(self.tokens, at + 1)
            self._replace(at, end, "".join(each.text for each in self.tokens[at + 4 : end]))
            return end + 1
        if token.is_one_of("COLLATE") and self._read_word(at + 1) == "pg_catalog":
            self._replace(at, at + 3, "")
            return at + 4
        if token.text == "::":
            return self._rewrite_cast(at)
        if token.is_one_of("CAST") and self._read_text(at + 1) == "(":
            return self._rewrite_long_cast(at)
        if word in list_functions() and self.relations and self._read_text(at + 2) == "0":
            self._replace(at + 2, at + 2, "'-'")  # 0 is no function, whose name is -
            return at + 3
        if not word or self._read_text(at - 1) == ".":
            return at + 1
        if word in ("current_user", "session_user") and token.kind is TokenKind.WORD:
            self._replace(at, at, _quote(self._user))
            return at + 1
        if word in _SCHEMAS and self._read_text(at + 1) == ".":
            return self._rewrite_name(at, at + 2)
        if self._read_text(at + 1) == "(" and word in read_macros() and word not in _TWO_MEANINGS:
            return self._rewrite_name(at, at)
        if word == "string_to_array" and self.tokens[at - 1].is_one_of("FROM", ","):
            return self._rewrite_from(at)
        if self._read_text(at + 1) == "(" and word in _RENAMED:
            self._replace(at, at, _RENAMED[word])
            return at + 1
        if word.startswith("pg_") and word in read_relations() and self._is_relation(at):
            self.relations.add(word)
        return at + 1

    def _is_relation(self, at: int) -> bool:
        """Whether a word without a schema stands where a relation does."""
        is_there = at > 0 and self.tokens[at - 1].is_one_of(*_BEFORE_RELATION)
        return is_there and self._read_text(at + 1) not in (".", "(")

    def _rewrite_name(self, start: int, at: int) -> int:
        """Rewrite a name of one of PostgreSQL's schemas that begins at `start`, its last part at `at`."""
        name = self._read_word(at)
        if self._read_text(at + 1) == "(":
            end = find_closing(self.tokens, at + 1)
            arguments = self._rewrite_arguments(at + 2, end)
            expression = self._expand(name, arguments)
            if expression is not None:
                self._replace(start, end, expression)
            else:
                called = _RENAMED.get(name, self.tokens[at].text)
                self._replace(start, end, f"{called}({', '.join(arguments)})")
            return end + 1
        if name in read_relations():
            self.relations.add(name)
        self.edits.append((self.tokens[start].start, self.tokens[at].start, ""))
        return at + 1

    def _rewrite_from(self, at: int) -> int:
        """A function in FROM that returns one value, as `string_to_array(x, ',') s`."""
        end = find_closing(self.tokens, at + 1)
        alias = self._read_word(end + 1)
        if alias:
            arguments = ", ".join(self._rewrite_arguments(at + 2, end))
            call = f"(SELECT {self.tokens[at].text}({arguments}) AS {quote_identifier(alias)})"
            self._replace(at, end, call)
        return end + 1

    def _rewrite_arguments(self, at: int, end: int) -> list[str]:
        """The rewritten arguments of a call whose first token is at `at`."""
        self.rewrite(at, end)
        arguments: list[str] = []
        first, depth = at, 0
        for index in range(at, end + 1):
            token = self.tokens[index]
            if index == end or (token.text == "," and depth == 0):
                if first < index:
                    arguments.append(self.take(self.tokens[first].start, self.tokens[index - 1].end))
                first = index + 1
            depth += token.is_one_of("(", "[", "{") - token.is_one_of(")", "]", "}")
        return arguments

    def _expand(self, name: str, arguments: Sequence[str]) -> str | None:
        """The expression that takes the place of a call; `None` if it is DuckDB's to answer."""
        if name == "current_setting" and arguments and arguments[0].startswith("'"):
            value = self._get_parameter(arguments[0].strip("'"))
            return None if value is None else _quote(value)  # such as one of DuckDB's own settings
        macro = read_macros().get(name, {}).get(len(arguments))
        if macro is None:
            return None
        self.reads_catalog = True
        values = dict(zip(macro.parameters, arguments, strict=True))
        pieces, at = [], 0
        for token in tokenize(macro.body):
            if token.kind is TokenKind.WORD and token.text in values:
                pieces += [macro.body[at : token.start], f"({values[token.text]})"]
                at = token.end
        return f"({self._qualify(''.join([*pieces, macro.body[at:]]))})"

    # Casts

    def _rewrite_cast(self, at: int) -> int:
        """`x::regclass` as an expression, and `x::name` as a type that DuckDB has."""
        first = self._skip_schema(at + 1)
        kind = self._read_word(first)
        if kind in _TO_OID:
            start = self._find_operand(at)
            operand = self.take(self.tokens[start].start, self.tokens[at - 1].end)
            expression = self._expand(self._choose(start, at, kind), [operand])
            assert expression is not None, "each of these functions is defined"
            self._replace(start, first, expression)
        elif self._read_text(first + 1) == "[" and self._read_text(at - 1).startswith("'{"):
            items = decode_parameter(self.tokens[at - 1].value.encode(), TEXT_ARRAY, is_binary=False)
            self._replace(at - 1, at - 1, f"[{', '.join('NULL' if i is None else _quote(i) for i in items)}]")
        elif kind in _TYPES or first > at + 1:
            self._replace(at + 1, first, _TYPES.get(kind, self.tokens[first].text))
        return first + 1

    def _rewrite_long_cast(self, at: int) -> int:
        """As `_rewrite_cast`, for `CAST(x AS regclass)`."""
        end = find_closing(self.tokens, at + 1)
        depth, place = 0, end
        for index in range(at + 2, min(end, len(self.tokens))):
            depth += self.tokens[index].is_one_of("(") - self.tokens[index].is_one_of(")")
            if self.tokens[index].is_one_of("AS") and depth == 0:
                place = index
        first = self._skip_schema(place + 1)
        kind = self._read_word(first)
        self.rewrite(at + 1, place)
        if kind in _TO_OID:
            operand = self.take(self.tokens[at + 2].start, self.tokens[place - 1].end)
            expression = self._expand(self._choose(at + 2, place, kind), [operand])
            assert expression is not None, "each of these functions is defined"
            self._replace(at, end, expression)
        elif place < end and (kind in _TYPES or first > place + 1):
            self._replace(place + 1, first, _TYPES.get(kind, self.tokens[first].text))
        return end + 1

    def _choose(self, start: int, end: int, kind: str) -> str:
        """The function for a cast: of a text that is written, or of an OID."""
        is_text = end - start == 1 and self.tokens[start].kind in (TokenKind.STRING, TokenKind.PARAMETER)
        return (_TO_OID if is_text else _TO_NAME)[kind]

    def _find_operand(self, at: int) -> int:
        """The index of the first token of what is cast at `at`."""
        start, depth = at - 1, 0
        while start > 0:
            depth += self.tokens[start].is_one_of(")", "]") - self.tokens[start].is_one_of("(", "[")
            if depth == 0:
                break
            start -= 1
        before = self.tokens[start - 1] if start and self.tokens[start].is_one_of("(") else None
        if before is not None and before.is_name and not before.is_one_of(*_BEFORE_OPERAND):
            start -= 1
        while start > 1 and self.tokens[start - 1].text == ".":
            start -= 2
        return start

    # Tokens

    def _skip_schema(self, at: int) -> int:
        return at + 2 if self._read_word(at) in _SCHEMAS and self._read_text(at + 1) == "." else at

    def _replace(self, first: int, last: int, replacement: str) -> None:
        """Replace the tokens from one index to another, with what was to replace parts of them."""
        start, end = self.tokens[first].start, self.tokens[min(last, len(self.tokens) - 1)].end
        self.take(start, end)
        if replacement != self.text[start:end]:
            self.edits.append((start, end, replacement))

    def _read_word(self, at: int) -> str:
        """The name at an index, in lower case; empty if there is none."""
        return self.tokens[at].value.lower() if 0 <= at < len(self.tokens) and self.tokens[at].is_name else ""

    def _read_text(self, at: int) -> str:
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""


def _quote(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
