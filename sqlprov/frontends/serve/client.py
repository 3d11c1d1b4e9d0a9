"""One client: logs it in, and answers its messages until it leaves."""

from __future__ import annotations

import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from sqlprov.errors import Error
from sqlprov.frontends.serve.commands import check, execute, set_parameter
from sqlprov.frontends.serve.describe import describe, find_arrays, find_parameter_types
from sqlprov.frontends.serve.login import NEWEST, ClientLogin, ServerOptions, log_in
from sqlprov.frontends.serve.messages import (
    Disconnected,
    Fields,
    ProtocolError,
    Wire,
    pack_fields,
    pack_int16,
    pack_int32,
    pack_text,
)
from sqlprov.frontends.serve.parameters import REPORTED
from sqlprov.frontends.serve.portal import Portal, describe_columns, spread_formats
from sqlprov.frontends.serve.rows import encode_rows
from sqlprov.frontends.serve.session import BoundPortal, ClientSession, Prepared, is_reading, split
from sqlprov.frontends.serve.sqlstates import ServerError, describe_error, describe_notice
from sqlprov.frontends.serve.types import decode_parameter
from sqlprov.sql.lexer import list_parameters, quote_identifier, tokenize

if TYPE_CHECKING:
    import sqlprov
    from sqlprov.frontends.serve.pg_catalog.contents import CatalogContents

LOG = logging.getLogger("sqlprov.serve")
_HUNG_UP = getattr(select, "POLLRDHUP", select.POLLHUP)
"""What `poll` reports once the other side has closed, also if it has sent something before; macOS knows only HUP."""
_LATE = ("57014", "canceling authentication due to timeout")
_IDLE = ("57P05", "terminating connection due to idle-session timeout")
MAX_NAMES = 10_000
"""Prepared statements or portals of one client."""


class Host(Protocol):
    """What a client needs of its server.

    Attributes:
        connection: each client queries a cursor of it.
        options: the limits.
        contents: what PostgreSQL's catalogs hold.
    """

    connection: sqlprov.Connection
    options: ServerOptions
    contents: CatalogContents

    def admit(self, client: Client) -> None:
        """Count a client that has logged in; a ServerError if there are too many."""

    def cancel(self, number: int, secret: bytes) -> None:
        """Stop the statement of the client with this number, if the secret is its own."""


