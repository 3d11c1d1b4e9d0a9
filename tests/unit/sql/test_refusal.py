import pytest
from statements import CATALOG, parse_one

from sqlprov.sql import Insert, Statement, find_placeholder_refusal, find_refusal, parse

T = "aws.sagemaker.models"
CHOSEN = ("memory", "main")


def find_reason(text, path=CHOSEN):
    return find_refusal(parse_one(text, Statement), CATALOG, lambda: path)


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        (f"insert or replace into {T} select 1", "INSERT OR REPLACE", "or"),
        (f"insert into {T} select 1 on conflict (a) do update set a = 1 where b returning *", "ON CONFLICT", "on"),
        (f"insert into {T} default values", "DEFAULT VALUES", "default"),
        (f"insert into {T} values ('a', default)", "DEFAULT", "default"),
        (f"insert into {T} by name (a) select 1 as a", "BY NAME", "("),
        (f"update {T} set a = default where b", "DEFAULT", "default"),
        (f"update {T} set (a, b) = (1, (default)) where b", "DEFAULT", "(default"),
        (f"update {T} set a = 1", "UPDATE without WHERE", "update"),
        (f"update {T} set a = 1 from u returning b", "UPDATE without WHERE", "update"),
        (f"delete from {T}", "DELETE without WHERE", "delete"),
        (f"with gone as (select 1) delete from {T}", "DELETE without WHERE", "delete"),
        (f"explain delete from {T} returning a", "DELETE without WHERE", "delete"),
        (f"truncate {T}", "TRUNCATE", "truncate"),
        (f"truncate table {T}", "TRUNCATE", "truncate"),
        (f"merge into {T} using s on a = b when matched then delete", "MERGE", "merge"),
        (f"copy {T} from 'x.csv'", "COPY", "copy"),
        (f"copy {T} (a, b) from 'x.csv'", "COPY", "copy"),
        (f"prepare p as insert into {T} values (?)", "PREPARE of INSERT", "prepare"),
        (f"prepare p as delete from {T} where a = ?", "PREPARE of DELETE", "prepare"),
        (f"explain analyze insert into {T} values (1)", "EXPLAIN ANALYZE", "explain"),
        (f"explain (analyze, format json) update {T} set a = 1 where b", "EXPLAIN ANALYZE", "explain"),
        (f"with d as (delete from {T} where a returning a) select * from d", "DELETE within", "delete"),
        (f"with d as (insert into {T} select 1) select * from d", "INSERT within", "insert"),
        (f"with d as (update {T} set a = 1 where b) insert into local from d", "UPDATE within", "update"),
        (f"copy (with d as (delete from {T} where a) from d) to 'x'", "DELETE within", "delete"),
        (f"create table u as with d as (delete from {T} where a) from d", "DELETE within", "delete"),
        (f"prepare p as with d as (delete from {T} where a) from d", "DELETE within", "delete"),
        (f"explain analyze with d as (delete from {T} where a) from d", "DELETE within", "delete"),
        (f"with d as (delete from local returning a) insert into {T} from d", "DELETE within", "delete"),
    ],
)  # fmt: skip
def test_statements_that_live_tables_do_not_support_are_refused_with_a_caret(text, what, place):
    message, line, mark = find_reason(f"/* c */ {text}").split("\n")
    assert message.startswith(what)
    assert line[mark.index("^") :].startswith(place)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("insert or replace into models values (1)", CHOSEN),
        ("insert into local values (1) on conflict do nothing", ("aws", "sagemaker")),
        ("insert into memory.sagemaker.models default values", CHOSEN),
        ("update models set a = default", CHOSEN),
        ("delete from models", CHOSEN),
        ("truncate sagemaker.models", CHOSEN),
        ("merge into models using s on a = b when matched then delete", CHOSEN),
        ("copy models from 'x.csv'", CHOSEN),
        ("prepare p as insert into models values (?)", CHOSEN),
        ("explain analyze delete from models where a", CHOSEN),
        (f"with d as (delete from models returning a) select * from d, {T}", CHOSEN),
        (f"insert into models select model_name from {T} where '{{{{ x }}}}' = ''", CHOSEN),
        (f"copy {T} to 'x.csv'", CHOSEN),
        (f"copy (select * from {T}) to 'x.csv'", CHOSEN),
        (f"select * from {T} where update is not null and (update is not null)", CHOSEN),
        (f"prepare p as select * from {T}", CHOSEN),
        ("show tables", ("aws", "sagemaker")),
        ("set sqlprov_regions = 'all'", ("aws", "sagemaker")),
    ],
)
def test_local_tables_and_reads_are_not_refused(text, path):
    assert find_reason(text, path) is None


