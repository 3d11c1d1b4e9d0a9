"""The shell's own commands, such as `\\d`: one function each, listed in COMMANDS."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import click
import orjson
import pyarrow as pa

from sqlprov.catalog.regions import list_regions
from sqlprov.errors import Error, NotSupportedError, ProgrammingError, RegionError, UnknownName, suggest
from sqlprov.frontends.repl.colors import SCHEMES, find_scheme
from sqlprov.frontends.repl.describe_commands import describe, list_tables, print_table
from sqlprov.frontends.repl.foreign_commands import ALIASES, INSTEAD
from sqlprov.frontends.repl.screen import OutputFile
from sqlprov.frontends.repl.shell import ExitShell, Shell
from sqlprov.local import find_state_folder
from sqlprov.output import FORMATS
from sqlprov.private_files import make_private_file, make_private_folder
from sqlprov.records import dataclass
from sqlprov.sql import Exec, Explain, Query, WriteStatement, parse
from sqlprov.version import VERSION


@dataclass(frozen=True)
class Command:
    """A command of the shell.

    Attributes:
        usage: its argument.
        about: its description.
        run: runs it with its argument.
        takes: the kind of its argument, for completion: table, region, file, or the words it may be.
    """

    usage: str
    about: str
    run: Callable[[Shell, str], None]
    takes: tuple[str, ...] = ()


def run_command(shell: Shell, text: str, sql: str) -> None:
    """Run a command.

    Args:
        shell: the shell to run it in.
        text: the command with its backslash, or the dot of DuckDB's shell.
        sql: the statements before it on its line.

    Raises:
        UnknownName: the command does not exist; the message names the nearest.
        Error: the command failed.
    """
    match = re.match(r"[\\.]([!?]|\S*)\s*(.*)", text, re.DOTALL)
    assert match is not None, "a command begins with a backslash or a dot"
    written, argument = match[1].rstrip(";"), match[2].strip().rstrip(";").strip()
    plain = written.rstrip("+") or written
    name = ALIASES.get(plain, plain)
    if name in INSTEAD:
        raise UnknownName(f"There is no {text[0]}{written}: {INSTEAD[name]}.")
    if name not in COMMANDS:
        nearest = suggest(written, [*COMMANDS, *ALIASES]).replace("'", f"'{text[0]}", 1)
        raise UnknownName(f"Unknown command {text[0]}{written}.{nearest} \\? lists them.")
    if argument and not COMMANDS[name].usage:
        raise ProgrammingError(f"\\{name} takes no argument, and {argument!r} follows it.")
    if shell.connection.is_sandboxed and name in _OUTSIDE and (argument or name != "o"):
        raise NotSupportedError(f"\\{name} uses files or programs, and this shell is a sandbox.")
    if sql:
        shell.last = sql
    COMMANDS[name].run(shell, argument)


def _print_help(shell: Shell, argument: str) -> None:
    rows: list[dict[str, object]] = [
        {"command": f"\\{name} {command.usage}".rstrip(), "": command.about}
        for name, command in COMMANDS.items()
    ]
    print_table(shell, rows, {"command": pa.string(), "": pa.string()})
    shell.screen.info("A statement runs at its ;. Ctrl-R searches the history, Ctrl-C stops a statement.")


# Output


def _set_expanded(shell: Shell, word: str) -> None:
    states = ("on", "off", "auto")
    shell.screen.expanded = (
        _check_word(word, states) if word else "auto" if shell.screen.expanded == "on" else "on"
    )
    shell.screen.info(f"One column per line: {shell.screen.expanded}.")


def _set_timing(shell: Shell, word: str) -> None:
    shell.timing = _check_word(word, ("on", "off")) == "on" if word else not shell.timing
    shell.screen.info(f"Summary after each statement: {'on' if shell.timing else 'off'}.")


def _set_rows(shell: Shell, number: str) -> None:
    if number:
        if not number.isdecimal():
            raise ProgrammingError(f"\\rows {number}: expected a number of rows; 0 for all.")
        shell.rows = int(number)
    shell.screen.info(f"Rows shown per result: {shell.rows or 'all'}.")


def _check_word(word: str, known: tuple[str, ...]) -> str:
    if word.lower() not in known:
        raise ProgrammingError(f"{word!r}: expected {' or '.join(known)}.{suggest(word, known)}")
    return word.lower()


def _set_output(shell: Shell, name: str) -> None:
    shell.set_output(OutputFile(Path(name).expanduser()) if name else None)
    if shell.output:
        shell.screen.info(
            f"Rows go to {shell.output.path} as {shell.output.format}; \\o returns to the screen."
        )


def _set_colors(shell: Shell, name: str) -> None:
    if name:
        name = _check_word(name, (*SCHEMES, "off", "auto"))
        shell.screen.scheme = find_scheme() if name == "auto" else name
    shell.screen.info(f"Colors: {shell.screen.scheme}.")


def _set_format(shell: Shell, name: str) -> None:
    known = tuple(name for name in FORMATS if name not in ("arrow", "parquet"))
    shell.format = _check_word(name, known) if name else shell.format
    shell.screen.info(f"Format of rows on the screen: {shell.format}.")


# Scripts and statements


def _go(shell: Shell, argument: str) -> None:
    shell.run(_get_last(shell))


def _go_expanded(shell: Shell, argument: str) -> None:
    expanded, shell.screen.expanded = shell.screen.expanded, "on"
    try:
        shell.run(_get_last(shell))
    finally:
        shell.screen.expanded = expanded


def _edit(shell: Shell, argument: str) -> None:
    try:
        text = click.edit(f"{shell.last}\n", extension=".sql", require_save=False)
    except click.ClickException as error:
        raise Error(f"{error}. EDITOR names another.") from None
    if shell.screen.is_interactive:
        shell.draft = (text or "").strip()
    else:
        shell.submit(text or "")


def _run_outside(shell: Shell, command: str) -> None:
    code = subprocess.run(command or os.environ.get("SHELL", "sh"), shell=True).returncode
    if code:
        shell.screen.warn(f"Exit code {code}.")


def _find_query(name: str) -> Path:
    if not re.fullmatch(r"[\w-]+", name):
        raise ProgrammingError(f"{name!r} cannot name a query: use letters, digits, - and _.")
    return find_state_folder() / "queries" / f"{name}.sql"


def _run_query(shell: Shell, name: str) -> None:
    files = sorted(_find_query("x").parent.glob("*.sql"))
    if name:
        file = _find_query(name)
        if file not in files:
            near = suggest(name, [file.stem for file in files])
            raise UnknownName(f"No query is named {name!r}.{near} \\ns {name} saves the last statement.")
        shell.run(file.read_text("utf-8"))
        return
    if not files:
        shell.screen.info("No statement is saved. \\ns name saves the last one.")
        return
    rows = [{"name": file.stem, "statement": file.read_text("utf-8")} for file in files]
    print_table(shell, rows, dict.fromkeys(("name", "statement"), pa.string()))


def _save_query(shell: Shell, argument: str) -> None:
    name, _, sql = argument.partition(" ")
    file, sql = _find_query(name), sql or _get_last(shell)
    make_private_folder(file.parent)
    make_private_file(file)
    file.write_text(sql, "utf-8")
    shell.screen.info(f"\\n {name} runs it.")


def _delete_query(shell: Shell, name: str) -> None:
    try:
        _find_query(name).unlink()
    except FileNotFoundError:
        raise UnknownName(f"No query is named {name!r}. \\n lists them.") from None


# The session


def _print_connection(shell: Shell, argument: str) -> None:
    connection = shell.connection
    rows: list[dict[str, object]] = [
        {"": "calls go to", "value": shell.connection.target},
        {"": "regions", "value": ", ".join(connection.regions) or None},
        {"": "read-only", "value": "yes" if connection.settings.read_only else "no"},
        {"": "sqlprov", "value": VERSION},
    ]
    print_table(shell, rows, {"": pa.string(), "value": pa.string()})


def _set_vi(shell: Shell, word: str) -> None:
    shell.vi = _check_word(word, ("on", "off")) == "on" if word else not shell.vi
    shell.screen.info(f"Keys of vi: {'on' if shell.vi else 'off'}.")


def _run_file(shell: Shell, name: str) -> None:
    if not name:
        raise ProgrammingError("\\i needs a file name.")
    shell.run_script(Path(name).expanduser())


def _watch(shell: Shell, argument: str) -> None:
    # psql writes `\watch i=2 c=3`.
    match = re.fullmatch(r"(?:i=)?(\d*\.?\d+)?(?:(?:^| +)(?:c=)?(\d+))?", argument)
    pause, times = (float(match[1] or 2), int(match[2] or 0)) if match else (0, 0)
    if not 0 < pause < 86400:
        raise ProgrammingError(
            f"\\watch {argument}: expected a number of seconds, and how often: \\watch 2 10."
        )
    sql = _get_last(shell)
    for statement in parse(sql):
        inner = statement.inner if isinstance(statement, Explain) else statement
        if isinstance(inner, WriteStatement | Exec) or (
            isinstance(inner, Query) and inner.verb not in _READS
        ):
            raise Error("\\watch repeats only statements that read.")
    uses_pager, shell.screen.uses_pager = shell.screen.uses_pager, False  # a pager would wait for a key
    try:
        for number in itertools.count(1):
            shell.screen.info(f"{time.strftime('%H:%M:%S')}, every {pause:g} s; Ctrl-C ends it.")
            shell.run(sql)
            if number == times:
                break
            time.sleep(pause)
    finally:
        shell.screen.uses_pager = uses_pager


def _get_last(shell: Shell) -> str:
    if not shell.last:
        raise ProgrammingError("No statement has run yet.")
    return shell.last


_READS = frozenset({"SELECT", "FROM", "VALUES", "WITH", "PIVOT", "UNPIVOT", "SUMMARIZE", "DESCRIBE", "SHOW"})


def _set_region(shell: Shell, names: str) -> None:
    connection = shell.connection
    if names:
        chosen = [name for name in re.split(r"[,\s]+", names.strip("'\"")) if name]
        known = [region.region for region in list_regions()]
        for name in chosen:
            if name.lower() not in (*known, "all", "default"):
                raise RegionError(f"Unknown region {name!r}.{suggest(name, [*known, 'all', 'default'])}")
        if not chosen:
            raise ProgrammingError(f"\\region {names}: expected regions, all or default.")
        if chosen == ["default"]:
            connection.sql("RESET sqlprov_regions")
        else:
            connection.sql(f"SET sqlprov_regions = '{','.join(chosen)}'")
    regions = ", ".join(connection.regions) or "none; name one in each statement"
    shell.screen.info(f"Regions for statements that name none: {regions}.")


def _print_calls(shell: Shell, argument: str) -> None:
    calls = shell.calls
    if not calls:
        shell.screen.info("The last statement made no call.")
        return
    rows: list[dict[str, object]] = [
        {
            "operation": call.operation,
            "account": call.account,
            "region": call.region,
            "rows": call.rows,
            "attempts": call.attempts,
            "throttles": call.throttles,
            "ms": round(call.milliseconds),
            "error": call.error or None,
            "parameters": orjson.dumps(dict(call.parameters), default=str).decode(),
        }
        for call in calls
    ]
    text, number = pa.string(), pa.int64()
    kinds = {"operation": text, "account": text, "region": text, "rows": number, "attempts": number}
    if len({call.account for call in calls}) == 1:
        del kinds["account"]
    print_table(shell, rows, {**kinds, "throttles": number, "ms": number, "error": text, "parameters": text})


def _exit(shell: Shell, argument: str) -> None:
    raise ExitShell


COMMANDS: dict[str, Command] = {
    "d": Command(
        "[name]",
        "services, the tables of a service, or the columns and methods of a table",
        describe,
        ("table",),
    ),
    "dt": Command(
        "[pattern]", "tables whose name contains some text or matches *endpoint*", list_tables, ("table",)
    ),
    "region": Command(
        "[names]", "regions for statements that name none; all, default", _set_region, ("region",)
    ),
    "calls": Command("", "the calls of the last statement", _print_calls),
    "rows": Command("[n]", "rows to show per result; 0 for all", _set_rows),
    "x": Command(
        "[on|off|auto]", "one column per line, nested values expanded", _set_expanded, ("on", "off", "auto")
    ),
    "timing": Command("[on|off]", "the summary after each statement", _set_timing, ("on", "off")),
    "format": Command(
        "[name]", "format of rows on the screen", _set_format, ("table", "json", "jsonl", "csv", "markdown")
    ),
    "color": Command(
        "[scheme]", "colors: dark, light, both, off or auto", _set_colors, (*SCHEMES, "off", "auto")
    ),
    "o": Command(
        "[file]",
        "write rows to a file, in the format of its suffix; without a file, to the screen",
        _set_output,
        ("file",),
    ),
    "i": Command("file", "run a file", _run_file, ("file",)),
    "watch": Command("[seconds [times]]", "repeat the last statement until Ctrl-C", _watch),
    "g": Command("", "run the last statement again, or the one before it on the line", _go),
    "gx": Command("", "the same, with one column per line", _go_expanded),
    "e": Command("", "edit the last statement in EDITOR", _edit),
    "n": Command("[name]", "run a saved statement; without a name, list them", _run_query),
    "ns": Command("name [SQL]", "save a statement, or the last one", _save_query),
    "nd": Command("name", "delete a saved statement", _delete_query),
    "!": Command("[command]", "run a command of the operating system", _run_outside),
    "conninfo": Command("", "where calls go", _print_connection),
    "vi": Command("[on|off]", "keys of vi in the editor", _set_vi, ("on", "off")),
    "?": Command("", "this list", _print_help),
    "q": Command("", "exit, like Ctrl-D", _exit),
}

_OUTSIDE = ("o", "i", "e", "n", "ns", "nd", "!")
"""Commands that a sandbox refuses."""
