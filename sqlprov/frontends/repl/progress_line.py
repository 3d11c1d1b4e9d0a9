"""The line of the terminal that shows the progress of a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    import sqlprov

DELAY = 0.3
"""Seconds before the line appears."""


class ProgressLine:
    """Shows the line between `__enter__` and `__exit__`, and then erases it."""

    def __init__(self, connection: sqlprov.Connection, console: Console, *, visible: bool) -> None:
        self._connection, self._console, self._visible = connection, console, visible
        self._live: Live | None = None

    def __rich__(self) -> Text:
        progress = self._connection.progress
        if progress is None or progress.seconds < DELAY:
            return Text("")
        return Text(f"{progress}. Ctrl-C stops it.", no_wrap=True, overflow="ellipsis")

    def __enter__(self) -> ProgressLine:
        if self._visible:
            self._live = Live(
                self,
                console=self._console,
                refresh_per_second=8,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            try:
                self._live.start()
            except BaseException:
                self.stop()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Erase the line before anything else is printed."""
        live, self._live = self._live, None
        if live:
            try:
                live.stop()
            except KeyboardInterrupt:
                live.stop()  # otherwise its thread would keep clearing the prompt's line
                raise
