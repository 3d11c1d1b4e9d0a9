"""Tokens of one statement in, words and names out, read from left to right; errors carry a caret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from sqlprov.errors import MalformedSQL, caret, nearest
from sqlprov.statements.tokens import Kind, Token


@dataclass(frozen=True)
class Name:
    """A dotted name and where it was written."""

    parts: tuple[str, ...]
    start: int

    def __str__(self) -> str:
        return ".".join(self.parts)


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
            token.says(word) for token, word in zip(ahead, words, strict=True)
        )

    def take(self, *words: str) -> Token | None:
        """The next token, passed over, if it is one of these."""
        token = self.next
        if token is None or not token.says(*words):
            return None
        self.at += 1
        return token

    def name(self, what: str) -> Name:
        """A dotted name; `what` tells the reader of an error what was expected."""
        start = self.next.start if self.next else self.end
        parts = [self._part(what)]
        while self.take("."):
            parts.append(self._part(what))
        return Name(tuple(parts), start)

    def literal(self, what: str) -> str:
        """A text between quotes."""
        token = self.next
        if token is None or token.kind is not Kind.TEXT:
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

    def _part(self, what: str) -> str:
        token = self.next
        if token is None or token.kind not in (Kind.WORD, Kind.QUOTED):
            self.refuse(what)
        self.at += 1
        return token.value
