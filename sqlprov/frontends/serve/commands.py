"""Runs statements: PostgreSQL's about a session, such as SET, BEGIN and DECLARE, here, all others on the connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from sqlprov.frontends.serve.copy_out import parse_copy
from sqlprov.frontends.serve.parameters import parse_milliseconds
from sqlprov.frontends.serve.portal import Portal, ResultColumn, build_text_portal
from sqlprov.frontends.serve.session import BoundPortal, ClientSession, Prepared, Values
from sqlprov.frontends.serve.sqlstates import ServerError
from sqlprov.frontends.serve.types import find_type
from sqlprov.sql.lexer import Token, quote_path, tokenize

Tokens = Sequence[Token]
_ENDS = ("COMMIT", "END", "ROLLBACK", "ABORT")
_TEXT = find_type("VARCHAR")


def execute(session: ClientSession, text: str, values: Values | None = None) -> Portal:
    """Run one statement until its first rows can be read.

    Args:
        session: the client's.
        text: one statement.
        values: of `$1`, `$2`, …, by number.

    Raises:
        Error: it failed.
    """
    tokens = tokenize(text)
    verb = tokens[0].text.upper()
    if session.status == "E" and verb not in _ENDS:
        message = "current transaction is aborted, commands ignored until end of transaction block"
        raise ServerError("25P02", message)
    if is_command(session, verb, tokens):
        return HANDLERS[verb](session, text, tokens)
    return session.run(text, values or {})


def check(session: ClientSession, text: str) -> None:
    """Parse one statement without running it: as in PostgreSQL, a query that has a wrong one runs none.

    Raises:
        Error: it cannot be parsed, or is not supported.
    """
    tokens = tokenize(text)
    if session.status != "E" and not is_command(session, tokens[0].text.upper(), tokens):
        session.check(text)


def is_command(session: ClientSession, verb: str, tokens: Tokens) -> bool:
    """Whether a statement is answered here, and not by the connection."""
    if verb == "SHOW":
        return _read_shown_name(session, tokens) is not None
    if verb in ("SET", "RESET"):
        return not _is_for_connection(session, tokens)
    if verb == "DEALLOCATE":
        return tokens[-1].value in session.statements or tokens[-1].is_one_of("ALL")
    if verb == "COPY":
        return any(token.is_one_of("STDOUT", "STDIN") for token in tokens)
    return verb in HANDLERS


def describe(session: ClientSession, verb: str, tokens: Tokens) -> tuple[ResultColumn, ...] | None:
    """The columns of a statement about the session; `None` if it returns no rows."""
    if verb == "SHOW":
        names = (
            ("name", "setting")
            if _read_shown_name(session, tokens) == "all"
            else (_read_shown_name(session, tokens),)
        )
        return tuple(ResultColumn(str(name), _TEXT) for name in names)
    if verb == "FETCH":
        return _find_cursor(session, tokens[-1]).columns
    return None


# Transactions


def _begin(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    if session.status == "I":
        session.status = "T"
    if access := _find_access(tokens):
        session.parameters.set("transaction_read_only", access)
    return Portal("BEGIN" if tokens[0].is_one_of("BEGIN") else "START TRANSACTION")


def _find_access(tokens: Tokens) -> str | None:
    """The value of `transaction_read_only` that READ ONLY and READ WRITE stand for; `None` without either."""
    for word, access in pairwise(tokens):
        if word.is_one_of("READ") and access.is_one_of("ONLY", "WRITE"):
            return "on" if access.is_one_of("ONLY") else "off"
    return None


def _end(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    if any(token.is_one_of("PREPARED") for token in tokens):
        raise ServerError("0A000", "Two-phase commit is not supported.")
    if any(token.is_one_of("TO") for token in tokens):
        return _roll_back_to_savepoint(session)
    return Portal(session.end_transaction("COMMIT" if tokens[0].is_one_of("COMMIT", "END") else "ROLLBACK"))


def _roll_back_to_savepoint(session: ClientSession) -> Portal:
    """DuckDB has no savepoints; before the first change there is nothing that one would undo."""
    if session.connection.in_transaction:
        raise ServerError(
            "0A000", "DuckDB has no savepoints: this transaction has changed something. ROLLBACK it."
        )
    session.status = "T"
    return Portal("ROLLBACK")


def _ignore(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    return Portal(tokens[0].text.upper())


# Parameters


def _is_for_connection(session: ClientSession, tokens: Tokens) -> bool:
    """Whether SET or RESET is about a setting of sqlprov or DuckDB."""
    name, _ = _split_setting(tokens)
    if name == "sqlprov_read_only":
        raise ServerError("0A000", "All clients share it. Start the server with --read-only.")
    return not (name in ("all", "role") or name == "" or session.parameters.find(name))


def _split_setting(tokens: Tokens) -> tuple[str, list[Token]]:
    """The name, in lower case, and the value of SET or RESET; the name is empty for SET TRANSACTION and the like."""
    rest = list(tokens[1:])
    if rest and rest[0].is_one_of("SESSION", "LOCAL"):
        rest = rest[1:]
    words = [token.text.upper() for token in rest[:2]]
    if words[:1] in (["TRANSACTION"], ["CHARACTERISTICS"], ["AUTHORIZATION"], ["CONSTRAINTS"]):
        return "", rest
    if words == ["TIME", "ZONE"]:
        return "timezone", rest[2:]
    if words[:1] == ["NAMES"]:
        return "client_encoding", rest[1:]
    if not rest:
        return "", rest
    value = rest[1:]
    if value and value[0].is_one_of("=", "TO"):
        value = value[1:]
    return rest[0].value.lower(), value


def _set(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    name, value = _split_setting(tokens)
    tag = tokens[0].text.upper()
    known = session.parameters.find(name)
    if tag == "RESET" and name == "all":
        session.reset_settings()
    elif known:
        is_default = not value or (len(value) == 1 and value[0].is_one_of("DEFAULT"))
        set_parameter(session, known, None if is_default else "".join(_join_values(value)))
    elif access := _find_access(tokens):
        is_default = any(token.is_one_of("CHARACTERISTICS") for token in tokens)
        set_parameter(
            session, "default_transaction_read_only" if is_default else "transaction_read_only", access
        )
    return Portal(tag)


def _join_values(tokens: Tokens) -> list[str]:
    return [", " if token.text == "," else token.value for token in tokens]


def set_parameter(session: ClientSession, name: str, value: str | None) -> None:
    """Change a parameter of PostgreSQL's, with what it means for the connection.

    Args:
        session: the session.
        name: in PostgreSQL's spelling.
        value: `None` for its first value.

    Raises:
        Error: the value does not fit.
    """
    if name == "statement_timeout" and value is not None:
        value = str(parse_milliseconds(value))
    value = session.parameters.set(name, value)
    if name == "TimeZone":
        quoted = value.replace("'", "''")
        session.run_quietly(f"SET TimeZone = '{quoted}'")
    elif name.endswith("transaction_read_only") and session.status == "I":
        session.parameters.restore_access()
    elif name == "search_path":
        _use_first(session, value)


def _use_first(session: ClientSession, path: str) -> None:
    """Make the first schema of a search path that exists the current one."""
    ((database,),) = session.run_quietly("SELECT current_database()")
    schemas = [part.strip().strip('"') for part in path.split(",")]
    wanted = [schema for schema in schemas if schema not in ("$user", "public", "pg_catalog", "")]
    session.run_quietly(f"USE {quote_path(database, (wanted or ['main'])[0])}")


def _read_shown_name(session: ClientSession, tokens: Tokens) -> str | None:
    """The parameter of SHOW; `None` if it is not one of PostgreSQL's."""
    words = [token.value.lower() for token in tokens[1:]]
    if words == ["all"]:
        return "all"
    if words == ["transaction", "isolation", "level"]:
        return "transaction_isolation"
    if words == ["time", "zone"]:
        return "TimeZone"
    return session.parameters.find(words[0]) if len(words) == 1 else None


