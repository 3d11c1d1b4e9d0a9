from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from experiment_members import variant
from experiment_strategies import break_experiment, to_wire, valid
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_sagemaker import CATALOG, EXPERIMENTS, REGION, connection, experiment, insert, post, text
from slices import SWEEP

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator, Options
from sqlprov.errors import DataError
from sqlprov.output import write

NUMBERS = count()
READ = (
    "SELECT name AS Name, type AS Type, description AS Description, role_arn AS RoleArn, "
    "endpoint_name AS EndpointName, schedule AS Schedule, kms_key AS KmsKey, "
    "data_storage_config AS DataStorageConfig, model_variants AS ModelVariants, "
    "shadow_mode_config AS ShadowModeConfig, tags AS Tags "
    f"FROM {EXPERIMENTS} WHERE region = '{REGION}' AND name = $name"
)
RANDOM = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module")
def local() -> Iterator[tuple[Emulator, Connection]]:
    with Emulator(Options()) as em, connection(em.url) as con:
        em.seed_local()
        yield em, con


def a_name() -> str:
    return f"random-{next(NUMBERS)}"


def literal(value: Any) -> str:
    """A value as DuckDB's own literal: STRUCT, LIST, numbers, text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(name)}: {literal(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return text(value) if isinstance(value, str) else str(value)


def to_snake_case(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def map_members(members: dict[str, Any]) -> dict[str, Any]:
    """The members with tags as an object of keys and values."""
    if "Tags" not in members:
        return members
    return {**members, "Tags": {tag["Key"]: tag["Value"] for tag in members["Tags"]}}


HOW = {
    "JSON text": lambda value: text(value),
    "JSON": lambda value: f"{text(json.dumps(value))}::JSON",
    "literals": literal,
}
SPELLINGS = {
    "Pascal": str,
    "to_snake_case": to_snake_case,
    "upper": str.upper,
    "data": lambda name: f"data__{name}",
}


def format_json(members: dict[str, Any], how: str, spelling: str) -> str:
    values = ", ".join(HOW[how](value) for value in members.values())
    columns = ", ".join(SPELLINGS[spelling](name) for name in members)
    return f"INSERT INTO {EXPERIMENTS} ({columns}, region) SELECT {values}, '{REGION}'"


def detail(row: Any) -> Any:
    """A value as SELECT gives it, as it was sent: without what is NULL, and the Status of variants."""
    if isinstance(row, dict):
        return {name: detail(part) for name, part in row.items() if part is not None and name != "Status"}
    if isinstance(row, list):
        return [detail(part) for part in row]
    return row.isoformat(timespec="milliseconds") if isinstance(row, datetime) else row


def read(con: Connection, name: str) -> dict[str, Any]:
    result = con.sql(READ, {"name": name})
    (row,) = result.fetchall()
    result: dict[str, Any] = detail(dict(zip(result.columns, row, strict=True)))
    return result


def build_expected(members: dict[str, Any]) -> dict[str, Any]:
    tags = sorted(members.get("Tags", []), key=lambda tag: tag["Key"])
    return {**members, "Tags": tags}


@given(st.data())
@RANDOM
def test_what_is_inserted_in_any_form_is_what_select_gives(
    local: tuple[Emulator, Connection], data: st.DataObject
) -> None:
    _, con = local
    members = data.draw(valid(a_name()))
    sent = data.draw(st.sampled_from([members, map_members(members)]))
    con.sql(
        format_json(sent, data.draw(st.sampled_from(list(HOW))), data.draw(st.sampled_from(list(SPELLINGS))))
    )
    assert read(con, members["Name"]) == build_expected(members)


@given(st.data())
@settings(RANDOM, max_examples=30)
def test_what_is_inserted_by_parameters_is_what_select_gives(
    local: tuple[Emulator, Connection], data: st.DataObject
) -> None:
    _, con = local
    members = data.draw(valid(a_name()))
    values = ", ".join(f"${name}" for name in members)
    con.sql(f"INSERT INTO {EXPERIMENTS} ({', '.join(members)}, region) SELECT {values}, '{REGION}'", members)
    assert read(con, members["Name"]) == build_expected(members)


@given(st.data())
@settings(RANDOM, max_examples=400 if SWEEP else 120)
def test_what_the_service_refuses_is_refused_before_any_call_and_nothing_else(
    local: tuple[Emulator, Connection], data: st.DataObject
) -> None:
    em, con = local
    members = data.draw(break_experiment(a_name()))
    status, reply = post(em.url, "CreateInferenceExperiment", to_wire(members))
    if status == 200:
        em.remove("InferenceExperiment", REGION, members["Name"])
    em.reset_calls()
    if status == 200:
        con.sql(insert(members))
    else:
        with pytest.raises(DataError):
            con.sql(insert(members))
        assert em.calls == [], reply


@pytest.mark.parametrize("member", [name for name in experiment("x") if name != "Name"])
def test_every_required_member_that_is_missing_or_null_is_named(
    local: tuple[Emulator, Connection], member: str
) -> None:
    em, con = local
    members = experiment("incomplete")
    column = re.sub("(?<=[a-z])(?=[A-Z])", "_", member).lower()
    em.reset_calls()
    null = ", ".join("NULL" if name == member else text(value) for name, value in members.items())
    with pytest.raises(DataError, match=f"row 1 has NULL for the required {column}"):
        con.sql(f"INSERT INTO {EXPERIMENTS} ({', '.join(members)}, region) VALUES ({null}, '{REGION}')")
    del members[member]
    with pytest.raises(DataError, match=rf"needs {column}\.$"):
        con.sql(insert(members))
    assert em.calls == []


def test_all_problems_of_all_rows_are_reported_at_once(local: tuple[Emulator, Connection]) -> None:
    em, con = local
    em.reset_calls()
    one, two = insert(experiment("O'Brien", RoleArn="x")), insert(experiment("two", EndpointName="a_b"))
    with pytest.raises(DataError) as raised:
        con.sql(f"{one}, {two[two.index('VALUES') + 6 :]}")
    assert [line.partition(":")[0].strip() for line in str(raised.value).splitlines()[1:]] == [
        "row 1, Name",
        "row 1, RoleArn",
        "row 2, EndpointName",
    ]
    assert em.calls == []


# The instance types of the seed (create_inference_experiment).
SIZES = {
    "t2": "medium large xlarge 2xlarge",
    "t3": "medium large xlarge 2xlarge",
    "m4": "xlarge 2xlarge 4xlarge 10xlarge 16xlarge",
    "m5": "xlarge 2xlarge 4xlarge 12xlarge 24xlarge",
    "m5d": "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge",
    "c4": "xlarge 2xlarge 4xlarge 8xlarge",
    "c5": "xlarge 2xlarge 4xlarge 9xlarge 18xlarge",
    "c5d": "xlarge 2xlarge 4xlarge 9xlarge 18xlarge",
    "p2": "xlarge 8xlarge 16xlarge",
    "p3": "2xlarge 8xlarge 16xlarge",
    "p3dn": "24xlarge",
    "g4dn": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge",
    "r5": "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge",
    "g5": "xlarge 2xlarge 4xlarge 8xlarge 16xlarge 12xlarge 24xlarge 48xlarge",
    "inf1": "xlarge 2xlarge 6xlarge 24xlarge",
    "p4d": "24xlarge",
    "p4de": "24xlarge",
}
UNLISTED = {
    *("ml.t3.medium", "ml.t3.large", "ml.t3.xlarge", "ml.t3.2xlarge", "ml.p3dn.24xlarge"),
    *("ml.m5d.8xlarge", "ml.m5d.16xlarge", "ml.r5.8xlarge", "ml.r5.16xlarge"),
}
"""Those that botocore's model lacks."""


