"""SET and RESET of sqlprov's settings; DuckDB handles all others."""

from __future__ import annotations

from sqlprov.records import dataclass
from sqlprov.settings import PREFIX
from sqlprov.sql.lexer import TokenKind
from sqlprov.sql.parser import Parser
from sqlprov.sql.statement import Statement

_VALUE = "a value such as 'us-east-1', 16, on or ['us-east-1', 'eu-west-1']"


@dataclass(frozen=True)
class SetSetting(Statement):
    """`SET sqlprov_x = value` and `RESET sqlprov_x`.

    Attributes:
        name: in lower case, with `sqlprov_`; may be unknown.
        value: as text, lists joined by commas; `None` restores the default.
    """

    name: str
    value: str | None

    @classmethod
    def parse(cls, parser: Parser) -> SetSetting | None:
        word = parser.accept("SET", "RESET")
        if word is None:
            return None
        parser.accept("SESSION", "LOCAL", "GLOBAL")
        if parser.next is None or not parser.next.value.lower().startswith(PREFIX):
            return None
        name = str(parser.parse_name("a setting")).lower()
        value = None
        if word.is_one_of("SET"):
            if not parser.accept("=", "TO"):
                parser.fail(f"= or TO after {name}")
            value = None if parser.accept("DEFAULT") else _parse_value(parser)
        parser.expect_end("the end of the statement (quote text, as in 'us-east-1')")
        return cls(parser.text, parser.offset, name, value)


def _parse_value(parser: Parser) -> str:
    if not parser.accept("(", "["):
        return _parse_scalar(parser)
    values: list[str] = []
    while not parser.accept(")", "]"):
        if values and not parser.accept(","):
            parser.fail("a comma or the end of the list")
        values.append(_parse_scalar(parser))
    return ",".join(values)


def _parse_scalar(parser: Parser) -> str:
    sign = "-" if parser.accept("-") else ""
    token = parser.next
    if token is None or token.kind not in (
        TokenKind.WORD,
        TokenKind.QUOTED,
        TokenKind.STRING,
        TokenKind.NUMBER,
    ):
        parser.fail(_VALUE)
    parser.index += 1
    return sign + token.value
