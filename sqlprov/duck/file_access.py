"""Limits what SQL may do with files, extensions and the network: the sandbox, and read-only sessions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb

from sqlprov.errors import NotSupportedError, show_caret
from sqlprov.sql import Query
from sqlprov.sql.lexer import Token, TokenKind, find_closing, tokenize
from sqlprov.sql.outline import find_inner_start

# What a cursor sets for itself.
_CURSORS = ("TimeZone", "streaming_buffer_size", "arrow_lossless_conversion")
# Settings that make DuckDB write files, load code or undo the lock.
_UNSAFE = (
    r"allow|director|extension|external|lock_configuration|log_|logging|profil|output$|secret|access_mode|"
    r"checkpoint|storage|(?<!search)_path"
)
_Type = duckdb.StatementType
_REFUSED = {
    _Type.EXPORT: "EXPORT writes files",
    _Type.LOAD: "an extension may change files",
    _Type.EXTENSION: "an extension may change files",
    _Type.COPY_DATABASE: "COPY FROM DATABASE may run anything",
}
_PRAGMAS = frozenset(
    {
        *("table_info", "show_tables", "show_tables_expanded", "show_databases", "show", "database_list"),
        *("database_size", "version", "platform", "collations", "functions", "storage_info", "user_agent"),
    }
)
"""Pragmas that only read; IMPORT DATABASE and COPY FROM DATABASE are pragmas to DuckDB."""
_RUNNING = ("query", "json_execute_serialized_sql")
"""Functions that run text as SQL: a COPY could hide in it."""


def open_sandbox(duck: duckdb.DuckDBPyConnection, files: Iterable[str | Path]) -> None:
    """Leave DuckDB no file but its database and `files`, no network, no extension and no setting; for good.

    Args:
        files: files, and folders with all that they hold.
    """
    chosen = [str(Path(file).expanduser().resolve()) for file in files]
    # A temporary file is a local file, too: without a folder DuckDB reports that its memory is full.
    _set(duck, temp_directory="", allow_persistent_secrets=False, allow_community_extensions=False)
    _set(duck, autoinstall_known_extensions=False, autoload_known_extensions=False)
    _set(duck, allowed_directories=[f"{path}/" for path in chosen], allowed_paths=chosen)
    _set(duck, enable_external_access=False)
    _lock(duck, _CURSORS)


def protect_files(duck: duckdb.DuckDBPyConnection) -> None:
    """Leave DuckDB no setting that writes a file; `check_read_only` looks at the statements.

    Raises:
        NotSupportedError: a database file is open for writing, or DuckDB writes a log.
    """
    writable = "SELECT path FROM duckdb_databases() WHERE path IS NOT NULL AND NOT readonly AND NOT internal"
    for (path,) in duck.execute(writable).fetchall():
        raise NotSupportedError(
            f"{path} is open for writing, so the session cannot become read-only. "
            "DETACH it, or open it with connect(…, read_only=True) or --read-only."
        )
    ((logs,),) = duck.execute("SELECT current_setting('enable_logging')").fetchall()
    if logs:
        raise NotSupportedError(
            "DuckDB's log may be a file, so the session cannot become read-only. CALL disable_logging() first."
        )
    ((locked,),) = duck.execute("SELECT current_setting('lock_configuration')").fetchall()
    if not locked:
        _set(duck, autoinstall_known_extensions=False)
        names = duck.execute("SELECT name FROM duckdb_settings()").fetchall()
        _lock(duck, [name for (name,) in names if not re.search(_UNSAFE, name)])


def _lock(duck: duckdb.DuckDBPyConnection, free: Sequence[str]) -> None:
    _set(duck, allowed_configs=list(free), lock_configuration=True)


def _set(duck: duckdb.DuckDBPyConnection, **settings: object) -> None:
    for name, value in settings.items():
        duck.execute(f"SET GLOBAL {name} = $value", {"value": value})


def check_read_only(duck: duckdb.DuckDBPyConnection, query: Query, bodies: Iterable[str]) -> None:
    """Refuse a statement of a read-only session that could change a file; databases in memory may change.

    Args:
        query: the statement.
        bodies: the definitions of the views and macros that it reads.

    Raises:
        NotSupportedError: it is refused.
    """
    try:
        types = [statement.type for statement in duck.extract_statements(query.text)]
    except duckdb.Error:
        return  # DuckDB cannot parse it, and reports that
    except ValueError:  # UPDATE EXTENSIONS has a type that Python's enumeration lacks
        types = [_Type.EXTENSION]
    tokens = query.tokens
    if inner := find_inner_start(tokens):
        check_read_only(duck, Query(query.text[tokens[inner].start :], 0), bodies)
        return
    if tokens[0].is_one_of("EXECUTE") and len(tokens) > 1:
        # DuckDB's own list: a name may have been prepared before the session became read-only.
        prepared = "SELECT statement FROM duckdb_prepared_statements() WHERE lower(name) = lower($name)"
        for (text,) in duck.execute(prepared, {"name": tokens[1].value}).fetchall():
            check_read_only(duck, Query(text, 0), bodies)
        return
    problem = next((_REFUSED[each] for each in types if each in _REFUSED), None)
    problem = problem or _find_file_write(tokens)
    for body in bodies:
        problem = problem or _find_hidden_sql(tokenize(body))
    if problem:
        raise NotSupportedError(
            f"The session is read-only (sqlprov_read_only): {problem}. Nothing was written.\n"
            f"{show_caret(query.text, tokens[0].start)}"
        )


def _find_file_write(tokens: Sequence[Token]) -> str | None:
    """How a statement may change a file; `None` if it cannot."""
    words = [token.text.upper() if token.kind is TokenKind.WORD else "" for token in tokens]
    if "COPY" in words and "TO" in words:
        return "COPY … TO writes a file; --out and \\o take the rows of a SELECT"
    if words[0] in ("CREATE", "DROP") and _names_lasting_secret(words[1:]):
        return "a secret may be kept in a file; write CREATE TEMPORARY SECRET or DROP TEMPORARY SECRET"
    if words[0] == "ATTACH" and not _attaches_readonly(tokens):
        return "ATTACH opens a file for writing; write ATTACH … (READ_ONLY)"
    if words[:1] == ["IMPORT"] or (words[0] == "PRAGMA" and tokens[1].value.lower() not in _PRAGMAS):
        return f"{words[0]} may change files"
    return _find_hidden_sql(tokens)


def _find_hidden_sql(tokens: Sequence[Token]) -> str | None:
    for token, after in pairwise(tokens):
        if token.is_name and token.value.lower() in _RUNNING and after.text == "(":
            return f"{token.value}() runs text as SQL; write the SQL itself"
    return None


def _names_lasting_secret(words: Sequence[str]) -> bool:
    """Whether CREATE or DROP is of a secret that may be kept in a file."""
    for word in words:
        if word not in ("OR", "REPLACE", "PERSISTENT"):
            return word == "SECRET"
    return False


def _attaches_readonly(tokens: Sequence[Token]) -> bool:
    """Whether ATTACH opens a database in memory, or a file that cannot be changed."""
    at = 1
    while at < len(tokens) and tokens[at].is_one_of("OR", "REPLACE", "DATABASE", "IF", "NOT", "EXISTS"):
        at += 1
    if at < len(tokens) and tokens[at].kind is TokenKind.STRING and tokens[at].value == ":memory:":
        return True
    at = next((index for index, token in enumerate(tokens) if token.text == "("), len(tokens))
    names = [each.text.upper() for each in tokens[at + 1 : find_closing(tokens, at)]]
    if names.count("READ_ONLY") != 1 or {"ACCESS_MODE", "READ_WRITE"} & {*names}:
        return False
    return names[names.index("READ_ONLY") + 1 :][:1] in ([], [","])
