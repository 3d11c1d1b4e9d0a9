"""`\\d table` and the like in, done: each command is one function, listed in COMMANDS."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa

from sqlprov.errors import Error, ProgrammingError, RegionError, UnknownName, suggest
from sqlprov.frontends.completion.words import filled, short
from sqlprov.frontends.repl.display import Rows, Sink
from sqlprov.frontends.repl.shell import Leave, Shell
from sqlprov.sql import Exec, Explain, Query, WriteStatement, parse
from sqlprov.sql.lexer import tokenize
from sqlprov.sql.names import find_live_table
from sqlprov.sql.show import is_like


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        usage: its arguments.
        about: what it does.
        run: shell, argument -> done.
        takes: what its argument is, for completion: table, region, file, or words.
    """

    usage: str
    about: str
    run: Callable[[Shell, str], None]
    takes: tuple[str, ...] = ()


def run_command(shell: Shell, text: str, sql: str) -> None:
    """Run a command.

    Args:
        shell: where.
        text: the command with its backslash.
        sql: statements that stand before it.

    Raises:
        UnknownName: there is no such command; the message names the nearest.
        Error: what it met.
    """
    match = re.match(r"\\(\S*)\s*(.*)", text, re.DOTALL)
    assert match is not None, "a command begins with a backslash"
    name, argument = match[1].rstrip(";"), match[2].strip().rstrip(";").strip()
    if name not in COMMANDS:
        near = suggest(name, COMMANDS).replace("'", "'\\", 1)
        raise UnknownName(f"Unknown command \\{name}.{near} \\? lists them.")
    if sql:
        shell.last = sql
    COMMANDS[name].run(shell, argument)


def _table(shell: Shell, rows: Sequence[Mapping[str, object]], schema: Mapping[str, pa.DataType]) -> None:
    shell.screen.show(Rows.of(rows, pa.schema(list(schema.items()))))


# What there is


def _describe(shell: Shell, name: str) -> None:
    if not name:
        _services(shell)
        return
    words = shell.connection.vocabulary()
    if name in words.relations:
        columns = [{"column": column, "type": kind} for column, kind in words.relations[name]]
        _table(shell, columns, {"column": pa.string(), "type": pa.string()})
        return
    parts = tuple(token.value for token in tokenize(name) if not token.is_one_of("."))
    table = find_live_table(shell.connection.catalog, parts, words.path)
    if table is None:
        found = shell.connection.sql(f"DESCRIBE EXTENDED {name}").arrow()  # or what is wrong with the name
        shell.screen.show(Rows(found.schema, tuple(found.to_batches())))
        return
    shell.screen.tell(f"{table.full_name}: {table.about} Key: {', '.join(table.key)}.")
    rows: list[dict[str, object]] = [
        {"column": column.name, "type": short(column.type), "filled by": filled(table, column) or None}
        for column in table.columns
    ]
    _table(shell, rows, dict.fromkeys(("column", "type", "filled by"), pa.string()))
    rows = [
        {"method": one.name, "statement": one.verb, "call": one.call, "required": ", ".join(one.required)}
        for one in table.methods
    ]
    _table(shell, rows, dict.fromkeys(("method", "statement", "call", "required"), pa.string()))
    shell.screen.tell(f"DESCRIBE EXTENDED {name}; tells more.")


def _services(shell: Shell) -> None:
    catalog = shell.connection.catalog
    rows: list[dict[str, object]] = [
        {"name": f"{provider}.{service}", "tables": len(catalog.list_tables(provider, service))}
        for provider in catalog.list_providers()
        for service in catalog.list_services(provider)
    ]
    own = shell.connection.vocabulary().relations
    rows += [{"name": "DuckDB's own", "tables": len(own)}] if own else []
    _table(shell, rows, {"name": pa.string(), "tables": pa.int64()})


def _tables(shell: Shell, pattern: str) -> None:
    catalog = shell.connection.catalog
    names = [
        ".".join((*place, name))
        for name, places in sorted(catalog.services_by_table.items())
        for place in places
    ]
    names += shell.connection.vocabulary().relations
    wild = pattern.replace("*", "%") if set(pattern) & {"*", "%"} else f"%{pattern}%"
    rows: list[dict[str, object]] = [{"table": name} for name in sorted(names) if is_like(name, wild)]
    if not rows:
        raise UnknownName(f"No table's name is like {pattern!r}.")
    _table(shell, rows, {"table": pa.string()})


def _help(shell: Shell, argument: str) -> None:
    rows: list[dict[str, object]] = [
        {"command": f"\\{name} {command.usage}".rstrip(), "": command.about}
        for name, command in COMMANDS.items()
    ]
    _table(shell, rows, {"command": pa.string(), "": pa.string()})
    shell.screen.tell("A statement runs at its ;. Ctrl-R searches the history, Ctrl-C stops a statement.")


# How results are shown


