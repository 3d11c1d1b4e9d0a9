from __future__ import annotations

from typing import Any

import pytest

from sqlprov.errors import DataError, MalformedSQL, ProgrammingError, UnknownName
from sqlprov.frontends.templates import render

VARIABLES: dict[str, Any] = {
    "text": "it's",
    "five": 5,
    "digits": "5",
    "ends": "*/",
    "surrogate": "\ud800",
    "less": -1.5,
    "yes": True,
    "nothing": None,
    "names": ["a", "b'c"],
    "tags": [{"Key": "team", "Value": "it's"}],
    "table": "models",
    "lines": "1\n2\n3",
}


def render_sql(template: str) -> str:
    return render(template, VARIABLES).text


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("'{{ text }}'", "'it''s'"),
        ("'{{ five }}, {{ less }}, {{ yes }}'", "'5, -1.5, true'"),
        ("'{{ names }}'", """'["a", "b''c"]'"""),
        ("'{{ tags }}'", """'[{"Key": "team", "Value": "it''s"}]'"""),
        (r"E'{{ text }}\t\{{ text }}'", "'it''s\tit''s'"),
        ("$${{ text }} it's$$", "'it''s it''s'"),
        ("$t${{ text }}$t$", "'it''s'"),
        ('"{{ text }}"', '"it\'s"'),
        ("`{{ text }}`", "`it's`"),
    ],
)
def test_in_a_literal_or_a_quoted_name_a_value_is_its_text(template: str, expected: str) -> None:
    assert render_sql(f"SELECT {template} AS a") == f"SELECT {expected} AS a"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ text }}", "'it''s'"),
        ("{{ digits }}", "'5'"),
        ("{{ five }}", "5"),
        ("{{ five + 1 }}", "6"),
        ("-{{ less }}", "-(-1.5)"),
        ("{{ yes }}", "TRUE"),
        ("{{ nothing }}", "NULL"),
        ("{{ names }}", "['a', 'b''c']"),
        ("{{ tags }}", """'[{"Key": "team", "Value": "it''s"}]'"""),
        ("{{ digits | int }}", "5"),
        ("aws.sagemaker.{{ table }}", 'aws.sagemaker."models"'),
        ("{{ table }}.name", '"models".name'),
        ("backup_{{ table }}_{{ five }}", "backup_models_5"),
    ],
)
def test_outside_a_literal_a_value_is_a_sql_literal_or_a_name(template: str, expected: str) -> None:
    assert render_sql(f"SELECT {template} AS a") == f"SELECT {expected} AS a"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("""{"a": "{{ quote }}"}""", r"""{"a": "\" \\"}"""),
        ("""[{"a": "{{ quote }}", "n": {{ n }}, "o": {{ o }}}]""", r"""[{"a": "\" \\", "n": 5, "o": {"b": "\""}}]"""),
        ("""[{{ digits }}, {{ quote }}, {{ more }}]""", r"""[7, "\" \\", "1, \"Admin\": true"]"""),
        ("""say "{{ quote }}\"""", r'''say "" \"'''),
        ("""["{{ quote }}\",]""", r'''["" \",]'''),
    ],
)  # fmt: skip
def test_a_value_cannot_change_the_json_around_it(template: str, expected: str) -> None:
    variables = {"quote": '" \\', "n": 5, "o": {"b": '"'}, "digits": "7", "more": '1, "Admin": true'}
    rendered = render(f"SELECT '{template}'", variables)
    assert rendered.text == f"SELECT '{expected}'"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("SELECT '{{ nothing }}'", "is null, which a literal cannot hold"),
        ("SELECT $${{ nothing }}$$", "is null, which a literal cannot hold"),
        ('SELECT "{{ nothing }}"', "is part of a name and must be text"),
        ('SELECT "{{ names }}"', "is part of a name and must be text"),
        ("FROM aws.{{ yes }}", "is part of a name and must be text"),
        ("FROM backup_{{ text }}", "is part of a word"),
        ("SELECT ${{ table }}", "is part of a word"),
        ("SELECT {{ five }}{{ five }}", "would not make one word with the text around it"),
        ("SELECT {{ text }}'x'", "would run into the text next to it"),
        ("SELECT 1{{ five }}", "would run into the text next to it"),
        ("SELECT 1 /* {{ ends }} */", "would end the comment"),
        ("SELECT '{{ names | map('upper') }}'", "is a generator, not a value"),
        ("SELECT {{ range }}", "is a function, not a value"),
        ("SELECT '{{ 1e999 }}'", "holds a number that JSON does not have"),
        ("SELECT '{{ surrogate }}'", "holds a character that is not valid UTF-8"),
    ],
)
def test_a_value_that_does_not_fit_its_place_is_refused_with_a_caret(template: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        render(f"\n\n{template}", VARIABLES)
    message, line, mark = str(caught.value).split("\n")
    assert message.startswith("The value of {{")
    assert problem in message
    assert line.startswith("LINE 3: ")
    assert line[mark.index("^") :].startswith("{{")


@pytest.mark.parametrize(
    ("template", "kind", "expected", "place"),
    [
        ("SELECT '{{ tabel }}'", UnknownName, "The variable 'tabel' has no value. Did you mean 'table'?", "tabel"),
        ("-- {{ tabel }}", UnknownName, "The variable 'tabel' has no value.", "tabel"),
        ("{% if tabel %}{% endif %}", UnknownName, "The variable 'tabel' has no value.", "tabel"),
        ("{{ tabel | upper }}", UnknownName, "The variable 'tabel' has no value.", "tabel"),
        ("{{ [tabel] }}", DataError, ", not a value", "{{"),
        ("SELECT '{{ tags[0].Kay }}'", ProgrammingError, "'dict object' has no attribute 'Kay'.", "SELECT"),
        ("SELECT {{ text | int }}", ProgrammingError, '"it\'s" is not a whole number.', "SELECT"),
        ("SELECT {{ text | uper }}", MalformedSQL, "No filter named 'uper'.", "SELECT"),
        ("SELECT {{ text", MalformedSQL, "Unexpected end of template", "SELECT"),
        ("{{ ''.__class__ }}", ProgrammingError, "is unsafe", "{{"),
        ("SELECT 'a {{ text }}", MalformedSQL, "Unterminated string literal", "SELECT"),
        ("{% macro m() %}{% endmacro %}", MalformedSQL, "{% macro %} is not supported", "{%"),
        ("{% set a %}{% endset %}", MalformedSQL, "Write {% set name = … %}.", "{%"),
        ("{% include 'x' %}", MalformedSQL, "{% include %} is not supported", "{%"),
        ("{% for a in tags recursive %}{% endfor %}", MalformedSQL, "for … recursive", "{%"),
    ],
)  # fmt: skip
def test_an_error_in_a_template_shows_its_line(
    template: str, kind: type[Exception], expected: str, place: str
) -> None:
    with pytest.raises(kind) as caught:
        render(f"SELECT '{{{{ lines }}}}';\n\n  {template}", VARIABLES)
    message, line, mark = str(caught.value).split("\n")
    assert expected in message
    assert line.startswith("LINE 3: ")
    assert line[mark.index("^") :].startswith(place)


def test_a_default_replaces_a_variable_that_is_not_given() -> None:
    assert (
        render_sql("SELECT '{{ tabel | default('x') }}' {% if tabel is defined %}, 2{% endif %}")
        == "SELECT 'x' "
    )


def test_string_constants_of_the_template_are_sql() -> None:
    loop = "{% for name in names %}{{ name }}{{ ', ' if not loop.last }}{% endfor %}"
    assert render_sql(f"SELECT * FROM t WHERE n IN ({loop})") == "SELECT * FROM t WHERE n IN ('a', 'b''c')"
    assert render_sql("ORDER BY n {{ 'DESC' if yes else 'ASC' }}{{ text if nothing }}") == "ORDER BY n DESC"


def test_text_without_placeholders_stays_as_it_is() -> None:
    text = "SELECT E'\\t', $$a$$, 'a\r\nb' -- {{}}\r\n".replace("{{}}", "")
    assert render_sql(text) == text
    assert render_sql("{% raw %}'{{ x }}' {% if %}{% endraw %}") == "'{{ x }}' {% if %}"


def test_whitespace_in_a_comment_becomes_a_space() -> None:
    assert render_sql("SELECT 1 -- {{ lines }}\n, 2") == "SELECT 1 -- 1 2 3\n, 2"


def test_each_offset_of_the_sql_has_a_line_in_the_template() -> None:
    template = (
        "SELECT '{{ lines }}' AS one;\n"
        "{% for name in names -%}\n"
        "  SELECT {{ name }} AS three;\n"
        "{% endfor %}\n"
        "{#\n a comment\n#}\n"
        "SELECT '{{ lines }}', {{ five }} AS eight,\n"
        "  $$\n{{ lines }}\n$$ AS eleven, nine AS eleven_too"
    )
    rendered = render(template, VARIABLES)
    places = {
        word: rendered.line(rendered.text.index(word))
        for word in ("one", "three", "eight", "eleven", "eleven_too")
    }
    assert places == {"one": 1, "three": 3, "eight": 8, "eleven": 11, "eleven_too": 11}
    assert rendered.line(rendered.text.rindex("three")) == 3
    assert rendered.line(0) == 1
    assert rendered.line(len(rendered.text)) == 11


def test_a_template_lists_its_variables() -> None:
    template = "{% set a = five %}{{ a }}{% for b in names %} {{ b }}{% endfor %}{# {{ text }} #}"
    assert render(template, VARIABLES).names == {"five", "names"}


def test_private_use_characters_stay_unchanged() -> None:
    rendered = render("SELECT '\ue000{{ x }}\ue001'", {"x": "\ue000\ue0011\ue002"})
    assert rendered.text == "SELECT '\ue000\ue000\ue0011\ue002\ue001'"