def _show(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    name = _read_shown_name(session, tokens)
    assert name is not None, "is_command has found it"
    if name == "all":
        return build_text_portal(("name", "setting"), session.parameters.list_all(), "SHOW")
    return build_text_portal((name,), [(session.parameters.get(name),)], "SHOW")


def _deallocate(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    if session.statements.pop(tokens[-1].value, None) is None:
        session.statements.clear()
    return Portal("DEALLOCATE")


def _discard(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    if not any(token.is_one_of("ALL") for token in tokens):
        raise ServerError("0A000", "Only DISCARD ALL is supported.")
    if session.status != "I":
        raise ServerError("25001", "DISCARD ALL cannot run inside a transaction block")
    session.discard()
    return Portal("DISCARD ALL")


# Cursors


def _declare(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    at = next((at for at, token in enumerate(tokens) if token.is_one_of("FOR")), 0)
    if not at or at + 1 == len(tokens):
        raise ServerError("42601", "Expected DECLARE name CURSOR FOR query.")
    holds = any(tokens[i].is_one_of("WITH") and tokens[i + 1].is_one_of("HOLD") for i in range(at))
    if session.status == "I" and not holds:
        raise ServerError("25P01", "DECLARE CURSOR can only be used in transaction blocks")
    name = tokens[1].value
    if name in session.portals:
        raise ServerError("42P03", f'cursor "{name}" already exists')
    query = text[tokens[at + 1].start :]
    session.portals[name] = BoundPortal(Prepared(query, []), portal=execute(session, query), holds=holds)
    return Portal("DECLARE CURSOR")


def _find_cursor(session: ClientSession, token: Token) -> Portal:
    bound = session.portals.get(token.value)
    if bound is None or bound.portal is None:
        raise ServerError("34000", f'cursor "{token.value}" does not exist')
    return bound.portal


def _fetch(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    """FETCH and MOVE, forward only."""
    verb = tokens[0].text.upper()
    inner = _find_cursor(session, tokens[-1])
    words = [
        t.text.upper() for t in tokens[1:-1] if not t.is_one_of("FROM", "IN", "FORWARD", "NEXT", "RELATIVE")
    ]
    if words and words[0] != "ALL" and not words[0].isdecimal():
        raise ServerError("0A000", f"{verb} {' '.join(words)} is not supported: a cursor only moves forward.")
    limit = 1 if not words else 0 if words[0] == "ALL" else int(words[0])
    batches = inner.pull(limit) if limit or words == ["ALL"] else iter(())
    if verb == "MOVE":
        return Portal(f"MOVE {sum(batch.num_rows for batch in batches)}")
    return Portal("FETCH {}", inner.columns, batches)


def _close(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    if len(tokens) == 2 and tokens[1].is_one_of("ALL"):
        session.close_portals(all=True)
        return Portal("CLOSE CURSOR ALL")
    _find_cursor(session, tokens[-1])
    session.close_portal(tokens[-1].value)
    return Portal("CLOSE CURSOR")


def _copy(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    copy = parse_copy(text, tokens)
    if copy is None:
        raise ServerError("42601", "Expected COPY (query) TO STDOUT.")
    query, how = copy
    portal = execute(session, query)
    if portal.columns is None:
        raise ServerError("0A000", "COPY … TO STDOUT needs a query that returns rows.")
    portal.copy, portal.tag = how, "COPY {}"
    return portal


def _refuse(session: ClientSession, text: str, tokens: Tokens) -> Portal:
    raise ServerError("0A000", f"{tokens[0].text.upper()} is not supported.")


HANDLERS: dict[str, Callable[[ClientSession, str, Tokens], Portal]] = {
    "BEGIN": _begin,
    "START": _begin,
    **dict.fromkeys(_ENDS, _end),
    **dict.fromkeys(("SAVEPOINT", "RELEASE", "UNLISTEN"), _ignore),
    "DEALLOCATE": _deallocate,
    **dict.fromkeys(("LISTEN", "NOTIFY", "LOCK", "GRANT", "REVOKE"), _refuse),
    "SET": _set,
    "RESET": _set,
    "SHOW": _show,
    "DISCARD": _discard,
    "DECLARE": _declare,
    "FETCH": _fetch,
    "MOVE": _fetch,
    "CLOSE": _close,
    "COPY": _copy,
}
"""First word -> what runs the statement."""
