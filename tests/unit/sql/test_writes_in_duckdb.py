import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statements import parse_one

from sqlprov.sql import Delete, Insert, Query, Update, WriteStatement
from sqlprov.sql.lexer import tokenize

SETUP = """
CREATE TABLE t AS SELECT * FROM (VALUES
  ('r1', 'a', 1, 'x', {'Start': 1, 'where': 'w'}, [1, 2]),
  ('r1', 'b', 2, 'y', {'Start': 2, 'where': 'x'}, [3]),
  ('r2', 'a', 3, NULL, NULL, []),
  ('r2', 'c', 3, 'from', {'Start': 4, 'where': NULL}, NULL)
) AS _(region, name, n, s, "set", l);
ALTER TABLE t ADD COLUMN data__Identifier VARCHAR;
UPDATE t SET data__Identifier = name;
ALTER TABLE t ADD COLUMN account VARCHAR DEFAULT 'own';
CREATE TABLE u AS SELECT * FROM (VALUES ('a', 10), ('b', 20), ('a', 30)) AS _(name, n);
"""


@pytest.fixture
def duck():
    with duckdb.connect() as connection:
        connection.execute(SETUP)
        yield connection


UPDATES = [
    "update t set n = 5 where name = 'a'",
    "update t set n = n + 1, s = 'a, b where c' where n in (select n from t where s is not null)",
    "update memory.main.t set n = memory.main.t.n * 2 where main.t.name = 'a' and t.n > 0",
    "update t as x set n = x.n + 1 where x.region = 'r1' and exists (from u where u.name = x.name)",
    'update t "T x" set s = concat("T x".name, \', \', "T x".region) where "T x".n = 3',
    "update t set n = u.n, s = t.name || u.name from u where u.name = t.name and u.n < 30",
    "update t set n = q.n from (select name, max(n) as n from u group by all) q where q.name = t.name",
    "update t set n = v.n from u join (select 'a' as name, 10 as n) v using (name, n) where v.name = t.name",
    "with w as (select 'a' as name), v as (from w) update t set n = 9 from v where v.name = t.name",
    "update t set n = case when n > 1 then (select max(n) from u where u.name = t.name) else -1 end where true",
    "update t set s = case when s is not distinct from 'y' then 'from' else $$where, $$ end where n = 2 or n = 3",
    "update t set (n, s) = (n + 1, upper(s)), l = [n, n + 1] where name = 'b'",
    "update t set (n, s) = ((7, 'q')) where name = 'b'",
    "update t set (n) = (select max(n) from u) where name = 'b'",
    "update t set \"set\" = {'Start': 7, 'where': 'from'}, l = [x + 1 for x in l if x > 1] where \"set\".Start = 1",
    "update t set set = null where name = 'b'",
    "update t set s = E'a\\'b, c' /* , from */ where -- where\n s = 'x'",
    "update t set n = list_sum(list_transform(l, lambda x: x + 1)) where len(l) > 0",
]
DELETES = [
    "delete from t where name = 'a'",
    "delete from memory.main.t where memory.main.t.n = 3",
    "delete from t as x where x.n in (select n from t where x.region = 'r1') or x.s = 'from'",
    "delete from t using u where u.name = t.name",
    "delete from t x using u, (select 'r1' as region) r where u.name = x.name and r.region = x.region",
    "delete from t using u join (select 10 as n) v using (n) where u.name = t.name",
    "with w as (select 'b' as name) delete from t using w where w.name = t.name",
    "delete from t where (region, name) in (values ('r1', 'a'), ('r2', 'c'))",
    "delete from t where s = 'x' or \"set\".where = 'x' and n between 1 and 3",
    "delete from t where 'where' = 'returning'",
]
INSERTS = [
    "insert into v values (1, 'a'), (2, 'b, (c)')",
    "insert into v (s, n) select s, n from t where n > 1",
    "insert into v (n) (select n from u) union all (values (5))",
    "insert into v (((select 1, 'a')))",
    "insert into v by name select 'x' as s",
    "insert into v (n) select count(*) from u",
    "insert into v from (select n, name from u)",
    "with w as (select 1 as n) insert into v (n) select n + 1 from w",
    "with w as (select 1 as n) insert into v (n) with x as (from w) select n from x union all from w",
    "with w as (select 1 as n) insert into v (n) (with x as (from w) select n from x)",
    "with recursive w as (select 1 as n union all select n + 1 from w where n < 3) insert into v (n) from w",
    "with w as (from u) insert into v (n) (select n from w order by n desc limit 1)",
    "insert into v select 1 as returning, 'returning'",
]


