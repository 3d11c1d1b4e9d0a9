"""Writes `x -> 'a'` and casts to JSON as calls, because only a function can be replaced by a macro."""

from __future__ import annotations

from collections.abc import Sequence

from sqlprov.sql.lexer import Token, TokenKind, find_closing, tokenize

_CASTS = {"CAST": "json_cast", "TRY_CAST": "json_try_cast", "LIST": "json_cast_list"}
_OPENING = {")": "(", "]": "[", "}": "{"}
_ARROWS = ("->", "->>")
_NOT_FUNCTIONS = frozenset(
    {
        *("SELECT", "DISTINCT", "ALL", "WHERE", "HAVING", "QUALIFY", "ON", "BY", "FROM", "LIMIT", "OFFSET"),
        *("AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "BETWEEN", "IS", "CASE", "WHEN", "THEN", "ELSE", "AS"),
        *("VALUES", "SET", "RETURNING", "UNION", "EXCEPT", "INTERSECT", "USING", "JOIN", "ESCAPE", "ANY"),
    }
)
"""Keywords that an operand in parentheses may follow."""
_ROWS = ("json_each", "json_tree")
_AFTER_ROWS = frozenset(
    {
        *(
            "WHERE",
            "GROUP",
            "HAVING",
            "WINDOW",
            "QUALIFY",
            "ORDER",
            "LIMIT",
            "OFFSET",
            "FETCH",
            "UNION",
            "EXCEPT",
        ),
        *("INTERSECT", "ON", "USING", "RETURNING", "SELECT", "PIVOT", "UNPIVOT", "TABLESAMPLE"),
        *("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "ASOF", "POSITIONAL", "SEMI", "ANTI"),
    }
)
"""Keywords that may follow a table without an alias."""
_CONSTANTS = ("NULL", "TRUE", "FALSE")
_JOINING = ("|", "+", "-", "*", "/", "%", "^", "~", "&", "!", ".", "[", "::")
"""Operators that bind more tightly than an arrow."""


def name_rows(text: str) -> str:
    """`text` with `json_each(x) AS json_each` for `json_each(x)`: DuckDB names the rows after a function, but not after
    a macro."""
    tokens = tokenize(text)
    for at in reversed(range(len(tokens))):
        if (end := _find_end_of_rows(tokens, at)) is not None:
            text = f"{text[:end]} AS {tokens[at].text}{text[end:]}"
    return text


def compare_as_text(text: str) -> str:
    """`text` with `json_extract_string(x, 'a') = 'text'` for `json_extract(x, 'a') = 'text'`, as SQLite compares them:
    as JSON, a text has quotes, so this would always be an error."""
    tokens = tokenize(text)
    for at in reversed(range(len(tokens) - 1)):
        if tokens[at].value.lower() != "json_extract" or tokens[at + 1].text != "(":
            continue
        close = find_closing(tokens, at + 1)
        match tokens[close + 1 : close + 3]:
            case [sign, literal] if sign.is_one_of("=", "==", "<>", "!=") and _is_plain(literal):
                text = f"{text[: tokens[at].start]}json_extract_string{text[tokens[at].end :]}"
    return text


def rewrite(text: str) -> str:
    """`text` with `json_extract(x, 'a')` for `x -> 'a'`, and `json_cast(x)` for `x::JSON` and `CAST(x AS JSON)`, and
    as `compare_as_text` says.

    An arrow stays if what follows it is not a literal or a parameter, or if another operator binds its operands more
    tightly.
    """
    text = name_rows(compare_as_text(text))
    tokens = tokenize(text)
    inserted: list[tuple[int, int, str]] = []  # start, end, and the text that replaces what is between
    for at, token in enumerate(tokens):
        following = tokens[at + 1 : at + 3]
        if (
            token.text == "->"
            and _is_path(following)
            and (start := _find_operand(tokens, at, arrows=True)) >= 0
        ):
            path = following[0]
            inserted += [
                (tokens[start].start, tokens[start].start, "json_extract("),
                (token.start, token.end, ","),
                (path.end, path.end, ")"),
            ]
        elif token.text == "::" and _is_json(following) and (start := _find_operand(tokens, at)) >= 0:
            brackets = [each.text for each in tokens[at + 2 : at + 5]]
            # A list of texts becomes a list of what is JSON in them.
            is_list = brackets[:2] == ["[", "]"] and brackets[2:] != ["["]
            last = at + 3 if is_list else at + 1
            is_array = brackets[:1] == ["["] and not is_list
            inserted += [
                (tokens[start].start, tokens[start].start, f"{_CASTS['LIST' if is_list else 'CAST']}("),
                (token.start, token.start if is_array else tokens[last].end, ")"),
            ]
        elif token.is_one_of("CAST", "TRY_CAST") and following and following[0].text == "(":
            close = find_closing(tokens, at + 1)
            word, name = tokens[close - 2 : close]
            if close < len(tokens) and word.is_one_of("AS") and name.value.upper() == "JSON":
                inserted += [(token.start, token.end, _CASTS[token.text.upper()]), (word.start, name.end, "")]
    for start, end, part in sorted(inserted, key=lambda each: each[:2], reverse=True):
        text = text[:start] + part + text[end:]
    return text


def _find_end_of_rows(tokens: Sequence[Token], at: int) -> int | None:
    """Where a call of json_each or json_tree without an alias ends."""
    if (
        tokens[at].value.lower() not in _ROWS
        or at == 0
        or [each.text for each in tokens[at + 1 : at + 2]] != ["("]
    ):
        return None
    close = find_closing(tokens, at + 1)
    if close == len(tokens) or not tokens[at - 1].is_one_of("FROM", ",", "JOIN", "LATERAL", "("):
        return None
    following = tokens[close + 1] if close + 1 < len(tokens) else None
    has_alias = following is not None and following.is_name and not following.is_one_of(*_AFTER_ROWS)
    return None if has_alias else tokens[close].end


def _is_plain(token: Token) -> bool:
    """Whether it is a literal that is not the JSON of a text, an object or a list."""
    return token.kind is TokenKind.STRING and not token.value.lstrip().startswith(('"', "{", "["))


def _is_path(following: Sequence[Token]) -> bool:
    """Whether the tokens after an arrow are a literal or a parameter that is its whole operand."""
    if not following or following[0].kind not in (TokenKind.STRING, TokenKind.NUMBER, TokenKind.PARAMETER):
        return False
    return len(following) == 1 or not following[1].is_one_of(*_JOINING)


def _is_json(following: Sequence[Token]) -> bool:
    is_json = bool(following) and following[0].is_name and following[0].value.upper() == "JSON"
    return is_json and not (len(following) > 1 and following[1].text in ("(", "."))


def _find_operand(tokens: Sequence[Token], end: int, *, arrows: bool = False) -> int:
    """Index of the first token of the operand before the operator at `end`; -1 if it is a literal, or unclear.

    Args:
        tokens: the statement's.
        end: the index of `::` or an arrow.
        arrows: whether earlier arrows are part of the operand.
    """
    at = end - 1
    if at < 0 or (
        tokens[at].kind in (TokenKind.STRING, TokenKind.NUMBER, TokenKind.PARAMETER) and not arrows
    ):
        return -1
    if tokens[at].is_one_of(*_CONSTANTS):
        return -1
    while at >= 0:
        if tokens[at].is_one_of("END"):
            cases = 0
            while at >= 0:
                cases += tokens[at].is_one_of("END") - tokens[at].is_one_of("CASE")
                if not cases:
                    break
                at -= 1
        elif tokens[at].is_one_of(*_OPENING):
            opening = _find_opening(tokens, at)
            before = tokens[opening - 1] if opening > 0 else None
            is_part = before is not None and (
                before.is_one_of("MAP")
                if tokens[opening].text == "{"
                else (before.is_name and not before.is_one_of(*_NOT_FUNCTIONS))
                or (tokens[opening].text == "[" and before.is_one_of(*_OPENING))
            )
            at = opening
            if is_part:
                at -= 1
                continue
        before = tokens[at - 1] if at > 0 else None
        if before is not None and (before.text in (".", "::") or (arrows and before.text in _ARROWS)):
            at -= 2
        elif arrows and before is not None and before.is_one_of(*_JOINING):
            return -1
        else:
            return at
    return -1


def _find_opening(tokens: Sequence[Token], closing: int) -> int:
    """Index of the parenthesis that the one at `closing` closes; -1 if there is none."""
    depth = 0
    for at in range(closing, -1, -1):
        depth += tokens[at].is_one_of(*_OPENING) - tokens[at].is_one_of("(", "[", "{")
        if not depth:
            return at
    return -1


def count_arguments(text: str, name: str) -> set[int]:
    """The numbers of arguments with which `text` calls a function."""
    tokens, counts = tokenize(text), set[int]()
    for at, token in enumerate(tokens[:-1]):
        if token.is_name and token.value.lower() == name and tokens[at + 1].text == "(":
            inside = tokens[at + 2 : find_closing(tokens, at + 1)]
            depth, count = 0, int(bool(inside))
            for each in inside:
                depth += each.is_one_of("(", "[", "{") - each.is_one_of(*_OPENING)
                count += each.text == "," and not depth
            counts.add(count)
    return counts
