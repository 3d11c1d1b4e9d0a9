"""Translates DuckDB's exceptions, and suggests names where it does not know one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from sqlprov import errors
from sqlprov.sql import Query, names
from sqlprov.sql.lexer import tokenize

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.table import Table

TRANSLATIONS: tuple[tuple[type[duckdb.Error], type[errors.Error]], ...] = (
    (duckdb.InterruptException, errors.Cancelled),
    (duckdb.NotImplementedException, errors.NotSupportedError),
    (duckdb.NotSupportedError, errors.NotSupportedError),
    (duckdb.IntegrityError, errors.IntegrityError),
    (duckdb.InternalError, errors.InternalError),
    (duckdb.DataError, errors.DataError),
    (duckdb.OperationalError, errors.OperationalError),
)
DUCKDB_LISTINGS = ("TABLES", "ALL TABLES", "DATABASES", "SCHEMAS", "VARIABLES")
"""Words that DuckDB's own SHOW accepts besides table names."""
UNKNOWN = re.compile(
    r"does not exist|not found in FROM clause|was not found because the FROM clause|"
    r"No catalog \+ schema named|does not have a column"
)

_ADVICE = {
    "disabled by configuration": "A sandbox has no files but those that connect(sandbox=[…]) or --allow-file names.",
    "disabled through configuration": "A sandbox has no extensions.",
    "Persistent secrets are disabled": "A sandbox has none.",
    "configuration has been locked": "A sandbox fixes all of DuckDB's settings, and a read-only session those that "
    "could write a file.",
    "Malformed JSON at byte 0": "DuckDB reads a text that meets JSON as JSON, in which a text has quotes. Write ->> "
    "instead of -> or json_extract: its value is text; and to_json('…') for a text that json_set takes.",
}
"""Part of DuckDB's message -> what to know."""

_UNTYPED_MAP = """found 'MAP(VARCHAR, "NULL")'"""

FindTables = Callable[[], Sequence["Table"]]

_OTHERS = (
    r'field format: "(now)"|Table with name "?(\w+)|column "(\w+)" not found|'
    r"(?:Function|Type) with name (\S+) does not exist|argument types '(<=>)|Cannot drop (MATERIALIZED)|"
    r"argument types '(date_sub|date_diff|datediff|to_timestamp)\([^,]+, [^,]+\)'|argument types '(decode)\(|"
    r'function call "(strftime|octet_length)\(STRING_LITERAL|required extension \'(inet)'
)
_ARITHMETIC = r"argument types '[-+*/%]+\([^)]*JSON"
_MISSING = r'\b(?:with name|schema(?! named)|named) "?([\w.]+)'


def translate(error: Exception, text: str, find_tables: FindTables) -> Exception:
    """Our error for an error of a query, with the same message; the error itself if it is not DuckDB's.

    A message about the type of a nested column says what to write.

    Args:
        error: DuckDB's, or Arrow's version of it while rows are read.
        text: the statement.
        find_tables: returns the live tables that the statement names.
    """
    if isinstance(error, OSError | pa.ArrowException):
        error = _restore_type(error)
    if not isinstance(error, duckdb.Error):
        return error
    message = str(error)
    if isinstance(error, duckdb.ParserException):
        from sqlprov.sql.syntax_errors import explain_syntax_error

        return explain_syntax_error(message, text)
    if _is_unknown_name(error):
        return errors.UnknownName(_drop_far_hint(message))
    if _UNTYPED_MAP in message:
        null = next((token.start for token in tokenize(text) if token.is_one_of("NULL")), 0)
        reason = "A map whose values are all NULL has no type. Write NULL::VARCHAR"
        return errors.DataError(f"{reason}.\n{errors.show_caret(text, null)}")
    if 'field format: "now"' in message and (instead := _find_instead(message, text)):
        return errors.NotSupportedError(instead)
    from sqlprov.duck.column_hints import explain_nested

    message = explain_nested(message, Query(text, 0).words, find_tables)
    if re.search(_ARITHMETIC, message):
        message = (
            f"{message.partition(' You might need')[0]} JSON is not a number: write json_extract(…)::INTEGER."
        )
    message += next((f"\n{advice}" for part, advice in _ADVICE.items() if part in message), "")
    ours = (ours for theirs, ours in TRANSLATIONS if isinstance(error, theirs))
    return next(ours, errors.ProgrammingError)(message)


