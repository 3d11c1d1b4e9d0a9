"""COPY … TO STDOUT: parses the statement, and encodes the rows as text, CSV or binary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sqlprov.frontends.serve.messages import wrap
from sqlprov.frontends.serve.rows import encode_copy_lines, encode_copy_rows, encode_values
from sqlprov.frontends.serve.sqlstates import ServerError
from sqlprov.records import dataclass
from sqlprov.sql.lexer import Token, find_closing

BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_TAIL = b"\xff\xff"
_ESCAPES = (
    ("\\", "\\\\"),
    ("\b", "\\b"),
    ("\f", "\\f"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\t", "\\t"),
    ("\v", "\\v"),
)
_OPTIONS = ("FORMAT", "DELIMITER", "NULL", "HEADER", "QUOTE", "ESCAPE", "FORCE_QUOTE", "ENCODING")


@dataclass(frozen=True)
class CopyFormat:
    """How COPY writes the rows."""

    format: str = "text"
    delimiter: str = "\t"
    null: str = "\\N"
    header: bool = False
    quote: str = '"'
    escape: str = '"'
    force_quote: bool = False

    @property
    def is_binary(self) -> bool:
        return self.format == "binary"

    def start(self, names: Sequence[str]) -> bytes:
        """The line of the names; empty if there is none."""
        if self.is_binary or not self.header:
            return b""
        row = pa.record_batch(
            [pa.array([name]) for name in names], names=[str(at) for at in range(len(names))]
        )
        return str(self._write_lines(row, [25] * len(names))[0].as_py()).encode()

    def encode(self, batches: Iterator[pa.RecordBatch], oids: Sequence[int]) -> Iterator[bytes | memoryview]:
        """The CopyData messages of all rows."""
        if not self.is_binary:
            for batch in batches:
                yield encode_copy_lines(self._write_lines(batch, oids))
            return
        head = BINARY_HEAD
        for batch in batches:
            if head:  # clients expect it in one message with the first row, or with the end
                (first,) = encode_copy_rows(batch.slice(0, 1), oids)
                yield wrap(b"d", head + first[5:])
                head, batch = b"", batch.slice(1)
            yield from encode_copy_rows(batch, oids)
        yield wrap(b"d", head + BINARY_TAIL)

    def _write_lines(self, batch: pa.RecordBatch, oids: Sequence[int]) -> Any:
        values = [value.cast(pa.string()) for value in encode_values(batch, oids, [0] * len(oids))]
        fields = [self._write(value) for value in values]
        lines = (
            pc.binary_join_element_wise(*fields, self.delimiter)
            if fields
            else pa.array([""] * batch.num_rows)
        )
        return pc.binary_join_element_wise(lines, "\n", "")

    def _write(self, value: Any) -> Any:
        if self.format == "text":
            for plain, escaped in _ESCAPES:
                value = pc.replace_substring(value, plain, escaped)
            if self.delimiter != "\t":
                value = pc.replace_substring(value, self.delimiter, f"\\{self.delimiter}")
            return pc.fill_null(value, self.null)
        text = pc.replace_substring(value, self.quote, self.escape + self.quote)
        special = re.escape(self.delimiter) + re.escape(self.quote) + r"\r\n"
        needs = pc.match_substring_regex(value, f"[{special}]|^\\\\\\.$")
        needs = pc.or_(needs, pc.equal(value, self.null))
        if self.force_quote:
            needs = pc.is_valid(value)
        quoted = pc.binary_join_element_wise(self.quote, text, self.quote, "")
        return pc.fill_null(pc.if_else(needs, quoted, value), self.null)


def parse_copy(text: str, tokens: Sequence[Token]) -> tuple[str, CopyFormat] | None:
    """The query of COPY … TO STDOUT, and the format; `None` if the statement copies to a file.

    Raises:
        ServerError: an option that does not exist, or COPY … FROM STDIN.
    """
    if len(tokens) < 4 or not tokens[0].is_one_of("COPY"):
        return None
    if tokens[1].is_one_of("("):
        end = find_closing(tokens, 1)
        query = text[tokens[1].end : tokens[min(end, len(tokens) - 1)].start]
        at = end + 1
    else:
        at = next((i for i, token in enumerate(tokens) if token.is_one_of("TO", "FROM")), len(tokens))
        columns = next((i for i in range(1, at) if tokens[i].is_one_of("(")), at)
        names = text[tokens[columns].end : tokens[at - 1].start] if columns < at else "*"
        query = f"SELECT {names} FROM {text[tokens[1].start : tokens[columns - 1].end]}"
    rest = tokens[at:]
    if len(rest) > 1 and rest[0].is_one_of("FROM") and rest[1].is_one_of("STDIN"):
        raise ServerError("0A000", "COPY … FROM STDIN is not supported. Write INSERT.")
    if len(rest) < 2 or not rest[0].is_one_of("TO") or not rest[1].is_one_of("STDOUT"):
        return None
    return query, _parse_format(rest[2:])


def _parse_format(tokens: Sequence[Token]) -> CopyFormat:
    values: dict[str, str] = {}
    words = [token for token in tokens if not token.is_one_of("WITH", "(", ")", ",")]
    at = 0
    while at < len(words):
        name = words[at].value.upper()
        if name in ("CSV", "BINARY", "TEXT"):  # the syntax before PostgreSQL 9
            values["FORMAT"] = name
            at += 1
            continue
        if name == "DELIMITERS":
            name = "DELIMITER"
        if name not in _OPTIONS:
            raise ServerError(
                "42601", f"COPY has no option {words[at].text!r}. Expected {', '.join(_OPTIONS)}."
            )
        at += 1
        if at < len(words) and words[at].is_one_of("AS"):
            at += 1
        if at < len(words) and words[at].value.upper() not in (*_OPTIONS, "CSV"):
            values[name] = words[at].value
            at += 1
        else:
            values[name] = "true"
    return _build_format(values)


def _build_format(values: dict[str, str]) -> CopyFormat:
    name = values.get("FORMAT", "text").lower()
    if name not in ("text", "csv", "binary"):
        raise ServerError("22023", f"COPY format {name!r}: expected text, csv or binary.")
    is_csv = name == "csv"
    quote = values.get("QUOTE", '"')
    chosen = CopyFormat(
        name,
        values.get("DELIMITER", "," if is_csv else "\t"),
        values.get("NULL", "" if is_csv else "\\N"),
        values.get("HEADER", "false").lower() in ("true", "on", "1", "match"),
        quote,
        values.get("ESCAPE", quote),
        "FORCE_QUOTE" in values,
    )
    if any(len(each.encode()) != 1 for each in (chosen.delimiter, chosen.quote, chosen.escape)):
        raise ServerError("22023", "COPY: delimiter, quote and escape are one character each.")
    return chosen
