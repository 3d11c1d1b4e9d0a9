"""Stacks with `.iql` files: each flow, each type of resource, and the defects of stackql-deploy 1.9.5."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from seeds import ALL, MANIFEST, VARIABLES
from stacks import ROLE, build_ok, run_stack, write_stack

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator
from sqlprov.errors import DataError
from sqlprov.frontends.deploy.events import Reporter

HEAD = """
version: 1
name: {name}
providers: [aws]
globals:
  - {{name: region, value: "{{{{ vars.AWS_REGION }}}}"}}
resources:
"""
EXISTS = """
/*+ exists */
SELECT count(*) AS count -- 0 or 1; 1.9.5 makes one line of a statement
FROM aws.sagemaker.models WHERE ModelName = '{{ stack_name }}' AND region = '{{ region }}'
"""
CREATE = f"""
/*+ create */
INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer, Tags, region)
SELECT '{{{{ stack_name }}}}', '{ROLE}', '{{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/m"}}', '{{{{ tags }}}}',
  '{{{{ region }}}}';
"""
CHECK = """
/*+ statecheck, retries=2, retry_delay=7 */
SELECT count(*) AS count FROM aws.sagemaker.models WHERE ModelName = '{{ stack_name }}' AND region = '{{ region }}'
AND tag_map['team'] = '{{ team }}'
"""
UPDATE = """
/*+ update */
UPDATE aws.sagemaker.models SET Tags = '{{ tags }}' WHERE ModelName = '{{ stack_name }}' AND region = '{{ region }}'
"""
EXPORTS = """
/*+ exports */
SELECT ModelArn, tags FROM aws.sagemaker.models WHERE model_name = '{{ stack_name }}' AND region = '{{ region }}'
"""
DELETE = """
/*+ delete */
DELETE FROM aws.sagemaker.models WHERE data__Identifier = '{{ stack_name }}' AND region = '{{ region }}';
"""
PROPS = """
    props:
      - {name: team, value: TEAM}
      - {name: tags, value: [{Key: team, Value: "{{ team }}"}]}
