"""Runs statements and commands, and prints their results and errors."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlprov.catalog.regions import list_regions
from sqlprov.errors import (
    BudgetExceeded,
    Cancelled,
    CredentialsError,
    Error,
    ProgrammingError,
    RegionError,
    Unreachable,
    WriteError,
)
from sqlprov.frontends.error_data import to_error
from sqlprov.frontends.messages import format_outcomes, format_warnings
from sqlprov.frontends.repl.confirmation import ask_to_continue, confirm, needs_confirmation
from sqlprov.frontends.repl.input import EXIT_WORDS, TAIL, find_rc_file, is_command, read_code, split_script
from sqlprov.frontends.repl.progress_line import ProgressLine
from sqlprov.frontends.repl.screen import OutputFile, Screen, fetch_first
from sqlprov.output import write

if TYPE_CHECKING:
    import sqlprov

ROW_LIMIT = 1000
"""Rows shown per result, unless `\\rows` changes it."""


def advise_on_region(error: Exception) -> str:
    """What the shell offers after an error about a region; empty for others."""
    is_closed = "is not enabled for the account" in str(error)
    known = {each.region for each in list_regions()}
    is_unknown = isinstance(error, Unreachable) and error.region not in known
    if (isinstance(error, RegionError) or is_closed or is_unknown) and "\\region" not in str(error):
        return "\nIn this shell, \\region us-east-1 chooses the regions of statements that name none."
    return ""


class ExitShell(Exception):
    """The user exits the shell."""


class Shell:
    """The shell's state between statements.

    Args:
        run_command: runs a command, given with its backslash, and the statement before it on its line.

    Attributes:
        rows: rows to show per result; 0 for all.
        timing: whether the summary of each result is shown.
        output: the file that receives rows; `None` for the screen.
        last: the SQL that ran last.
        calls: its calls, which those of a command do not replace.
        format: the format of rows on the screen.
        draft: text that the next prompt begins with.
        vi: whether the editor's keys are vi's.
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
        self.rows = ROW_LIMIT
        self.timing = True
        self.output: OutputFile | None = None
        self.format = "table"
        self.last = self.draft = ""
        self.calls = connection.calls
        self.vi = False
        self._progress_line: ProgressLine | None = None
        self._files: list[Path] = []

    def loop(self, read: Callable[[], str]) -> None:
        """Run the text that `read` returns until it raises EOFError or the user exits."""
        while True:
            try:
                self.submit(read())
            except KeyboardInterrupt as interrupt:
                if type(interrupt) is not KeyboardInterrupt:
                    raise  # SIGTERM
                if not self.screen.is_interactive:
                    print()  # the editor ends the line; a plain terminal does not
            except (EOFError, ExitShell):
                break
        self.set_output(None)

    def submit(self, text: str) -> bool:
        """Run a command or statements; return whether they succeeded."""
        text = text.strip()
        bare = text.rstrip("; ").lower()
        if bare in EXIT_WORDS:
            raise ExitShell
        try:
            if bare == "help":
                text = "\\?"
            if text.startswith(("\\", ".")):
                self._run_command(self, text, "")
            elif tail := TAIL.search(text.rstrip("; ")):
                self._run_command(self, tail.group(), text[: tail.start()].strip())
            elif text:
                self.run(text)
        except KeyboardInterrupt as interrupt:
            if type(interrupt) is not KeyboardInterrupt and not self._files:
                with suppress(OSError):  # the terminal may be gone
                    self._print_cancelled()
            if type(interrupt) is not KeyboardInterrupt or self._files:
                raise  # a signal that ends the shell, or the script ends with its statement
            self._print_cancelled()
        except Cancelled as error:
            self.screen.warn(str(error))
        except WriteError as error:
            for warning in error.warnings:
                self.screen.warn(f"Warning: {warning}")
            self._print_outcomes(error.outcomes)
            self.screen.error(str(error).partition("\n")[0])
        except ExitShell:
            raise
        except (Error, OSError, UnicodeDecodeError) as error:
            shown = to_error(error) if isinstance(error, OSError) else error
            self.screen.error(f"{shown}{advise_on_region(error)}")
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{at.filename}:{at.lineno}"
            self.screen.error(f"{type(error).__name__}: {error}\nThis is a bug in sqlprov, at {place}.")
        else:
            return True
        return False

    def _print_cancelled(self) -> None:
        calls = len(self.connection.calls)
        if calls:  # otherwise the outcomes are those of an earlier statement
            self._print_outcomes(self.connection.outcomes)
        made = (
            f" {calls:,} call{'' if calls == 1 else 's'} {'was' if calls == 1 else 'were'} made."
            if calls
            else ""
        )
        self.screen.warn(f"Cancelled.{made}")

    def run(self, sql: str) -> None:
        """Run statements and print their results.

        Raises:
            Error: as `Connection.run`.
        """
        self.last = sql
        try:
            self._run(sql)
        finally:
            self.calls = self.connection.calls

    def _run(self, sql: str) -> None:
        confirm = None if self.yes else self._confirm
        results, is_free = self.connection.run(sql, confirm=confirm), False
        while True:
            try:
                with self._lift_budget() if is_free else nullcontext():
                    if not self._run_next(results):
                        return
                is_free = False
            except CredentialsError as error:
                if not error.mfa_serial:
                    raise
                self._log_in(error.mfa_serial)
                results = self.connection.run(sql[error.offset or 0 :], confirm=confirm)
            except BudgetExceeded as error:
                if not (self.screen.is_interactive and (self.yes or ask_to_continue(error))):
                    raise
                results, is_free = self.connection.run(sql[error.offset or 0 :], confirm=confirm), True

    @contextmanager
    def _lift_budget(self) -> Iterator[None]:
        """Let statements make any number of calls."""
        before = self.connection.settings
        self.connection.settings = before.with_value("max_calls", "0")
        try:
            yield
        finally:
            self.connection.settings = before

    def _log_in(self, serial: str) -> None:
        """Ask for a code of an MFA device; once more if it is not accepted."""
        try:
            self.connection.enter_mfa_code(read_code(serial))
        except CredentialsError as error:
            if not error.mfa_serial:
                raise
            self.screen.warn(str(error))
            self.connection.enter_mfa_code(read_code(error.mfa_serial))

    def _run_next(self, results: Iterator[sqlprov.Result]) -> bool:
        """Run the next statement and print its result; return whether there was one."""
        with ProgressLine(
            self.connection, self.screen.console, visible=self.screen.is_interactive
        ) as progress_line:
            self._progress_line = progress_line
            result = next(results, None)
            if result is None:
                return False
            if result.outcomes:  # before the rows, which a file or the terminal may refuse
                progress_line.stop()
                self._print_outcomes(result.outcomes)
            if self.output and result.has_rows:
                rows, cut = None, ""
                self.output.write(result)
            else:
                rows, is_cut = fetch_first(result, self.rows) if result.has_rows else (None, False)
                cut = f"first {self.rows:,} rows shown, \\rows 0 shows all; " if is_cut else ""
        if rows is not None and self.format == "table":
            self.screen.show(rows)
        elif rows is not None:
            sys.stdout.flush()
            write(rows, self.format, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        for line in format_warnings(result):
            self.screen.warn(line)
        if self.timing:
            self.screen.info(cut + result.summary)
        elif cut:
            self.screen.info(cut.removesuffix("; "))
        return True

    def _confirm(self, preview: Any) -> bool:
        if not needs_confirmation(preview):
            return True
        assert self._progress_line is not None, "only a running statement asks"
        self._progress_line.stop()
        if not confirm(preview, self.screen):
            return False
        self._progress_line.__enter__()
        return True

    def _print_outcomes(self, outcomes: Any) -> None:
        for line in format_outcomes(outcomes):
            self.screen.info(line)

    def run_script(self, path: Path) -> None:
        """Run the statements and commands of a file, even after an error; Ctrl-C ends them all.

        Raises:
            Error: a statement cannot be parsed; nothing has run.
            ProgrammingError: the file runs itself.
            OSError, UnicodeDecodeError: it cannot be read.
        """
        path = path.resolve()
        if path in self._files:
            raise ProgrammingError(f"{path} is already running: running it again would never end.")
        text = path.read_text("utf-8-sig")
        parts = list(split_script(text.splitlines()))
        if path != find_rc_file().resolve():  # its other settings must not be lost
            self.connection.check("\n".join(part for part in parts if not is_command(part)))
        self._files.append(path)
        try:
            for part in parts:
                self.submit(part)
        finally:
            self._files.pop()

    def set_output(self, output: OutputFile | None) -> None:
        """Write rows to a file from now on; with `None`, to the screen again."""
        before, self.output = self.output, output
        if before:
            before.close()
