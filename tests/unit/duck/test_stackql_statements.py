"""The statements of stackql_statements.tsv, written after StackQL's grammar and documentation, with what each answers.

A group is run in order on one connection to a local SageMaker of its own. The second column is the rows as JSON, how
many there are and perhaps the first one's first values, how many rows it changed, or a part of the error that says what
to write instead.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from local_sagemaker import connection

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator
from sqlprov.errors import Error

FILE = Path(__file__).with_name("stackql_statements.tsv")
AT_LEAST, REFUSED_AT_MOST = 209, 47


def read_groups() -> dict[str, list[tuple[str, str]]]:
    """Name of a group -> its statements, with what each answers."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for line in FILE.read_text().splitlines():
        if line.startswith("# "):
            cases = groups.setdefault(line[2:], [])
        else:
            sql, _, expected = line.partition("\t")
            cases.append((sql, expected))
    return groups


def describe(con: Connection, sql: str, expected: str) -> str:
    """What a statement answers, as the file writes it; `expected` says how."""
    try:
        result = con.sql(sql)
        rows = [[simplify(value) for value in row] for row in result.fetchall()]
    except Error as error:
        part = expected.removeprefix("error ")
        return expected if expected != part and part in str(error) else f"error {error}"
    _, _, rest = expected.partition(" ")
    if rest == "changed":
        return f"{result.rowcount} changed"
    if rest.startswith("rows"):
        _, _, first = rest.partition(", first ")
        width = len(json.loads(first)) if first else 0
        return f"{len(rows)} rows" + (f", first {json.dumps(rows[0][:width])}" if first else "")
    return json.dumps(rows)


def simplify(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value.isoformat() if isinstance(value, date) else value


GROUPS = read_groups()


@pytest.mark.parametrize("group", GROUPS)
def test_every_statement_of_stackql_is_answered_or_says_what_to_write(group: str) -> None:
    with Emulator() as emulator:
        emulator.seed_local()
        with connection(emulator.url) as con:
            wrong = [
                (sql, expected, answer)
                for sql, expected in GROUPS[group]
                if (answer := describe(con, sql, expected)) != expected
            ]
    assert wrong == []


def test_most_statements_of_stackql_run() -> None:
    expected = [each for cases in GROUPS.values() for _, each in cases]
    assert len(expected) >= AT_LEAST
    assert sum(each.startswith("error ") for each in expected) <= REFUSED_AT_MOST