"""
EXPORTED = "    exports: [{ModelArn: arn}, tags]\n"


def write(
    folder: Path, name: str, *blocks: str, team: str = "ml", more: str = "", type_: str = "resource"
) -> Path:
    exports = EXPORTED if EXPORTS in blocks else ""
    resource = f"  - name: model\n    type: {type_}{PROPS.replace('TEAM', team)}{exports}{more}"
    return write_stack(folder, HEAD.format(name=name) + resource, model="".join(blocks))


def test_exists_statecheck_update_and_exports(con: Connection, tmp_path: Path) -> None:
    stack = write(tmp_path, "flow-one", EXISTS, CREATE, CHECK, UPDATE, EXPORTS, DELETE)
    built = build_ok(con, stack)
    assert built.names("created") == ["model"]
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model/flow-one"
    assert f'exported  model: arn = {arn}, tags = [{{"Key": "team", "Value": "ml"}}]' in built.lines
    assert build_ok(con, stack).names("unchanged") == ["model"]
    write(tmp_path, "flow-one", EXISTS, CREATE, CHECK, UPDATE, EXPORTS, DELETE, team="research")
    assert build_ok(con, stack).names("updated") == ["model"]
    assert run_stack(con, stack, "test").names("passed") == ["model"]
    assert build_ok(con, stack, command="teardown").names("deleted") == ["model"]
    place = f"{stack}/stackql_manifest.yml:8"
    assert f"{place}: model is not as it should be" in str(run_stack(con, stack, "test").error)


@pytest.mark.parametrize(
    "blocks",
    [
        (CHECK, CREATE, DELETE),
        (EXPORTS, CREATE, DELETE),
        (EXISTS, EXPORTS, CREATE, DELETE),
        (EXISTS, CREATE, DELETE),  # failed after every create
        (EXISTS.replace("exists", "preflight"), CHECK.replace("statecheck", "postdeploy"), CREATE, DELETE),
        (EXISTS.replace("*/\nSELECT", "*/ SELECT"), CREATE, DELETE),
    ],
)
def test_a_row_is_created_once_whichever_block_looks_for_it(
    con: Connection, em: Emulator, tmp_path: Path, blocks: tuple[str, ...]
) -> None:
    stack = write(tmp_path, "once", *blocks)
    assert build_ok(con, stack).names("created") == ["model"]
    em.reset_calls()
    assert build_ok(con, stack).names("unchanged") == ["model"]
    assert not [call for call in em.calls if call.committed]
    assert build_ok(con, stack, command="teardown").names("deleted") == ["model"]


def test_createorupdate_runs_in_every_build(con: Connection, em: Emulator, tmp_path: Path) -> None:
    either = CREATE.replace("create */", "createorupdate */").replace("INSERT INTO", "INSERT OR IGNORE INTO")
    stack = write(tmp_path, "either", either, CHECK, DELETE)
    assert build_ok(con, stack).names("created") == ["model"]
    assert build_ok(con, stack).names("unchanged") == ["model"], "it ran and wrote nothing"
    assert [call.operation for call in em.calls if call.committed] == ["CreateModel"]
    build_ok(con, stack, command="teardown")


def test_a_block_that_changes_a_row_is_an_update_and_no_rollback_deletes_the_row(
    con: Connection, tmp_path: Path
) -> None:
    build_ok(con, write(tmp_path / "made", "changed", EXISTS, CREATE, DELETE))
    broken = "  - {name: broken, type: command, sql: \"SELECT 'no'::INT\"}\n"
    never = EXISTS.replace("count(*)", "0")
    for name in ("create", "createorupdate"):
        block = UPDATE.replace("update", name)
        stack = write(
            tmp_path / name,
            "changed",
            never,
            block,
            DELETE,
            team=name,
            more="    skip_validation: true\n" + broken,
        )
        ran = run_stack(con, stack, on_failure="rollback")
        assert (ran.names("updated"), ran.names("created"), ran.names("rolled back")) == (["model"], [], [])
    assert build_ok(con, tmp_path / "made", command="teardown").names("deleted") == ["model"]


def test_checks_pause_between_two_tries_and_not_after_the_last(con: Connection, tmp_path: Path) -> None:
    stack = write(tmp_path, "retries", CHECK.replace("'{{ team }}'", "'nobody'"), CREATE, DELETE)
    ran = run_stack(con, stack)
    assert f"{stack}/stackql_manifest.yml:8: model is not as it should be after its build" in str(ran.error)
    assert ran.sleeps == [7, 7], "one pause before the create, one after it"
    build_ok(con, stack, command="teardown")


@pytest.mark.parametrize("check", [CHECK, EXPORTS + "AND tag_map['team'] = '{{ team }}'\n"])
def test_a_row_that_is_not_as_it_should_be_is_deleted_even_if_no_block_looks_for_it(
    con: Connection, tmp_path: Path, check: str
) -> None:
    parts = (check, CREATE.replace("'{{ tags }}'", "'[]'"), DELETE)
    stack = write(tmp_path, "drift", *parts)
    ran = run_stack(con, stack, on_failure="rollback")
    assert (ran.names("created"), ran.names("rolled back")) == (["model"], ["model"])
    assert run_stack(con, stack).names("created") == ["model"], "the rollback deleted it"
    assert build_ok(con, stack, command="teardown").names("deleted") == ["model"]
    assert build_ok(con, stack, command="teardown").names("absent") == ["model"]


def test_a_row_that_its_delete_leaves_is_an_error_of_the_block(con: Connection, tmp_path: Path) -> None:
    nothing = DELETE.replace("'{{ stack_name }}'", "'another'")
    stack = write(tmp_path, "left", EXISTS.replace("exists", "exists, postdelete_retries=1"), CREATE, nothing)
    build_ok(con, stack)
    error = run_stack(con, stack, "teardown").error
    assert f"{stack}/resources/model.iql:" in str(error) and "model was deleted and is still there" in str(
        error
    )
    write(tmp_path, "left", EXISTS, CREATE, DELETE)
    build_ok(con, stack, command="teardown")


def test_a_row_that_differs_and_has_no_update_is_an_error(con: Connection, tmp_path: Path) -> None:
    stack = write(tmp_path, "stuck", EXISTS, CREATE, CHECK, DELETE)
    build_ok(con, stack)
    write(tmp_path, "stuck", EXISTS, CREATE, CHECK, DELETE, team="research")
    assert "there is no block `update` to change it" in str(run_stack(con, stack).error)
    write(
        tmp_path, "stuck", EXISTS, CREATE, CHECK, DELETE, team="research", more="    skip_validation: true\n"
    )
    assert build_ok(con, stack).names("unchanged") == ["model"]
    build_ok(con, stack, command="teardown")


def test_a_failed_write_of_a_multi_resource_is_a_warning_and_its_checks_decide(
    con: Connection, tmp_path: Path
) -> None:
    twice = CREATE + CREATE.replace("/*+ create */", "")
    stack = write(tmp_path, "both", EXISTS, twice, DELETE, type_="multi")
    ran = build_ok(con, stack)
    assert ran.names("warning") == ["model"]
    assert "already exists" in ran.text.lower()
    build_ok(con, stack, command="teardown")


PARTS = """
  - name: first
    type: command
    sql: SELECT 1
    auth: {aws: {type: aws_signing_v1, keyIDenvvar: AWS_ACCESS_KEY_ID, credentialsenvvar: AWS_SECRET_ACCESS_KEY}}
  - {name: seen, type: query,
     sql: "SELECT '0012' AS id, 'FAILED: syntax error' AS note, 7 AS n, [1, 2] AS list, {'a': true} AS map",
     exports: [id, n, list, {map: object}]}
  - name: script
    type: script
    run: "PYTHON -c 'import json; print(json.dumps(dict(twice={{ n }} * 2, word=\\"x\\")))'"
    exports: [twice, word]
  - {name: last, type: query, sql: "SELECT '{{ twice }}' || '{{ list }}' || '{{ object }}' AS whole", exports: [whole]}
