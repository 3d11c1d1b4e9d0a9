"""What to write instead of a column or a member that does not exist."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sqlprov.api.connection import Connection
from sqlprov.catalog import Catalog
from sqlprov.duck.column_hints import explain_nested
from sqlprov.errors import Error, UnknownName

Connect = Callable[..., Connection]
TAG = "tags is a list of {Key, Value}: tag_map['team'] is the value of a tag."


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("SELECT bucket_name FROM aws.s3.buckets", '"bucket_name" not found in FROM clause. Did you mean \'name\'?'),
        ("SELECT b.BucketName FROM aws.s3.buckets b", "Did you mean 'name'?"),
        ("SELECT id FROM aws.ec2.instances", "Did you mean 'instance_id'?"),
        ("FROM aws.ec2.instances WHERE instance_vpc_id = 'vpc-1'", "Did you mean 'vpc_id'?"),
        ("SELECT bucket_nam FROM aws.s3.buckets", "Did you mean 'name'?\nLINE 1"),
        ("SELECT nam FROM aws.sagemaker.models", "Did you mean 'model_name'?\nLINE 1"),
        ("SELECT m.stat FROM aws.sagemaker.endpoints AS m", "Did you mean 'endpoint_status'?"),
        ("SELECT salry FROM aws.sagemaker.models, (SELECT 1 AS salary)", "Did you mean 'salary'?"),
        ("SELECT bogus FROM aws.s3.buckets", "Candidate bindings: "),
        ("SELECT account_id FROM (SELECT account FROM aws.s3.buckets)", "Candidate bindings: \"account\""),
        ('FROM aws.s3.buckets WHERE name = "mine"', "In double quotes, mine is a name; write 'mine' for a text.\nCand"),
        ('FROM aws.s3.buckets WHERE name LIKE "my-%"', "In double quotes, my-% is a name; write 'my-%' for a text."),
        ("FROM aws.ec2.instances WHERE state LIKE 'run%'", "state is a STRUCT; write state.Name or state.Code."),
        ("FROM aws.ec2.instances WHERE tags.team = 'a'", TAG),
        ("FROM aws.ec2.instances WHERE lower(security_groups) = 'a'",
         "write list_contains([item.GroupId FOR item IN security_groups], '…')."),
        ("FROM aws.ec2.instances WHERE lower(architecture, tags) = 'a'", "lower(VARCHAR, STRUCT("),
        ("SELECT tags['team'] FROM aws.sagemaker.endpoints", TAG),
        ("FROM aws.sagemaker.endpoints WHERE tags = 'team'", TAG),
        ("FROM aws.sagemaker.endpoints WHERE list_contains(tags, 'team')", TAG),
        ("FROM aws.sagemaker.models WHERE primary_container = 'a'",
         "destination type STRUCT(…)\nprimary_container is a STRUCT; write primary_container.ContainerHostname or"),
        ("SELECT tags FROM aws.sagemaker.endpoints WHERE CAST(endpoint_name AS STRUCT(a INTEGER)) IS NULL",
         "to the destination type STRUCT(a INTEGER) when"),
    ],
)  # fmt: skip
def test_the_error_says_what_to_write(connect: Connect, query: str, hint: str) -> None:
    with pytest.raises(Error) as caught:
        connect(regions="eu-west-1").sql(query).fetchall()
    assert hint in str(caught.value)
    assert ("; write " in str(caught.value)) == ("write " in hint)


@pytest.mark.parametrize(
    ("query", "hint"),
    [("SELECT lenght('a')", '\nDid you mean "length"?'), ("SELECT nowhere(1)", ""), ("FROM loc", "")],
)
def test_a_word_that_duckdb_suggests_is_near(connect: Connect, query: str, hint: str) -> None:
    with pytest.raises(UnknownName) as caught:
        connect().sql(query).fetchall()
    assert str(caught.value).partition("does not exist!")[2] == hint


def test_show_takes_the_clauses_of_a_select(connect: Connect) -> None:
    con = connect()
    con.sql("BEGIN").fetchall()
    query = "SHOW METHODS IN aws.sagemaker.models WHERE SQLVerb = ? ORDER BY MethodName LIMIT 1"
    assert con.sql(query, ["SELECT"]).fetchall() == [("get_resource", "data__Identifier, region", "SELECT")]
    with pytest.raises(UnknownName, match='column "verb" not found'):
        con.sql("SHOW METHODS IN aws.sagemaker.models WHERE verb = 1")
    assert con.sql("COMMIT").fetchall() == []  # the error has not aborted the transaction


@pytest.mark.parametrize(
    ("table", "column", "type", "hint"),
    [
        (
            "lambda.functions",
            "architectures",
            "VARCHAR[]",
            "a list; write list_contains(architectures, 'x').",
        ),
        ("glue.jobs", "default_arguments", "MAP(VARCHAR, VARCHAR)", "a MAP; write default_arguments['x']."),
    ],
)
def test_lists_of_texts_and_maps_are_explained(table: str, column: str, type: str, hint: str) -> None:
    message = f"Type VARCHAR with value 'x' can't be cast to the destination type {type}"
    tables = [Catalog().get_table("aws", *table.split("."))]
    explained = explain_nested(message, frozenset([column]), lambda: tables)
    assert explained == f"{message}\n{column} is {hint}"
    assert explain_nested(message, frozenset(), lambda: tables) == message


@pytest.mark.parametrize(("left_out", "is_warned"), [("tags", True), ("(tags, tag_map)", False)])
def test_a_star_without_tags_that_still_reads_them_is_a_warning(
    connect: Connect, left_out: str, is_warned: bool
) -> None:
    result = connect(regions="eu-west-1").sql(
        f"SELECT * EXCLUDE {left_out} FROM aws.sagemaker.models LIMIT 0"
    )
    result.fetchall()
    assert any("tag_map reads the tags, too" in warning for warning in result.warnings) == is_warned


@pytest.mark.parametrize(
    ("condition", "is_refused"),
    [
        ("e.tags->>'team' IS NULL", True),
        ("(tags -> 'team') IS NULL", True),
        ("tags->>'$.team' = 'growth'", True),
        ("json_extract_string(e.tags, '$.team') = 'growth'", True),
        ("tags['team'] = 'growth'", True),
        ("e.tags[ 'team' ] IS NULL", True),
        ("EXISTS (FROM (SELECT e.tag_map AS tags) WHERE tags['team'] = 'growth')", False),
        ("EXISTS (FROM teams WHERE teams.tags['team'] = 'growth')", False),
        ("tags->>'$[0].Key' = 'team'", False),
        ("tags->>0 IS NULL", False),
        ("endpoint_name IN (SELECT tags->>'team' FROM (SELECT map_from_entries(e.tags) AS tags))", False),
    ],
)
def test_a_member_of_a_list_is_refused_before_any_call(
    connect: Connect, condition: str, is_refused: bool
) -> None:
    con = connect(regions="eu-west-1")
    con.sql("CREATE TABLE teams AS SELECT MAP {'team': 'growth'} AS tags")
    query = f"SELECT count(*) FROM aws.sagemaker.endpoints e WHERE {condition}"
    if is_refused:
        with pytest.raises(Error) as caught:
            con.sql(query)
        assert f"A list has no member of that name. {TAG}\nLINE 1: {query}" in str(caught.value)
    else:
        assert len(con.sql(query).fetchall()) == 1


@pytest.mark.parametrize(
    ("expression", "written", "meant"),
    [
        ("json_extract(m.primary_container, '$.image')", "image", "Image"),
        ("json_extract(PrimaryContainer, '$.imageConfig.repositoryAccessMode')", "imageConfig", "ImageConfig"),
        ("primary_container->>'$.ImageConfig.repositoryAccessMode'", "repositoryAccessMode", "RepositoryAccessMode"),
        ("primary_container -> 'image'", "image", "Image"),
        ("json_extract_path_text(primary_container::json, 'image')", "image", "Image"),
        ("json_exists(primary_container, '$.\"image\"')", "image", "Image"),
        ("json_extract(containers, '$[0].image')", "image", "Image"),
        ("json_extract(tags, '$[*].key')", "key", "Key"),
        ("(SELECT value->>'$.key' FROM json_each(m.tags))", "key", "Key"),
        ("(SELECT json_extract(json_each.value, '$.value') FROM json_each(tags))", "value", "Value"),
        ("(SELECT any_value(value->>'$.Key') FROM json_each(tags))", "", ""),
        ("json_extract(primary_container, '$.Nothing')", "", ""),
        ("primary_container->>'$.Environment.log_level'", "", ""),
        ("json_array(primary_container, 'image')", "", ""),
        ("primary_container['image']", "", ""),
        ("(SELECT primary_container->>'image' FROM images LIMIT 1)", "", ""),
    ],
)  # fmt: skip
def test_a_member_in_another_case_is_refused_before_any_call_as_json_minds_case(
    connect: Connect, expression: str, written: str, meant: str
) -> None:
    con = connect(regions="eu-west-1")
    con.sql("""CREATE TABLE images AS SELECT '{"image": 1}'::JSON AS primary_container""")
    query = f"SELECT {expression} FROM aws.sagemaker.models m LIMIT 1"
    if written:
        with pytest.raises(Error, match=rf"has no member '{written}': JSON minds case\. Write '{meant}'\."):
            con.sql(query)
    else:
        assert len(con.sql(query).fetchall()) == 1


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (
            "STR_TO_DATE('2026-01-31', '%Y-%m-%d')",
            "str_to_date is not supported. Write strptime(text, '%Y-%m-%d')",
        ),
        ("UNIX_TIMESTAMP()", "unix_timestamp is not supported. Write epoch(time)"),
        ("date_sub(now(), INTERVAL 1 DAY)", "date_sub is not supported. Write a - INTERVAL 1 DAY"),
        ("DATEDIFF(now(), now())", "datediff is not supported. Write date_diff('day', earlier, later)"),
        ("to_timestamp('2026-01-31', 'YYYY-MM-DD')", "Write strptime(text, '%Y-%m-%d')"),
        ("decode(1, 2, 3)", "Write CASE a WHEN b THEN c END"),
        ("octet_length('a')", "Write strlen(text)"),
        ("json_unquote('\"a\"')", "Write json->>'$'"),
        ("jsonb_agg(1)", "jsonb_agg is not supported. Write json_group_array(value)"),
        ("jsonb_pretty('{}')", "jsonb_pretty is not supported. Write json_pretty."),
        ("to_jsonb(1)", "to_jsonb is not supported. Write to_json."),
        ("regexp_instr('abc', 'b')", "Write instr(text, regexp_extract(text, '…'))"),
        ("conv('ff', 16, 10)", "Write printf('%x', number), or CAST('0x1f' AS BIGINT)"),
        ("inet_aton('10.0.0.1')", "Write list_reduce("),
        ("randomblob(16)", "Write unhex(md5("),
        ("zeroblob(4)", "Write unhex(repeat('00', n))"),
        ("likely(true)", "Write the condition alone"),
        ("last_insert_id()", "Write INSERT … RETURNING"),
        ("last_insert_rowid()", "Write INSERT … RETURNING"),
        ("quote_literal('a')", "Write quote(text)"),
        ("quote_ident('a')", "Write concat("),
        ("width_bucket(5, 0, 10, 5)", "Write CAST(floor("),
        ("from_days(730669)", "Write DATE '1970-01-01' + (days - 719528)"),
        ("json_overlaps('[1]', '[1]')", "Write list_has_any(a, b)"),
        ("xmlagg('a')", "Write string_agg(text, '')"),
        ("map_concat(MAP {'a': 'b'}, MAP {'old': NULL})", "has no type. Write NULL::VARCHAR.\nLINE 1: "),
        ("'brand', RAND()", "LINE 1: SELECT 'brand', RAND()\n                        ^"),
    ],
)
def test_a_function_of_another_database_is_answered_with_what_duckdb_calls_it(
    connect: Connect, call: str, advice: str
) -> None:
    with pytest.raises(Error) as caught:
        connect().sql(f"SELECT {call}").fetchall()
    assert advice in str(caught.value)


def test_a_column_that_is_called_like_such_a_function_is_not_taken_for_it(connect: Connect) -> None:
    with pytest.raises(Error, match='"field" not found'):
        connect().sql("SELECT field FROM aws.sagemaker.models")