def test_every_instance_type_of_the_seed_is_sent_and_the_unlisted_ones_are_warned_about(
    local: tuple[Emulator, Connection],
) -> None:
    em, con = local
    kinds = [f"ml.{family}.{size}" for family, sizes in SIZES.items() for size in sizes.split()]
    assert len(kinds) == 75
    rows = [
        experiment(f"on-{kind.replace('.', '-')}", ModelVariants=[variant("production", instance=kind)])
        for kind in kinds
    ]
    values = ", ".join(f"({', '.join(text(value) for value in row.values())}, '{REGION}')" for row in rows)
    result = con.sql(f"INSERT INTO {EXPERIMENTS} ({', '.join(rows[0])}, region) VALUES {values}")
    for kind, row in zip(kinds, rows, strict=True):
        record = em.get("InferenceExperiment", REGION, row["Name"])
        assert record is not None
        config = record["ModelVariants"][0]["InfrastructureConfig"]["RealTimeInferenceConfig"]
        assert config["InstanceType"] == kind
    warned = {
        kind for warning in result.warnings for kind in kinds if f"'{kind}'" in str(warning).split(";")[0]
    }
    assert (warned, len(result.warnings)) == (UNLISTED, len(UNLISTED))


@pytest.mark.parametrize(
    "key",
    [
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/ExampleAlias",
        "arn:aws:kms:us-west-2:111122223333:alias/ExampleAlias",
    ],
)
def test_every_format_of_a_kms_key_is_sent_as_it_is(local: tuple[Emulator, Connection], key: str) -> None:
    em, con = local
    name = a_name()
    storage = {"Destination": "s3://bucket", "KmsKey": key}
    result = con.sql(insert(experiment(name, KmsKey=key, DataStorageConfig=storage)))
    record = em.get("InferenceExperiment", REGION, name)
    assert record is not None
    assert (record["KmsKey"], record["DataStorageConfig"]["KmsKey"]) == (key, key)
    assert result.warnings == []


