"""Keys in, a statement's text out: completion, highlighting, several lines, history."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, PathCompleter
from prompt_toolkit.completion import Completion as Offered
from prompt_toolkit.document import Document
from prompt_toolkit.filters import completion_is_selected, is_searching
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import Style
from pygments.lexers.sql import SqlLexer

from sqlprov.frontends.completion import Completion
from sqlprov.frontends.repl.commands import COMMANDS
from sqlprov.frontends.repl.lines import CONTINUED, PROMPT, is_whole
from sqlprov.frontends.repl.shell import Shell
from sqlprov.local import state_folder

STYLE = Style.from_dict(
    {
        "prompt": "bold",
        "bottom-toolbar": "noreverse #888888",
        "completion-menu": "bg:#333333 #dddddd",
        "completion-menu.completion.current": "bg:#005f87 #ffffff noreverse",
        "completion-menu.meta.completion": "bg:#444444 #aaaaaa",
        "completion-menu.meta.completion.current": "bg:#005f87 #dddddd",
        "pygments.keyword": "#5fafff bold",
        "pygments.literal.string": "#87d787",
        "pygments.literal.number": "#d7af5f",
        "pygments.comment": "#808080 italic",
        "pygments.name.builtin": "#5fd7d7",
    }
)


def history_file() -> Path:
    """The file of the history, which nobody else may read."""
    path = state_folder() / "history"
    os.close(os.open(path, os.O_CREAT | os.O_APPEND, 0o600))
    path.chmod(0o600)
    return path


def _history(shell: Shell) -> History:
    """What was typed before; of this session alone if the file cannot be written."""
    try:
        return FileHistory(str(history_file()))
    except OSError as error:
        shell.screen.warn(f"What is typed is not kept: {error}")
        return InMemoryHistory()


class Editor:
    """Reads statements at a terminal."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._words = _Words(shell)
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            prompt_continuation=CONTINUED,
            multiline=True,
            completer=self._words,
            complete_in_thread=True,
            complete_while_typing=True,
            auto_suggest=AutoSuggestFromHistory(),
            history=_history(shell),
            lexer=PygmentsLexer(SqlLexer),
            key_bindings=_keys(),
            bottom_toolbar=self._toolbar,
            style=STYLE,
            reserve_space_for_menu=6,
        )

    def read(self) -> str:
        """The next statement or command.

        Raises:
            EOFError: Ctrl-D on an empty line.
            KeyboardInterrupt: Ctrl-C.
        """
        # Here, while no statement runs: the menu is filled by another thread.
        self._words.refresh()
        return self._session.prompt()

    def _toolbar(self) -> str:
        shell, settings = self._shell, self._shell.connection.settings
        parts = [f"regions {settings.regions}"] if settings.regions else []
        parts += ["read-only"] if settings.read_only else []
        parts += [f"\\x {shell.screen.expanded}"] if shell.screen.expanded != "off" else []
        parts += [f"\\o {shell.sink.path}"] if shell.sink else []
        return " " + "  ".join([*parts, "; runs", "\\? help"])


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=~completion_is_selected & ~is_searching)
    def _(event: KeyPressEvent) -> None:
        """Run what is whole, else begin another line."""
        buffer = event.current_buffer
        if is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline()

    @keys.add("enter", filter=completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        """Take the word, and stay."""
        event.current_buffer.complete_state = None

    return keys


class _Words(Completer):
    """The words of SQL and of the commands, as the editor's menu takes them."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._sql: Completion | None = None
        self._files = PathCompleter(expanduser=True)

    def refresh(self) -> None:
        """Learn what the last statement made or dropped."""
        words = self._shell.connection.vocabulary()
        if self._sql is None:
            self._sql = Completion(self._shell.connection.catalog, words)
        else:
            self._sql.vocabulary = words

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Offered]:
        if document.text.lstrip().startswith("\\"):
            yield from self._of_command(document, event)
            return
        yield from self._of_sql(document.text, document.cursor_position)

    def _of_sql(self, text: str, at: int, shift: int = 0) -> Iterator[Offered]:
        assert self._sql is not None, "it is refreshed before keys are read"
        for word in self._sql.candidates(text, at):
            yield Offered(
                word.text, word.start - at, display=word.shown or word.text, display_meta=word.about
            )

    def _of_command(self, document: Document, event: CompleteEvent) -> Iterator[Offered]:
        before = document.text_before_cursor.lstrip()
        match = re.match(r"\\(\S*)(\s+)(.*)", before, re.DOTALL)
        if match is None:
            for name, command in COMMANDS.items():
                if name.startswith(before[1:]):
                    yield Offered(
                        f"\\{name}",
                        -len(before),
                        display=f"\\{name} {command.usage}",
                        display_meta=command.about,
                    )
            return
        takes, argument = COMMANDS[match[1]].takes if match[1] in COMMANDS else (), match[3]
        if takes == ("file",):
            yield from self._files.get_completions(Document(argument), event)
        elif takes == ("table",):
            text = f"FROM {argument}"
            yield from self._of_sql(text, len(text))
        elif takes == ("region",):
            text = f"SET sqlprov_regions = '{argument.split(',')[-1].strip()}"
            for word in self._of_sql(text, len(text)):
                yield Offered(word.text.rstrip("'"), word.start_position, display_meta="region")
        else:
            yield from (Offered(word, -len(argument)) for word in takes if word.startswith(argument))
