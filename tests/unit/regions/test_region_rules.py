"""What the analysis resolves, leaves alone and refuses, form by form."""

from __future__ import annotations

import logging

import pytest
from regions_lab import KNOWN, analysed, question, spliced

from sqlprov.sql.regions import analyse, uses_region


def test_the_word_region_is_found_in_any_case_and_within_a_word() -> None:
    assert uses_region('SELECT "REGION" FROM t')
    assert uses_region("FROM aws.regions")
    assert not uses_region("SELECT name FROM aws.s.e")


def test_text_that_sqlglot_cannot_read_is_unresolved_only_if_it_names_region() -> None:
    assert analysed("SELECT * FROM aws.s.e WHERE (name = 'x'").unresolved is None
    assert "cannot be read" in str(analysed("SELECT * FROM aws.s.e WHERE (region = 'x'").unresolved)
    assert "cannot be read" in str(analysed("SELECT * FROM european_e WHERE (name = 'x'").unresolved)
    assert "cannot be read" in str(analysed("SELECT region FROM 'open").unresolved)


def test_a_prepared_statement_hides_its_regions(caplog: pytest.LogCaptureFixture) -> None:
    assert "EXECUTE" in str(analysed("EXECUTE p('x')").unresolved)
    assert analysed("SHOW TABLES").unresolved is None
    assert not caplog.records
    assert logging.getLogger("sqlglot").isEnabledFor(logging.WARNING)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM aws.s.e",
        "(SELECT name, n FROM aws.s.e) UNION ALL (SELECT name, n FROM aws.s.p) ORDER BY name, n LIMIT 4",
        "SELECT * EXCLUDE (tags) FROM aws.s.e",
        "SELECT e.* EXCLUDE (region, tags) RENAME (name AS n) FROM aws.s.e",
        "SELECT * EXCLUDE n FROM aws.s.e",
        "SELECT * EXCLUDE (n, name) FROM aws.s.e WHERE name = 'x'",
        "SELECT e.* EXCLUDE (e.n) FROM aws.s.e",
        "SELECT COLUMNS(* EXCLUDE n) FROM aws.s.e",
        "SELECT * RENAME (n AS m) FROM aws.s.e",
        "SELECT * REPLACE (n + 1 AS n) FROM aws.s.e",
        "SELECT region, count(*) FROM aws.s.e GROUP BY region ORDER BY region",
        "SELECT CASE WHEN region LIKE 'eu-%' THEN 'EU' END FROM aws.s.e",
        "SELECT row_number() OVER (PARTITION BY region ORDER BY n) FROM aws.s.e",
        "SELECT * FROM aws.s.e QUALIFY row_number() OVER (PARTITION BY region ORDER BY n) = 1",
        "SELECT * FROM aws.s.e WHERE region = 'eu-west-1'",
        "SELECT * FROM aws.s.e WHERE region IN ('a', ?) OR NOT region BETWEEN 'a' AND 'b'",
        "SELECT region.upper() FROM aws.s.e WHERE name.lower() = 'x' AND tags.list_filter(x -> x = 'a').len() > 0",
        "SELECT name FROM aws.s.e WHERE {'region': name}.region.lower() = 'x'",
        "SELECT * FROM aws.s.e WHERE region = 'a' AND (region LIKE 'a%' OR name = 'x')",
        "SELECT * FROM aws.s.e JOIN aws.s.p ON e.name = p.name WHERE e.region = 'us-east-1'",
        "SELECT * FROM aws.s.e JOIN aws.s.p USING (region, name)",
        "SELECT * FROM aws.s.e LEFT JOIN aws.s.p USING (region) WHERE p.name IS NULL",
        "SELECT * FROM aws.s.e FULL JOIN aws.s.p ON e.region = p.region",
        "SELECT * FROM aws.s.e LEFT JOIN aws.regions r ON e.region = r.region",
        "SELECT * FROM aws.s.e LEFT JOIN aws.s.p ON e.name = p.name AND e.region LIKE 'eu-%'",
        "SELECT * FROM aws.s.e WHERE region IN (SELECT region FROM aws.s.p)",
        "SELECT * FROM aws.s.e WHERE NOT EXISTS (FROM aws.s.p WHERE p.region = e.region)",
        "SELECT region, name FROM aws.s.e EXCEPT SELECT region, name FROM aws.s.p",
        "SELECT (SELECT count(*) FROM aws.s.p WHERE p.region = e.region) FROM aws.s.e",
        "PIVOT aws.s.e ON region USING count(*)",
        "DELETE FROM aws.s.e WHERE region = 'eu-west-1' AND name = 'x'",
        "UPDATE aws.s.e SET n = 1 WHERE region IN ('a', 'b')",
        "SELECT * FROM west_e JOIN aws.s.p USING (name)",
        "SELECT * FROM all_e JOIN aws.s.p USING (name) WHERE all_e.region = 'us-west-2'",
        "CREATE VIEW v AS SELECT * FROM aws.s.e WHERE region LIKE 'eu-%'",
        "DESCRIBE SELECT * FROM aws.s.e WHERE region LIKE 'eu-%'",
        "SELECT * FROM local WHERE reg LIKE 'eu-%'",
        "SELECT * FROM aws.regions WHERE region LIKE 'eu-%'",
    ],
)
def test_what_needs_no_help_is_run_as_written(text: str) -> None:
    analysis = analysed(text)
    assert (analysis.questions, analysis.unresolved) == ((), None)
    assert analysis.splice([]) == text


