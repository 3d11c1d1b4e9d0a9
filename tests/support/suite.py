"""The suite dbapi-compliance, made for sqlprov; its tests that it leaves to the driver are written here."""

from __future__ import annotations

import inspect
import unittest
from pathlib import Path

import dbapi20

import sqlprov

TESTS = [name for name, _ in inspect.getmembers(dbapi20.DatabaseAPI20Test) if name.startswith("test_")]


class Suite(dbapi20.DatabaseAPI20Test):
    __test__ = False  # each test is run below, by its name
    driver = sqlprov
    database: Path

    def setUp(self) -> None:
        self.connect_args = (str(self.database),)

    def test_nextset(self) -> None:
        self.assertFalse(
            hasattr(sqlprov.Connection, "nextset"), "it is optional, and run() gives each result"
        )

    def test_setoutputsize(self) -> None:
        with self._connect() as con, con.cursor() as cursor:
            cursor.setoutputsize(2)
            cursor.execute("SELECT repeat('x', 1000)")
            self.assertEqual(cursor.fetchall(), [("x" * 1000,)])


def failure(test: str, database: Path) -> str:
    """What the suite says against `test`; empty if it passes."""
    case = Suite(test)
    case.database = database
    result = unittest.TestResult()
    case.run(result)
    assert result.testsRun == 1
    assert not result.skipped
    return "".join(text for _, text in (*result.errors, *result.failures))
