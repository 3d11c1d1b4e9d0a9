"""A connection in, one line on the terminal that says how far its statement is, while it runs."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    import sqlprov

QUICK = 0.3
"""Seconds that a statement may take before it is told how far it is."""


class Watching:
    """Shows the line between `__enter__` and `__exit__`; it goes without a trace."""

    def __init__(self, connection: sqlprov.Connection, console: Console, *, shown: bool) -> None:
        self._connection, self._console, self._shown = connection, console, shown
        self._live: Live | None = None

    def __rich__(self) -> Text:
        progress = self._connection.progress
        if progress is None or progress.seconds < QUICK:
            return Text("")
        return Text(f"{progress}. Ctrl-C stops it.", style="dim", no_wrap=True, overflow="ellipsis")

    def __enter__(self) -> Watching:
        if self._shown:
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the line away, before something else is written."""
        live, self._live = self._live, None
        if live:
            try:
                live.stop()
            except KeyboardInterrupt:
                live.stop()  # else its thread clears the prompt's line again and again
                raise