@pytest.mark.parametrize(
    "condition",
    [
        "region LIKE 'eu-%'",
        "upper(region) = 'X'",
        "split_part(region, '-', 1) = 'eu'",
        "substr(region, 1, 2) IN ('eu', 'us')",
        "region IN (SELECT region FROM aws.regions WHERE partition = 'aws')",
        "EXISTS (SELECT 1 FROM aws.regions r WHERE r.region = e.region)",
        "NOT EXISTS (SELECT 1 FROM 'x.csv' f WHERE f.region = e.region)",
        "(region LIKE 'a%' OR region = 'b')",
        "region IS NOT NULL",
        "european(region)",
        "CASE WHEN region BETWEEN 'a' AND 'b' THEN true AND region > 'x' END",
    ],
)
def test_a_condition_over_one_region_is_asked_in_the_users_words(condition: str) -> None:
    text = f"SELECT * FROM aws.s.e WHERE name = 'x' AND {condition} GROUP BY ALL"
    asked = condition.removeprefix("(").removesuffix(")") if condition.startswith("(") else condition
    start = 'SELECT DISTINCT "e"."region" AS region FROM known AS "e"("region") WHERE '
    assert question(text) in (f"{start}({condition})", f"{start}({asked})")


def test_all_conditions_of_a_group_are_asked_together() -> None:
    text = "SELECT * FROM aws.s.e JOIN aws.s.p USING (region) WHERE e.region <> 'a' AND p.region LIKE 'e%'"
    assert question(text) == (
        "SELECT region FROM known AS known(region) WHERE region IN "
        '(SELECT DISTINCT "e"."region" AS region FROM known AS "e"("region") WHERE (e.region <> \'a\')) AND region IN '
        '(SELECT DISTINCT "p"."region" AS region FROM known AS "p"("region") WHERE (p.region LIKE \'e%\'))'
    )


def test_a_join_on_a_free_relation_is_asked_with_its_own_conditions() -> None:
    text = "FROM aws.s.e JOIN aws.regions AS r ON e.region = r.region WHERE r.region LIKE 'eu-%' AND e.n > 1"
    assert question(text) == (
        'SELECT DISTINCT "e"."region" AS region FROM known AS "e"("region"), aws.regions AS r '
        "WHERE (e.region = r.region) AND (r.region LIKE 'eu-%')"
    )


def test_the_free_ctes_of_a_question_come_with_it() -> None:
    text = "WITH a AS (FROM aws.regions), b AS (FROM a) FROM aws.s.e WHERE region IN (SELECT region FROM b)"
    assert question(text).startswith("WITH a AS (FROM aws.regions), b AS (FROM a) SELECT DISTINCT")


def test_the_splice_keeps_aliases_column_lists_comments_and_all_else() -> None:
    assert (
        spliced("SELECT 'é', /* aws.s.e */ * FROM aws.s.e\n WHERE region LIKE 'e%' -- end")
        == "SELECT 'é', /* aws.s.e */ * FROM (SELECT * FROM aws.s.e WHERE region IN ('eu-west-1')) AS e\n"
        " WHERE region LIKE 'e%' -- end"
    )
    assert (
        spliced("FROM aws.s.e AS \"x y\"(a) JOIN aws.s.p q ON q.region LIKE 'e%'")
        == "FROM aws.s.e AS \"x y\"(a) JOIN (SELECT * FROM aws.s.p WHERE region IN ('eu-west-1')) q "
        "ON q.region LIKE 'e%'"
    )
    assert (
        spliced("FROM x: aws.s.e WHERE x.region LIKE 'e%'")
        == "FROM x: (SELECT * FROM aws.s.e WHERE region IN ('eu-west-1')) WHERE x.region LIKE 'e%'"
    )


