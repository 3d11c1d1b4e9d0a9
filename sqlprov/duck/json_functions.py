"""Makes DuckDB's JSON functions see the JSON that AWS sent: a member of a structure that is NULL is absent, and a time
is ISO 8601 with `Z`.

DuckDB converts a structure to JSON with all of its members and with times in its own format. Each function becomes a
temporary macro of the same name, which converts its arguments first; an arrow and a cast become calls
(`sql/json_calls.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlprov.duck.foreign_functions import TABLE_MACROS
from sqlprov.sql.json_calls import count_arguments
from sqlprov.sql.lexer import tokenize

NESTED = r"STRUCT\(|TIMESTAMP WITH TIME ZONE"
"""The types whose JSON is not AWS's."""
_IS_NESTED = f"regexp_matches(typeof({{0}}), '{NESTED}')"
_TIME = r'"(\d{{4}}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)'
_AWS_JSON = "system.main.json_strip_nulls(system.main.to_json({0}))::VARCHAR"
for _zone, _written in ((r"\+00", "Z"), (r"([+-]\d\d)", r"\3:00"), (r"([+-]\d\d:\d\d)", r"\3")):
    _AWS_JSON = f"""regexp_replace({_AWS_JSON}, '{_TIME}{_zone}"', '"\\1T\\2{_written}"', 'g')"""
_CONVERT = f"{_AWS_JSON}::JSON"
"""DuckDB's text of a time is replaced where it is a whole string: AWS writes none in that form."""
_DOCUMENT = f"CASE WHEN {_IS_NESTED} THEN {_CONVERT} ELSE {{0}}::JSON END"
"""An argument that is JSON, whose text would be parsed."""
_VALUE = f"CASE WHEN {_IS_NESTED} THEN {_CONVERT} ELSE system.main.to_json({{0}}) END"
"""An argument that becomes JSON, whose text would be quoted."""

# Each letter is an argument: a document, a value, or one that is left as it is.
_ARGUMENTS = {
    **dict.fromkeys(
        ("json_extract", "json_extract_path", "json_extract_string", "json_extract_path_text", "json_value"),
        ("d-",),
    ),
    **dict.fromkeys(("->>", "json_exists", "json_remove"), ("d-",)),
    **dict.fromkeys(("json_transform", "json_transform_strict", "from_json", "from_json_strict"), ("d-",)),
    **dict.fromkeys(("json_keys", "json_type", "json_array_length"), ("d", "d-")),
    **dict.fromkeys(("json_structure", "json_pretty", "json_normalize", "json_strip_nulls"), ("d",)),
    **dict.fromkeys(("json_contains", "json_merge_patch_diff"), ("dd",)),
    **dict.fromkeys(("json_insert", "json_replace", "json_set"), ("d-d",)),
}
_FOLDED = ("json_remove", "json_insert", "json_replace", "json_set")
"""Functions that SQLite calls with several paths, one after another; DuckDB's take one."""
_REPEATED = {"json_merge_patch": "dd", "json_deep_merge": "dd", "json_array": "vv", "json_object": "-v"}
"""Functions with any number of arguments: a macro has a fixed number."""
_BODIES = {
    **{
        name: f"(a) AS CASE WHEN {_IS_NESTED} THEN {_CONVERT} ELSE system.main.{name}({{0}}) END".format("a")
        for name in ("to_json", "array_to_json", "row_to_json", "json_quote")
    },
    "json": "(a) AS system.main.json_extract({a}, '$')",
    "json_cast": "(a) AS {a}",
    "json_try_cast": f"(a) AS CASE WHEN {_IS_NESTED} THEN {_CONVERT} ELSE TRY_CAST({{0}} AS JSON) END".format(
        "a"
    ),
    "json_cast_list": (
        f"(a) AS CASE WHEN {_IS_NESTED} THEN CAST({_CONVERT} AS JSON[]) ELSE CAST({{0}} AS JSON[]) END"
    ).format("a"),
    "json_each": "(a) AS TABLE (FROM system.main.json_each({a})), (a, b) AS TABLE (FROM system.main.json_each({a}, b))",
    "json_tree": "(a) AS TABLE (FROM system.main.json_tree({a})), (a, b) AS TABLE (FROM system.main.json_tree({a}, b))",
}
_USES = {
    **dict.fromkeys(("json_group_array", "json_group_object", "json_group_structure"), ("to_json",)),
    **dict.fromkeys((*TABLE_MACROS, "json_equal", "json_object_compare", "json_patch"), ("json_cast",)),
}
"""Other macros -> the functions that they call."""
FUNCTIONS = frozenset({*_ARGUMENTS, *_REPEATED, *_BODIES})


def write_macros(texts: Sequence[str], *, plain: bool = False) -> dict[str, str]:
    """The macros that SQL texts need: name and body.

    Args:
        texts: SQL.
        plain: whether the arguments become JSON as DuckDB does it, with `to_json`; so a cast in the plan is the
            statement's own, or DuckDB's.
    """
    forms = {"d": _DOCUMENT, "v": _VALUE, "-": "{0}"}
    if plain:
        forms |= dict.fromkeys("dv", "system.main.to_json({0})")
    names = {token.value.lower() for text in texts for token in tokenize(text)}
    names |= {used for name in names for used in _USES.get(name, ())}
    bodies = {}
    for name in names & FUNCTIONS:
        body = _BODIES.get(name, "").replace("{a}", forms["d"].format("a"))
        if plain and body and "{a}" not in _BODIES[name]:
            value = forms["v"].format("a")
            body = f"(a) AS CAST({value} AS JSON[])" if name == "json_cast_list" else f"(a) AS {value}"
        kinds = _ARGUMENTS.get(name, ())
        if name in _REPEATED or name in _FOLDED or name == "json_extract":
            counts = sorted(set[int]().union(*(count_arguments(text, name) for text in texts)))
            if name in _REPEATED:
                kinds = tuple((_REPEATED[name] * count)[:count] for count in counts if count)
            else:
                first, step = kinds[0], len(kinds[0]) - 1
                more = (count for count in counts if count > step + 1 and (count - 1) % step == 0)
                kinds += tuple(first + first[1:] * ((count - 1) // step - 1) for count in more)
        if kinds or body:
            bodies[name] = body or ", ".join(_write_overload(name, each, forms) for each in kinds)
    return bodies


def _write_overload(name: str, kinds: str, forms: Mapping[str, str]) -> str:
    names = [f"a{at}" for at in range(len(kinds))]
    values = [forms[kind].format(each) for kind, each in zip(kinds, names, strict=True)]
    function = f"system.main.{'json_extract_string' if name == '->>' else name}"
    call = f"{function}({', '.join(values)})"
    if name in _FOLDED:
        call, step = values[0], len(_ARGUMENTS[name][0]) - 1
        for at in range(1, len(values), step):
            call = f"{function}({', '.join([call, *values[at : at + step]])})"
    elif name == "json_extract" and len(values) > 2:  # SQLite returns a list
        call = (
            f"system.main.json_array({', '.join(f'{function}({values[0]}, {path})' for path in values[1:])})"
        )
    return f"({', '.join(names)}) AS {call}"