def _expanded(shell: Shell, word: str) -> None:
    states = ("on", "off", "auto")
    shell.screen.expanded = _word(word, states) if word else "off" if shell.screen.expanded == "on" else "on"
    shell.screen.tell(f"One column a line: {shell.screen.expanded}.")


def _timing(shell: Shell, word: str) -> None:
    shell.timing = _word(word, ("on", "off")) == "on" if word else not shell.timing
    shell.screen.tell(f"The line after each statement: {'on' if shell.timing else 'off'}.")


def _rows(shell: Shell, number: str) -> None:
    if number:
        if not number.isdecimal():
            raise ProgrammingError(f"\\rows {number}: expected a number of rows; 0 for all.")
        shell.rows = int(number)
    shell.screen.tell(f"Rows shown of one result: {shell.rows or 'all'}.")


def _word(word: str, known: tuple[str, ...]) -> str:
    if word.lower() not in known:
        raise ProgrammingError(f"{word!r}: expected {' or '.join(known)}.{suggest(word, known)}")
    return word.lower()


def _out(shell: Shell, name: str) -> None:
    shell.write_into(Sink(Path(name).expanduser()) if name else None)
    if shell.sink:
        shell.screen.tell(f"Rows go into {shell.sink.path} as {shell.sink.format}; \\o ends that.")


# What is run


def _include(shell: Shell, name: str) -> None:
    if not name:
        raise ProgrammingError("\\i needs the name of a file.")
    shell.run_script(Path(name).expanduser())


def _watch(shell: Shell, seconds: str) -> None:
    try:
        pause = float(seconds or 2)
    except ValueError:
        pause = -1
    if not 0 < pause < 86400:
        raise ProgrammingError(f"\\watch {seconds}: expected a number of seconds.")
    sql = shell.last
    if not sql:
        raise ProgrammingError("\\watch runs the statement before it again and again; there is none.")
    for statement in parse(sql):
        inner = statement.inner if isinstance(statement, Explain) else statement
        if isinstance(inner, WriteStatement | Exec) or (
            isinstance(inner, Query) and inner.verb not in _READS
        ):
            raise Error("\\watch is for statements that read.")
    paged, shell.screen.paged = shell.screen.paged, False  # which would wait for a key
    try:
        while True:
            shell.screen.tell(f"{time.strftime('%H:%M:%S')}, every {pause:g} s; Ctrl-C ends it.")
            shell.run(sql)
            time.sleep(pause)
    finally:
        shell.screen.paged = paged


_READS = frozenset({"SELECT", "FROM", "VALUES", "WITH", "PIVOT", "UNPIVOT", "SUMMARIZE", "DESCRIBE", "SHOW"})


def _region(shell: Shell, names: str) -> None:
    connection = shell.connection
    if names:
        given = [name for name in re.split(r"[,\s]+", names.strip("'\"")) if name]
        known = [region.region for region in connection.catalog.list_regions()]
        for name in given:
            if name.lower() not in (*known, "all", "default"):
                raise RegionError(f"Unknown region {name!r}.{suggest(name, [*known, 'all', 'default'])}")
        if not given:
            raise ProgrammingError(f"\\region {names}: expected regions, all or default.")
        if given == ["default"]:
            connection.sql("RESET sqlprov_regions")
        else:
            connection.sql(f"SET sqlprov_regions = '{','.join(given)}'")
    found = ", ".join(connection.regions)
    shell.screen.tell(
        f"Statements that name no region read: {found}."
        if found
        else "There is no region for statements that name none."
    )


def _calls(shell: Shell, argument: str) -> None:
    calls = shell.connection.calls
    if not calls:
        shell.screen.tell("The last statement made no call.")
        return
    rows: list[dict[str, object]] = [
        {
            "operation": call.operation,
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
    kinds = {"operation": text, "region": text, "rows": number, "attempts": number, "throttles": number}
    _table(shell, rows, {**kinds, "ms": number, "error": text, "parameters": text})


def _leave(shell: Shell, argument: str) -> None:
    raise Leave


COMMANDS: dict[str, Command] = {
    "d": Command("[table]", "services; or the columns and methods of a table", _describe, ("table",)),
    "dt": Command(
        "[pattern]", "tables whose name holds a text, or is like it: *endpoint*", _tables, ("table",)
    ),
    "region": Command("[names]", "regions of statements that name none; all, default", _region, ("region",)),
    "calls": Command("", "the calls of the last statement", _calls),
    "rows": Command("[n]", "rows shown of one result; 0 for all", _rows),
    "x": Command(
        "[on|off|auto]", "one column a line, nested values spread out", _expanded, ("on", "off", "auto")
    ),
    "timing": Command("[on|off]", "the line after each statement", _timing, ("on", "off")),
    "o": Command(
        "[file]", "rows go into a file, its ending tells the format; without: to the screen", _out, ("file",)
    ),
    "i": Command("file", "run a file", _include, ("file",)),
    "watch": Command("[seconds]", "run the last statement again and again", _watch),
    "?": Command("", "this list", _help),
    "q": Command("", "leave; as exit and Ctrl-D", _leave),
}