def run_in_duckdb(duck, text):
    """The rows that DuckDB itself changes, as they are afterwards."""
    duck.execute("begin")
    rows = duck.execute(f"{text}\nreturning *").fetchall()
    duck.execute("rollback")
    return rows


@pytest.mark.parametrize("text", UPDATES)
def test_the_rows_of_an_update_are_those_that_duckdb_updates(duck, text):
    write = parse_one(text, Update)
    rows = duck.execute(write.build_rows_query("memory.main.t", ["name"])).fetchall()
    names = ["account", "region", "name", *(column.strip('"') for column, _ in write.assignments)]
    returned = duck.execute("from t limit 0").description
    at = [[column[0] for column in returned].index(name) for name in names]
    # A row that FROM joins to several appears more than once here; DuckDB updates it once.
    assert {row[:3] for row in rows} == {("own", row[0], row[1]) for row in run_in_duckdb(duck, text)}
    assert all(
        [row[place] for place in at] in [list(each) for each in rows] for row in run_in_duckdb(duck, text)
    )


@pytest.mark.parametrize("text", DELETES)
def test_the_rows_of_a_delete_are_those_that_duckdb_deletes(duck, text):
    write = parse_one(text, Delete)
    rows = duck.execute(write.build_rows_query("memory.main.t", ["name"])).fetchall()
    assert sorted(rows) == sorted(("own", row[0], row[1]) for row in run_in_duckdb(duck, text))


@pytest.mark.parametrize("text", INSERTS)
def test_the_source_of_an_insert_has_the_rows_that_duckdb_inserts(duck, text):
    duck.execute("create table v (n int, s varchar)")
    write = parse_one(text, Insert)
    source = duck.sql(write.source)
    columns = source.columns if write.by_name else write.columns or ["n", "s"]
    inserted = [dict(zip(["n", "s"], row, strict=True)) for row in run_in_duckdb(duck, text)]
    rows = [dict(zip(columns, row, strict=True)) for row in source.fetchall()]
    key = str
    assert sorted(({"n": None, "s": None} | row for row in rows), key=key) == sorted(inserted, key=key)


@pytest.mark.parametrize(
    "more", ["limit 1", "order by a", "union all select 1, 2", "group by all", ") or (true"]
)
@pytest.mark.parametrize("statement", ["update t set n = 0 where false {}", "delete from t where false {}"])
def test_clauses_that_only_a_query_has_cannot_select_other_rows(duck, statement, more):
    text = statement.format(more)
    with pytest.raises(duckdb.ParserException):
        duck.execute(text)
    if isinstance(write := parse_one(text, Query), WriteStatement):
        with pytest.raises(duckdb.ParserException):
            duck.execute(write.build_rows_query("t", ["name"]))


def test_returning_refers_to_the_rows_by_the_name_of_the_table_or_its_alias(duck):
    for text in (
        "delete from t where a returning t.n + 1 as m",
        "delete from u x where a returning x.n + 1 as m",
    ):
        rows = duck.sql(parse_one(text, WriteStatement).build_returning_query("(from t where n = 1)"))
        assert (rows.columns, rows.fetchall()) == (["m"], [(2,)])


def test_parameters_keep_their_order_in_the_query_for_the_rows(duck):
    text = "with w as (select ? as s) update t set s = ?, n = u.n from u, w where u.n = ? and t.name = ?"
    write = parse_one(text, Update)
    rows = duck.execute(write.build_rows_query("t", ["name"]), ["w", "new", 20, "b"]).fetchall()
    assert rows == [("own", "r1", "b", "new", 20)]


EXPRESSIONS = [
    "1",
    "'from, where' || \"set\"",
    "f(a, (b), [1, 2], {'x': 1})",
    "case when a then b else (select c from d where e returning_) end",
    "a is not distinct from b",
    "x.where + y.from",
    "$$ returning $$",
    "cast(a as int)::varchar",
    "(select max(a) from b where c)",
    "?",
    "- 1",
    "l[1:2]",
    "a /* , from */ + -- where\n b",
]
TABLES = [
    "u",
    "u as v",
    "a join b on a.x is distinct from b.x",
    "(select 1 where true) q, lateral (from z)",
    "u join v using (i)",
]
NAMES = ["t", "a.b.c", '"A ""b"" from".`where`', "set_"]
COLUMNS = ["a", '"b, c"', "set", "values", '"where"']
GAPS = st.sampled_from([" ", "\n", " /* where */ ", " -- from, returning\n", "/*+ delete */"])
expressions = st.sampled_from(EXPRESSIONS)
optional = st.none() | expressions


