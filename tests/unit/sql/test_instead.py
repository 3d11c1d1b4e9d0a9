"""What to write instead of other databases' statements, and suggestions that are near."""

from __future__ import annotations

import duckdb
import pytest

from sqlprov.errors import MalformedSQL, NotSupportedError
from sqlprov.sql.instead import FUNCTIONS, find_instead
from sqlprov.sql.lexer import tokenize
from sqlprov.sql.syntax_errors import explain_syntax_error


def explain(text: str) -> MalformedSQL | NotSupportedError:
    with pytest.raises(duckdb.ParserException) as caught:
        duckdb.sql(text)
    return explain_syntax_error(str(caught.value), text)


@pytest.mark.parametrize(
    ("text", "written", "advice", "column"),
    [
        ("SELECT a FROM t LIMIT 2, 5", "LIMIT 2, 5", "Write LIMIT 5 OFFSET 2.", 16),
        ("SELECT a FROM t LIMIT ?, ?", "LIMIT ?, ?", "Write LIMIT ? OFFSET ?.", 16),
        ("SELECT 1 WHERE a RLIKE '^a'", "RLIKE", "Write regexp_matches(name, '^a').", 17),
        ("INSERT t (a) VALUES (1)", "INSERT t", "Write INSERT INTO.", 0),
        ("INSERT INTO t SET a = 1", "INSERT INTO t SET", "Write INSERT INTO … (columns) VALUES (…).", 0),
        ("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1", "ON DUPLICATE KEY", "Write UPDATE", 25),
        ("REPLACE INTO t VALUES (1)", "REPLACE INTO", "Write INSERT for a row that does not exist", 0),
        ("DELETE FROM t WHERE a = 1 ORDER BY a LIMIT 1", "ORDER BY", "Name the rows, as in WHERE name IN", 26),
        ("DELETE t FROM t JOIN u", "DELETE t", "Write DELETE FROM t USING", 0),
        ("UPDATE t JOIN u ON true SET a = 1", "JOIN", "Write UPDATE t SET … FROM others WHERE …", 9),
        ("SELECT TOP 5 a FROM t", "TOP 5", "Write LIMIT 5 after ORDER BY.", 7),
        ("NATIVEQUERY 'x'", "NATIVEQUERY", "Write the query itself.", 0),
        ("SHOW INSERT t", "SHOW INSERT t", "Write SHOW INSERT INTO.", 0),
        ("SELECT * FROM t FORCE INDEX (a)", "FORCE INDEX", "Leave it out", 16),
        ("SELECT 1 LOCK IN SHARE MODE", "LOCK IN SHARE MODE", "Leave it out", 9),
        ("SHOW FULL COLUMNS FROM t", "SHOW FULL COLUMNS", "Write DESCRIBE", 0),
        ("EXPLAIN FORMAT=JSON SELECT 1", "EXPLAIN FORMAT=", "Write EXPLAIN, or EXPLAIN (FORMAT json)", 0),
        ("SELECT 1 FOR SHARE", "FOR SHARE", "Leave it out", 9),
        ("SELECT 1 FOR NO KEY UPDATE", "FOR NO KEY UPDATE", "Leave it out", 9),
        ("STACKQL AUTH LOGIN aws", "STACKQL AUTH LOGIN", "sqlprov uses the credentials of the AWS CLI", 0),
        ("INSERT IF NOT EXISTS INTO t VALUES (1)", "INSERT IF NOT EXISTS", "Write INSERT OR IGNORE INTO.", 0),
        ("UPSERT INTO t VALUES (1)", "UPSERT INTO", "Write INSERT for a row", 0),
        ("SELECT TOP 5 a FROM t", "TOP 5", "Write LIMIT 5 after ORDER BY.", 7),
        ("SHOW DELETE FROM t", "SHOW DELETE", "Write SHOW METHODS IN", 0),
        ("RENAME TABLE a TO b", "RENAME TABLE", "Write ALTER TABLE a RENAME TO b.", 0),
    ],
)  # fmt: skip
def test_the_error_says_what_is_written_instead(text: str, written: str, advice: str, column: int) -> None:
    error = explain(text)
    assert isinstance(error, NotSupportedError)
    assert str(error).startswith(f"{written} is not supported. {advice}")
    assert str(error).endswith(f"\nLINE 1: {text}\n{' ' * (len('LINE 1: ') + column)}^")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT mod AS m FROM t WHERE 1 = = 1",
        "SELECT 'LIMIT 2, 5' FROM t WHERE ) 1",
        'SELECT "DIV" AS a b c FROM t',
        "UPDATE t SET a = = 1 WHERE b IN (SELECT b FROM u LIMIT 1)",
    ],
)
def test_an_error_elsewhere_is_not_blamed_on_such_a_word(text: str) -> None:
    assert isinstance(explain(text), MalformedSQL)


@pytest.mark.parametrize("verb", ["HELP", "VIEWS", "DO", "OPEN", "PURCHASE", "AUTHOR"])
def test_a_verb_that_is_not_near_another_has_no_suggestion(verb: str) -> None:
    assert str(explain(f"{verb} 1")).startswith(f"No statement begins with {verb!r}.\n")


def test_every_function_says_what_to_write_in_words_that_parse() -> None:
    assert all(advice.strip() == advice for advice in FUNCTIONS.values())
    assert find_instead("SELECT 1", tokenize("SELECT 1"), 0) is None