exports: [twice, whole, list, id]
"""


def test_queries_commands_and_scripts_export_to_later_resources(con: Connection, tmp_path: Path) -> None:
    stack = write_stack(tmp_path, HEAD.format(name="parts") + PARTS.replace("PYTHON", sys.executable))
    ran = build_ok(con, stack)
    outputs = {
        name: ran.outputs[name] for name in ("stack_name", "stack_env", "id", "twice", "whole", "list")
    }
    assert outputs == {
        "stack_name": "parts",
        "stack_env": "dev",
        "id": "0012",
        "twice": 14,
        "whole": '14[1,2]{"a":true}',
        "list": [1, 2],
    }
    # 1.9.5 ends at a script in a test, and at a command in a teardown.
    assert run_stack(con, stack, "test").outputs["whole"] == outputs["whole"]
    assert run_stack(con, stack, "teardown").error is None


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("exit 3", "ended with exit code 3"),
        ("echo no", "printed no JSON object"),
        ("echo '{}'", "exports 'twice'"),
    ],
)
def test_a_script_that_fails_ends_the_stack(con: Connection, tmp_path: Path, run: str, expected: str) -> None:
    script = f"  - {{name: script, type: script, run: {json.dumps(run)}, exports: [twice]}}\n"
    assert expected in str(run_stack(con, write_stack(tmp_path, HEAD.format(name="bad") + script)).error)


ENVIRONMENTS = """
  - name: seen
    type: query
    sql: SELECT '{{ size }}' AS size, '{{ tags }}' AS tags, '{{ options }}' AS options
    props:
      - name: size
        values: {dev: {value: small}, prod: {value: large}}
      - {name: more, value: [{Key: env, Value: "{{ stack_env }}"}, {Key: b, Value: 2}]}
      - {name: tags, value: [{Key: z, Value: "True"}, {Key: b, Value: 2}], merge: [more]}
      - {name: base, value: {a: 1, flag: true}}
      - {name: options, value: {a: 2}, merge: [base]}
    exports: [size, tags, options]
  - name: only
    type: query
    if: "'{{ stack_env }}' == 'prod' and len('{{ region }}') > 3"
    sql: SELECT 1 AS one
    exports: [one]