def move_place(error: Exception, text: str) -> Exception:
    """The error with its place in `text`, the statement as written, instead of in a query made of its parts."""
    message = str(error)
    place = re.search(r"\n+LINE (\d+): (.*)\n( *)\^+", message)
    if place is None or isinstance(
        error, duckdb.ParserException
    ):  # DuckDB has parsed the statement as written
        return error
    rest = place[2][max(len(place[3]) - len(f"LINE {place[1]}: "), 0) :]
    word = re.match(r""""[^"]*"|'[^']*'|\$?\w+""", rest)
    starts = [match.start() for match in re.finditer(rf"{re.escape(word[0])}(?!\w)", text)] if word else []
    # What follows in the query may follow in the statement, too. If it does not, RETURNING is the last clause.
    at = max(starts, key=lambda start: (_count_equal(text[start:], rest), start), default=None)
    shown = "" if at is None else f"\n{errors.show_caret(text, at)}"
    return type(error)(f"{message[: place.start()]}{message[place.end() :]}{shown}")


def _count_equal(one: str, other: str) -> int:
    """How many characters two texts begin with that are equal."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _drop_far_hint(message: str) -> str:
    """DuckDB's message without its nearest word, if that is not near."""
    hint = re.search(r'with name "?(\w+)"? does not exist!?(\nDid you mean "(\w+)[^"]*"\?)', message)
    is_far = hint is not None and not errors.suggest(hint[1], [hint[3]], errors.KEYWORD_LIKENESS)
    return message.replace(hint[2], "") if hint and is_far else message


def _restore_type(error: Exception) -> Exception:
    """DuckDB's error, rebuilt from the message that Arrow kept, as in `Invalid Input Error: …`."""
    kind = re.match(r"([\w ]+) Error: ", str(error))
    name = "".join(word[:1].upper() + word[1:] for word in kind[1].split()) if kind else ""
    restored = getattr(duckdb, f"{name}Exception", None)
    return restored(str(error)) if restored else error


def find_missing_names(error: duckdb.Error) -> frozenset[str]:
    """The parts of the names that an error's message says do not exist, in lower case."""
    names = re.findall(_MISSING, str(error).lower()) if _is_unknown_name(error) else []
    return frozenset(part for name in names for part in name.split("."))


def find_missing_table(error: duckdb.Error) -> str:
    """The unqualified name of the missing table in an error's message; empty for other errors."""
    match = re.search(r'Table with name "?(\w+)"? does not exist', str(error))
    return match[1] if match and isinstance(error, duckdb.CatalogException) else ""


def _is_unknown_name(error: Exception) -> bool:
    is_about_names = isinstance(error, duckdb.CatalogException | duckdb.BinderException)
    return is_about_names and UNKNOWN.search(str(error)) is not None


def suggest_live_name(
    error: duckdb.Error,
    text: str,
    catalog: Catalog,
    path: Callable[[], tuple[str, ...]],
    find_tables: FindTables,
) -> errors.UnknownName | errors.NotSupportedError | None:
    """A better error for a name that DuckDB does not know; `None` if nothing better is known.

    Args:
        error: DuckDB's.
        text: the statement.
        catalog: the providers, services and tables.
        path: returns the catalog and schema that USE chose.
        find_tables: returns the live tables that the statement names.
    """
    if instead := _find_instead(str(error), text):
        return errors.NotSupportedError(instead)
    if not _is_unknown_name(error):
        return None
    if message := _suggest_table(error, text, catalog) or _suggest_part(
        str(error), text, catalog, find_tables
    ):
        return errors.UnknownName(message)
    providers = "|".join(map(re.escape, catalog.list_providers()))
    part = r'"?(\w+)"?'
    written = re.findall(rf'(?i)"?\b({providers})"?\s*\.\s*{part}(?:\s*\.\s*{part})?', text)
    if (name := find_missing_table(error)) and not written:
        chosen = path()
        if len(chosen) == 2 and chosen[0] in catalog.list_providers() and chosen[1] != "main":
            written = [(*chosen, name)]
    for provider, service, table in written:
        if service.lower() in ("regions", "main") and not table:
            continue
        if problem := names.explain_unknown(catalog, provider.lower(), service, table):
            return errors.UnknownName(f"{problem}{_show_place(text, table or service)}")
    missing = find_missing_table(error)
    if missing and (hint := names.suggest_tables(catalog, missing, is_exact=True)):
        return errors.UnknownName(
            f"Table with name {missing} does not exist.{hint}{_show_place(text, missing)}"
        )
    return None


