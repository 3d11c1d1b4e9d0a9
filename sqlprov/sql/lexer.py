"""Splits SQL text into tokens by DuckDB's lexical rules.

sqlglot's tokenizer differs (it reads Jinja comments, SHOW and EXECUTE swallow the rest of the statement, two
keywords become one token) and does not report where an unterminated literal begins.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from sqlprov.errors import MalformedSQL, show_caret


class TokenKind(Enum):
    """What kind of token it is."""

    WORD = "word"  # keyword or identifier
    QUOTED = "quoted"  # "identifier" or `identifier`
    STRING = "string"  # 'text', E'text', $$text$$
    NUMBER = "number"
    PARAMETER = "parameter"  # ?, ?1, $1, $name
    SYMBOL = "symbol"  # operator or punctuation
    COMMENT = "comment"


_KINDS = {kind.value: kind for kind in TokenKind}


class Token(NamedTuple):
    """One token; `end` is the offset after its last character."""

    kind: TokenKind
    text: str
    start: int
    end: int

    def is_one_of(self, *words: str) -> bool:
        """Whether it is one of these keywords (given in upper case), unquoted, or one of these symbols."""
        return self.kind in (TokenKind.WORD, TokenKind.SYMBOL) and self.text.upper() in words

    @property
    def is_name(self) -> bool:
        """Whether it can be a name: a word or a quoted identifier."""
        return self.kind in (TokenKind.WORD, TokenKind.QUOTED)

    @property
    def value(self) -> str:
        """The text without quotes and with escapes resolved."""
        if self.kind is TokenKind.QUOTED:
            return self.text[1:-1].replace(self.text[0] * 2, self.text[0])
        if self.kind is not TokenKind.STRING:
            return self.text
        if self.text[0] == "$":
            tag = self.text.index("$", 1) + 1
            return self.text[tag:-tag]
        body = self.text[self.text.index("'") + 1 : -1].replace("''", "'")
        return body if self.text[0] == "'" else _ESCAPE.sub(_unescape, body)


# Besides Python's \s, DuckDB treats these as blanks outside literals.
_BLANK = r"\s\u200b-\u200d\u2060\ufeff"
_LETTER = rf"(?:[A-Za-z_]|[^\x00-\x7f{_BLANK}])"
_WORD = rf"{_LETTER}(?:[\w$]|[^\x00-\x7f{_BLANK}])*+"

# Possessive quantifiers: an open literal must not be matched as two shorter ones.
_TOKEN = re.compile(
    rf"""
      (?P<blank>[{_BLANK}]++)
    | (?P<comment>--[^\r\n]*+)
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*+' | '(?:[^']|'')*+' | \$(?P<tag>(?:{_LETTER}\w*+)?)\$.*?\$(?P=tag)\$)
    | (?P<open>/\* | [eE]?' | " | ` | \$(?:{_LETTER}\w*+)?\$)
    | (?P<word>{_WORD})
    | (?P<number>0[xX][0-9a-fA-F_]++ | (?:\d[\d_]*+(?:\.[\d_]*+)?|\.\d[\d_]*+)(?:[eE][+-]?\d++)?)
    | (?P<parameter>\?\d*+ | \$(?:\d++|{_WORD}))
    | (?P<symbol>:: | := | <> | != | <= | >= | == | ->> | -> | .)
    """,
    re.DOTALL | re.VERBOSE,
)
_QUOTED = re.compile(r'"(?:[^"]|"")*+"|`(?:[^`]|``)*+`')
_NESTING = re.compile(r"/\*|\*/")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_OPEN = {"/": "comment", '"': "quoted identifier", "`": "quoted identifier"}


def tokenize(text: str, *, comments: bool = False) -> list[Token]:
    """Split `text` into tokens.

    Args:
        text: SQL, one statement or many.
        comments: keep comments as tokens.

    Raises:
        MalformedSQL: a literal, quoted identifier or comment that is not closed.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        kind, end = _match_token(text, at)
        if kind != "blank" and (comments or kind != "comment"):
            tokens.append(Token(_KINDS[kind], text[at:end], at, end))
        at = end
    return tokens


def list_parameters(text: str) -> frozenset[str]:
    """The names of the parameters `$name` and `$1` in SQL."""
    return frozenset(
        token.text[1:]
        for token in tokenize(text)
        if token.kind is TokenKind.PARAMETER and token.text[0] == "$"
    )


def number_parameters(text: str) -> str:
    """SQL with `$1`, `$2`, … in place of each `?`."""
    return replace_parameters(text, (f"${number} " for number in itertools.count(1)))


def replace_parameters(text: str, values: Iterable[str]) -> str:
    """SQL with one of `values` in place of each `?`."""
    at = [token.start for token in tokenize(text) if token.text == "?"]
    parts = (text[start + 1 : end] for start, end in pairwise((*at, len(text))))
    pairs = zip(values, parts, strict=False)
    return text[: at[0]] + "".join(value + part for value, part in pairs) if at else text


def find_unterminated(text: str) -> int | None:
    """Offset of the literal, quoted identifier or comment that is not closed; `None` if all are."""
    at = 0
    try:
        while at < len(text):
            at = _match_token(text, at)[1]
    except MalformedSQL:
        return at
    return None


def _match_token(text: str, start: int) -> tuple[str, int]:
    """Kind and end of the token at `start`."""
    match = _TOKEN.match(text, start)
    assert match is not None  # the last alternative matches any character
    kind = str(match.lastgroup)
    return _match_delimited(text, start) if kind == "open" else (kind, match.end())


def _match_delimited(text: str, start: int) -> tuple[str, int]:
    if quoted := _QUOTED.match(text, start):
        return "quoted", quoted.end()
    depth, at = 0, start
    while text.startswith("/*", start) and (edge := _NESTING.search(text, at)):
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
        if not depth:
            return "comment", at
    what = _OPEN.get(text[start], "string literal")
    raise MalformedSQL(f"Unterminated {what}: it opens here and is never closed.\n{show_caret(text, start)}")


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "xuU" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8)) if code[0] in "01234567" else _ESCAPES.get(code, code)


