"""Reads statements of several lines, with completion, highlighting and history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, PathCompleter
from prompt_toolkit.completion import Completion as MenuItem
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import completion_is_selected, is_searching
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import Style
from pygments.lexers.sql import SqlLexer

from sqlprov.frontends.completion.completer import SqlCompleter
from sqlprov.frontends.repl.colors import MENU, SCHEMES
from sqlprov.frontends.repl.commands import COMMANDS
from sqlprov.frontends.repl.input import CONTINUATION, PROMPT, is_complete
from sqlprov.frontends.repl.shell import Shell
from sqlprov.local import find_state_folder
from sqlprov.private_files import make_private_file

_ROLES = {
    "pygments.keyword": "{keyword} bold",
    "pygments.literal.string": "{string}",
    "pygments.literal.number": "{number}",
    "pygments.comment": "{faint} italic",
    "pygments.name.builtin": "{name}",
    "bottom-toolbar": "noreverse {faint}",
    "auto-suggestion": "{faint}",
}


def create_style(scheme: str) -> Style:
    """The editor's style for one of SCHEMES, or `off`."""
    rules = {"prompt": "bold", "bottom-toolbar": "noreverse"}
    if colors := SCHEMES.get(scheme):
        rules |= {role: rule.format_map(colors) for role, rule in _ROLES.items()}
        for state, (background, text) in MENU.items():
            for part in ("completion", "meta.completion"):
                rules[f"completion-menu.{part}{state}"] = f"bg:{background} {text} noreverse"
    return Style.from_dict(rules)


def create_history_file() -> Path:
    """The path of the history file, which only the user can read."""
    path = find_state_folder() / "history"
    make_private_file(path)
    return path


def _load_history(shell: Shell) -> History:
    """The history; only of this session if the file cannot be written."""
    try:
        return FileHistory(str(create_history_file()))
    except OSError as error:
        shell.screen.warn(f"The history is not saved: {error}")
        return InMemoryHistory()


class Editor:
    """Reads statements at a terminal."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._completer = _EditorCompleter(shell)
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            prompt_continuation=CONTINUATION,
            multiline=True,
            completer=self._completer,
            complete_in_thread=True,
            complete_while_typing=True,
            auto_suggest=AutoSuggestFromHistory(),
            history=_load_history(shell),
            lexer=PygmentsLexer(SqlLexer),
            include_default_pygments_style=False,
            key_bindings=_bind_keys(),
            bottom_toolbar=self._render_toolbar,
            reserve_space_for_menu=6,
            enable_open_in_editor=not shell.connection.is_sandboxed,
            tempfile_suffix=".sql",
        )

    def read(self) -> str:
        """Read the next statement or command.

        Raises:
            EOFError: Ctrl-D on an empty line.
            KeyboardInterrupt: Ctrl-C.
        """
        # No statement runs here; another thread fills the menu.
        self._completer.refresh()
        draft, self._shell.draft = self._shell.draft, ""
        self._session.editing_mode = EditingMode.VI if self._shell.vi else EditingMode.EMACS
        self._session.style = create_style(self._shell.screen.scheme)
        return self._session.prompt(default=draft)

    def _render_toolbar(self) -> str:
        shell, settings = self._shell, self._shell.connection.settings
        parts = [f"regions {settings.regions}"] if settings.regions else []
        parts += ["read-only"] if settings.read_only else []
        parts += [f"\\x {shell.screen.expanded}"] if shell.screen.expanded != "auto" else []
        parts += [f"\\o {shell.output.path}"] if shell.output else []
        return " " + "  ".join([*parts, "; runs", "\\? help"])


def _bind_keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=~completion_is_selected & ~is_searching)
    def _(event: KeyPressEvent) -> None:
        """Run complete text, or start another line."""
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline()

    @keys.add("enter", filter=completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        """Accept the word."""
        event.current_buffer.complete_state = None

    return keys


class _EditorCompleter(Completer):
    """Fills the editor's menu with the words of SQL and of the commands."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._sql: SqlCompleter | None = None
        self._files = PathCompleter(expanduser=True)

    def refresh(self) -> None:
        """Refresh the tables after a statement that may have created or dropped some."""
        vocabulary = self._shell.connection.vocabulary()
        if self._sql is None:
            self._sql = SqlCompleter(self._shell.connection.catalog, vocabulary)
        else:
            self._sql.vocabulary = vocabulary

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[MenuItem]:
        if document.text.lstrip().startswith(("\\", ".")):
            yield from self._complete_command(document, event)
            return
        yield from self._complete_sql(document.text, document.cursor_position)

    def _complete_sql(self, text: str, at: int) -> Iterator[MenuItem]:
        assert self._sql is not None, "`read` refreshes it"
        for word in self._sql.complete(text, at):
            yield MenuItem(
                word.text, word.start - at, display=word.label or word.text, display_meta=word.about
            )

    def _complete_command(self, document: Document, event: CompleteEvent) -> Iterator[MenuItem]:
        before = document.text_before_cursor.lstrip()
        match = re.match(r"[\\.](\S*)(\s+)(.*)", before, re.DOTALL)
        if match is None:
            for name, command in COMMANDS.items():
                if name.startswith(before[1:]):
                    yield MenuItem(
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
            yield from self._complete_sql(text, len(text))
        elif takes == ("region",):
            text = f"SET sqlprov_regions = '{argument.split(',')[-1].strip()}"
            for word in self._complete_sql(text, len(text)):
                yield MenuItem(word.text.rstrip("'"), word.start_position, display_meta="region")
        else:
            yield from (MenuItem(word, -len(argument)) for word in takes if word.startswith(argument))
