"""A fault at each call of a build of two resources: nothing is made twice, nothing is reported that is not there, and
the next build ends the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_sagemaker import connection
from slices import SWEEP
from stacks import ROLE, StackRun, build_ok, run_stack, write_stack

from sqlprov.api.connection import Connection
from sqlprov.emulator import FAULTS, Emulator, Fault

OPERATIONS = {"model": "CreateModel", "config": "CreateEndpointConfig"}
HEAD = """
name: NAME
globals: [{name: region, value: us-east-1}]
resources:
"""
TABLES = """
  - name: model
    table: aws.sagemaker.models
    props:
      - {name: ModelName, value: "{{ stack_name }}"}
      - {name: ExecutionRoleArn, value: ROLE}
      - {name: PrimaryContainer, value: {Image: 1.dkr.ecr.us-east-1.amazonaws.com/m}}
    exports: [{ModelName: model}]
  - name: config
    table: aws.sagemaker.endpoint_configs
    props:
      - {name: EndpointConfigName, value: "{{ model }}"}
      - name: ProductionVariants
        value: [{VariantName: one, ModelName: "{{ model }}", InstanceType: ml.m5.large, InitialInstanceCount: 1}]
    exports: [{EndpointConfigArn: arn}]
exports: [model, arn]
"""
STATEMENTS = """
  - {name: model, exports: [{model_name: model}]}
  - {name: config, exports: [{endpoint_config_arn: arn}]}
exports: [model, arn]
"""
MODEL = """
/*+ exists */
SELECT count(*) AS count FROM aws.sagemaker.models WHERE ModelName = '{{ stack_name }}'
/*+ create */
INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer)
SELECT '{{ stack_name }}', 'ROLE', '{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/m"}'
/*+ statecheck, retries=2 */
SELECT count(*) AS count FROM aws.sagemaker.models
WHERE ModelName = '{{ stack_name }}' AND execution_role_arn = 'ROLE'
/*+ exports */
SELECT model_name FROM aws.sagemaker.models WHERE ModelName = '{{ stack_name }}'
/*+ delete */
DELETE FROM aws.sagemaker.models WHERE ModelName = '{{ stack_name }}'
"""
CONFIG = """
/*+ exists */
SELECT count(*) AS count FROM aws.sagemaker.endpoint_configs WHERE EndpointConfigName = '{{ model }}'
/*+ create, retries=1 */
INSERT INTO aws.sagemaker.endpoint_configs (EndpointConfigName, ProductionVariants)
SELECT '{{ model }}',
  '[{"VariantName": "one", "ModelName": "{{ model }}", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]'
/*+ exports */
SELECT endpoint_config_arn FROM aws.sagemaker.endpoint_configs WHERE EndpointConfigName = '{{ model }}'
/*+ delete */
DELETE FROM aws.sagemaker.endpoint_configs WHERE EndpointConfigName = '{{ model }}'
"""


@pytest.fixture(scope="module")
def em() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def con(em: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with connection(em.url, settle=0.05, max_attempts=2, timeout=0.3) as opened:
        build_ok(opened, write_tables(tmp_path_factory.mktemp("shared"), "shared"))
        yield opened


def write_tables(folder: Path, name: str) -> Path:
    return write_stack(folder, (HEAD + TABLES).replace("NAME", name, 1).replace("ROLE", ROLE))


def write_statements(folder: Path, name: str) -> Path:
    blocks = {"model": MODEL.replace("ROLE", ROLE), "config": CONFIG}
    return write_stack(folder, (HEAD + STATEMENTS).replace("NAME", name, 1), **blocks)


def write_neighbors(folder: Path, name: str) -> Path:
    """Resources that are built at once."""
    text = TABLES.replace(
        'EndpointConfigName, value: "{{ model }}"', 'EndpointConfigName, value: "c-{{ stack_name }}"'
    )
    text = text.replace('ModelName: "{{ model }}"', "ModelName: shared")
    return write_stack(folder, (HEAD + text).replace("NAME", name, 1).replace("ROLE", ROLE))


def find(con: Connection, name: str) -> set[str]:
    """The resources of a stack that are there."""
    rows = con.sql(
        f"SELECT 'model' FROM aws.sagemaker.models WHERE model_name = '{name}' UNION ALL "
        f"SELECT 'config' FROM aws.sagemaker.endpoint_configs WHERE endpoint_config_name IN ('{name}', 'c-{name}')"
    ).fetchall()
    assert len(rows) == len({*rows})
    return {resource for (resource,) in rows}


def check(ran: StackRun, there: set[str], made: list[str]) -> None:
    """What a build reports is there, and what is not certain is not reported."""
    assert len(made) == len({*made}), "made twice"
    for event in ("created", "unchanged", "exported"):
        assert {name for name in ran.names(event) if name} <= there, ran.text
    for resource, operation in OPERATIONS.items():
        outcomes = [line for line in ran.lines if line.startswith(f"outcome   {resource}: ")]
        assert (operation in made) == (resource in there), "nothing but this build makes it"
        if any(": ok " in line for line in outcomes):
            assert resource in there, ran.text
    if ran.error is None:
        assert there == {*OPERATIONS}
    else:
        assert ran.names("failed"), ran.text


def list_faults(em: Emulator) -> Iterator[Fault]:
    """Faults at each call of the build before and from it on; without a sweep, one for a read and three for a write."""
    for at, call in enumerate(em.calls, 1):
        faults = [Fault(kind, at=at, times=times) for kind in FAULTS for times in (1, None)]
        chosen = [faults[at * 7 % len(faults)]]
        if call.committed:
            chosen += [Fault("access_denied", at=at), Fault("timeout_after", at=at, times=None)]
        yield from faults if SWEEP else chosen


@pytest.mark.parametrize("write", [write_tables, write_statements, write_neighbors])
def test_after_a_fault_at_any_call_the_next_build_ends_the_work(
    con: Connection, em: Emulator, tmp_path: Path, write: Callable[[Path, str], Path]
) -> None:
    prefix = write.__name__.partition("_")[2]
    em.reset_calls()
    build_ok(con, write(tmp_path, prefix))
    for number, fault in enumerate([*list_faults(em)]):
        name = f"{prefix}-{number}"
        stack = write(tmp_path, name)
        em.reset_calls()
        em.inject(fault)
        ran = run_stack(con, stack)
        em.clear_faults()
        made = [call.operation for call in em.calls if call.committed]
        check(ran, find(con, name), made)
        em.reset_calls()
        last = build_ok(con, stack)
        made += [call.operation for call in em.calls if call.committed]
        assert sorted(made) == sorted(OPERATIONS.values()), (fault, ran.text, last.text)
        assert sorted(last.names("created") + last.names("unchanged")) == ["config", "model"]
        assert find(con, name) == {*OPERATIONS}
        if ran.error is None:
            assert {**ran.outputs, "elapsed_time": 0} == {**last.outputs, "elapsed_time": 0}


def test_a_rollback_takes_back_what_is_certain_and_names_what_is_not(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    em.reset_calls()
    build_ok(con, write_tables(tmp_path, "back"))
    for number, fault in enumerate([*list_faults(em)]):
        name = f"back-{number}"
        stack = write_tables(tmp_path, name)
        em.inject(fault)
        ran = run_stack(con, stack, on_failure="rollback")
        em.clear_faults()
        there = find(con, name)
        if ran.error is None:
            assert there == {*OPERATIONS}
        else:
            assert there <= {*ran.names("failed")} - {*ran.names("rolled back")}, (fault, ran.text)
        assert sorted(build_ok(con, stack).names("created")) == sorted({*OPERATIONS} - there)
