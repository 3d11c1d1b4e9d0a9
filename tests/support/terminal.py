"""Runs sqlprov in a pseudo-terminal and draws its screen."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from types import TracebackType

import pexpect
import pyte

PATIENCE = 600.0
"""Seconds until a wait is given up; no test depends on how long it takes."""
PROMPT = "sqlprov> "
ENTER, TAB, UP, CTRL_C, CTRL_D, CTRL_R, ESCAPE = "\r", "\t", "\x1b[A", "\x03", "\x04", "\x12", "\x1b"


class _Screen(pyte.Screen):
    """Answers what a program asks a terminal."""

    child: pexpect.spawn[bytes] | None = None

    def write_process_input(self, data: str) -> None:
        if self.child is not None and self.child.isalive():
            self.child.send(data)


class Terminal:
    """`sqlprov` at a terminal."""

    def __init__(
        self,
        *words: str,
        env: dict[str, str],
        columns: int = 100,
        lines: int = 40,
        term: str = "xterm-256color",
    ) -> None:
        self.screen = _Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        sizes = {"COLUMNS": str(columns), "LINES": str(lines)}
        self.child = pexpect.spawn(
            sys.executable,
            ["-W", "error", "-m", "sqlprov", *words],
            env={k: v for k, v in env.items() if k not in sizes} | {"TERM": term},
            dimensions=(lines, columns),
        )
        self.child.delaybeforesend = None  # a delay is for passwords
        self.screen.child = self.child
        self.still = True

    @property
    def text(self) -> str:
        """What the screen shows above the line at its bottom, without blanks at the ends of lines."""
        lines = [line.rstrip() for line in self.screen.display]
        if lines[-1].endswith("\\? help"):
            lines.pop()
        return "\n".join(lines).rstrip()

    def pump(self, seconds: float) -> bool:
        """Draw what has come; whether the program still runs. If nothing came, the screen is `still`."""
        try:
            self._stream.feed(self.child.read_nonblocking(65536, seconds))
            self.still = False
        except pexpect.TIMEOUT:
            self.still = True
        except pexpect.EOF:
            return False
        return True

    def until(self, pattern: str, seconds: float = PATIENCE) -> str:
        """Wait until the screen shows `pattern`; what it shows then."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"no {pattern!r} on the screen:\n{self.text}"
            assert self.pump(0.05), f"it ended before {pattern!r}:\n{self.text}"
        return self.text

    def type(self, keys: str) -> None:
        self.child.send(keys)

    def ready(self, below: int = -1) -> None:
        """Wait for an empty prompt below a line of the screen."""
        end = time.monotonic() + PATIENCE
        while not (self._at_prompt() and self.screen.cursor.y > below):
            assert time.monotonic() < end, f"no prompt:\n{self.text}"
            assert self.pump(0.05), f"it ended:\n{self.text}"

    def _at_prompt(self) -> bool:
        cursor = self.screen.cursor
        return cursor.x == len(PROMPT) and self.screen.display[cursor.y].startswith(PROMPT)

    def leave_what_is_typed(self) -> None:
        """Ctrl-C, where a test has failed in the middle of a line."""
        if not self._at_prompt():
            self.type(CTRL_C)
        self.ready()

    def run(self, line: str) -> str:
        """Type a line and Enter on an empty screen; what it shows when the prompt is back."""
        self.clear()
        self.type(line + ENTER)
        self.ready(0)
        return self.text

    def clear(self) -> None:
        """An empty screen, with the prompt at the top."""
        self.ready()
        self.type("\x0c")  # Ctrl-L
        end = time.monotonic() + PATIENCE
        while not (self._at_prompt() and self.screen.cursor.y == 0):
            assert time.monotonic() < end, self.text
            self.pump(0.05)

    def end(self, seconds: float = PATIENCE) -> int | None:
        """The exit code, once the program has ended."""
        end = time.monotonic() + seconds
        while self.pump(0.1):
            assert time.monotonic() < end, f"it does not end:\n{self.text}"
        self.child.wait()  # `close` alone would kill a process that is not gone within a tenth of a second
        self.child.close()
        return self.child.exitstatus

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
            self.child.wait()
        self.child.close()


def environment(home: os.PathLike[str], **more: str) -> dict[str, str]:
    """The environment of a person at home, with credentials and nothing else of AWS."""
    own = ("AWS_", "SQLPROV_", "XDG_", "PAGER", "LESS", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return kept | {
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **more,
    }
