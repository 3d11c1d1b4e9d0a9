import logging

import pytest
from statements import parse_one

from sqlprov.sql import Query


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("/*+ create */ -- c\n select 1", "SELECT"),
        ("((select 1) union (select 2))", "SELECT"),
        ("from t", "FROM"),
        ("with a as (select 1), b(x) as not materialized (select (2)) select * from a", "SELECT"),
        ("with recursive a(x) using key (x) as (select 1) from a", "FROM"),
        ("with a as (select 1) insert into t from a", "INSERT"),
        ("with a as (select 1) (with b as (select 2) delete from t)", "DELETE"),
        ("set threads = 1", "SET"),
        ("describe select 1", "DESCRIBE"),
        ("explain analyze select 1", "EXPLAIN"),
        ("explain (format html) select 1", "EXPLAIN"),
        ("prepare p as select ?", "PREPARE"),
        ("show all tables", "SHOW"),
        ('show "services"', "SHOW"),
        ("123", ""),
        ("{{ name }}", ""),
    ],
)
def test_the_verb_is_the_first_keyword_after_ctes_and_parentheses(text, verb):
    assert parse_one(text, Query).verb == verb


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
def test_the_target_is_the_name_that_the_statement_changes(text, target):
    assert parse_one(text, Query).target == target


@pytest.mark.parametrize(
    ("text", "is_temporary"),
    [
        ("create temp table t (a int)", True),
        ("create or replace temporary view v as select 1", True),
        ("create table temp (a int)", False),
        ("create table t as select temp from u", False),
        ("drop table t", False),
    ],
)
def test_temporary_is_a_keyword_of_create_only(text, is_temporary):
    assert parse_one(text, Query).is_temporary is is_temporary


def test_words_come_from_names_and_literals_but_not_from_comments():
    words = parse_one(
        """select Models."End Points", ä from aws.sagemaker.models -- endpoint_configs
        join query('from inference_experiments') using (x) where y = $$ local_table $$""",
        Query,
    ).words
    assert {"models", "end points", "end", "inference_experiments", "local_table", "ä", "select"} <= words
    assert "endpoint_configs" not in words


@pytest.mark.parametrize(
    ("text", "is_nested"),
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
def test_a_change_in_parentheses_is_nested(text, is_nested):
    assert bool(parse_one(text, Query).nested_mutations) is is_nested


def test_sqlglot_parses_the_tree():
    tree = parse_one("select a from t where b like 'x%'", Query).tree
    assert tree is not None and tree.find(type(tree)) is tree


@pytest.mark.parametrize("text", ["vacuum analyze", "select from where", "(" * 5000])
def test_a_text_that_sqlglot_cannot_parse_has_no_tree_and_logs_nothing(text, caplog):
    with caplog.at_level(logging.DEBUG):
        assert parse_one(text, Query).tree is None
    assert caplog.records == []


def test_other_uses_of_sqlglot_still_log(caplog):
    import sqlglot

    assert parse_one("vacuum analyze", Query).tree is None
    sqlglot.parse_one("vacuum analyze", dialect="postgres")
    assert "unsupported syntax" in caplog.text
