"""What was typed in, run and shown: statements on the connection, commands by `commands`."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlprov.errors import Cancelled, Error, ProgrammingError, WriteError
from sqlprov.frontends.messages import format_outcomes, format_warnings
from sqlprov.frontends.repl.asking import asked, needs_asking
from sqlprov.frontends.repl.display import Screen, Sink, first
from sqlprov.frontends.repl.lines import LEAVING, WATCH, split
from sqlprov.frontends.repl.watching import Watching

if TYPE_CHECKING:
    import sqlprov

CAP = 1000
"""Rows shown of one result, until `\\rows` says otherwise."""


class Leave(Exception):
    """The user wants to go."""


class Shell:
    """The state between one statement and the next.

    Args:
        run_command: runs a command, given with its backslash, and the statements before it on its line.

    Attributes:
        rows: rows shown of one result; 0 for all.
        timing: whether the line after each statement is shown.
        sink: the file that takes rows; `None` for the screen.
        last: the SQL that was run last.
    """

    def __init__(
        self,
        connection: sqlprov.Connection,
        screen: Screen,
        run_command: Callable[[Shell, str, str], None],
        *,
        yes: bool,
    ) -> None:
        self.connection, self.screen, self.yes = connection, screen, yes
        self._run_command = run_command
        self.rows = CAP
        self.timing = True
        self.sink: Sink | None = None
        self.last = ""
        self._watching: Watching | None = None
        self._files: list[Path] = []

    def loop(self, read: Callable[[], str]) -> None:
        """Run what `read` returns until it raises EOFError or the user leaves."""
        while True:
            try:
                self.submit(read())
            except KeyboardInterrupt as interrupt:
                if type(interrupt) is not KeyboardInterrupt:
                    raise  # SIGTERM
                if not self.screen.is_full:
                    print()  # the editor has begun a new line; a terminal alone has not
            except (EOFError, Leave):
                break
        self.write_into(None)

    def submit(self, text: str) -> bool:
        """Run a command or statements; whether all went well."""
        text = text.strip()
        bare = text.rstrip("; ").lower()
        if bare in LEAVING:
            raise Leave
        try:
            if bare == "help":
                text = "\\?"
            if text.startswith("\\"):
                self._run_command(self, text, "")
            elif watch := WATCH.search(text):
                self._run_command(self, watch.group(), text[: watch.start()].strip())
            elif text:
                self.run(text)
        except KeyboardInterrupt as interrupt:
            if type(interrupt) is not KeyboardInterrupt or self._files:
                raise  # SIGTERM, or the file that is run ends with its statement
            self._tell_cancelled()
        except Cancelled as error:
            self.screen.warn(str(error))
        except WriteError as error:
            for warning in error.warnings:
                self.screen.warn(f"Warning: {warning}")
            self._tell_outcomes(error.outcomes)
            self.screen.fail(str(error).partition("\n")[0])
        except Leave:
            raise
        except (Error, OSError, UnicodeDecodeError) as error:
            self.screen.fail(str(error))
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{at.filename}:{at.lineno}"
            self.screen.fail(f"{type(error).__name__}: {error}\nThis is a fault of sqlprov, at {place}.")
        else:
            return True
        return False

    def _tell_cancelled(self) -> None:
        calls = len(self.connection.calls)
        if calls:  # else the outcomes are those of a statement before
            self._tell_outcomes(self.connection.outcomes)
        made = f" {calls:,} call{'' if calls == 1 else 's'} had been made." if calls else ""
        self.screen.warn(f"Cancelled.{made}")

    def run(self, sql: str) -> None:
        """Run statements and show what each answers; raises what one meets."""
        self.last = sql
        results = self.connection.run(sql, confirm=None if self.yes else self._confirm)
        while self._next(results):
            pass

    def _next(self, results: Iterator[sqlprov.Result]) -> bool:
        """Run and show the next statement; whether there was one."""
        with Watching(self.connection, self.screen.console, shown=self.screen.is_full) as watching:
            self._watching = watching
            result = next(results, None)
            if result is None:
                return False
            if self.sink and result.has_rows:
                rows, cut = None, ""
                self.sink.take(result)
            else:
                rows = first(result, self.rows) if result.has_rows else None
                cut = f"first {rows.count:,} rows shown, \\rows 0 shows all; " if rows and rows.more else ""
        if rows is not None:
            self.screen.show(rows)
        for line in format_warnings(result):
            self.screen.warn(line)
        self._tell_outcomes(result.outcomes)
        if self.timing:
            self.screen.tell(cut + result.summary)
        elif cut:
            self.screen.tell(cut.removesuffix("; "))
        return True

    def _confirm(self, preview: Any) -> bool:
        if not needs_asking(preview):
            return True
        assert self._watching is not None, "only a statement that runs asks"
        self._watching.stop()
        if not asked(preview, self.screen):
            return False
        self._watching.__enter__()
        return True

    def _tell_outcomes(self, outcomes: Any) -> None:
        for line in format_outcomes(outcomes):
            self.screen.tell(line)

    def run_script(self, path: Path) -> None:
        """Run the statements and commands of a file, each whatever became of those before; Ctrl-C ends them all.

        Raises:
            ProgrammingError: the file is one of those that are being run.
            OSError, UnicodeDecodeError: it cannot be read.
        """
        path = path.resolve()
        if path in self._files:
            raise ProgrammingError(f"{path} is run already: it would run itself for ever.")
        text = path.read_text("utf-8-sig")
        self._files.append(path)
        try:
            for part in split(text.splitlines()):
                self.submit(part)
        finally:
            self._files.pop()

    def write_into(self, sink: Sink | None) -> None:
        """Let rows go into a file from now on; `None`: to the screen again."""
        if self.sink:
            self.sink.close()
        self.sink = sink