def test_no_region_at_all_makes_no_scan_and_a_quote_is_escaped() -> None:
    text = "FROM aws.s.e WHERE region LIKE 'x%'"
    assert spliced(text, []) == "FROM (SELECT * FROM aws.s.e WHERE false) AS e WHERE region LIKE 'x%'"
    assert "IN ('o''x', 'b')" in spliced(text, ["o'x", "b"])


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE x AS SELECT * FROM aws.s.e WHERE region LIKE 'e%'",
        "INSERT INTO local SELECT region, name FROM aws.s.e WHERE region LIKE 'e%'",
        "COPY (SELECT * FROM aws.s.e WHERE region LIKE 'e%') TO 'x.parquet'",
        "SUMMARIZE SELECT * FROM aws.s.e WHERE region LIKE 'e%'",
        "SELECT 1 UNION ALL SELECT n FROM aws.s.e WHERE region LIKE 'e%'",
        "WITH c AS (SELECT * FROM aws.s.e) SELECT * FROM c WHERE region LIKE 'e%'",
        "SELECT * FROM (SELECT region AS r, n FROM aws.s.e) WHERE r LIKE 'e%'",
        "SELECT region FROM aws.s.e GROUP BY region HAVING region LIKE 'e%'",
    ],
)
def test_a_condition_is_found_wherever_a_query_may_stand(text: str) -> None:
    assert "(SELECT * FROM aws.s.e WHERE region IN ('eu-west-1'))" in spliced(text)


def test_regions_flow_from_the_outer_query_into_the_inner_one() -> None:
    text = "FROM aws.s.e WHERE region LIKE 'e%' AND EXISTS (FROM aws.s.p WHERE p.region = e.region)"
    assert spliced(text).count("region IN ('eu-west-1')") == 2
    text = "FROM aws.s.e WHERE region LIKE 'e%' AND (region, name) NOT IN (SELECT region, name FROM aws.s.p)"
    assert spliced(text).count("region IN ('eu-west-1')") == 2