class Client:
    """One client's connection.

    Args:
        server: the server.
        sock: connected to the client.
        number: identifies the client in a cancel request.
        secret: 32 bytes that a cancel request has to show; only the first 4 of them before version 3.2.

    Attributes:
        is_known: whether the client has logged in.
        is_busy: whether a statement runs.
        is_cancelled: whether it is to end.
    """

    def __init__(self, server: Host, sock: socket.socket, number: int, secret: bytes) -> None:
        self.number, self.secret = number, secret
        self.is_known = self.is_busy = self.is_cancelled = False
        self._deadline = 0.0
        self._login_deadline = time.monotonic() + server.options.login_timeout
        self._lock = threading.Lock()
        self._server = server
        self._wire = Wire(sock, server.options.max_message)
        self._session: ClientSession | None = None
        self._reported: dict[str, str] = {}
        self._is_skipping = False
        self._timed_out = False

    def run(self) -> None:
        """Serve the client until it leaves."""
        try:
            if self._start():
                self._answer_messages()
        except (Disconnected, ConnectionError, ssl.SSLError):
            if self._is_late:
                self._end(*_LATE)
        except TimeoutError:
            self._end(*(_IDLE if self.is_known else _LATE))
        except ProtocolError as error:
            self._end("08P01", str(error))
        except Error as error:
            self._send_error(error, severity="FATAL")
        except Exception as error:
            LOG.exception("A client's connection ends because of a bug.")
            self._send_error(error, severity="FATAL")
        finally:
            with suppress(OSError):
                self._wire.flush()
            if self._session is not None:
                self._session.close()
            with suppress(OSError):
                self._wire.sock.close()

    def stop(self, sqlstate: str, message: str) -> None:
        """End the connection, from any thread."""
        if self._session is not None:
            self._session.connection.cancel()
        if not self.is_busy:
            self._end(sqlstate, message)
        with suppress(OSError):
            self._wire.sock.shutdown(socket.SHUT_RDWR)

    def cancel(self) -> None:
        """Stop the statement, from any thread."""
        with self._lock:
            self.is_cancelled |= self.is_busy
        self.watch()

    def watch(self) -> None:
        """Stop the statement if it is to end: it is cancelled, takes too long, or its client has left. Disconnect a
        client that takes too long to log in.

        The server calls it again and again: DuckDB does not hear of a cancel that comes before it has begun.
        """
        if self._is_late:
            with suppress(OSError):  # however slowly it goes on sending; its own thread tells it why
                self._wire.sock.shutdown(socket.SHUT_RD)
        with self._lock:
            if not self.is_busy:
                return
            self._timed_out = bool(self._deadline) and time.monotonic() >= self._deadline
            if self.is_cancelled or self._timed_out or self._has_left():
                self.session.connection.cancel()

    @property
    def _is_late(self) -> bool:
        """Whether the client has taken too long to log in."""
        return not self.is_known and time.monotonic() >= self._login_deadline

    def _has_left(self) -> bool:
        """Whether the client has closed the connection while its statement runs."""
        poll = select.poll()
        try:
            poll.register(self._wire.sock, _HUNG_UP)
            return bool(poll.poll(0))
        except (OSError, ValueError):  # closed by its own thread
            return True

    def _end(self, sqlstate: str, message: str) -> None:
        self._send_error(ServerError(sqlstate, message), severity="FATAL")

    def _start(self) -> bool:
        """Log the client in; return whether it is there to stay."""
        options = self._server.options
        self._wire.sock.settimeout(options.login_timeout)
        self._wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        login = log_in(self._wire, options, self._server.cancel)
        if login is None:
            return False
        self._server.admit(self)
        self._wire.send(b"R", pack_int32(0))
        self._open_session(login)
        if login.version < NEWEST:
            self.secret = self.secret[:4]
        self._wire.send(b"K", pack_int32(self.number) + self.secret)
        self._send_ready()
        self._wire.sock.settimeout(options.idle_timeout or None)
        return True

    def _open_session(self, login: ClientLogin) -> None:
        """Open the client's cursor with its database and settings."""
        cursor = self._server.connection.cursor()
        session = self._session = ClientSession(cursor, login.user, self._server.contents)
        session.use_database(login.database, login.user)
        for name, value in login.settings:
            if known := session.parameters.find(name):
                set_parameter(session, known, value)
            else:
                quoted = value.replace("'", "''")
                execute(session, f"SET {quote_identifier(name)} = '{quoted}'")
        session.keep_initial()
        self._report_parameters()

    def _report_parameters(self) -> None:
        """Send the values of the parameters that have changed."""
        for name in REPORTED:
            value = self.session.parameters.get(name)
            if self._reported.get(name) != value:
                self._reported[name] = value
                self._wire.send(b"S", pack_text(name) + pack_text(value))

    # Messages

    @property
    def session(self) -> ClientSession:
        """The client's session, once it has logged in."""
        assert self._session is not None, "a session is opened before the first message"
        return self._session

    def _answer_messages(self) -> None:
        answers: dict[bytes, Callable[[Fields], None]] = {
            b"Q": self._run_simple,
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close,
            b"H": lambda fields: self._wire.flush(),
        }
        while True:
            kind, fields = self._wire.read()
            if kind == b"X":
                return
            if kind == b"S":
                self._sync()
            elif kind in b"dcf" or (self._is_skipping and kind != b"Q"):
                continue  # copied data after an error, and what follows an error up to Sync
            elif kind == b"F":
                self._fail(ServerError("0A000", "Function calls are not supported."))
            elif kind not in answers:
                raise ProtocolError(f"invalid frontend message type {kind[0]}")
            else:
                with self._report_errors():
                    answers[kind](fields)

    @contextmanager
    def _report_errors(self) -> Iterator[None]:
        """Send an error, and skip what follows up to Sync."""
        try:
            yield
        except (ProtocolError, Disconnected, OSError):
            raise
        except Exception as error:
            if not isinstance(error, Error):
                LOG.exception("A statement failed because of a bug.")
            self._fail(error)

    def _fail(self, error: Exception, text: str = "", offset: int = 0) -> None:
        if self._timed_out:
            error = ServerError("57014", "canceling statement due to statement timeout")
        self._send_error(error, text, offset)
        self.session.fail()
        self._is_skipping = True

    def _send_error(self, error: Exception, text: str = "", offset: int = 0, severity: str = "ERROR") -> None:
        with suppress(OSError):
            self._wire.send(b"E", pack_fields(describe_error(error, text, offset, severity)))
            if severity == "FATAL":
                self._wire.flush()

    def _send_ready(self) -> None:
        self._report_parameters()
        self._wire.send(b"Z", self.session.status.encode())
        self._wire.flush()

    @contextmanager
    def _watch(self, text: str = "", offset: int = 0) -> Iterator[None]:
        """While a statement runs, the server looks for a client that has left and for a timeout."""
        limits = (
            self._server.options.statement_timeout,
            int(self.session.parameters.get("statement_timeout")) / 1000,
        )
        limit = min(filter(None, limits), default=0)
        with self._lock:
            self._timed_out = self.is_cancelled = False
            self._deadline = time.monotonic() + limit if limit else 0.0
            self.is_busy = True
        try:
            yield
        except Error as error:
            self._fail(error, text, offset)
        finally:
            with self._lock:
                self.is_busy = False

    # Simple queries

    def _run_simple(self, fields: Fields) -> None:
        self._is_skipping = False
        text = fields.read_text()
        fields.expect_end()
        self.session.close_portal("")
        with self._report_errors():
            statements: list[tuple[str, int]] = []
            with self._watch(text):
                statements = split(text)
                if not statements:
                    self._wire.send(b"I")
            for statement, offset in statements if len(statements) > 1 else ():
                with self._watch(statement, offset):
                    check(self.session, statement)
                if self._is_skipping or tokenize(statement)[0].is_one_of("LOAD"):  # it may bring syntax
                    break
            for statement, offset in () if self._is_skipping else statements:
                with self._watch(statement, offset):
                    portal = execute(self.session, statement)
                    self._send_description(portal, [0])
                    self._send_rows(portal, [0])
                    self._complete(portal)
                if self._is_skipping:
                    break
        self._is_skipping = False
        self._send_ready()

    def _send_description(self, portal: Portal, codes: Sequence[int]) -> None:
        if portal.columns is None:
            return
        formats = spread_formats(codes, len(portal.columns))
        if portal.copy is not None:
            code = 1 if portal.copy.is_binary else 0
            counts = pack_int16(len(portal.columns)) + pack_int16(code) * len(portal.columns)
            self._wire.send(b"H", bytes([code]) + counts)
            if head := portal.copy.start([column.name for column in portal.columns]):
                self._wire.send(b"d", head)
        else:
            self._wire.send(b"T", describe_columns(portal.columns, formats))

    def _send_rows(self, portal: Portal, codes: Sequence[int], limit: int = 0) -> None:
        batches, oids = portal.pull(limit), portal.oids
        if portal.copy is not None:
            for message in portal.copy.encode(batches, oids):
                self._wire.send_whole(message)
            self._wire.send(b"c")
            return
        formats = spread_formats(codes, len(oids))
        for batch in batches:
            for messages in encode_rows(batch, oids, formats):
                self._wire.send_whole(messages)

    def _complete(self, portal: Portal) -> None:
        for notice in portal.list_notices():
            self._wire.send(b"N", pack_fields(describe_notice(notice)))
        self._report_parameters()
        self._wire.send(b"C", pack_text(portal.format_tag()))

    # Extended queries

    def _parse(self, fields: Fields) -> None:
        name, text, oids = fields.read_text(), fields.read_text(), fields.read_int32s()
        fields.expect_end()
        statements = split(text)
        if len(statements) > 1:
            raise ServerError("42601", "cannot insert multiple commands into a prepared statement")
        if name and name in self.session.statements:
            raise ServerError("42P05", f'prepared statement "{name}" already exists')
        _check_count(self.session.statements)
        oids = [oid & 0xFFFFFFFF if oid != 705 else 0 for oid in oids]
        statement = statements[0][0] if statements else ""
        self.session.statements[name] = Prepared(statement, oids)
        self._wire.send(b"1")

    def _find_statement(self, name: str) -> Prepared:
        if name not in self.session.statements:
            raise ServerError("26000", f'prepared statement "{name}" does not exist')
        return self.session.statements[name]

    def _find_portal(self, name: str) -> BoundPortal:
        if name not in self.session.portals:
            raise ServerError("34000", f'portal "{name}" does not exist')
        return self.session.portals[name]

    def _bind(self, fields: Fields) -> None:
        name, statement = fields.read_text(), fields.read_text()
        codes, values, results = fields.read_int16s(), fields.read_values(), fields.read_int16s()
        fields.expect_end()
        prepared = self._find_statement(statement)
        wanted = max([len(prepared.oids), *map(int, filter(str.isdecimal, list_parameters(prepared.text)))])
        if len(values) > wanted:
            raise ServerError("08P01", f"bind message supplies {len(values)} parameters, expected {wanted}")
        if len(codes) not in (0, 1, len(values)):
            raise ServerError("08P01", f"bind message has {len(codes)} formats for {len(values)} parameters")
        if wrong := {*codes, *results} - {0, 1}:
            raise ServerError("22023", f"unsupported format code: {min(wrong)}")
        types = prepared.types or find_arrays(prepared.text, prepared.oids)
        types = [*types, *[0] * (len(values) - len(types))]
        formats = spread_formats(codes, len(values))
        decoded = map(decode_parameter, values, types, (code == 1 for code in formats))
        if name and name in self.session.portals:
            raise ServerError("42P03", f'cursor "{name}" already exists')
        self.session.close_portal(name)
        _check_count(self.session.portals)
        parameters = {str(number): value for number, value in enumerate(decoded, start=1)}
        self.session.portals[name] = BoundPortal(prepared, parameters, results)
        self._wire.send(b"2")

    def _describe(self, fields: Fields) -> None:
        kind, name = fields.read_bytes(1), fields.read_text()
        fields.expect_end()
        if kind == b"S":
            prepared = self._find_statement(name)
            with self._watch(prepared.text):
                if prepared.types is None:
                    prepared.types = find_parameter_types(self.session, prepared.text, prepared.oids)
                columns = describe(self.session, prepared.text, prepared.types)
                oids = prepared.types
                self._wire.send(b"t", pack_int16(len(oids)) + b"".join(map(pack_int32, oids)))
                formats = [0] * len(columns or ())
                self._wire.send(*((b"n",) if columns is None else (b"T", describe_columns(columns, formats))))
            return
        bound = self._find_portal(name)
        with self._watch(bound.prepared.text):
            if is_reading(bound.prepared.text):
                columns = self._start_portal(bound).columns
            else:  # only Execute may change something
                columns = describe(self.session, bound.prepared.text, bound.prepared.oids)
            if columns is None:
                self._wire.send(b"n")
            else:
                self._wire.send(b"T", describe_columns(columns, spread_formats(bound.formats, len(columns))))

    def _start_portal(self, bound: BoundPortal) -> Portal:
        if bound.portal is None:
            bound.portal = execute(self.session, bound.prepared.text, bound.values)
        return bound.portal

    def _execute(self, fields: Fields) -> None:
        name, limit = fields.read_text(), fields.read_int32()
        fields.expect_end()
        bound = self._find_portal(name)
        if not bound.prepared.text:
            self._wire.send(b"I")
            return
        with self._watch(bound.prepared.text):
            portal = self._start_portal(bound)
            if portal.copy is not None:
                self._send_description(portal, [0])
            self._send_rows(portal, bound.formats, 0 if portal.copy else max(limit, 0))
            if portal.is_done or portal.columns is None:
                self._complete(portal)
            else:
                self._wire.send(b"s")

    def _close(self, fields: Fields) -> None:
        kind, name = fields.read_bytes(1), fields.read_text()
        fields.expect_end()
        if kind == b"S":
            self.session.statements.pop(name, None)
        else:
            self.session.close_portal(name)
        self._wire.send(b"3")

    def _sync(self) -> None:
        self._is_skipping = False
        if self.session.status != "T":  # portals last as long as the transaction
            self.session.close_portals()
        self._send_ready()


def _check_count(names: Sized) -> None:
    if len(names) >= MAX_NAMES:
        raise ServerError("53000", f"A client has at most {MAX_NAMES} statements and portals. Close some.")
