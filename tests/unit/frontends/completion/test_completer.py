from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from local_sagemaker import connection

import sqlprov
from benchmarks.extras import write_services
from sqlprov.catalog import Catalog
from sqlprov.emulator import Emulator, make_organization
from sqlprov.frontends.completion.candidates import Candidate
from sqlprov.frontends.completion.completer import SqlCompleter

T = "aws.sagemaker.inference_experiments"
STATES = ["Creating", "Created", "Updating", "Running", "Starting", "Stopping", "Completed", "Cancelled"]
Words = Callable[[str], list[Candidate]]


@pytest.fixture(scope="module")
def con() -> Iterator[sqlprov.Connection]:
    with sqlprov.connect() as connection:
        connection.sql(
            "CREATE TABLE visits AS SELECT 1 AS visitor, 'x' AS page; CREATE TEMP TABLE scratch (a INT)"
        )
        yield connection


@pytest.fixture(scope="module")
def words(con: sqlprov.Connection) -> Words:
    """The words offered where `|` stands."""
    completer = SqlCompleter(con.catalog, con.vocabulary())

    def words(text: str) -> list[Candidate]:
        at = text.index("|")
        return completer.complete(text.replace("|", ""), at)

    return words


def texts(candidates: list[Candidate]) -> list[str]:
    return [one.text for one in candidates]


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("SELECT * FROM a|", "aws"),
        ("SELECT * FROM aws.|", "sagemaker"),
        ("SELECT * FROM aws.sagemaker.|", "inference_experiments"),
        ("SELECT * FROM aws.|", "regions"),
        ("SELECT * FROM aws.|", "accounts"),
        ("SELECT * FROM infer|", T),
        ("SELECT * FROM x JOIN exper|", T),
        ("SELECT * FROM vis|", "visits"),
        ("SELECT * FROM scr|", "scratch"),
        ("WITH recent AS (SELECT 1) SELECT * FROM rec|", "recent"),
        ("SELECT * FROM visits, aws.sagemaker.mo|", "models"),
        ("DELETE FROM infer|", T),
        ("INSERT INTO infer|", T),
        ("UPDATE infer|", T),
        (f"SELECT sta| FROM {T}", "status"),
        (f"SELECT e.| FROM {T} AS e", "endpoint_name"),
        (f"SELECT e.schedule.St| FROM {T} AS e", "StartTime"),
        (f"SELECT schedule.| FROM {T}", "EndTime"),
        (f"SELECT * FROM {T} WHERE creat|", "creation_time"),
        (f"SELECT * FROM {T} ORDER BY last|", "last_modified_time"),
        (f"INSERT INTO {T} (rol|", "role_arn"),
        ("SELECT pag| FROM visits", "page"),
        ("SELECT * FROM visits wh|", "WHERE"),
        ("sel|", "SELECT"),
        ("SELECT 1; ins|", "INSERT INTO"),
        ("SELECT json_extr|", "json_extract"),
        ("SELECT list_ag|", "list_aggregate"),
        ("SET sqlprov_con|", "sqlprov_concurrency"),
        ("SET conc|", "sqlprov_concurrency"),
        ("SET sqlprov_on_error = |", "'warn'"),
        ("SET sqlprov_on_error = 'w|", "warn'"),
        ("SET sqlprov_pushdown = |", "off"),
        ("SET sqlprov_regions = 'eu-w|", "eu-west-1'"),
        ("SHOW meth|", "METHODS"),
        ("SHOW SERVICES IN |", "aws"),
        ("SHOW RESOURCES IN aws.|", "sagemaker"),
        ("SHOW METHODS IN aws.sagemaker.|", "models"),
        (f"DESCRIBE METHOD {T}.st|", "stop"),
        ("DESCRIBE aws.sagemaker.|", "models"),
        ("EXEC infer|", T),
        (f"EXEC {T}.|", "start"),
        (f"EXEC {T}.stop @Mod|", "ModelVariantActions"),
        (f"EXEC {T}.stop |", "@Name"),
        (f"EXEC {T}.stop @Name = 'x', @DesiredState = '|", "Cancelled'"),
        (f"EXEC {T}.stop @Name = 'x', @region = 'us-w|", "us-west-2'"),
        (f"SELECT * FROM {T} WHERE region = 'us-ea|", "us-east-1'"),
        (f"SELECT * FROM {T} e WHERE e.region IN ('us-east-1', 'eu|", "eu-west-1'"),
        (f"UPDATE {T} SET desired_state = 'Comp|", "Completed'"),
        (f"SELECT * FROM {T} WHERE account = '|", "default'"),
        (f"EXEC {T}.stop @Name = 'x', @account = '|", "default'"),
        (f"EXEC {T}.stop @acc|", "account"),
        ("SET sqlprov_accounts = '|", "organization'"),
        ("EXPLAIN sel|", "SELECT"),
    ],
)
def test_the_word_is_offered(words: Words, text: str, offered: str) -> None:
    assert offered in texts(words(text))


