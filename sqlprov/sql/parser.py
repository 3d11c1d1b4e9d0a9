"""Reads the tokens of one statement from left to right; errors carry a caret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn

from sqlprov.errors import KEYWORD_LIKENESS, MalformedSQL, show_caret, suggest
from sqlprov.records import dataclass
from sqlprov.sql.lexer import Token, TokenKind, skip, tokenize


@dataclass(frozen=True)
class Name:
    """A dotted name and its offset in the script."""

    parts: tuple[str, ...]
    start: int

    def __str__(self) -> str:
        return ".".join(self.parts)

    @property
    def qualifier(self) -> Name:
        """The name without its last part."""
        return Name(self.parts[:-1], self.start)


def find_hyphen_error(script: str, tokens: list[Token], index: int) -> MalformedSQL | None:
    """The error for an unquoted `endpoint-configs` whose first hyphen is the token at `index`; otherwise `None`."""
    first = last = index
    while last + 1 < len(tokens) and tokens[last].text == "-" and tokens[last + 1].kind is TokenKind.WORD:
        if tokens[last - 1].end != tokens[last].start or tokens[last].end != tokens[last + 1].start:
            break
        last += 2
    if first == last or first == 0 or tokens[first - 1].kind is not TokenKind.WORD:
        return None
    start = tokens[first - 1].start
    name = script[start : tokens[last - 1].end]
    near = name.replace("-", "_")
    return MalformedSQL(
        f"The name {name!r} has a hyphen and needs double quotes. Did you mean {near!r}?\n{show_caret(script, start)}"
    )


@dataclass
class Parser:
    """The state of reading one statement.

    Attributes:
        script: the text that the tokens' offsets refer to.
        tokens: of this statement, without comments.
        offset, end: where the statement begins and ends in the script.
        index: of the next token.
        refusal: why live tables do not support the statement, with a caret; `None` if they do.
    """

    script: str
    tokens: list[Token]
    offset: int
    end: int
    index: int = 0
    refusal: str | None = None

    @property
    def text(self) -> str:
        """The statement as written."""
        return self.script[self.offset : self.end]

    @property
    def next(self) -> Token | None:
        """The next token; `None` at the end."""
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def is_at(self, *words: str) -> bool:
        """Whether the next tokens are these keywords or symbols, in this order."""
        ahead = self.tokens[self.index : self.index + len(words)]
        return len(ahead) == len(words) and all(
            token.is_one_of(word) for token, word in zip(ahead, words, strict=True)
        )

    def accept(self, *words: str) -> Token | None:
        """Consume the next token if it is one of these; otherwise return `None`."""
        token = self.next
        if token is None or not token.is_one_of(*words):
            return None
        self.index += 1
        return token

    def expect(self, *words: str) -> Token:
        """Consume the next token, which must be one of these."""
        return self.accept(*words) or self.fail(" or ".join(words))

    def parse_name(self, what: str) -> Name:
        """A dotted name; an error says that `what` was expected."""
        start = self.next.start if self.next else self.end
        parts = [self.parse_identifier(what)]
        while self.accept("."):
            parts.append(self.parse_identifier(what))
        if error := find_hyphen_error(self.script, self.tokens, self.index):
            raise error
        return Name(tuple(parts), start)

    def parse_identifier(self, what: str) -> str:
        """A name without dots; quotes are removed."""
        return self._parse_value(what, TokenKind.WORD, TokenKind.QUOTED)

    def parse_string(self, what: str) -> str:
        """The value of a string literal."""
        return self._parse_value(what, TokenKind.STRING)

    def _parse_value(self, what: str, *kinds: TokenKind) -> str:
        token = self.next
        if token is None or token.kind not in kinds:
            self.fail(what)
        self.index += 1
        return token.value

    def parse_alias(self, *keywords: str) -> str | None:
        """A name after AS, or a name that is not one of the keywords that may follow; `None` if there is none."""
        if self.accept("AS"):
            return self.parse_identifier("a name after AS")
        token = self.next
        if token and token.is_name and not token.is_one_of(*keywords):
            return self.parse_identifier("a name")
        return None

    def parse_clause(self, what: str, *ends: str) -> str:
        """The text up to the first of `ends` outside parentheses, or to the end.

        A keyword after `.` or AS is a name, and FROM after DISTINCT belongs to a comparison.
        """
        start = self.index
        while (token := self.next) and not token.is_one_of(")", "]", "}"):
            if any(self.is_at(*end.split()) for end in ends) and not self._is_name(token):
                break
            self.index = skip(self.tokens, self.index)
        if self.index > len(self.tokens):
            self.index = len(self.tokens)
            self.fail("a closing parenthesis")
        if self.index == start:
            self.fail(what)
        return self.get_text(start, self.index)

    def parse_clause_after(self, keyword: str, what: str, *ends: str) -> str | None:
        """The clause after `keyword`; `None` if the next token is another."""
        return self.parse_clause(what, *ends) if self.accept(keyword) else None

    def _is_name(self, token: Token) -> bool:
        before = self.tokens[self.index - 1] if self.index else None
        return before is not None and (
            before.is_one_of(".", "AS") or (token.is_one_of("FROM") and before.is_one_of("DISTINCT"))
        )

    def get_text(self, start: int, end: int) -> str:
        """The text of the tokens from index `start` to before `end`, as written; empty if there are none."""
        return self.script[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""

    def find_hints(self, index: int) -> frozenset[str]:
        """The words, in lower case, of the hints `/*+ … */` right before the token at `index`."""
        start = self.tokens[index - 1].end if index else self.offset
        end = self.tokens[index].start if index < len(self.tokens) else self.end
        comments = tokenize(self.script[start:end], comments=True)
        hints = (each.text.lower() for each in comments if each.text.startswith("/*+"))
        return frozenset(word for hint in hints for word in re.findall(r"\w+", hint))

    def expect_end(self, what: str) -> None:
        """Fail if any token is left."""
        if self.next:
            self.fail(what)

    def refuse(self, token: Token | None, reason: str) -> None:
        """Note why live tables do not support the statement, with a caret at `token`; the first reason counts."""
        place = show_caret(self.script, token.start if token else self.end)
        self.refusal = self.refusal or f"{reason}\n{place}"

    def fail(self, expected: str, known: Iterable[str] = ()) -> NoReturn:
        """Raise MalformedSQL at the next token; suggests the nearest of `known`."""
        token = self.next
        written = repr(token.text) if token else "the end of the statement"
        hint = suggest(token.value, known, KEYWORD_LIKENESS) if token else ""
        place = show_caret(self.script, token.start if token else self.end)
        raise MalformedSQL(f"Expected {expected}, found {written}.{hint}\n{place}")
