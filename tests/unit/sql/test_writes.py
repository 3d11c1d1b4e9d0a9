import re

import pytest
import seeds
from statements import CATALOG, parse_one

from sqlprov.sql import Delete, Explain, Insert, Query, Update, find_refusal, parse

T = "aws.sagemaker.inference_experiments"

VALUES = {
    "Name": "triage",
    "Description": "from here, where? returning",
    "Schedule": '{"StartTime": "2026-01-01T00:00:00Z"}',
    "ModelVariants": """[{"ModelName": "m", "VariantName": "it''s (a), -- ''x''"}]""",
    "region": "us-east-1",
}


def fill(template):
    """A template of the seeds as a statement, without its semicolon."""
    text = re.sub(r"{{ (\w+) }}", lambda match: VALUES.get(match[1], "x"), template)
    return text.replace("<Name>", "triage").strip().removesuffix(";")


SEED_REQUIRED, SEED_ALL, SEED_DELETE = map(fill, (seeds.REQUIRED, seeds.ALL, seeds.DELETE))


@pytest.mark.parametrize(("text", "count"), [(SEED_REQUIRED, 6), (SEED_ALL, 14)])
def test_the_inserts_of_the_seeds_are_not_refused(text, count):
    insert = parse_one(text, Insert)
    assert insert.target == ("aws", "sagemaker", "inference_experiments")
    assert (insert.columns[0], insert.columns[-1], len(insert.columns)) == ("Name", "region", count)
    assert insert.source == text[text.index("SELECT") :]
    assert (insert.by_name, insert.returning, insert.wait) == (False, None, False)
    assert insert.is_ours(CATALOG, ()) and find_refusal(insert, CATALOG, lambda: ()) is None


def test_the_delete_of_the_seeds_is_not_refused():
    delete = parse_one(SEED_DELETE, Delete)
    assert delete.where == "data__Identifier = 'triage'\nAND region = 'us-east-1'"
    assert (delete.using, delete.returning, delete.wait) == (None, None, False)
    assert delete.is_ours(CATALOG, ()) and find_refusal(delete, CATALOG, lambda: ()) is None


def test_the_text_of_a_write_ends_before_the_semicolon():
    first, second = parse(f"{SEED_ALL};\n-- the next\n{SEED_DELETE}; ")
    assert first.text == SEED_ALL
    assert second.text == f"-- the next\n{SEED_DELETE}"


@pytest.mark.parametrize(
    ("head", "columns", "source", "returning"),
    [
        ("", None, "values (1, 'a')", None),
        ("(a, b)", ("a", "b"), "values (1, 2), (3, 4)", "a"),
        ("(a,)", ("a",), "select 1", None),
        ('("Role ""Arn""", "select")', ('Role "Arn"', "select"), "from u", None),
        ("(values, set, do)", ("values", "set", "do"), "values (1, 2, 3)", None),
        ("as x (a)", ("a",), "table u", "x.a, 1"),
        ("", None, "(select a from u)", None),
        ("", None, "((select 1) union (select 2))", None),
        ("(a)", ("a",), "(select 1) union all (values (2))", None),
        ("", None, "pivot u on a in (1) using sum(b)", None),
        ("", None, "select 1 as returning, x.returning from x", "*, 'returning' as b"),
        ("", None, "select a from u join v on conflict", "(select max(a) from t)"),
        ("", None, "select {'returning': [1], 'b': '{\"a\": 1}'}, [x for x in l if x > 1], $a, ?", None),
        ("", None, "with w as (select 1 returning_) from w", None),
    ],
)
def test_an_insert_is_cut_into_columns_source_and_returning(head, columns, source, returning):
    text = f"insert into t {head} {source}" + (f" returning {returning}" if returning else "")
    insert = parse_one(text, Insert)
    assert insert.target == ("t",) and insert.refusal is None
    assert (insert.columns, insert.source, insert.returning) == (columns, source, returning)


@pytest.mark.parametrize(
    ("ctes", "source", "joined"),
    [
        ("with w as (select 1)", "select * from w", "select * from w"),
        ("with w as (select 1), v(a) as materialized (from w)", "from v", "from v"),
        ("with w as (select 1)", "with v as (from w) from v", "FROM (with v as (from w) from v)"),
        ("with w as (select 1)", "(with v as (from w) from v)", "FROM ((with v as (from w) from v))"),
    ],
)
def test_the_source_of_an_insert_includes_the_ctes_before_it(ctes, source, joined):
    assert parse_one(f"{ctes} insert into t (a) {source}", Insert).source == f"{ctes}\n{joined}"


