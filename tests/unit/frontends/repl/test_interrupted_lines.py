"""Ctrl-C at moments that are rare for a person, and longer on a busy machine."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pexpect
import pytest
from rich.console import Console
from rich.live import Live

import sqlprov
from sqlprov.frontends.repl.progress_line import ProgressLine

SHOWS, HIDES = "\x1b[?25h", "\x1b[?25l"


@contextmanager
def ctrl_c_in(function: Callable[..., Any]) -> Iterator[None]:
    """A KeyboardInterrupt as this thread enters a function."""

    def look(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code is function.__code__:
            raise KeyboardInterrupt

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("function", [threading.Event.wait, Live.stop])
def test_ctrl_c_while_the_progress_line_appears_or_disappears_leaves_nothing_behind(
    function: Callable[..., Any],
) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    threads = set(threading.enumerate())
    with sqlprov.connect() as con:
        with suppress(KeyboardInterrupt), ctrl_c_in(function), ProgressLine(con, console, visible=True):
            pass
        end = time.monotonic() + 5
        while (left := set(threading.enumerate()) - threads) and time.monotonic() < end:
            time.sleep(0.02)
        assert left == set()
        assert stream.getvalue().rindex(SHOWS) > stream.getvalue().rindex(HIDES)
        before = stream.tell()
        with ProgressLine(con, console, visible=True):
            pass
        assert HIDES in stream.getvalue()[before:]


def test_ctrl_c_between_a_prompt_and_its_read_takes_effect_at_once() -> None:
    # It sets what a signal sets, and interrupts no system call.
    code = """
import _thread, threading
from sqlprov.frontends.repl.input import read_statement
threading.Timer(0.2, _thread.interrupt_main).start()
try:
    read_statement()
except KeyboardInterrupt:
    print("seen")
"""
    child = pexpect.spawn(sys.executable, ["-W", "error", "-c", code], encoding="utf-8", timeout=600)
    child.expect_exact("sqlprov> ")
    child.expect_exact("seen")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