@pytest.mark.parametrize(
    "condition", ["status = '|", "status <> '|", "status IN ('Running', '|", "e.status = '|", "status = '|'"]
)
def test_the_values_of_an_enum_are_offered_in_quotes(words: Words, condition: str) -> None:
    candidates = words(f"SELECT * FROM {T} AS e WHERE {condition}")
    closed = condition.endswith("|'")
    assert sorted(texts(candidates)) == sorted(state + ("" if closed else "'") for state in STATES)


def test_values_come_before_words_where_no_quote_is_open(words: Words) -> None:
    candidates = texts(words(f"SELECT * FROM {T} WHERE status = |"))
    assert sorted(candidates[: len(STATES)]) == sorted(f"'{state}'" for state in STATES)
    assert "name" in candidates


def test_a_column_shows_its_type_and_the_call_that_fills_it(words: Words) -> None:
    about = {one.text: one.about for one in words(f"SELECT | FROM {T}")}
    assert about["name"] == "VARCHAR, ListInferenceExperiments"
    assert about["endpoint_name"] == "VARCHAR, DescribeInferenceExperiment a row"
    assert about["creation_time"] == "TIMESTAMP WITH TIME ZONE, ListInferenceExperiments"
    assert about["model_variants"] == "STRUCT(…)[], DescribeInferenceExperiment a row"
    assert about["region"] == "VARCHAR"


def test_names_show_titles_and_descriptions_and_the_shortest_name_comes_first(words: Words) -> None:
    about = {one.text: one.about for one in [*words("FROM aws.lo|"), *words("FROM aws.ec2.instance|")]}
    assert about["logs"] == "Amazon CloudWatch Logs"
    assert about["instances"] == "Instances, also terminated ones for about an hour."
    found = texts(words("FROM instance|"))
    assert found.index("aws.ec2.instances") < found.index("aws.ec2.instance_types")


def test_methods_parameters_functions_and_settings_show_what_they_are(words: Words) -> None:
    about = {one.text: one.about for one in words(f"EXEC {T}.|")}
    assert about["stop"] == "EXEC, StopInferenceExperiment"
    parameters = {one.text: one.about for one in words(f"EXEC {T}.stop |")}
    assert parameters["@Name"] == "required, InferenceExperimentName"
    assert parameters["@Reason"] == "InferenceExperimentStatusReason"
    assert [one.about for one in words("SELECT starts_wit|")] == ["(string, search_string) → BOOLEAN"]
    assert next(one.about for one in words("SET sqlprov_settle|")).startswith("Seconds to look for a new row")