def _find_instead(message: str, text: str) -> str | None:
    """What to write instead of a word of other databases that DuckDB takes for a name; `None` if it is none."""
    from sqlprov.sql.instead import FUNCTIONS, find_instead

    match = re.search(_OTHERS, message)
    if match is None:
        return None
    name = next(filter(None, match.groups())).lower()
    tokens = tokenize(text)
    written = ("inet", "host") if name == "inet" else (name,)
    at = next((index for index, token in enumerate(tokens) if token.value.lower() in written), -1)
    plain = name.replace("jsonb", "json")
    advice = FUNCTIONS.get(plain, plain if plain != name else "")
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    is_column = match[0].startswith("column") and not (following and re.match(r"\(|\d", following.text))
    if advice and not is_column:
        place = errors.show_caret(text, tokens[at].start)
        of = " of two texts" if name == "strftime" else ""
        return f"{name}{of} is not supported. Write {advice}.\n{place}"
    return find_instead(text, tokens, at)


def _suggest_table(error: duckdb.Error, text: str, catalog: Catalog) -> str:
    """The message for a provider, a service or a SHOW keyword used as a table; otherwise empty."""
    from sqlprov.sql.show import SHOW_KINDS

    name = find_missing_table(error)
    if not name:
        return ""
    place = _show_place(text, name)
    words = [*SHOW_KINDS, *DUCKDB_LISTINGS]
    is_show = re.match(r"(?i)\s*SHOW\b", text)
    if is_show and (hint := errors.suggest(name.upper(), words, errors.KEYWORD_LIKENESS)):
        return f"SHOW {name}: there is no table of that name.{hint}{place}"
    for provider in catalog.list_providers():
        if name.lower() == provider:
            advice = f"SHOW SERVICES IN {provider} lists its services, and {provider}.regions its regions"
            return f"{name!r} is a provider, not a table: {advice}.{place}"
        if name.lower() in catalog.list_services(provider):
            service = f"{provider}.{name.lower()}"
            example = next(iter(catalog.list_tables(provider, name)), "…")
            advice = f"SHOW RESOURCES IN {service} lists its tables, such as {service}.{example}"
            return f"{service!r} is a service, not a table: {advice}.{place}"
    return ""


def _suggest_part(message: str, text: str, catalog: Catalog, find_tables: FindTables) -> str:
    """The message for a provider or a column that DuckDB does not know; otherwise empty."""
    from sqlprov.duck.column_hints import suggest_columns

    providers = catalog.list_providers()
    if match := re.search(r'because schema "(\w+)\.\w+" does not exist', message):
        provider = match[1]
        if provider.lower() in providers:
            return ""
        return (
            f"Unknown provider {provider!r}; expected {', '.join(providers)}, or an attached database."
            f"{errors.suggest(provider, providers)}{_show_place(text, provider)}"
        )
    if match := re.search(r'Table with name "(\w+\.\w+)" does not exist because schema "(\w+)"', message):
        for provider in providers:
            if match[2].lower() in catalog.list_services(provider):
                if problem := names.explain_unknown(catalog, provider, *match[1].split(".")):
                    return f"{problem}{_show_place(text, match[1])}"
                return f"{message} Did you mean '{provider}.{match[1]}', or USE {provider}?"
        return ""
    if match := re.search(r'Referenced column "(.+?)" (?:was )?not found', message):
        written, is_quoted = match[1], f'"{match[1]}"' in text
        candidates = re.findall(r'"(\w+)"', message.partition("Candidate bindings: ")[2].partition("\n")[0])
        hint = suggest_columns(match[1], find_tables(), candidates, is_near=not is_quoted)
        if hint:  # instead of DuckDB's candidates
            message = f"{message.partition('!')[0]}.{hint}"
        if is_quoted:
            written = f'"{match[1]}"'
            first, newline, rest = message.partition("\n")
            quoted = f" In double quotes, {match[1]} is a name; write '{match[1]}' for a text."
            message = f"{first}{quoted}{newline}{rest}"
        return message if re.search(r"LINE \d", message) else f"{message}{_show_place(text, written)}"
    if match := re.search(r'Values list "\w+" does not have a column named "(\w+)"', message):
        problem = message.partition("\n")[0]
        hint = suggest_columns(match[1], find_tables())
        return f"{problem}.{hint}{_show_place(text, match[1])}"
    return ""


def _show_place(text: str, name: str) -> str:
    """The line of `text` that holds `name`, with a caret; empty if none does."""
    match = re.search(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", text)
    return f"\n{errors.show_caret(text, match.start())}" if match else ""