@pytest.mark.parametrize(
    "text",
    [f"delete from {T} where (update is null) and delete", f"update {T} set insert = 1 where (insert or a)"],
)
def test_columns_may_have_the_names_of_verbs(text):
    assert find_reason(text) is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("create table aws.sagemaker.x (a int)", CHOSEN),
        (f"create or replace view {T} as select 1", CHOSEN),
        (f"explain create table {T} as select 1", CHOSEN),
        (f"drop view {T}", CHOSEN),
        (f"alter view {T} rename to x", CHOSEN),
        (f"alter table {T} add column n int", CHOSEN),
        ("create schema aws.x", CHOSEN),
        ("create macro aws.main.x(a) as a + 1", CHOSEN),
        ("drop schema aws.sagemaker cascade", CHOSEN),
        ("detach aws", CHOSEN),
        (f"comment on view {T} is 'x'", CHOSEN),
        ("copy from database a to aws", CHOSEN),
        ("create table x (a int)", ("aws", "sagemaker")),
        ("create table sagemaker.x (a int)", ("aws", "main")),
        ("prepare p as create table x (a int)", ("aws", "sagemaker")),
    ],
)
def test_ddl_in_a_providers_catalog_is_refused(text, path):
    assert "would change the catalog 'aws', which holds live tables only." in find_reason(text, path)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("create table x (a int)", CHOSEN),
        ("create temp table x (a int)", ("aws", "sagemaker")),
        ("create table other.x (a int)", ("aws", "sagemaker")),
        ("create table memory.main.models (a int)", ("aws", "sagemaker")),
        ("drop table sagemaker.models", CHOSEN),
    ],
)
def test_ddl_elsewhere_is_not_refused(text, path):
    assert find_reason(text, path) is None


def test_what_use_chose_is_read_only_if_it_matters():
    def never():
        raise AssertionError

    for text in (f"delete from {T} where a", f"select * from models, {T}"):
        assert find_refusal(parse_one(text, Statement), CATALOG, never) is None


@pytest.mark.parametrize(
    "text",
    [
        f"insert into {T} (model_name) select '{{{{ Name }}}}'",
        f"insert into {T} (model_name, a) select 'x', {{{{ Name }}}}",
        f"insert into {T} (model_name) select E'a{{{{Name}}}}'",
        f"delete from {T} where model_name = '{{{{ .values.Name[0] }}}}'",
        f"update {T} set a = '{{{{ a | b }}}}' where b",
        f"update {T} set a = '{{{{ a | default(\"x\") }}}}' where b",
        f"delete from {T} where \"{{{{ column }}}}\" = 'x'",
        f"delete from {T} where model_name in ({{{{- names -}}}})",
    ],
)
def test_a_placeholder_in_a_write_is_refused(text):
    message, line, mark = find_reason(text).split("\n")
    assert message.startswith("{{")
    assert "is a placeholder; fill it in" in message
    assert line[mark.index("^") :].startswith("{{")


@pytest.mark.parametrize(
    "text",
    [
        f'insert into {T} (a) select \'{{"a": {{"b": {{}}}}}}\' -- {{{{ x }}}}',
        f"insert /* {{{{ x }}}} */ into {T} (a) select {{'a': {{'b': 1}}}}",
        f"insert into {T} (a) select '{{{{resolve:ssm:x}}}}'",
        f"insert into {T} (a, b) select '{{{{', '}}}}'",
        f"insert into {T} (a) select MAP {{{{'a': 1}}: 2}}",
    ],
)
def test_braces_of_json_structs_and_comments_are_not_placeholders(text):
    parse_one(text, Insert)
    assert find_reason(text) is None


def test_the_refusal_of_a_placeholder_says_how_to_fill_it_in():
    message = find_reason(f"insert into {T} (model_name) select '{{{{ Name }}}}'")
    assert "fill it in, for example with sqlprov exec --var Name=…." in message
    assert "--var" not in find_reason(f"insert into {T} (model_name) select '{{{{ a.b }}}}'")


def test_a_script_with_a_placeholder_in_a_write_is_refused_as_a_whole():
    script = f"select 1;\n\ninsert into {T} (model_name) select '{{{{ Name }}}}'"
    _, line, mark = find_placeholder_refusal(parse(script), script, CATALOG).split("\n")
    assert line.startswith("LINE 3: ")
    assert line[mark.index("^") :].startswith("{{ Name }}")
    assert find_placeholder_refusal(parse("insert into local select '{{ Name }}'"), script, CATALOG) is None
    assert find_placeholder_refusal(parse(f"select '{{{{ Name }}}}' from {T}"), script, CATALOG) is None
