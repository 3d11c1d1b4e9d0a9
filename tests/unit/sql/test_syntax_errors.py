import duckdb
import pytest

from sqlprov.errors import MalformedSQL
from sqlprov.sql.syntax_errors import explain_syntax_error


def explain(text):
    with duckdb.connect() as connection:
        connection.execute("create table t (a int)")
        with pytest.raises(duckdb.ParserException) as caught:
            connection.execute(text)
    explained = explain_syntax_error(str(caught.value), text)
    assert isinstance(explained, MalformedSQL)
    return str(explained)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("SELEC 1", "SELEC", "No statement begins with 'SELEC'. Did you mean 'SELECT'?"),
        ("/* c */\n\n  DESCRIB t", "DESCRIB", "Did you mean 'DESCRIBE'?"),
        ("INSRT INTO t VALUES (1)", "INSRT", "Did you mean 'INSERT'?"),
        ("EXPLIAN select 1", "EXPLIAN", "Did you mean 'EXPLAIN'?"),
        ("foo", "foo", "No statement begins with 'foo'."),
        ("OR a = 1", "OR", "Does a ; before it end a statement too early?"),
        ("AND a = 1", "AND", "No statement begins with 'AND'. Does a ; before it end a statement too early?"),
        (
            "FROM lambda.functions",
            "lambda",
            "lambda is a reserved word. As a name it needs double quotes",
        ),
        ("update t set a['x'] = 'y' where a = 1", "[", "For one tag, write SET tag_map = map_concat(tag_map"),
        (".tables", ".", ".tables is a command of a shell, not SQL."),
        (
            "\\dt aws",
            "\\",
            "\\dt is a command of a shell, not SQL. `sqlprov` without a subcommand starts the shell",
        ),
        ("SELECT * FORM t", "FORM", "Syntax error at 'FORM'. Did you mean 'FROM'?"),
        ("select a from t wher a = 1", "wher", "Did you mean 'WHERE'?"),
        ("insert into t (a) valus (1)", "valus", "Did you mean 'VALUES'?"),
        ("create tabel x (a int)", "tabel", "Did you mean 'TABLE'?"),
        ("select '日本日本', a frm t", "frm", "Did you mean 'FROM'?"),
        ("select '日本日本', a,, b", ", b", 'Syntax error at or near ","'),
        ("select 1,\n  2 as x y\nfrom t", "y", 'Syntax error at or near "y"'),
        ("select\u00a0'é' x y z", "y z", 'Syntax error at or near "y"'),
        ("select 1)", ")", 'Syntax error at or near ")"'),
        ("select * frm aws.x", "frm", "Did you mean 'FROM'?"),
        (
            "select * from t-x-1 where y",
            "t-x",
            "The name 't-x' has a hyphen and needs double quotes. Did you mean 't_x'?",
        ),
        ("select * from t - x", "- x", 'Syntax error at or near "-"'),
        ("select f(1, (2)", "(1", "'(' opens here and is never closed."),
        ("select [1, 2", "[", "'[' opens here and is never closed."),
        (f"select '{'a' * 200}', a b c, '{'b' * 200}'", "c, ", 'Syntax error at or near "c"'),
        ("select e'a\\x' a b c", "b c", 'Syntax error at or near "b"'),
    ],
)
def test_the_caret_is_below_the_place_in_the_users_text(text, place, expected):
    message, line, mark = explain(text).rsplit("\n", 2)
    assert expected in message
    assert line[mark.index("^") :].startswith(place)
    assert line.split(": ", 1)[1] in text


def test_a_message_without_a_place_is_kept():
    assert explain("select from t") == "SELECT clause without selection list"
