"""Tokens of one statement in, words and names out, read from left to right; errors carry a caret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from sqlprov.errors import MalformedSQL, caret, nearest
from sqlprov.sql.lexer import Token, TokenKind, find_closing, tokenize


@dataclass(frozen=True)
class Name:
    """A dotted name and where it was written."""

    parts: tuple[str, ...]
    start: int

    def __str__(self) -> str:
        return ".".join(self.parts)

    @property
    def before(self) -> Name:
        """Without the last part."""
        return Name(self.parts[:-1], self.start)


def hyphenated(script: str, found: list[Token], at: int) -> MalformedSQL | None:
    """The error for `endpoint-configs` where a name is expected and token `at` is its hyphen; `None` if it is none."""
    first = last = at
    while last + 1 < len(found) and found[last].text == "-" and found[last + 1].kind is TokenKind.WORD:
        if found[last - 1].end != found[last].start or found[last].end != found[last + 1].start:
            break
        last += 2
    if first == last or first == 0 or found[first - 1].kind is not TokenKind.WORD:
        return None
    start = found[first - 1].start
    name = script[start : found[last - 1].end]
    near = name.replace("-", "_")
    return MalformedSQL(
        f"{name!r} is a name only in quotation marks. Did you mean {near!r}?\n{caret(script, start)}"
    )


@dataclass
class Phrase:
    """A statement that is being read.

    Attributes:
        script: the text that the tokens' places are in.
        tokens: of this statement, without comments.
        offset, end: where the statement begins and ends in the script.
    """

    script: str
    tokens: list[Token]
    offset: int
    end: int
    at: int = field(default=0)

    @property
    def text(self) -> str:
        """The statement as written."""
        return self.script[self.offset : self.end]

    @property
    def next(self) -> Token | None:
        """The next token; `None` at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def sees(self, *words: str) -> bool:
        """Whether the next tokens are these keywords or marks, in this order."""
        ahead = self.tokens[self.at : self.at + len(words)]
        return len(ahead) == len(words) and all(
            token.is_one_of(word) for token, word in zip(ahead, words, strict=True)
        )

    def take(self, *words: str) -> Token | None:
        """The next token, passed over, if it is one of these."""
        token = self.next
        if token is None or not token.is_one_of(*words):
            return None
        self.at += 1
        return token

    def expect(self, *words: str) -> Token:
        """The next token, passed over; it must be one of these."""
        token = self.take(*words)
        if token is None:
            self.refuse(" or ".join(words))
        return token

    def name(self, what: str) -> Name:
        """A dotted name; `what` tells the reader of an error what was expected."""
        start = self.next.start if self.next else self.end
        parts = [self.part(what)]
        while self.take("."):
            parts.append(self.part(what))
        if error := hyphenated(self.script, self.tokens, self.at):
            raise error
        return Name(tuple(parts), start)

    def part(self, what: str) -> str:
        """A name without dots, as it is meant: without quotes."""
        token = self.next
        if token is None or token.kind not in (TokenKind.WORD, TokenKind.QUOTED):
            self.refuse(what)
        self.at += 1
        return token.value

    def alias(self, *keywords: str) -> str | None:
        """A name after AS, or one that is none of the keywords that may follow."""
        if self.take("AS"):
            return self.part("a name after AS")
        token = self.next
        named = token and token.kind in (TokenKind.WORD, TokenKind.QUOTED) and not token.is_one_of(*keywords)
        return self.part("a name") if named else None

    def clause(self, what: str, *ends: str) -> str:
        """The text up to one of these keywords outside of parentheses, passed over; all that is left if none comes.

        A keyword after `.` or AS is a name, and FROM after DISTINCT belongs to a comparison.
        """
        start = self.at
        while (token := self.next) and not token.is_one_of(")", "]", "}"):
            if any(self.sees(*end.split()) for end in ends) and not self._is_name(token):
                break
            self.at = (
                find_closing(self.tokens, self.at) + 1 if token.is_one_of("(", "[", "{") else self.at + 1
            )
        if self.at > len(self.tokens):
            self.at = len(self.tokens)
            self.refuse("a closing parenthesis")
        if self.at == start:
            self.refuse(what)
        return self.cut(start, self.at)

    def cut(self, start: int, end: int) -> str:
        """The text of the tokens from index `start` to before `end`, as written; empty if there are none."""
        return self.script[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""

    def hints(self, index: int) -> frozenset[str]:
        """The words, in lower case, of the hints `/*+ … */` right before the token at `index`."""
        start = self.tokens[index - 1].end if index else self.offset
        end = self.tokens[index].start if index < len(self.tokens) else self.end
        between = tokenize(self.script[start:end], comments=True)
        return frozenset(
            word
            for token in between
            if token.text.startswith("/*+")
            for word in re.findall(r"\w+", token.text.lower())
        )

    def _is_name(self, token: Token) -> bool:
        before = self.tokens[self.at - 1] if self.at else None
        return before is not None and (
            before.is_one_of(".", "AS") or (token.is_one_of("FROM") and before.is_one_of("DISTINCT"))
        )

    def literal(self, what: str) -> str:
        """A text between quotes."""
        token = self.next
        if token is None or token.kind is not TokenKind.STRING:
            self.refuse(what)
        self.at += 1
        return token.value

    def finish(self, what: str) -> None:
        """Refuse anything that is left."""
        if self.next:
            self.refuse(what)

    def refuse(self, expected: str, known: Iterable[str] = ()) -> NoReturn:
        """Raise MalformedSQL for the next token."""
        token = self.next
        written = repr(token.text) if token else "the end of the statement"
        hint = nearest(token.value, known) if token else ""
        place = caret(self.script, token.start if token else self.end)
        raise MalformedSQL(f"Expected {expected}, found {written}.{hint}\n{place}")
