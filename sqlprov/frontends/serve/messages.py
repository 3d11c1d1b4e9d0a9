"""Reads and builds the messages of PostgreSQL's wire protocol, version 3.

Source: PostgreSQL's documentation, chapter "Frontend/Backend Protocol", sections "Message Formats" and "Message Flow".
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

SSL_REQUEST, CANCEL_REQUEST, GSS_REQUEST = 80877103, 80877102, 80877104
"""Codes in the place of a version."""
MAX_STARTUP = 10_000
"""Largest first message, in bytes, which is PostgreSQL's limit: whoever sends it has not logged in."""
FLUSH_AT = 1 << 16
"""Bytes to collect before they are sent."""
_INT16, _UINT16, _INT32 = struct.Struct("!h"), struct.Struct("!H"), struct.Struct("!i")


class ProtocolError(Exception):
    """The client sent what the protocol does not allow; the connection ends."""


class Disconnected(Exception):
    """The client closed its connection."""


class Wire:
    """A client's socket: reads whole messages, and collects what is sent.

    Args:
        sock: blocking, with the timeout after which a silent client is disconnected.
        limit: bytes of the largest message.
    """

    def __init__(self, sock: socket.socket, limit: int) -> None:
        self.sock, self._limit = sock, limit
        self._unread = bytearray()
        self._unsent: list[bytes | memoryview] = []
        self._unsent_size = 0

    def read_startup(self) -> tuple[int, Fields]:
        """The code and the rest of the first message, which has no type."""
        (size,) = _INT32.unpack(self._take(4))
        if not 8 <= size <= MAX_STARTUP:
            raise ProtocolError("invalid length of startup packet")
        fields = Fields(self._take(size - 4))
        return fields.read_int32(), fields

    def read(self) -> tuple[bytes, Fields]:
        """The type and the content of the next message."""
        head = self._take(5)
        (size,) = _INT32.unpack(head[1:])
        if not 4 <= size <= self._limit:
            raise ProtocolError(f"message of {size} bytes; expected 4 to {self._limit}")
        return head[:1], Fields(self._take(size - 4))

    @property
    def has_unread(self) -> bool:
        """Whether more has arrived than was read."""
        return bool(self._unread)

    def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            piece = self.sock.recv(max(count - len(self._unread), 8192))
            if not piece:
                raise Disconnected
            self._unread += piece
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    def send(self, kind: bytes, content: bytes = b"") -> None:
        """Send a message with the next flush."""
        self.send_whole(wrap(kind, content))

    def send_whole(self, messages: bytes | memoryview) -> None:
        """Send messages that are complete already."""
        self._unsent.append(messages)
        self._unsent_size += len(messages)
        if self._unsent_size >= FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Wait until the network has taken everything."""
        if self._unsent:
            unsent, self._unsent, self._unsent_size = self._unsent, [], 0
            self.sock.sendall(unsent[0] if len(unsent) == 1 else b"".join(unsent))


class Fields:
    """The content of one message, read from left to right; anything that is not there is a ProtocolError."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    @property
    def is_at_end(self) -> bool:
        """Whether everything has been read."""
        return self._at == len(self._content)

    def read_bytes(self, count: int) -> bytes:
        if not 0 <= count <= len(self._content) - self._at:
            raise ProtocolError("insufficient data left in message")
        self._at += count
        return self._content[self._at - count : self._at]

    def read_rest(self) -> bytes:
        return self.read_bytes(len(self._content) - self._at)

    def read_int16(self) -> int:
        return int(_INT16.unpack(self.read_bytes(2))[0])

    def read_int32(self) -> int:
        return int(_INT32.unpack(self.read_bytes(4))[0])

    def read_text(self) -> str:
        """A text that ends with a zero byte."""
        end = self._content.find(b"\0", self._at)
        if end < 0:
            raise ProtocolError("invalid string in message")
        try:
            text = self.read_bytes(end - self._at).decode()
        except UnicodeDecodeError:
            raise ProtocolError("invalid byte sequence for encoding UTF8") from None
        self._at += 1
        return text

    def read_value(self) -> bytes | None:
        """Bytes after their length; `None` for NULL."""
        size = self.read_int32()
        return None if size == -1 else self.read_bytes(size)

    def read_int16s(self) -> list[int]:
        """Numbers after their count."""
        return [self.read_int16() for _ in range(self._read_count())]

    def read_int32s(self) -> list[int]:
        """Numbers after their count."""
        return [self.read_int32() for _ in range(self._read_count())]

    def read_values(self) -> list[bytes | None]:
        """Values after their count."""
        return [self.read_value() for _ in range(self._read_count())]

    def _read_count(self) -> int:
        return self.read_int16() & 0xFFFF

    def expect_end(self) -> None:
        """Raise a ProtocolError if anything is left."""
        if not self.is_at_end:
            raise ProtocolError("invalid message format")


def wrap(kind: bytes, content: bytes) -> bytes:
    """A whole message."""
    return kind + _INT32.pack(len(content) + 4) + content


def pack_text(text: str) -> bytes:
    """A text with the zero byte that ends it; one that is inside would end it early."""
    return text.replace("\0", "").encode(errors="replace") + b"\0"


def pack_int16(number: int) -> bytes:
    """Two bytes: of a number with a sign, or of a count up to 65535."""
    return _UINT16.pack(number & 0xFFFF)


def pack_int32(number: int) -> bytes:
    return _INT32.pack(number)


def pack_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """The letters and texts of an error or a notice."""
    return b"".join(letter.encode() + pack_text(text) for letter, text in fields if text) + b"\0"
