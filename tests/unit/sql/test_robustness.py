import re

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlprov.errors import DatabaseError, MalformedSQL, NotSupportedError
from sqlprov.sql import Explain, Query, parse
from sqlprov.sql.syntax_errors import explain_syntax_error

WORDS = re.findall(
    r"\S+",
    """with as ( ) [ ] , . ; select from insert into update delete merge create or replace temp table view index on
    drop if exists alter copy to explain analyze prepare pivot using in for set reset sqlprov_x = show extended services
    like describe method exec t "q" 'text' 1 ? $1 :: - ->> materialized recursive truncate comment database and not is
    null true between {{ }}""",
)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join)


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
def test_any_sequence_of_words_is_parsed_or_refused(text):
    try:
        statements = parse(text)
    except DatabaseError:
        return
    for each in statements:
        query = each.inner if isinstance(each, Explain) else each
        assert text[query.offset :].startswith(query.text)
        if isinstance(query, Query):
            assert query.verb == query.verb.upper()
            assert query.target is None or all(query.target)
            assert isinstance(query.words, frozenset)
            flags = {query.is_temporary, bool(query.nested_mutations)}
            assert flags <= {True, False}


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_any_sequence_of_words_has_a_tree_or_none(text):
    query = Query(text, 0)
    assert query.tree is query.tree


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 3), st.integers(0, 200), st.sampled_from(["t", "", "nowhere", "("]))
def test_any_parser_error_of_duckdbs_is_explained(text, line, column, near):
    message = f'Parser Error: syntax error at or near "{near}"\n\nLINE {line}: ...{text}\n{" " * column}^'
    assert isinstance(explain_syntax_error(message, text), MalformedSQL | NotSupportedError)