def find_closing(tokens: Sequence[Token], opening: int) -> int:
    """Index of the parenthesis that closes the one at `opening`; the number of tokens if none does."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].is_one_of("(", "[", "{"):
            depth += 1
        elif tokens[index].is_one_of(")", "]", "}"):
            depth -= 1
            if not depth:
                return index
    return len(tokens)


def skip(tokens: Sequence[Token], index: int) -> int:
    """Index after the token at `index`; if that opens a parenthesis, after the one that closes it."""
    return find_closing(tokens, index) + 1 if tokens[index].is_one_of("(", "[", "{") else index + 1


def split_conjuncts(text: str) -> Iterator[str]:
    """The conditions that AND joins; the whole text if OR joins them."""
    tokens = tokenize(text)
    while tokens and tokens[0].is_one_of("(") and find_closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    pieces = _split_tokens(tokens)
    for piece in pieces:
        part = text[piece[0].start : piece[-1].end]
        yield from [part] if len(pieces) == 1 else split_conjuncts(part)


def _split_tokens(tokens: list[Token]) -> list[list[Token]]:
    """The tokens between the ANDs outside parentheses; all together if there is an OR."""
    pieces: list[list[Token]] = [[]]
    at = cases = betweens = 0
    while at < len(tokens):
        token, end = tokens[at], skip(tokens, at)
        cases += token.is_one_of("CASE") - token.is_one_of("END")
        betweens += token.is_one_of("BETWEEN")
        if token.is_one_of("OR") and not cases:
            return [tokens]
        if token.is_one_of("AND") and betweens:
            betweens -= 1
            pieces[-1].append(token)
        elif token.is_one_of("AND") and not cases:
            pieces.append([])
        else:
            pieces[-1] += tokens[at:end]
        at = end
    return [piece for piece in pieces if piece]


def quote_identifier(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_path(*names: str) -> str:
    """The names as an SQL path, such as "aws"."sagemaker"."models"."""
    return ".".join(map(quote_identifier, names))