def test_regions_do_not_flow_from_the_outer_side_of_a_join() -> None:
    text = "FROM aws.s.e LEFT JOIN aws.s.p ON e.region = p.region AND p.region LIKE 'e%'"
    assert spliced(text).startswith("FROM aws.s.e LEFT JOIN (SELECT * FROM aws.s.p")
    assert spliced(f"{text} WHERE p.n > 1").count("region IN ('eu-west-1')") == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM aws.s.e WHERE region LIKE 'e%' OR name = 'x'", "region LIKE 'e%' OR name = 'x'"),
        ("FROM aws.s.e WHERE region LIKE ? AND name = $x", "region LIKE ?"),
        ("FROM aws.s.e WHERE region > random()::VARCHAR", "random()"),
        ("FROM aws.s.e WHERE region IN (SELECT region FROM aws.regions LIMIT 1)", "LIMIT 1"),
        ("FROM aws.s.e WHERE my_function(region)", "my_function(region)"),
        ("FROM aws.s.e WHERE region.starts_with('eu-')", "region.starts_with('eu-')"),
        ("FROM aws.s.e WHERE e.region.upper().lower() LIKE 'eu-%'", "e.region.upper().lower()"),
        ("FROM aws.s.e WHERE aws.s.e.region.lower() = 'x'", "aws.s.e.region.lower() = 'x'"),
        ("FROM aws.s.e WHERE [region].list_contains('x')", "[region].list_contains('x')"),
        ("FROM aws.s.e WHERE {'a': region}.a.lower() = 'x'", "{'a': region}.a.lower() = 'x'"),
        ("FROM aws.s.e WHERE tags.list_filter(x -> x = region).len() > 0", "x -> x = region"),
        ("FROM aws.s.e WHERE e.to_json() LIKE '%eu-%'", "e.to_json() LIKE '%eu-%'"),
        ("FROM aws.s.e a JOIN aws.s.e b ON a.name = b.name AND a.region <> b.region", "a.region <> b.region"),
        ("FROM aws.s.e WHERE region = (SELECT max(region) FROM aws.s.p)", "max(region)"),
        (
            "FROM aws.s.e WHERE EXISTS (FROM aws.s.p WHERE p.region = e.region AND p.region = 'a')",
            "p.region = e.region",
        ),
        ("SELECT count(*) FILTER (WHERE region LIKE 'e%') FROM aws.s.e", "FILTER"),
        ("SELECT sum(CASE WHEN region = 'a' THEN 1 END) FROM aws.s.e", "CASE"),
        ("SELECT name FROM aws.s.e GROUP BY name HAVING count(DISTINCT region) > 1", "DISTINCT region"),
        ("SELECT region AS r FROM aws.s.e WHERE r LIKE 'e%'", "r LIKE 'e%'"),
        ("FROM (FROM aws.s.e LIMIT 9) WHERE region = 'a'", "region = 'a'"),
        ("WITH c AS (FROM aws.s.e) FROM c a, c b WHERE a.region = 'a'", "a.region = 'a'"),
        ("FROM aws.s.e TABLESAMPLE 10% WHERE region = 'a'", "region = 'a'"),
        ("FROM aws.s.e NATURAL JOIN places", "NATURAL JOIN places"),
        (
            "FROM west_e x RIGHT JOIN aws.s.p USING (region) QUALIFY count(*) OVER (PARTITION BY x.name) > 1",
            "USING (region)",
        ),
        ("FROM aws.s.e t(a, region) SEMI JOIN places USING (region)", "SEMI JOIN places"),
        ("FROM aws.s.e t(a, region) NATURAL JOIN places", "NATURAL JOIN places"),
        ("FROM aws.s.e ASOF JOIN aws.s.p ON e.n >= p.n WHERE p.region = 'a'", "p.region = 'a'"),
        ("FROM aws.s.e WHERE COLUMNS(*) = 'x'", "COLUMNS(*)"),
        ("FROM aws.s.e WHERE e::VARCHAR LIKE '%eu%'", "LIKE '%eu%'"),
        ("FROM aws.s.e t(a, b, c, d) WHERE d LIKE 'e%'", "d LIKE 'e%'"),
        ("PIVOT aws.s.e ON region IN ('a') USING count(*)", "region IN ('a')"),
        ("FROM (PIVOT aws.s.e ON region IN ('a') USING count(*))", "region IN ('a')"),
        ("PIVOT aws.s.e ON status IN ('a') USING count(*) FILTER (region LIKE 'e%')", "FILTER"),
        ("FROM query_table('aws.s.e') WHERE region LIKE 'e%'", "region LIKE 'e%'"),
        ("FROM query_table(['aws.s.e', 'aws.s.p']) WHERE region LIKE 'e%'", "region LIKE 'e%'"),
        ("FROM query('FROM aws.s.e WHERE region LIKE ''e%''')", "region LIKE 'e%'"),
        ("FROM query(getvariable('q'))", "QUERY(GETVARIABLE('q'))"),
        ("FROM histogram(aws.s.e, region) WHERE bin LIKE 'e%'", "bin LIKE 'e%'"),
        ("FROM histogram('aws.s.e', region) WHERE bin LIKE 'e%'", "bin LIKE 'e%'"),
        (
            "SET VARIABLE n = (SELECT count(*) FROM aws.s.e WHERE region || a LIKE 'e%')",
            "region || a LIKE 'e%'",
        ),
        (
            "WITH RECURSIVE r AS (FROM aws.s.e UNION ALL FROM r WHERE region LIKE 'e%') FROM r",
            "region LIKE 'e%'",
        ),
        ("FROM query_table('aws.s.e') a JOIN aws.s.e b USING (name) WHERE a.region = 'a'", "a.region = 'a'"),
        ("FROM some_e WHERE region = 'a'", "region = 'a'"),
        ("DELETE FROM aws.s.e WHERE region LIKE 'e%'", "region LIKE 'e%'"),
        ("MERGE INTO local USING aws.s.e ON reg = e.region WHEN MATCHED THEN DELETE", "e"),
        ("SELECT region FROM places EXCEPT SELECT region FROM aws.s.e", "EXCEPT"),
        ("FROM aws.s.e WHERE 'x' IN (SELECT label FROM local WHERE region = 'a')", "region = 'a'"),
    ],
)
def test_what_cannot_be_told_is_named_with_advice(text: str, words: str) -> None:
    unresolved = str(analysed(text).unresolved)
    assert words in unresolved
    assert "region IN ('…')" in unresolved and "sqlprov_regions = 'all'" in unresolved


def test_a_table_named_by_its_schema_must_get_an_alias_before_it_can_be_replaced() -> None:
    unresolved = analysed("SELECT s.e.name FROM aws.s.e WHERE region LIKE 'e%'").unresolved
    assert "alias" in str(unresolved)
    assert analysed("SELECT s.e.name FROM aws.s.e WHERE region = 'e'").unresolved is None


def test_a_question_that_duckdb_refuses_leaves_the_statement_unresolved_and_as_written() -> None:
    text = "FROM aws.s.e WHERE region IN (SELECT region FROM places WHERE unknown = 1)"
    refused = analysed(text).refused()
    assert refused.unresolved is not None
    assert (refused.questions, refused.splice([])) == ((), text)


def test_a_view_may_not_contain_itself() -> None:
    analysis = analyse(
        "FROM v WHERE region LIKE 'e%'",
        lambda parts: False,
        lambda parts: False,
        KNOWN,
        lambda parts: "FROM v",
        lambda parts: "FROM v",
    )
    assert analysis.questions == ()
