"""SET and RESET of our own settings; every other setting is DuckDB's."""

from __future__ import annotations

from dataclasses import dataclass

from sqlprov.settings import PREFIX
from sqlprov.sql.lexer import TokenKind
from sqlprov.sql.phrase import Phrase
from sqlprov.sql.statement import Statement

_VALUE = "a value such as 'us-east-1', 16, on or ['us-east-1', 'eu-west-1']"


@dataclass(frozen=True)
class SetSetting(Statement):
    """`SET sqlprov_x = value` and `RESET sqlprov_x`.

    Attributes:
        name: in lower case, with `sqlprov_`; it may be unknown.
        value: as text, lists joined by commas; `None` puts the default back.
    """

    name: str
    value: str | None

    @classmethod
    def read(cls, phrase: Phrase) -> SetSetting | None:
        word = phrase.take("SET", "RESET")
        if word is None:
            return None
        phrase.take("SESSION", "LOCAL", "GLOBAL")
        if phrase.next is None or not phrase.next.value.lower().startswith(PREFIX):
            return None
        name = str(phrase.name("a setting")).lower()
        value = None
        if word.is_one_of("SET"):
            if not phrase.take("=", "TO"):
                phrase.refuse(f"= or TO after {name}")
            value = None if phrase.take("DEFAULT") else _value(phrase)
        phrase.finish("the end of the statement (a text such as 'us-east-1' stands between quotes)")
        return cls(phrase.text, phrase.offset, name, value)


def _value(phrase: Phrase) -> str:
    if not phrase.take("(", "["):
        return _scalar(phrase)
    values: list[str] = []
    while not phrase.take(")", "]"):
        if values and not phrase.take(","):
            phrase.refuse("a comma or the end of the list")
        values.append(_scalar(phrase))
    return ",".join(values)


def _scalar(phrase: Phrase) -> str:
    sign = "-" if phrase.take("-") else ""
    token = phrase.next
    if token is None or token.kind not in (
        TokenKind.WORD,
        TokenKind.QUOTED,
        TokenKind.STRING,
        TokenKind.NUMBER,
    ):
        phrase.refuse(_VALUE)
    phrase.at += 1
    return sign + token.value
