import logging

import pytest

from sqlprov.sql import Query, parse


def query(text):
    (found,) = parse(text)
    assert isinstance(found, Query)
    return found


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("select 1", "SELECT"),
        ("/*+ create */ -- c\n select 1", "SELECT"),
        ("((select 1) union (select 2))", "SELECT"),
        ("from t", "FROM"),
        ("values (1)", "VALUES"),
        ("with a as (select 1), b(x) as not materialized (select (2)) select * from a", "SELECT"),
        ("with recursive a(x) using key (x) as (select 1) from a", "FROM"),
        ("with a as (select 1) insert into t from a", "INSERT"),
        ("with a as (select 1) (with b as (select 2) delete from t)", "DELETE"),
        ("insert into t values (1)", "INSERT"),
        ("use aws.sagemaker", "USE"),
        ("begin", "BEGIN"),
        ("set threads = 1", "SET"),
        ("SET VARIABLE x = 1", "SET"),
        ("reset threads", "RESET"),
        ("pivot t on y in (1) using sum(x)", "PIVOT"),
        ("summarize t", "SUMMARIZE"),
        ("describe select 1", "DESCRIBE"),
        ("explain analyze select 1", "EXPLAIN"),
        ("explain (analyze, format json) select 1", "EXPLAIN"),
        ("explain (format json) select 1", "EXPLAIN"),
        ("prepare p as select ?", "PREPARE"),
        ("show tables", "SHOW"),
        ("show all tables", "SHOW"),
        ("show tables from memory", "SHOW"),
        ("show databases", "SHOW"),
        ('show "services"', "SHOW"),
        ("show my_table", "SHOW"),
        ("123", ""),
        ("{{ name }}", ""),
    ],
)
def test_the_verb_is_the_first_keyword_that_does_something(text, verb):
    assert query(text).verb == verb


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("select * from t", None),
        ("insert into aws.sagemaker.models (a) select 1", ("aws", "sagemaker", "models")),
        ("insert or replace into t values (1)", ("t",)),
        ('insert into "My ""T"""."x" values (1)', ('My "T"', "x")),
        ("with a as (select * from b) insert into c from a", ("c",)),
        ("update a.b set x = 1", ("a", "b")),
        ("delete from t where x", ("t",)),
        ("truncate table t", ("t",)),
        ("truncate t", ("t",)),
        ("merge into t using s on t.a = s.a when matched then delete", ("t",)),
        ("create table if not exists a.b (x int)", ("a", "b")),
        ("create or replace temp table t as select 1", ("t",)),
        ("create schema aws.x", ("aws", "x")),
        ("create or replace view aws.sagemaker.models as select 1", ("aws", "sagemaker", "models")),
        ("create unique index i on a.t (x)", ("a", "t")),
        ("drop index i", ("i",)),
        ("drop view if exists aws.sagemaker.models", ("aws", "sagemaker", "models")),
        ("alter table t rename to u", ("t",)),
        ("comment on table t is 'x'", ("t",)),
        ("detach database if exists aws", ("aws",)),
        ("drop macro table if exists aws.f", ("aws", "f")),
        ("copy t (a, b) from 'x.csv'", ("t",)),
        ("copy t to 'x.csv'", None),
        ("copy (select * from t) to 'x.parquet'", None),
        ("copy from database a to b", ("b",)),
        ("explain analyze insert into t values (1)", ("t",)),
        ("explain (analyze, format json) delete from t", ("t",)),
        ("prepare p as insert into t values (?)", ("t",)),
        ("attach 'x.db' as y", None),
        ("insert into", None),
        ("create", None),
    ],
)
def test_the_target_is_what_the_statement_changes(text, target):
    assert query(text).target == target


@pytest.mark.parametrize(
    ("text", "temporary"),
    [
        ("create temp table t (a int)", True),
        ("create or replace temporary view v as select 1", True),
        ("create table temp (a int)", False),
        ("create table t as select temp from u", False),
        ("drop table t", False),
    ],
)
def test_a_temporary_object_is_told_from_one_that_is_named_temp(text, temporary):
    assert query(text).is_temporary is temporary


def test_words_are_found_in_names_quotes_and_literals_and_not_in_comments():
    words = query(
        """select Models."End Points", ä from aws.sagemaker.models -- endpoint_configs
        join query('from inference_experiments') using (x) where y = $$ local_table $$"""
    ).words
    assert {
        "models",
        "end points",
        "end",
        "points",
        "inference_experiments",
        "local_table",
        "ä",
        "select",
    } <= words
    assert "endpoint_configs" not in words


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("with d as (delete from t returning a) select * from d", True),
        ("with d as materialized (insert or ignore into t values (1) returning a) select * from d", True),
        ("with d as (update t set a = 1 returning a) from d", True),
        ("with d as ((with x as (select 1) delete from t returning a)) from d", True),
        ("with d as (merge into t using s on true when matched then delete returning a) from d", True),
        ("with d as (select insert, delete, update from t) select * from d", False),
        ("select (update), f(delete) from t", False),
        ("select '(delete from t)'", False),
        ("delete from t", False),
    ],
)
def test_a_change_within_a_cte_is_found(text, changes):
    assert bool(query(text).nested_mutations) is changes


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("pivot t on y", True),
        ("pivot t on y using sum(x) group by z", True),
        ("pivot t on y in (1, 2) using sum(x)", False),
        ("pivot t on y in ('a'), z using sum(x)", True),
        ("pivot t on y in (select z from u) using sum(x)", True),
        ("from (pivot t on y using sum(x))", True),
        ("with a as (from t) pivot_wider a on f(y, 'in') using sum(x)", True),
        ("pivot (select 1 as y) on y in (1)", False),
        ("pivot a join b on a.x in (1) on y", True),
        ("from t pivot (sum(x) for y in (1, 2))", False),
        ("from t pivot (sum(x) for y in (1, 2)) p join u on p.k = u.k", False),
        ("unpivot t on a, b", False),
        ("select 'pivot t on y'", False),
    ],
)
def test_a_pivot_that_needs_the_data_to_know_its_columns_is_found(text, is_open):
    assert query(text).has_pivot_without_in is is_open


def test_the_tree_is_sqlglots_where_it_can_read_the_text():
    tree = query("select a from t where b like 'x%'").tree
    assert tree is not None and tree.find(type(tree)) is tree


@pytest.mark.parametrize(
    "text", ["vacuum analyze", "select from where", "(" * 5000, "explain analyze select 1"]
)
def test_a_text_that_sqlglot_cannot_read_has_no_tree_and_logs_nothing(text, caplog):
    with caplog.at_level(logging.DEBUG):
        assert query(text).tree is None
    assert caplog.records == []


def test_what_other_threads_let_sqlglot_log_is_not_swallowed(caplog):
    import sqlglot

    assert query("vacuum analyze").tree is None
    sqlglot.parse_one("vacuum analyze", dialect="postgres")
    assert "unsupported syntax" in caplog.text