@pytest.mark.parametrize("how", ["", " BY NAME"])
def test_tags_of_aws_are_left_out_of_a_copy_with_a_note(local: tuple[Emulator, Connection], how: str) -> None:
    em, con = local
    name, copy = a_name(), a_name()
    tags = {"aws:cloudformation:stack-name": "s", "AWS:x": "", **{f"t{at}": "é" for at in range(50)}}
    em.add("InferenceExperiment", REGION, {**experiment(name), "Status": "Created", "Tags": tags})
    result = con.sql(
        f"INSERT INTO {EXPERIMENTS}{how} SELECT * REPLACE ('{copy}' AS name) FROM {EXPERIMENTS} "
        f"WHERE region = '{REGION}' AND name = '{name}'"
    )
    record = em.get("InferenceExperiment", REGION, copy)
    assert record is not None
    assert {tag["Key"] for tag in record["Tags"]} == {f"t{at}" for at in range(50)}
    assert "AWS:x, aws:cloudformation:stack-name: AWS's own tags, left out" in result.outcomes[0].reason


# What a copy has of its own.
OWN = {"arn", "data__Identifier", "creation_time", "last_modified_time", "completion_time", "status"}
OWN |= {"status_reason", "desired_state", "last_deployment_config", "pending_deployment_summary"}
OWN |= {"endpoint_metadata", "failure_reason", "endpoint_status"}


WRITABLE = ("endpoint_configs", "endpoints", "inference_experiments", "models")


@pytest.mark.parametrize("table_name", WRITABLE)
def test_a_row_inserted_from_the_tables_own_select_is_the_same_but_for_its_name(
    local: tuple[Emulator, Connection], table_name: str
) -> None:
    _, con = local
    table = CATALOG.get_table("aws", "sagemaker", table_name)
    (key,) = table.key
    named = [name for (name,) in con.sql(f"SELECT {key} FROM {table.full_name}").fetchall()]
    assert named
    for name in named[:4]:
        where = f"WHERE region = '{REGION}' AND {key}"
        select = f"SELECT * REPLACE ('copy-of-' || {key} AS {key}) FROM {table.full_name} {where} = $name"
        con.sql(f"INSERT INTO {table.full_name} {select}", {"name": name})
        both = con.sql(f"FROM {table.full_name} {where} IN ($name, 'copy-of-' || $name)", {"name": name})
        rows = {row[both.columns.index(key)]: row for row in both.fetchall()}
        first, second = (
            detail(dict(zip(both.columns, rows[each], strict=True))) for each in (name, f"copy-of-{name}")
        )
        # The service makes a schedule for one that was given none.
        made = set() if first.get("schedule") else {"schedule"}
        for column in set(both.columns) - OWN - made - {key, table.arn}:
            assert bare(second.get(column)) == bare(first.get(column)), column
        con.sql(f"DELETE FROM {table.full_name} {where} = 'copy-of-' || $name", {"name": name})


