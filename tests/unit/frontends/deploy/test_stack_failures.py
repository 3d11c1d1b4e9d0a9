"""Builds that fail: what is reported is there, what is there is not made twice, and a second build ends the work."""

from __future__ import annotations

import _thread
import threading
from pathlib import Path

import pytest
from emulator_calls import wait_until
from stacks import ROLE, StackRun, build_ok, run_stack
from test_table_resources import CONFIG, MODEL, write

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator, Fault

BROKEN = """
    - {name: broken, type: command, sql: "SELECT 'no'::INT"}
"""
LAST = """
    - {name: last, type: query, sql: "SELECT 1 AS one", exports: [one]}
"""


def count(con: Connection, name: str) -> tuple[int, int]:
    """How many models and configurations of a stack there are."""
    (models,) = con.sql(
        f"SELECT count(*) FROM aws.sagemaker.models WHERE model_name LIKE '{name}-%'"
    ).fetchone()
    (configs,) = con.sql(
        f"SELECT count(*) FROM aws.sagemaker.endpoint_configs WHERE endpoint_config_name LIKE '{name}-%'"
    ).fetchone()
    return models, configs


def test_an_error_ends_the_build_and_the_next_one_goes_on(con: Connection, tmp_path: Path) -> None:
    ran = run_stack(con, write(tmp_path, "stop", MODEL, BROKEN, CONFIG))
    assert (ran.names("created"), ran.names("failed")) == (["model"], ["broken"])
    assert count(con, "stop") == (1, 0)
    ran = build_ok(con, write(tmp_path, "stop", MODEL, CONFIG))
    assert (ran.names("unchanged"), ran.names("created")) == (["model"], ["config"])


def test_failures_may_be_ignored_but_for_those_who_need_the_export(con: Connection, tmp_path: Path) -> None:
    failing = BROKEN.replace("command,", "query,").replace("}", ", exports: [number]}")
    needing = """
    - {name: needing, type: query, sql: "SELECT {{ number }} AS x", exports: [x]}
    """
    ran = run_stack(con, write(tmp_path, "ignore", failing, needing, MODEL, LAST), on_failure="ignore")
    assert ran.error is None
    assert ran.names("failed") == ["broken", "needing"]
    assert "needing uses an export of broken, which has none" in ran.text
    assert ran.names("created") == ["model"] and ran.names("exported") == ["model", "last"]


def test_a_rollback_takes_back_what_this_run_created_and_nothing_else(
    con: Connection, tmp_path: Path
) -> None:
    build_ok(con, write(tmp_path, "back", MODEL))
    ran = run_stack(con, write(tmp_path, "back", MODEL, CONFIG, BROKEN), on_failure="rollback")
    assert (ran.names("unchanged"), ran.names("rolled back")) == (["model"], ["config"])
    assert count(con, "back") == (1, 0)


@pytest.mark.parametrize("fails_within", [True, False])
def test_a_rollback_takes_back_resources_that_were_built_at_once(
    con: Connection, em: Emulator, tmp_path: Path, fails_within: bool
) -> None:
    models = [
        MODEL.replace("name: model\n", f"name: model-{number}\n")
        .replace("stack_env }}", f"stack_env }}}}-{number}")
        .replace("exports: [ModelArn, {model_name: model}]", "")
        for number in range(3)
    ]
    config = CONFIG.replace('"{{ model }}-config"', "together-config").replace("{{ model }}", "none")
    stack = write(tmp_path, "together", *models, *([config] if fails_within else [BROKEN]))
    em.inject(Fault("access_denied", operation="CreateEndpointConfig", times=None))
    ran = run_stack(con, stack, on_failure="rollback")
    assert ran.names("failed") == ["config" if fails_within else "broken"], ran.text
    assert ran.names("rolled back") == ["model-2", "model-1", "model-0"]
    assert count(con, "together") == (0, 0)


@pytest.mark.parametrize("on_failure", ["error", "ignore", "rollback"])
def test_an_unknown_outcome_stops_the_stack_and_is_not_repeated(
    con: Connection, em: Emulator, tmp_path: Path, on_failure: str
) -> None:
    stack = write(tmp_path, f"lost-{on_failure}", MODEL, LAST)
    em.inject(Fault("error500", operation="CreateModel", times=None))
    em.inject(Fault("error500", operation="DescribeModel", at=3, times=None))
    ran = run_stack(con, stack, on_failure=on_failure)
    assert "in us-east-1: unknown." in str(ran.error)
    assert ran.names("exported") == []
    em.clear_faults()
    assert build_ok(con, stack).names("created") == ["model"]


