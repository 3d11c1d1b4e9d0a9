"""Conditions, included files and values made from protected ones."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from stacks import run_stack, write_stack
from test_iql_stacks import HEAD

from sqlprov.api.connection import Connection
from sqlprov.errors import ProgrammingError
from sqlprov.frontends.deploy.manifest import Manifest
from sqlprov.frontends.deploy.rendering import Renderer

CONDITIONS = (
    "'prod' == 'prod'",
    "'prod' != 'prod'",
    "'prod' in ['dev', 'prod'] and not 'x' in 'prod'",
    "'prod' not in ('dev', 'sit')",
    "len('us-east-1') > 3 or False",
    "1 < 2 < 3",
    "int('5') >= 5 and float('1.5') == 1.5",
    "'{\"a\": 1}'.startswith('{')",
    "'us-east-1'.split('-')[1] == 'east'",
    "'us-east-1'[:2] == 'us'",
    "'a' if True else 'b'",
    "None is None",
    "[''][0] is not None",
    "bool('')",
    "any([False, True]) and all([True, 1])",
    "max(1, 2) == 2 and min([3, 4]) == 3 and sum([1, 2]) == 3 and abs(-1) == 1",
    "sorted(['b', 'a']) == ['a', 'b']",
    "{'dev': 1, 'prod': 2}['prod'] > 1",
    "'%s-%s' % ('a', 'b') == 'a-b'",
    "'a' 'b' == 'ab'",
    "2 ** 3 == 8 and 7 // 2 == 3 and 7 % 2",
    "[]",
    "'x' or 1 / 0",
)


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    return Renderer(Manifest(tmp_path / "m.yml", "name", (), (), (), ()), "dev", {})


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_holds_if_python_says_so(renderer: Renderer, condition: str) -> None:
    assert renderer.is_met(condition, {}, "here") is bool(eval(condition))


@pytest.mark.parametrize(
    "template", ["{{ 1 / 0 }}", "{{ [1] | from_json }}", "{{ 'a' + 1 }}", "{{ 9.9 ** 999 }}"]
)
def test_an_error_that_a_template_computes_has_its_place(renderer: Renderer, template: str) -> None:
    with pytest.raises(ProgrammingError, match=r"^here: "):
        renderer.render_value(template, {}, "here")


@pytest.mark.parametrize(
    "condition", ["[x for x in 'ab']", "lambda: 1", "f'{1}'", "open('/etc/passwd')", "''.__class__", "1 / 0"]
)
def test_what_no_condition_may_do_is_an_error_with_its_place(renderer: Renderer, condition: str) -> None:
    with pytest.raises(ProgrammingError, match=r"^here: "):
        renderer.is_met(condition, {}, "here")


SECRET = """
  - {name: secret, type: query, sql: "SELECT 'hush-5' AS word", exports: [word], protected: [word]}
  - name: user
    type: query
    props:
      - {name: encoded, value: "Basic {{ word | base64_encode }}"}
      - {name: document, value: {Key: open-key, Value: "{{ word | upper }}"}}
    sql: >
      SELECT '{{ encoded }}' AS header, '{{ document }}' AS document, '{{ (word ~ "-x") | base64_encode }}' AS joined,
      '{% for part in word.split("-") %}{{ part | base64_encode }}{% endfor %}' AS parts,
      '{% set copy = word[::-1] %}{{ copy }}' AS reversed, '{{ word == "hush-5" }}' AS same
    exports: [header, document, joined, parts, reversed, same]
  - {name: bad, type: query, sql: "SELECT '{{ encoded_again }}'::INT AS number", exports: [number],
     props: [{name: encoded_again, value: "{{ word | base64_encode }}"}]}
exports: [word, header, document, joined, parts, reversed, same]
"""


def test_what_a_template_makes_of_a_protected_value_is_hidden(con: Connection, tmp_path: Path) -> None:
    stack = write_stack(tmp_path, HEAD.format(name="derived") + SECRET)
    ran = run_stack(con, stack, shows_queries=True, on_failure="ignore")
    made = [base64.b64encode(text.encode()).decode() for text in ("hush-5", "hush-5-x", "hush", "5")]
    shown = "\n".join(ran.lines).replace("SELECT 'hush-5' AS word", "", 1) + json.dumps(ran.outputs)
    for text in (*made[:3], "hush-5", "HUSH-5", "5-hsuh"):
        assert text not in shown, text
    assert "open-key" in shown and ran.outputs["same"] == "true"
    assert ran.names("failed") == ["bad"]
    assert (ran.outputs["header"], ran.outputs["word"]) == ("Basic (protected)", "(protected)")


def test_a_file_is_included_and_errors_name_its_lines(
    con: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = "  - {name: one, type: query, exports: [a, b, c]}\nexports: [a, b, c]\n"
    block = "/*+ exports */\nSELECT {% include 'parts/first.sql' %},\n  {%- include \"second.sql\" -%},\n  3 AS c\n"
    stack = write_stack(tmp_path / "stack", HEAD.format(name="parts") + one, one=block)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/first.sql").write_text("-- of the current directory\n  '{{ stack_env }}'\nAS a\n")
    second = stack / "resources/second.sql"
    second.write_text("{% include 'gone.sql' ignore missing %} 2 AS b")
    assert {**run_stack(con, stack).outputs, "elapsed_time": ""} == {
        **{"stack_name": "parts", "stack_env": "dev", "elapsed_time": ""},
        **{"a": "dev", "b": 2, "c": 3},
    }
    (tmp_path / "parts/first.sql").write_text("1\n, nothing\nAS a\n")
    assert "parts/first.sql:2: " in str(run_stack(con, stack).error)
    (tmp_path / "parts/first.sql").write_text("1\n, '{{ nothing }}'\nAS a\n")
    second.write_text("{% include 'gone.sql' %} 2 AS b")
    error = str(run_stack(con, stack).error)
    assert "parts/first.sql:2: the variable 'nothing' is not defined" in error
    assert "one.iql:3: gone.sql does not exist; expected the file to include" in error
    second.write_text("{% include 'second.sql' %}")
    assert "second.sql includes itself" in str(run_stack(con, stack).error)
