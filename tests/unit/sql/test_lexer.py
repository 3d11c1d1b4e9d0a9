import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlprov.errors import MalformedSQL
from sqlprov.sql import parse
from sqlprov.sql.lexer import number_parameters, split_conjuncts

ONE_STATEMENT = [
    "select 'it''s;'",
    "select 'back\\' , ';'",
    r"select E'a\';b'",
    "select e'a'';b'",
    "select $$;$$",
    "select $tag$ ; $$ ; $tag$",
    "select $é$;$é$",
    "select 1$$;$$",
    'select 1 as "a"";b"',
    "select 1 as `a;b`",
    "select /* ; /* ; */ ; */ 1",
    "select 1 -- ; and\n, 2",
]
TWO_STATEMENTS = [
    "select 'a\\'; select 2",
    "select 1 as a$b$;select 1 as c$b$",
    "select 1 -- c\r; select 2",
    "select\u00a01;\u3000select 2",
    "\ufeffselect 1; select 2",
    "select 1 as 变;select 😀 from t",
    ";;select 1;;\n; select 2;",
    "select 1; -- c ;\n select 2 /* ; */;",
]


@pytest.mark.parametrize("text", ONE_STATEMENT)
def test_a_semicolon_in_a_literal_or_a_comment_does_not_split(text):
    assert [statement.text for statement in parse(text)] == [text]


@pytest.mark.parametrize("text", TWO_STATEMENTS)
def test_a_script_is_split_at_semicolons_and_offsets_point_into_it(text):
    script = f"values (1);\n  {text}"
    statements = parse(script)
    assert len(statements) == 3
    assert all(script[each.offset :].startswith(each.text) for each in statements)


@pytest.mark.parametrize("text", ["", " \n", ";;", "-- only a comment", "/* x */ ; /* y */"])
def test_a_script_without_a_statement_is_empty(text):
    assert parse(text) == []


def test_leading_hints_and_comments_belong_to_the_statement():
    _, second = parse("select 1; /*+ create */ -- c\n select 2")
    assert second.text == "/*+ create */ -- c\n select 2"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("select 1;\nselect 'it''s", "string literal"),
        ("select 1;\nselect $x$ ; $y$", "string literal"),
        ("select 1;\nselect E'a\\'", "string literal"),
        ('select 1;\nselect "abc', "quoted identifier"),
        ("select 1;\nselect /* /* */", "comment"),
    ],
)
def test_an_unterminated_literal_is_malformed_with_a_caret_where_it_opens(text, what):
    with pytest.raises(MalformedSQL, match=f"Unterminated {what}") as caught:
        parse(text)
    assert str(caught.value).endswith(f"LINE 2: {text.splitlines()[1]}\n{' ' * 15}^")


def test_parameters_are_numbered_outside_literals_and_comments():
    text = "a = ? and b = '?' /* ? */ and c in (?,?)"
    assert number_parameters(text) == "a = $1  and b = '?' /* ? */ and c in ($2 ,$3 )"
    assert number_parameters("a = $1") == "a = $1"


@pytest.mark.parametrize("text", ["SELECT 1;\nPIVOT t ON '\ud800'", "DELETE FROM t\nWHERE a = '\udcff'"])
def test_half_of_a_character_is_refused_in_words_that_a_terminal_can_print(text):
    with pytest.raises(MalformedSQL, match=r"Line 2 has '\\ud[8c][0f][0f]', half of a character") as caught:
        parse(text)
    assert str(caught.value).isascii()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("((a = 1) AND (b between 2 and 3))", ["a = 1", "b between 2 and 3"]),
        ("a AND (b AND f(c AND d))", ["a", "b", "f(c AND d)"]),
        ("a AND b OR c", ["a AND b OR c"]),
        ("case when a and b then c end and d", ["case when a and b then c end", "d"]),
        ("", []),
    ],
)
def test_a_condition_is_split_at_the_ands_outside_parentheses(text, parts):
    assert list(split_conjuncts(text)) == parts


PIECES = ["select 1", *" ;'\"\\\na1$`é", "''", "$$", "$t$", "e'", "--", "/*", "*/"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_script_is_split_where_duckdb_splits_it(text):
    try:
        expected = len(duckdb.extract_statements(text))
    except duckdb.Error:
        return
    assert len(parse(text)) == expected
