"""Standard input, output and error that read and write all bytes or raise an OSError."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any


def install() -> None:
    """Replace the streams of this process.

    Python's own lose bytes if a write is short and PYTHONUNBUFFERED is set, or if another process has made the pipe
    non-blocking, and are `None` if the caller has closed them.
    """
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:  # closed: to use it stays an error, and no file that is opened later gets its number
            os.open(os.devnull, mode)
    sys.stdin = _wrap(io.BufferedReader(_Descriptor(0)), sys.stdin)
    sys.stdout = _wrap(io.BufferedWriter(_Descriptor(1)), sys.stdout)
    sys.stderr = _wrap(io.BufferedWriter(_Descriptor(2)), sys.stderr)


def _wrap(stream: Any, text: Any) -> io.TextIOWrapper:
    """`stream` as text in the encoding of `text`, a standard stream of Python."""
    encoding, errors = (text.encoding, text.errors) if text else ("utf-8", "strict")
    if stream.writable():
        errors = "backslashreplace"  # a message is never lost to the terminal's encoding
    return io.TextIOWrapper(stream, encoding, errors, line_buffering=True)


class _Descriptor(io.RawIOBase):
    def __init__(self, number: int) -> None:
        self._number = number
        self.name = ("<stdin>", "<stdout>", "<stderr>")[number]

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def readable(self) -> bool:
        return self._number == 0

    def writable(self) -> bool:
        return self._number > 0

    def readinto(self, buffer: Any) -> int:
        while True:
            try:
                data = os.read(self._number, len(buffer))
            except BlockingIOError:
                self._wait(select.POLLIN)
            except OSError as error:
                error.filename = self.name
                raise
            else:
                buffer[: len(data)] = data
                return len(data)

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            try:
                rest = rest[os.write(self._number, rest) :]
            except BlockingIOError:
                self._wait(select.POLLOUT)
            except OSError as error:
                error.filename = self.name
                raise
        return size

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._number, event)
        poll.poll()