def list_tokens(text):
    return [(token.kind, token.text) for token in tokenize(text)]


@st.composite
def writes(draw):
    """A statement in pieces: keywords, and pairs of a field and its text."""
    name = draw(st.sampled_from(NAMES))
    ctes = draw(st.none() | st.just("with w as (select 1 where a), x as (from w)"))
    pieces = [("ctes", ctes)] if ctes else []
    tables, where, returning = draw(st.none() | st.sampled_from(TABLES)), draw(optional), draw(optional)
    verb = draw(st.sampled_from(["insert", "update", "delete"]))
    if verb == "insert":
        columns = draw(st.lists(st.sampled_from(COLUMNS), max_size=3, unique=True))
        source = draw(st.sampled_from(["select {}", "values ({}, 1)", "from u where {}", "(select {})"]))
        pieces += ["insert", "into", ("name", name)]
        pieces += [("columns", f"({', '.join(columns)})")] if columns else []
        pieces += [("source", source.format(draw(expressions)))]
    elif verb == "update":
        pieces += ["update", ("name", name), "set"]
        for number, column in enumerate(
            draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3, unique=True))
        ):
            pieces += [","] if number else []
            pieces += [("column", column), "=", ("value", draw(expressions))]
        pieces += ["from", ("from_", tables)] if tables else []
    else:
        pieces += ["delete", "from", ("name", name)]
        pieces += ["using", ("using", tables)] if tables else []
    if verb != "insert":
        pieces += ["where", ("where", where)] if where else []
    return pieces + (["returning", ("returning", returning)] if returning else []), draw(
        st.lists(GAPS, min_size=len(pieces) + 2, max_size=len(pieces) + 2)
    )


@settings(max_examples=500, deadline=None)
@given(writes())
def test_the_clauses_of_any_write_are_slices_of_its_text(pieces_and_gaps):
    pieces, gaps = pieces_and_gaps
    text = "".join(
        gap + (piece if isinstance(piece, str) else piece[1])
        for piece, gap in zip(pieces, gaps, strict=False)
    )
    write = parse_one(text, WriteStatement)
    expected = [piece for piece in pieces if not isinstance(piece, str)]
    fields = dict(expected)
    for field in ("ctes", "using", "from_", "where", "returning"):
        assert getattr(write, field, None) == fields.get(field), field
    assert write.target == tuple(
        token.value for token in tokenize(fields["name"]) if not token.is_one_of(".")
    )
    if isinstance(write, Update):
        columns = [tokenize(column)[0].value for field, column in expected if field == "column"]
        values = [value for field, value in expected if field == "value"]
        assert write.assignments == tuple(zip(columns, values, strict=True))
    if isinstance(write, Insert):
        assert fields["source"] in write.source
        assert write.source.startswith(fields.get("ctes", ""))
        names = [
            token.value for token in tokenize(fields.get("columns", "")) if not token.is_one_of("(", ")", ",")
        ]
        assert (write.columns or ()) == tuple(names)
    rebuilt = " ".join(piece if isinstance(piece, str) else piece[1] for piece in pieces)
    assert list_tokens(rebuilt) == list_tokens(write.text)


WORDS = re.findall(
    r"\S+",
    """insert into update delete from t u set a = 1 , ( ) where returning using values select with w as on conflict
    do nothing by name default or replace 'x' "q" {{ x }} ? case when end . distinct""",
)
DML = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(["insert into t ", "update t set ", "delete from t ", "with w as (from u) "]), DML)
def test_any_sequence_of_words_that_duckdb_parses_is_of_the_class_that_duckdb_says(start, rest):
    try:
        statements = duckdb.extract_statements(start + rest)
    except duckdb.Error:
        return
    kinds = {"INSERT": Insert, "UPDATE": Update, "DELETE": Delete}
    expected = kinds.get(statements[0].type.name)
    parse_one(start + rest, expected or Query)