def bare(value: Any) -> Any:
    """A variant without what the service reports of it."""
    if isinstance(value, dict):
        reported = ("VariantStatus", "DeployedImages", "CurrentWeight", "CurrentInstanceCount")
        return {name: bare(part) for name, part in value.items() if not name.startswith(reported)}
    return [bare(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "parquet"])
def test_what_was_printed_in_any_format_that_duckdb_reads_can_be_inserted_again(
    local: tuple[Emulator, Connection], tmp_path: Path, format: str
) -> None:
    em, con = local
    file = tmp_path / f"printed.{format}"
    with file.open("wb") as stream:
        one = f"FROM {EXPERIMENTS} WHERE region = '{REGION}' AND name = 'pricing-elasticity'"
        write(con.sql(one), format, stream)
    con.sql(f"INSERT INTO {EXPERIMENTS} BY NAME SELECT * REPLACE ('from-{format}' AS name) FROM '{file}'")
    names = ("pricing-elasticity", f"from-{format}")
    first, second = (em.get("InferenceExperiment", REGION, name) for name in names)
    assert first is not None and second is not None
    for member in ("Description", "Schedule", "ModelVariants", "ShadowModeConfig", "DataStorageConfig"):
        assert second.get(member) == first.get(member)
    assert sorted(map(str, second["Tags"])) == sorted(map(str, first["Tags"]))


def test_rows_inserted_by_name_may_come_from_a_file(
    local: tuple[Emulator, Connection], tmp_path: Any
) -> None:
    em, con = local
    file = tmp_path / "experiments.parquet"
    con.sql(
        f"COPY (FROM {EXPERIMENTS} WHERE region = '{REGION}' AND name = 'pricing-elasticity') TO '{file}'"
    )
    con.sql(f"INSERT INTO {EXPERIMENTS} BY NAME SELECT * REPLACE ('from-a-file' AS name) FROM '{file}'")
    first, second = (
        em.get("InferenceExperiment", REGION, name) for name in ("pricing-elasticity", "from-a-file")
    )
    assert first is not None and second is not None
    assert second["ModelVariants"] == first["ModelVariants"]
    assert sorted(map(str, second["Tags"])) == sorted(map(str, first["Tags"]))


@pytest.mark.parametrize("value", ["2147483648", "-2147483649", "'1.0'", "1.5", "true", "'x'"])
def test_a_number_beyond_32_bits_or_with_a_fraction_is_refused(
    local: tuple[Emulator, Connection], value: str
) -> None:
    em, con = local
    em.reset_calls()
    variants = literal([variant("production", count="COUNT")]).replace("'COUNT'", value)
    given = insert(experiment("number", ModelVariants="VARIANTS")).replace("'VARIANTS'", variants)
    with pytest.raises(DataError, match="InstanceCount"):
        con.sql(given)
    assert em.calls == []


@pytest.mark.parametrize(
    "tag", [("aws:x", "y"), ("AWS:x", "y"), ("O'Brien", ""), ("a\nb", ""), ("a", "[]"), ("a", "é!")]
)
def test_a_tag_that_does_not_fit_is_refused_before_any_call(
    local: tuple[Emulator, Connection], tag: tuple[str, str]
) -> None:
    em, con = local
    em.reset_calls()
    with pytest.raises(DataError, match="Tags"):
        con.sql(insert(experiment("tagged", Tags=[{"Key": tag[0], "Value": tag[1]}])))
    assert em.calls == []
