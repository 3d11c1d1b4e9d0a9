"""What to write instead of the statements, clauses and functions of StackQL, MySQL and PostgreSQL that DuckDB lacks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlprov.errors import show_caret
from sqlprov.sql.lexer import Token, TokenKind

# The words of a statement as `_spell` writes them -> what to write. The first that is found counts.
_STATEMENTS = {
    r"(STACKQL )?AUTH (LOGIN|REVOKE)": "sqlprov uses the credentials of the AWS CLI; choose a profile with --profile, "
    "connect(profile=…) or AWS_PROFILE, and check it with `sqlprov doctor`",
    r"(REPLACE|UPSERT) INTO": "Write INSERT for a row that does not exist, and UPDATE for one that does",
    r"REPLACE": "Write UPDATE, which changes the columns that SET names and keeps the others",
    r"(CREATE|CREATE OR REPLACE) MATERIALIZED VIEW": "Write CREATE OR REPLACE TABLE … AS SELECT …, which keeps the "
    "rows of now; CREATE VIEW reads them again each time",
    r"REFRESH MATERIALIZED VIEW": "Write CREATE OR REPLACE TABLE … AS SELECT … again",
    r"DROP MATERIALIZED VIEW": "Write DROP TABLE",
    r"INSERT (INTO )?(IGNORE|IF NOT EXISTS)": "Write INSERT OR IGNORE INTO",
    r"INSERT (?!OR |INTO )\S+ ": "Write INSERT INTO",
    r"INSERT INTO [^(]* SET ": "Write INSERT INTO … (columns) VALUES (…)",
    r"UPDATE IGNORE": "Write UPDATE; a row that cannot be changed is an error",
    r"(UPDATE|DELETE) .*? (?P<at>ORDER BY|LIMIT) ": "Name the rows, as in WHERE name IN (SELECT name FROM … LIMIT 1)",
    r"UPDATE .*? (?P<at>JOIN) ": "Write UPDATE t SET … FROM others WHERE …",
    r"DELETE .*? (?P<at>JOIN) ": "Write DELETE FROM t USING others WHERE …",
    r"DELETE (?!FROM )\S+ ": "Write DELETE FROM t USING others WHERE …",
    r"(SAVEPOINT|RELEASE|ROLLBACK TO|ROLLBACK WORK TO)": "Write ROLLBACK, which takes back everything since BEGIN",
    r"(SET|SET SESSION|SET GLOBAL|SHOW) TRANSACTION": "Leave it out; every transaction sees a snapshot of its tables",
    r"(LOCK|UNLOCK) TABLES": "Leave it out; DuckDB locks its own tables, and nothing locks the cloud's",
    r"(FLUSH|OPTIMIZE|REPAIR|PURGE) ": "Leave it out; sqlprov has nothing to do for it",
    r"RENAME TABLE": "Write ALTER TABLE a RENAME TO b",
    r"ANALYZE TABLE": "Write ANALYZE and the table's name",
    r"NATIVEQUERY ": "Write the query itself",
    r"STREAM ": "Write SELECT; its rows are streamed",
    r"SLEEP ": "Leave it out; the hint /*+ AWAIT */ waits for a write, and \\watch repeats a query",
    r"(EXPLAIN|DESCRIBE|DESC) FORMAT = ": "Write EXPLAIN, or EXPLAIN (FORMAT json)",
    r"(DESCRIBE|DESC) FULL ": "Write DESCRIBE EXTENDED",
    r"(DESCRIBE|DESC) METHODS ": "Write SHOW METHODS IN and the table's name, or DESCRIBE METHOD and the method's",
    r"SHOW (EXTENDED )?INSERT (?!INTO )\S+ ": "Write SHOW INSERT INTO",
    r"SHOW (FULL )?(COLUMNS|FIELDS) ": "Write DESCRIBE and the table's name",
    r"SHOW (EXTENDED )?(INDEX|INDEXES|KEYS) ": "Write DESCRIBE EXTENDED, which says which columns are the key",
    r"SHOW CREATE VIEW ": "Write SELECT sql FROM duckdb_views() WHERE view_name = '…'",
    r"SHOW CREATE ": "Write DESCRIBE for the columns, or SHOW INSERT INTO for an INSERT to fill in",
    r"SHOW (UPDATE|DELETE|SELECT) ": "Write SHOW METHODS IN and the table's name",
    r"SHOW FULL ": "Write SHOW TABLES",
    r"SHOW (MATERIALIZED )?VIEWS": "Write SELECT view_name FROM duckdb_views() WHERE NOT internal",
    r"SHOW (FUNCTIONS|PROCEDURE)": "Write FROM duckdb_functions()",
    r"SHOW (WARNINGS|ERRORS)": "Write FROM sqlprov.errors, or FROM sqlprov.outcomes after a write",
    r"SHOW (SESSION |GLOBAL )?(VARIABLES|STATUS)": "Write SHOW SETTINGS, or FROM duckdb_settings()",
    r"SHOW AUTH": "Run `sqlprov doctor`, which shows the credentials and where they come from",
    r"SHOW REGIONS": "Write FROM aws.regions",
    r"SHOW DATABASES ": "Write SHOW DATABASES alone, or FROM duckdb_databases() WHERE …",
    r"SHOW TABLES ": "Name where they are, as in SHOW TABLES IN aws.sagemaker LIKE '…'",
    r"SHOW (BINARY|CHARACTER|CHARSET|COLLATION|ENGINES|PLUGINS|PROCESSLIST|VITESS\w*|VSCHEMA)": "Write SHOW PROVIDERS, "
    "SERVICES, RESOURCES, METHODS, SETTINGS or VERSION",
}
_CLAUSES = {
    r"LIMIT (?P<skip>\S+) , (?P<most>\S+)": "Write LIMIT {most} OFFSET {skip}",
    r"NOT (REGEXP|RLIKE) ": "Write NOT regexp_matches(name, '^a')",
    r"(REGEXP|RLIKE) ": "Write regexp_matches(name, '^a')",
    r"TOP (\( )?(?P<most>\d+)": "Write LIMIT {most} after ORDER BY",
    r"SEPARATOR ": "Write group_concat(name, ', '), or string_agg(name, ', ' ORDER BY name)",
    r"ON DUPLICATE KEY": "Write UPDATE for rows that exist",
    r"DIV ": "Write // for the integer quotient",
    r"MOD ": "Write % for the remainder",
    r"XOR ": "Write (a) <> (b)",
    r"(SQL_NO_CACHE|SQL_CACHE|SQL_CALC_FOUND_ROWS) ": "Leave it out",
    r"DISTINCTROW ": "Write DISTINCT",
    r"STRAIGHT_JOIN ": "Write JOIN",
    r"(USE|IGNORE|FORCE) INDEX": "Leave it out; live tables have no indexes",
    r"(FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE|LOCK IN SHARE MODE)": "Leave it out; nothing locks the cloud's resources",
    r"CONVERT \( .* (USING|BINARY|CHAR|SIGNED|UNSIGNED)": "Write CAST(… AS VARCHAR), or the name of another type",
    r"MATCH \( ": "Write name ILIKE '%text%', or regexp_matches(name, '…')",
    r"\( EXEC ": "Write EXEC as a statement of its own",
    r"DATE \( ": "Write CAST(… AS DATE), with + INTERVAL 1 DAY for a later one; today is current_date",
    r"TIME \( [^)]*\) ": "Write CAST(… AS TIME)",
    r"CHAR \( ": "Write chr(…)",
    r"FROM DUAL ": "Leave it out",
}
LONGEST = 40
"""Characters of the statement that a message repeats."""
AFTER = 3
"""How many tokens after the words DuckDB may begin not to understand them: it reads `DIV` in `7 DIV 2` as an alias."""
FUNCTIONS = {
    "!": "NOT",
    "<=>": "IS NOT DISTINCT FROM",
    "adddate": "a + INTERVAL 1 DAY",
    "addtime": "a + INTERVAL 1 HOUR",
    "aws_policy_equal": "json_equal(a, b), which minds the order of lists",
    "btrim": "trim(text)",
    "changes": "FROM sqlprov.outcomes after a write",
    "charindex": "instr(text, part)",
    "conv": "printf('%x', number), or CAST('0x1f' AS BIGINT) for the reverse",
    "convert": "CAST(… AS VARCHAR)",
    "current_time": "current_time, without ()",
    "current_timestamp": "current_timestamp, without ()",
    "curtime": "current_time",
    "date_diff": "date_diff('day', earlier, later)",
    "date_format": "strftime(date, '%Y-%m-%d')",
    "date_sub": "a - INTERVAL 1 DAY",
    "datediff": "date_diff('day', earlier, later)",
    "decode": "CASE a WHEN b THEN c END",
    "elt": "['a', 'b'][n]",
    "every": "bool_and(condition)",
    "field": "list_position(['a', 'b'], text)",
    "find_in_set": "list_position(string_split(list, ','), text)",
    "found_rows": "count(*)",
    "from_days": "DATE '1970-01-01' + (days - 719528)",
    "from_unixtime": "to_timestamp(seconds)",
    "getdate": "now()",
    "inet": "VARCHAR; split_part(text, '/', 1) is the address of a block",
    "inet_aton": "list_reduce([CAST(part AS BIGINT) FOR part IN string_split(address, '.')], lambda a, b: a * 256 + b)",
    "initcap": "upper(text[1]) || lower(text[2:])",
    "isnull": "a IS NULL",
    "json_agg": "json_group_array(value)",
    "json_array_contains": "json_contains(json, value)",
    "json_arrayagg": "json_group_array(value)",
    "json_build_array": "json_array(value)",
    "json_build_object": "json_object(name, value)",
    "json_contains": "list_contains or json_contains(json, json)",
    "json_each_text": "json_each(json), whose column value is JSON and value->>'$' text",
    "json_length": "json_array_length(json), or length(json_keys(json))",
    "json_object_agg": "json_group_object(name, value)",
    "json_object_keys": "unnest(json_keys(json))",
    "json_objectagg": "json_group_object(name, value)",
    "json_overlaps": "list_has_any(a, b) of two lists, or json_contains(a, b)",
    "json_query": "json_extract(json, path)",
    "json_search": "json_tree(json), and WHERE atom->>'$' = 'text'",
    "json_table": "json_each(json, path)",
    "json_typeof": "json_type(json)",
    "json_unquote": "json->>'$', or json_extract_string(json, path)",
    "last_insert_id": "INSERT … RETURNING, or FROM sqlprov.outcomes after a write",
    "last_insert_rowid": "INSERT … RETURNING, or FROM sqlprov.outcomes after a write",
    "lengthb": "strlen(text)",
    "likely": "the condition alone",
    "localtime": "localtime, without ()",
    "localtimestamp": "localtimestamp, without ()",
    "locate": "instr(text, part)",
    "make_interval": "INTERVAL 1 DAY, or to_days(n)",
    "makedate": "make_date(year, 1, 1) + INTERVAL 1 DAY",
    "mid": "substr(text, 1, 3)",
    "nvl2": "CASE WHEN a IS NOT NULL THEN b ELSE c END",
    "octet_length": "strlen(text)",
    "quote_ident": "concat('\"', replace(name, '\"', '\"\"'), '\"')",
    "quote_literal": "quote(text)",
    "rand": "random()",
    "randomblob": "unhex(md5(CAST(random() AS VARCHAR))), which has 16 bytes",
    "regexp_count": "length(regexp_extract_all(text, '…'))",
    "regexp_instr": "instr(text, regexp_extract(text, '…'))",
    "regexp_match": "regexp_extract(text, '…')",
    "row_count": "FROM sqlprov.outcomes after a write",
    "sec_to_time": "to_seconds(seconds)",
    "sha2": "sha256(text)",
    "space": "repeat(' ', n)",
    "str_to_date": "strptime(text, '%Y-%m-%d'), in which minutes are %M and seconds %S",
    "strcmp": "a < b or a = b",
    "strftime": "strftime(CAST(… AS TIMESTAMP), '%Y-%m-%d'), or epoch(now()) for seconds",
    "subdate": "a - INTERVAL 1 DAY",
    "substring_index": "split_part(text, '.', 1)",
    "sysdate": "now()",
    "time_format": "strftime(time, '%H:%M')",
    "timestampadd": "a + INTERVAL 1 DAY",
    "timestampdiff": "date_diff('day', a, b)",
    "to_char": "strftime(date, '%Y-%m-%d')",
    "to_date": "CAST(… AS DATE)",
    "to_number": "CAST(… AS DECIMAL(18, 3))",
    "to_timestamp": "strptime(text, '%Y-%m-%d'), or CAST(… AS TIMESTAMP)",
    "top": "LIMIT 5 after ORDER BY",
    "truncate": "trunc(number)",
    "unix_timestamp": "epoch(time); for now, epoch(now())",
    "unlikely": "the condition alone",
    "unsigned": "UBIGINT",
    "utc_date": "current_date",
    "utc_time": "current_time",
    "width_bucket": "CAST(floor((a - low) / (high - low) * n) AS INTEGER) + 1",
    "xmlagg": "string_agg(text, '')",
    "zeroblob": "unhex(repeat('00', n))",
}
"""Functions, operators and types of others, and what to write for them."""


def find_instead(text: str, tokens: Sequence[Token], at: int | None) -> str | None:
    """What to write instead of what DuckDB refuses, with a caret; `None` if nothing is known.

    Args:
        text: the statement.
        tokens: its tokens, without comments.
        at: index of the token that DuckDB does not understand, which is among the words or soon after them; `None` if
            DuckDB does not say it.
    """
    words = "".join(f"{_spell(token)} " for token in tokens)
    for patterns, begins in ((_STATEMENTS, True), (_CLAUSES, False)):
        for pattern, advice in patterns.items():
            match = re.match(pattern, words) if begins else re.search(rf"(?<= ){pattern}", words)
            if match:
                start = match.start("at") if "at" in match.groupdict() else match.start()
                first = words.count(" ", 0, start)
                last = words[: match.end()].rstrip().count(" ") + 1
                if at is not None and not first <= at < last + AFTER:
                    continue
                written = text[tokens[first].start : tokens[last - 1].end]
                if len(written) > LONGEST:
                    written = f"{tokens[first].text} … {tokens[last - 1].text}"
                advice = advice.format(**match.groupdict())
                return f"{written} is not supported. {advice}.\n{show_caret(text, tokens[first].start)}"
    return None


def _spell(token: Token) -> str:
    """A token without blanks: literals and quoted names become a quote, and a word is in upper case."""
    quoted = {TokenKind.STRING: "'", TokenKind.QUOTED: '"'}
    return quoted.get(token.kind) or token.text.upper()