@pytest.mark.parametrize(
    ("text", "by_name"),
    [
        ("insert into t by name select 1 as a", True),
        ("insert into t as x by name select 1 as a", True),
        ("insert into t by position select 1", False),
        ('insert into "by" select 1', False),
    ],
)
def test_by_name_and_by_position_are_distinguished(text, by_name):
    assert parse_one(text, Insert).by_name is by_name


def join_clauses(**texts):
    return "".join(f" {keyword.strip('_')} {text}" for keyword, text in texts.items() if text)


@pytest.mark.parametrize(
    ("head", "alias", "assignments"),
    [
        ("t set a = 1", None, {"a": "1"}),
        ("t as x set a = x.b", "x", {"a": "x.b"}),
        ('t "My X" set a = 1,', "My X", {"a": "1"}),
        ("t as set set set = 1", "set", {"set": "1"}),
        ('t set "A, b" = f(1, 2), c = d', None, {"A, b": "f(1, 2)", "c": "d"}),
        (
            "t set a = case when d then 1 else (select 2 from u where v) end, b = b is not distinct from c",
            None,
            {"a": "case when d then 1 else (select 2 from u where v) end", "b": "b is not distinct from c"},
        ),
        (
            "t set s = {'a': 1, 'b': [2, 3]}, j = '{\"x\": \"where, from\"}', k = [1, 2][1], m = $$a, b$$, n = u.from",
            None,
            {
                "s": "{'a': 1, 'b': [2, 3]}",
                "j": '\'{"x": "where, from"}\'',
                "k": "[1, 2][1]",
                "m": "$$a, b$$",
                "n": "u.from",
            },
        ),
        ("t set (a, b) = (f(1, 2), 3), (c, d) = row(4, 5)", None, {"a": "f(1, 2)", "b": "3", "c": "4", "d": "5"}),
        ("t set (e, f) = 6, (g) = (7), (h, i) = ((8, 9))", None, {"e": "6", "f": "6", "g": "7", "h": "8", "i": "9"}),
        ("t set a = ?, b = $x", None, {"a": "?", "b": "$x"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("from_", "where", "returning"),
    [
        (None, "b", None),
        ("u join v using (id)", "x.where", "a + 1 as where, 'x'"),
        ("(select 1 where true) q", "a in (select b from c where d) and exists (from e)", None),
    ],
)
def test_an_update_is_cut_into_assignments_and_clauses(head, alias, assignments, from_, where, returning):
    update = parse_one(f"update {head}{join_clauses(from_=from_, where=where, returning=returning)}", Update)
    assert (update.target, update.alias, update.refusal) == (("t",), alias, None)
    assert dict(update.assignments) == assignments
    assert (update.from_, update.where, update.returning) == (from_, where, returning)


@pytest.mark.parametrize(
    ("head", "alias", "using", "where", "returning"),
    [
        ("t", None, None, "a", None),
        ("t as x", "x", None, "x.a", None),
        ("t x", "x", "u as y", "x.a = y.a", None),
        ("t", None, "u join v using (id), (from w where a)", "t.b in (select c where d)", "*"),
        ("t", None, None, "'where' = \"returning\"", "a"),
    ],
)
def test_a_delete_is_cut_into_its_clauses(head, alias, using, where, returning):
    delete = parse_one(
        f"delete from {head}{join_clauses(using=using, where=where, returning=returning)}", Delete
    )
    assert (delete.target, delete.alias, delete.refusal) == (("t",), alias, None)
    assert (delete.using, delete.where, delete.returning) == (using, where, returning)


def test_comments_may_be_anywhere_and_stay_in_the_clauses():
    text = (
        "/* insert */ update /* set */ aws . /* x */ sagemaker.-- y\n models /* set */ as /* b */ b set -- from\n"
        "a /* = */ = /* where */ 1 /* , */ + -- where\n 2 /* from */ where /* x */ c /* returning */ = 1 -- end"
    )
    statement = parse_one(text, Update)
    assert statement.target == ("aws", "sagemaker", "models") and statement.alias == "b"
    assert statement.assignments == (("a", "1 /* , */ + -- where\n 2"),)
    assert statement.where == "c /* returning */ = 1"


@pytest.mark.parametrize(
    ("text", "chosen", "is_ours"),
    [
        (f"delete from {T} where a", (), True),
        ('delete from "aws"."SageMaker"."models" where a', (), True),
        ("delete from `AWS`.sagemaker.MODELS where a", (), True),
        ("update sagemaker.models set a = 1 where b", ("aws", "main"), True),
        ("insert into models select 1", ("aws", "sagemaker"), True),
        ("insert into models select 1", ("memory", "main"), False),
        ("insert into sagemaker.models select 1", ("memory", "main"), False),
        ("insert into memory.sagemaker.models select 1", ("aws", "sagemaker"), False),
        ("insert into local select 1", ("aws", "sagemaker"), False),
        ("insert into aws.sagemaker.nosuch select 1", (), False),
        ("insert into a.b.c.models select 1", (), False),
    ],
)
def test_only_a_write_to_a_live_table_belongs_to_sqlprov(text, chosen, is_ours):
    (statement,) = parse(text)
    assert statement.is_ours(CATALOG, chosen) is is_ours


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("/*+ AWAIT */ delete from t where a", True),
        ("-- c\n/*+ delete */ /*+ await */ delete from t where a", True),
        ("/*+ create, Await */ insert into t values (1)", True),
        ("insert /*+ AWAIT  */ into t values (1)", True),
        ("update /*+ AWAIT */ t set a = 1 where b", True),
        ("with x as (select 1) /*+ AWAIT */ delete from t where a", True),
        ("with x as (select 1) delete /*+ AWAIT */ from t where a", True),
        ("explain /*+ AWAIT */ delete from t where a", True),
        ("exec /*+ AWAIT */ a.b.c.stop @Name = 'x'", True),
        ("/*+ await */ explain exec a.b.c.stop", True),
        ("exec /*+ SHOWRESULTS */ a.b.c.stop @Name = '/*+ AWAIT */'", False),
        ("/*+ AWAIT */ explain delete from t where a", True),
        ("/*+ update */ update t set a = 1 where b", False),
        ("/* AWAIT */ delete from t where a", False),
        ("-- + AWAIT\ndelete from t where a", False),
        ("insert into t values ('/*+ AWAIT */')", False),
    ],
)
def test_the_hint_await_makes_a_statement_wait(text, wait):
    (statement,) = parse(text)
    assert (statement.inner if isinstance(statement, Explain) else statement).wait is wait


@pytest.mark.parametrize(
    "text",
    [
        "insert into t",
        "insert into t (a)",
        "insert into t (a) drop table u",
        "insert into t set a = 1",
        "insert into t (select 1",
        "insert into t select 1)",
        "insert into t show tables",
        "update t",
        "update t set",
        "update t set where b",
        "update t set a",
        "update t set a = where b",
        "update t set a.b = 1 where c",
        "update t set (a, b) = (1, 2, 3) where c",
        "update t set () = (1) where c",
        "update t set a = 1 from where c",
        "update t set a = 1 from u limit 1 where c",
        "update extensions",
        "delete t where a",
        "delete from t where",
        "delete from t where (a",
        "delete from t where a returning",
        "delete from t limit 1",
        "delete from t using u union select 1 where a",
        "delete from 'models' where a",
    ],
)
def test_a_badly_written_write_is_a_query_for_duckdb(text):
    assert type(parse_one(text, Query)) is Query


def test_a_write_is_a_query_too():
    statement = parse_one("with w as (select 1) insert into t from w", Query)
    assert (statement.verb, statement.target) == ("INSERT", ("t",)) and "w" in statement.words


@pytest.mark.parametrize(
    ("text", "kind"), [(SEED_ALL, Insert), (SEED_DELETE, Delete), ("update t set a = 1 where b", Update)]
)
def test_explain_holds_the_write_that_it_explains(text, kind):
    (statement,) = parse(f"select 1; explain {text}")[1:]
    assert isinstance(statement, Explain) and isinstance(statement.inner, kind)
    assert (
        statement.inner.text == text[text.index("*/") + 3 :] if "*/" in text else statement.inner.text == text
    )