def test_only_what_was_typed_is_replaced(words: Words) -> None:
    for text, start in ((f"SELECT e.na| FROM {T} e", 9), ("SELECT 1 FROM infer|", 14)):
        assert {one.start for one in words(text)} == {start}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 -- sel|",
        "SELECT /* sel|",
        "SELECT 'sel|",
        'SELECT "sel|',
        "SELECT 12|",
        "SELECT * FROM nowhere.|",
    ],
)
def test_nothing_is_offered_where_anything_may_stand(words: Words, text: str) -> None:
    assert words(text) == []


def test_the_accounts_of_an_organization_are_offered_once_a_statement_has_listed_them() -> None:
    text = f"SELECT * FROM {T} WHERE account IN ('account-001', '"
    with (
        Emulator(organization=make_organization(3)) as em,
        connection(em.url, accounts="organization,prod") as con,
    ):
        assert texts(SqlCompleter(con.catalog, con.vocabulary()).complete(text, len(text))) == ["prod'"]
        con.sql("SET sqlprov_accounts = 'organization'")
        con.sql("FROM aws.accounts").fetchall()
        offered = texts(SqlCompleter(con.catalog, con.vocabulary()).complete(text, len(text)))
    assert sorted(offered) == ["account-001'", "account-002'", "management'"]


def test_use_shortens_names(con: sqlprov.Connection) -> None:
    with con.cursor() as other:
        other.sql("USE aws.sagemaker")
        completer = SqlCompleter(other.catalog, other.vocabulary())
        assert "models" in texts(completer.complete("SELECT * FROM mod", 17))
        text = "SELECT  FROM models"
        assert "model_name" in texts(completer.complete(text, 7))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """400 services with ten tables each."""
    resources = tmp_path_factory.mktemp("many") / "resources"
    write_services(resources / "aws", 400, 10)
    return Catalog([resources])


def test_with_4000_tables_a_keystroke_takes_less_than_50_ms(many: Catalog, con: sqlprov.Connection) -> None:
    completer = SqlCompleter(many, con.vocabulary())
    text = "SELECT model_name, m.creation_time FROM aws.service_123.models AS m JOIN models_8_of_7 WHERE m.region = 'e'"
    completer.complete("SELECT  FROM aws.service_123.models", 7)  # reads the model of the service
    completer.complete("SELECT * FROM mod", 17)  # reads the names
    slowest = []
    for at in range(len(text) + 1):
        took = []
        for _ in range(3):
            began = time.thread_time()  # of this thread alone: other work does not count
            completer.complete(text[:at], at)
            took.append(time.thread_time() - began)
        slowest.append(min(took))
    assert max(slowest) < 0.05
    assert len(completer.complete("SELECT * FROM models", 20)) >= 100


def test_naming_4000_tables_loads_none_of_them(
    many: Catalog, con: sqlprov.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    get_table = many.get_table
    monkeypatch.setattr(many, "get_table", lambda *name: read.append(name[1:]) or get_table(*name))
    completer = SqlCompleter(many, con.vocabulary())
    assert texts(completer.complete("SELECT * FROM ls_8_of_2", 23))[0] == "aws.service_2.models_8_of_2"
    assert len(completer.complete("SELECT * FROM aws.service_2", 27)) == 111
    assert len(completer.complete("SELECT * FROM aws.service_2.", 28)) == 10
    assert read == []
    completer.complete("SELECT  FROM aws.service_7.models", 7)
    assert set(read) == {("service_7", "models")}


def test_a_table_is_loaded_once_its_name_is_typed_and_before_a_column_is(
    many: Catalog, con: sqlprov.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, ...]] = []
    monkeypatch.setattr(many, "get_table", lambda *name: read.append(name))
    completer = SqlCompleter(many, con.vocabulary())
    for text in ("FROM aws.service_3.model", "FROM aws.service_3.models", "FROM aws.service_3.models"):
        completer.complete(text, len(text))
    for thread in threading.enumerate():
        if thread.name == "sqlprov-completion":
            thread.join()
    assert read == [("aws", "service_3", "models")]