def test_a_failure_is_tried_again_only_if_it_had_no_effect(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    command = """
/*+ command, retries=2, retry_delay=9 */
INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer, region)
VALUES ('again-1', 'arn:aws:iam::123456789012:role/service', '{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/m"}',
  'us-east-1')
"""
    stack = write(tmp_path, "again", "\n    - {name: one, type: command}\n")
    (stack / "resources" / "one.iql").write_text(command)
    em.inject(Fault("access_denied", operation="CreateModel", times=1))
    ran = build_ok(con, stack)
    assert (ran.names("retry"), ran.sleeps) == (["one"], [9])
    assert count(con, "again") == (1, 0)


def test_an_interrupt_says_what_stands(con: Connection, em: Emulator, tmp_path: Path) -> None:
    stack, ran = write(tmp_path, "halt", MODEL, CONFIG), StackRun()
    em.inject(Fault("timeout_after", operation="CreateEndpointConfig"))
    con.sql("SET sqlprov_timeout = 0.5")

    def interrupt() -> None:
        wait_until(lambda: any(call.committed and "Config" in call.operation for call in em.calls))
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_stack(con, stack, into=ran)
    thread.join()
    con.sql("RESET sqlprov_timeout")
    assert ran.lines[-2].startswith(("outcome   config: ok", "outcome   config: unknown"))
    assert ran.lines[-1] == "interrupted: finished: model; created: model, config"
    em.clear_faults()
    assert build_ok(con, stack).names("unchanged") == ["model", "config"]


TWO_ROWS = f"""
/*+ exists */
SELECT count(*) AS count FROM aws.sagemaker.models WHERE model_name = '{{{{ stack_name }}}}-1' AND region = 'us-east-1'
/*+ create, retries=3, retry_delay=9 */
INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer, region)
SELECT '{{{{ stack_name }}}}-1', '{ROLE}', '{{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/m"}}', 'us-east-1';
SELECT 'no'::INT
/*+ delete */
DELETE FROM aws.sagemaker.models WHERE model_name LIKE '{{{{ stack_name }}}}-%' AND region = 'us-east-1'
"""


def test_a_create_that_fails_halfway_is_not_tried_again_and_is_rolled_back(
    con: Connection, tmp_path: Path
) -> None:
    stack = write(tmp_path, "half", "\n    - {name: rows}\n", BROKEN)
    (stack / "resources" / "rows.iql").write_text(TWO_ROWS)
    ran = run_stack(con, stack, on_failure="rollback")
    assert (ran.names("retry"), ran.names("rolled back")) == ([], ["rows"])
    assert "outcome   rows: ok      half-1 in us-east-1 (CreateModel)" in ran.lines
    assert count(con, "half") == (0, 0)


def test_a_rollback_deletes_of_several_rows_only_those_that_the_build_made(
    con: Connection, tmp_path: Path
) -> None:
    stack = write(tmp_path, "several", "\n    - {name: rows, type: multi}\n", BROKEN)
    (stack / "resources" / "rows.iql").write_text(TWO_ROWS)
    con.sql(
        "INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer, region) SELECT "
        f"'several-older', '{ROLE}', '{{\"Image\": \"1.dkr.ecr.us-east-1.amazonaws.com/m\"}}', 'us-east-1'"
    )
    ran = run_stack(con, stack, on_failure="rollback")
    assert (ran.names("rolled back"), ran.names("kept")) == (["rows"], [])
    assert "outcome   rows: ok      several-1 in us-east-1 (DeleteModel)" in ran.lines
    assert count(con, "several") == (1, 0)
    con.sql("DELETE FROM aws.sagemaker.models WHERE model_name = 'several-older' AND region = 'us-east-1'")


def test_a_row_that_its_find_does_not_find_is_named_and_rolled_back(con: Connection, tmp_path: Path) -> None:
    lost = MODEL + '      find: {execution_role_arn: "arn:aws:iam::123456789012:role/other"}\n'
    ran = run_stack(con, write(tmp_path, "unfound", lost), on_failure="rollback")
    assert "no row of aws.sagemaker.models has execution_role_arn = " in str(ran.error)
    assert "The row that it made is 'unfound-dev': change `find`, or delete it" in str(ran.error)
    assert ran.names("rolled back") == ["model"]
    assert count(con, "unfound") == (0, 0)


@pytest.mark.parametrize(
    ("command", "operation"),
    [
        ("build", "DescribeModel"),
        ("build", "CreateModel"),
        ("build", "AddTags"),
        ("test", "ListTags"),
        ("teardown", "DeleteModel"),
    ],
)
@pytest.mark.parametrize("on_failure", ["error", "ignore"])
def test_a_failure_of_any_step_is_the_resources_own(
    con: Connection, em: Emulator, tmp_path: Path, command: str, operation: str, on_failure: str
) -> None:
    name = f"step-{operation.lower()}-{on_failure}"
    resources = (MODEL, LAST)
    if operation != "CreateModel":
        build_ok(con, write(tmp_path, name, *resources))
    changed = MODEL.replace("Value: ml", "Value: research") if operation == "AddTags" else MODEL
    stack = write(tmp_path, name, changed, LAST)
    em.inject(Fault("access_denied", operation=operation, times=None))
    ran = run_stack(con, stack, command, on_failure=on_failure)
    em.clear_faults()
    if operation == "DescribeModel" and command == "build":
        assert "created" not in {event for event, _ in ran.events}, "a failed look-up leads to no create"
    assert ran.names("failed") == ["model"], ran.text
    assert (ran.error is None) == (on_failure == "ignore")
    assert f"{stack}/stackql_manifest.yml:9: model: " in ran.text and operation in ran.text
    if command != "teardown":
        assert ("last" in ran.names("exported")) == (on_failure == "ignore")
    last = build_ok(con, stack) if command == "build" else build_ok(con, stack, command=command)
    assert last.names("failed") == []
