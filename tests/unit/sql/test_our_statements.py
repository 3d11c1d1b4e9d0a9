import pytest

from sqlprov.errors import MalformedSQL, NotSupportedError, UnknownName
from sqlprov.settings import Settings
from sqlprov.sql import STATEMENTS, Explain, Query, SetSetting, parse


def one(text):
    (found,) = parse(text)
    return found


def test_query_is_the_last_kind_and_takes_everything():
    assert STATEMENTS[-1] is Query
    assert isinstance(one(") not even SQL ("), Query)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("set sqlprov_regions = 'us-east-1'", "sqlprov_regions", "us-east-1"),
        ("SET SESSION SQLPROV_Regions TO 'all'", "sqlprov_regions", "all"),
        ("set global sqlprov_concurrency = 4", "sqlprov_concurrency", "4"),
        ("set local sqlprov_timeout = 2.5", "sqlprov_timeout", "2.5"),
        ("set sqlprov_concurrency = -1", "sqlprov_concurrency", "-1"),
        ("set sqlprov_pushdown = off", "sqlprov_pushdown", "off"),
        ("set sqlprov_pushdown = TRUE", "sqlprov_pushdown", "TRUE"),
        ("set sqlprov_on_error to warn", "sqlprov_on_error", "warn"),
        ("set sqlprov_regions = ('us-east-1', 'eu-west-1')", "sqlprov_regions", "us-east-1,eu-west-1"),
        ("set sqlprov_regions = ['us-east-1', 'eu-west-1']", "sqlprov_regions", "us-east-1,eu-west-1"),
        ("set sqlprov_regions = []", "sqlprov_regions", ""),
        ("set sqlprov_regions = ''", "sqlprov_regions", ""),
        ('set "sqlprov_regions" = "us-east-1"', "sqlprov_regions", "us-east-1"),
        ("set sqlprov_regions to default", "sqlprov_regions", None),
        ("reset sqlprov_regions", "sqlprov_regions", None),
        ("/* c */ reset session sqlprov_nosuch", "sqlprov_nosuch", None),
    ],
)
def test_our_settings_are_set_and_reset(text, name, value):
    found = one(text)
    assert isinstance(found, SetSetting)
    assert (found.name, found.value, found.text) == (name, value, text)


@pytest.mark.parametrize(
    "text", ["set threads = 4", "reset threads", "set variable sqlprov_x = 1", "set", "reset"]
)
def test_other_settings_are_duckdbs(text):
    assert isinstance(one(text), Query)


@pytest.mark.parametrize(
    "text",
    [
        "set sqlprov_regions",
        "set sqlprov_regions =",
        "set sqlprov_regions = ",
        "set sqlprov_regions = us-east-1",
        "set sqlprov_regions = ('a' 'b')",
        "set sqlprov_regions = ('a'",
        "set sqlprov_regions = (select 1)",
        "reset sqlprov_regions now",
    ],
)
def test_a_setting_that_is_badly_written_is_malformed_with_a_caret(text):
    with pytest.raises(MalformedSQL, match=r"(?s)Expected .*, found .*LINE 1: .*\^"):
        parse(text)


def test_a_value_that_set_writes_is_a_value_that_settings_read():
    found = one("set sqlprov_regions = ('us-east-1', 'eu-west-1')")
    changed = Settings().with_value(found.name, found.value)
    assert changed.region_names() == ("us-east-1", "eu-west-1")


def test_explain_holds_the_query_that_it_explains():
    script = "select 1;\n/* c */ EXPLAIN /*+ x */ SELECT ';' -- y\n; select 2"
    found = parse(script)[1]
    assert isinstance(found, Explain)
    assert found.inner.text == "SELECT ';' -- y"
    assert script[found.inner.offset :].startswith(found.inner.text)
    assert found.inner.verb == "SELECT"


def test_explain_takes_a_query_in_parentheses():
    assert one("explain (select 1)").inner.text == "(select 1)"


@pytest.mark.parametrize(
    "text", ["explain analyze select 1", "explain (format json) select 1", "explain (analyze) select 1"]
)
def test_explain_with_options_is_duckdbs(text):
    assert isinstance(one(text), Query)


def test_explain_of_nothing_is_malformed():
    with pytest.raises(MalformedSQL, match="Expected a query after EXPLAIN"):
        parse("explain")


@pytest.mark.parametrize(
    "text",
    [
        "REGISTRY LIST",
        "registry pull aws",
        "EXPLAIN REGISTRY LIST",
        "EXPLAIN ANALYZE EXEC x.y",
    ],
)
def test_what_is_known_and_not_offered_is_refused_with_a_reason(text):
    with pytest.raises(NotSupportedError, match=r"(?s)is not supported: .*LINE 1: .*\^"):
        parse(text)


@pytest.mark.parametrize("text", ["describe method", "execute p", "from registry"])
def test_words_of_refused_statements_may_be_names(text):
    assert not isinstance(one(text), Explain)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SHOW SERVICS IN aws", "SERVICES"),
        ("show servics from aws", "SERVICES"),
        ("SHOW EXTENDED RESORCES", "RESOURCES"),
        ("SHOW METHODES LIKE 'x'", "METHODS"),
    ],
)
def test_a_misspelt_show_names_the_nearest_word(text, hint):
    with pytest.raises(MalformedSQL, match=f"Did you mean '{hint}'"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
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
def test_a_show_or_describe_that_is_badly_written_is_malformed_with_a_caret(text):
    with pytest.raises(MalformedSQL, match=r"(?s)Expected .*, found .*LINE 1: .*\^"):
        parse(text)


def test_show_of_an_unknown_setting_names_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'sqlprov_regions'"):
        parse("show sqlprov_region")