exports: [size, tags, options]
"""


def test_environments_merges_and_conditions(con: Connection, tmp_path: Path) -> None:
    stack = write_stack(tmp_path, HEAD.format(name="env") + ENVIRONMENTS)
    dev = build_ok(con, stack)
    # The order is that of the manifest, and a text "True" keeps its case.
    assert dev.outputs["tags"] == [
        {"Key": "z", "Value": "True"},
        {"Key": "b", "Value": 2},
        {"Key": "env", "Value": "dev"},
    ]
    assert (dev.outputs["size"], dev.outputs["options"]) == ("small", {"a": 1, "flag": True})
    assert dev.names("skipped") == ["only"]
    prod = build_ok(con, stack, environment="prod")
    assert (prod.outputs["size"], prod.names("skipped")) == ("large", [])
    missing = run_stack(con, stack, environment="prd")
    assert "size has no value for the environment 'prd'; it has dev, prod. Did you mean 'prod'?" in str(
        missing.error
    )


FILTERS = """
  - name: seen
    type: query
    props:
      - {name: text, value: "it's -- 5"}
      - {name: list, value: [a, b'c]}
      - {name: map, value: {x: [1], y: "true"}}
      - {name: id, value: "{{ uuid() }}"}
    sql: >
      SELECT '{{ text }}' AS plain, '{{ text | sql_escape }}' AS escaped, 'b''c' IN {{ list | sql_list }} AS listed,
      '{{ map | generate_patch_document }}' AS patch, '{{ (map | from_json).x[0] }}' AS first,
      '{{ text | base64_encode }}' AS encoded, '{{ list | merge_lists(["a", "d"]) }}' AS merged,
      length('{{ id }}') AS length, {{ 'NULL' }} AS bare -- a comment with {{ text }}
    exports: [plain, escaped, listed, patch, first, encoded, merged, length, bare]
exports: [plain, escaped, listed, patch, first, encoded, merged, length, bare]
"""


def test_each_filter_has_its_documented_value(con: Connection, tmp_path: Path) -> None:
    outputs = build_ok(con, write_stack(tmp_path, HEAD.format(name="filters") + FILTERS)).outputs
    assert outputs["plain"] == outputs["escaped"] == "it's -- 5"
    assert outputs["listed"] is True
    assert outputs["patch"] == [
        {"op": "add", "path": "/x", "value": [1]},
        {"op": "add", "path": "/y", "value": True},
    ]
    assert outputs["encoded"] == "aXQncyAtLSA1"
    assert (outputs["first"], outputs["merged"], outputs["length"], outputs["bare"]) == (
        "1",
        ["a", "b'c", "d"],
        36,
        "",
    )


def test_the_manifest_of_the_documentation_runs_with_variables(con: Connection, tmp_path: Path) -> None:
    manifest, statement, variables = MANIFEST, ALL, VARIABLES
    write_stack(
        tmp_path,
        manifest,
        inference_experiment=f"""
/*+ exists */
SELECT count(*) AS count FROM aws.sagemaker.inference_experiments
WHERE Name = '{{{{ Name }}}}' AND region = '{{{{ region }}}}'
{statement}
/*+ delete */
DELETE FROM aws.sagemaker.inference_experiments
WHERE data__Identifier = '{{{{ Name }}}}' AND region = '{{{{ region }}}}'
""",
    )
    ran = build_ok(con, tmp_path, variables=variables)
    assert ran.names("created") == ["inference_experiment"]
    assert build_ok(con, tmp_path, variables=variables).names("unchanged") == ["inference_experiment"]
    rows = con.sql(
        "SELECT model_variants[1].InfrastructureConfig.RealTimeInferenceConfig.InstanceCount, tags[1].Value "
        f"FROM aws.sagemaker.inference_experiments WHERE name = '{variables['Name']}'"
    ).fetchall()
    assert rows == [(1, variables["Value"])]
    # The same without SQL.
    table = "    table: aws.sagemaker.inference_experiments\n"
    (tmp_path / "stackql_manifest.yml").write_text(
        manifest.replace("- name: inference_experiment\n", f"- name: inference_experiment\n{table}")
    )
    assert build_ok(con, tmp_path, variables=variables).names("unchanged") == ["inference_experiment"]
    assert build_ok(con, tmp_path, variables=variables, command="teardown").names("deleted") == [
        "inference_experiment"
    ]
    assert build_ok(con, tmp_path, variables=variables).names("created") == ["inference_experiment"]


def test_a_protected_export_is_never_shown(con: Connection, tmp_path: Path) -> None:
    text = """
  - {name: secret, type: query, sql: "SELECT 'hush-5' AS word, 'open' AS other", exports: [word, other],
     protected: [word]}
  - {name: user, type: query, sql: "SELECT '{{ word }}' AS again", exports: [again]}
  - {name: bad, type: query, sql: "SELECT '{{ word }}'::INT AS number", exports: [number]}
exports: [word, other]
"""
    ran = run_stack(con, write_stack(tmp_path, HEAD.format(name="secret") + text), shows_queries=True)
    shown = "\n".join(ran.lines)
    assert "word = (protected), other = open" in shown
    assert "SELECT '(protected)' AS again" in shown
    assert ran.names("failed") == ["bad"] and "hush-5" in str(ran.error)
    assert "hush-5" not in shown.replace("SELECT 'hush-5' AS word", "", 1)  # the manifest's own text


def test_values_that_threads_protect_at_once_are_all_hidden() -> None:
    lines: list[str] = []
    reporter = Reporter(lines.append)
    values = [f"value-{number}-x" for number in range(400)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(reporter.protect, values))
    finally:
        sys.setswitchinterval(before)
    reporter.report("exported", text=" ".join(values))
    assert lines == ["exported: " + " ".join(["(protected)"] * len(values))]


def test_a_protected_export_is_hidden_as_sql_and_json_spell_it_and_in_errors() -> None:
    lines: list[str] = []
    reporter = Reporter(lines.append)
    word, inner = 'it\'s "5"', "d\u00e4\nk"
    for value in (word, json.dumps({"inner": [inner]})):
        reporter.protect(value)
    spellings = [spell(each) for each in (word, inner) for spell in (str, json.dumps)]
    reporter.report("query", text=" ".join([*spellings, *(each.replace("'", "''") for each in spellings)]))
    assert lines == ["query: " + " ".join(["(protected)", '"(protected)"'] * 4)]
    with pytest.raises(DataError, match=r"^no \(protected\)$"), reporter.hiding():
        raise DataError(f"no {word}")


def test_a_dry_run_shows_every_statement_and_runs_none(con: Connection, em: Emulator, tmp_path: Path) -> None:
    stack = write(tmp_path, "dry", EXPORTS, CREATE, DELETE)  # with exports alone 1.9.5 crashes
    ran = run_stack(con, stack, "dry-run")
    assert (ran.error, em.calls) == (None, [])
    assert [each["block"] for each in ran.details] == ["exports", "create", "delete"]
    assert "INSERT INTO aws.sagemaker.models" in ran.text and '[{"Key":"team","Value":"ml"}]' in ran.text


def test_mistakes_of_a_stack_are_found_before_the_first_call_and_all_at_once(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    text = """
  - {name: model, typ: resource, props: [{name: a, value: "{{ regoin }}"}, {name: b}]}
  - {name: other, type: qery, sql: "SELECT {{ nothing }}"}
  - {name: gone, exports: [x], protected: [y]}
  - {name: gone, type: script, run: ls}
  - {name: script, type: script}
  - {name: keys, type: query, sql: "SELECT 1", auth: {aws: {keyIDenvvar: MY_KEY, username_var: AWS_ACCESS_KEY_ID}}}
exports: [missing]
"""
    iql = "/*+ exist */\nSELECT 1\n/*+ create, retires=3, retries=x */\nSELECT '{{ team }}'\n/*+ delete */\n"
    stack = write_stack(tmp_path, HEAD.format(name="wrong").replace("[aws]", "[azure]") + text, model=iql)
    error = str(run_stack(con, stack).error)
    for expected in (
        "stackql_manifest.yml:9: unknown key 'typ' in resource 'model'",
        "the variable 'regoin' is not defined. Did you mean 'region'?",
        "the property 'b' needs `value` or `values`",
        "unknown type 'qery'",
        "Did you mean 'query'?",
        "the resource 'gone' is already on line 11",
        "the variable 'nothing' is not defined. Add --var nothing=…",
        "gone.iql does not exist",
        "'y' is protected and not among the exports",
        "the script 'script' needs `run`",
        "stackql_manifest.yml:14: `auth` names MY_KEY; every resource uses the credentials of the AWS CLI",
        "the stack exports 'missing'",
        "unknown provider 'azure'; expected one of aws",
        "model.iql:1: unknown block 'exist'",
        "Did you mean 'exists'?",
        "model.iql:3: unknown option 'retires'",
        "model.iql:3: retries = 'x'; expected a whole number",
        "model.iql:4: the variable 'team' is not defined.",
    ):
        assert expected in error, error
    assert em.calls == []


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (
            (EXISTS.replace("AS count", "AS number"), CREATE),
            "returned the columns number; expected one called count",
        ),
        (
            (EXISTS.replace("count(*)", "count(*) + 2"), CREATE),
            "the block `exists` counted 2 rows; expected 0 or 1",
        ),
        ((EXISTS.replace("ModelName =", "ModelNam ="), CREATE), "model.iql:4: "),
        ((EXISTS, CREATE.replace("ExecutionRoleArn", "ExecutionRole")), "has no column ExecutionRole"),
    ],
)
def test_an_error_of_a_statement_names_file_and_line(
    con: Connection, tmp_path: Path, blocks: tuple[str, ...], expected: str
) -> None:
    ran = run_stack(con, write(tmp_path, "where", *blocks))
    assert expected in str(ran.error)
    assert f"{tmp_path}/resources/model.iql:" in str(ran.error)
