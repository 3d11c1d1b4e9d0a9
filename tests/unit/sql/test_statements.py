import pytest
from statements import parse_one

from sqlprov.errors import MalformedSQL, NotSupportedError, UnknownName
from sqlprov.sql import STATEMENTS, Explain, Query, SetSetting, Statement, parse


def test_query_is_tried_last_and_accepts_everything():
    assert STATEMENTS[-1] is Query
    parse_one(") not even SQL (", Query)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("SET SESSION SQLPROV_Regions TO 'all'", "sqlprov_regions", "all"),
        ("set global sqlprov_concurrency = 4", "sqlprov_concurrency", "4"),
        ("set local sqlprov_timeout = 2.5", "sqlprov_timeout", "2.5"),
        ("set sqlprov_concurrency = -1", "sqlprov_concurrency", "-1"),
        ("set sqlprov_pushdown = off", "sqlprov_pushdown", "off"),
        ("set sqlprov_regions = ('us-east-1', 'eu-west-1')", "sqlprov_regions", "us-east-1,eu-west-1"),
        ("set sqlprov_regions = ['us-east-1', 'eu-west-1']", "sqlprov_regions", "us-east-1,eu-west-1"),
        ("set sqlprov_regions = []", "sqlprov_regions", ""),
        ("set sqlprov_regions = ''", "sqlprov_regions", ""),
        ('set "sqlprov_regions" = "us-east-1"', "sqlprov_regions", "us-east-1"),
        ("set sqlprov_regions to default", "sqlprov_regions", None),
        ("/* c */ reset session sqlprov_nosuch", "sqlprov_nosuch", None),
    ],
)
def test_settings_of_sqlprov_are_set_and_reset(text, name, value):
    statement = parse_one(text, SetSetting)
    assert (statement.name, statement.value, statement.text) == (name, value, text)


@pytest.mark.parametrize(
    "text", ["set threads = 4", "reset threads", "set variable sqlprov_x = 1", "set", "reset"]
)
def test_other_settings_belong_to_duckdb(text):
    parse_one(text, Query)


def test_explain_holds_the_query_that_it_explains():
    script = "select 1;\n/* c */ EXPLAIN /*+ x */ SELECT ';' -- y\n; select 2"
    explain = parse(script)[1]
    assert isinstance(explain, Explain)
    assert explain.inner.text == "SELECT ';' -- y"
    assert script[explain.inner.offset :].startswith(explain.inner.text)
    assert explain.inner.verb == "SELECT"
    assert parse_one("explain (select 1)", Explain).inner.text == "(select 1)"
    in_json = parse_one("explain (format json) select 1", Explain)
    assert (in_json.inner.text, in_json.as_json, explain.as_json) == ("select 1", True, False)


@pytest.mark.parametrize(
    "text", ["explain analyze select 1", "explain (format html) select 1", "explain (analyze) select 1"]
)
def test_duckdb_answers_an_explain_with_options(text):
    parse_one(text, Query)


@pytest.mark.parametrize(
    "text", ["REGISTRY LIST", "registry pull aws", "EXPLAIN REGISTRY LIST", "EXPLAIN ANALYZE EXEC x.y"]
)
def test_statements_of_stackql_that_are_not_offered_are_refused_with_a_reason(text):
    with pytest.raises(NotSupportedError, match=r"(?s)is not supported: .*LINE 1: .*\^"):
        parse(text)


@pytest.mark.parametrize("text", ["describe method", "execute p", "from registry"])
def test_words_of_refused_statements_may_be_names(text):
    assert not isinstance(parse_one(text, Statement), Explain)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SHOW SERVICS IN aws", "SERVICES"),
        ("show servics from aws", "SERVICES"),
        ("SHOW EXTENDED RESORCES", "RESOURCES"),
        ("SHOW METHODES LIKE 'x'", "METHODS"),
    ],
)
def test_a_misspelled_show_suggests_the_nearest_word(text, hint):
    with pytest.raises(MalformedSQL, match=f"Did you mean '{hint}'"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "explain",
        "set sqlprov_regions",
        "set sqlprov_regions =",
        "set sqlprov_regions = us-east-1",
        "set sqlprov_regions = ('a' 'b')",
        "set sqlprov_regions = ('a'",
        "set sqlprov_regions = (select 1)",
        "reset sqlprov_regions now",
        "SHOW EXTENDED",
        "SHOW PROVIDERS IN aws",
        "SHOW SERVICES IN",
        "SHOW SERVICES IN 'aws'",
        "SHOW SERVICES IN aws.",
        "SHOW SERVICES IN aws LIKE x",
        "SHOW SERVICES LIKE 'x' IN aws",
        "SHOW SETTINGS LIKE 'x' LIKE 'y'",
        "DESCRIBE EXTENDED",
        "DESCRIBE EXTENDED SELECT 1",
    ],
)
def test_a_malformed_statement_is_refused_with_a_caret(text):
    with pytest.raises(MalformedSQL, match=r"(?s)Expected .*, found .*LINE 1: .*\^"):
        parse(text)


def test_show_of_an_unknown_setting_suggests_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'sqlprov_regions'"):
        parse("show sqlprov_region")
