"""`sqlprov inventory`: what its files and its manifest say, and what a second run calls."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from command_line import CommandLine, environment
from emulator_calls import wait_until, wait_until_idle
from local_sagemaker import connection

from sqlprov.aws.transport import accounts
from sqlprov.emulator import Emulator, Fault, Member, Organization
from sqlprov.frontends.inventory.collector import Collector
from sqlprov.frontends.table_names import choose_tables

EXPERIMENTS = "aws.sagemaker.inference_experiments"
TABLES = ("models", "endpoints", "inference_experiments")
REGIONS = ("--region", "us-east-1", "--region", "eu-west-1", "--region", "us-west-2")
DAY = "2026-12-01"


def collect(cloud: CommandLine, folder: Path, *words: str, tables: tuple[str, ...] = TABLES) -> Any:
    chosen = [word for name in tables for word in ("--tables", f"aws.sagemaker.{name}")]
    return cloud.run("inventory", str(folder), *chosen, *REGIONS, "--date", DAY, *words)


def test_tables_are_chosen_by_name_pattern_and_part() -> None:
    known = ["aws.ec2.vpcs", "aws.iam.roles", "aws.iam.roles_of_user", "aws.s3.buckets"]
    assert choose_tables(known, ["aws.iam.roles"], []) == ["aws.iam.roles"]
    assert choose_tables(known, ["iam.roles"], []) == ["aws.iam.roles", "aws.iam.roles_of_user"]
    assert choose_tables(known, ["aws.%s", "vpc"], ["iam", "%.roles"]) == ["aws.ec2.vpcs", "aws.s3.buckets"]


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"manifest-{DAY}.jsonl").read_text().splitlines()]


def count_lists(emulator: Emulator) -> Counter[tuple[str, str]]:
    wait_until_idle(emulator)
    return Counter(
        (each.operation, each.region) for each in emulator.calls if each.operation.startswith("List")
    )


def test_every_table_of_every_region_is_a_file(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path
) -> None:
    folder = tmp_path / "inventory"
    done = collect(cloud, folder)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"9 parts complete; 253 rows. {folder}/manifest-{DAY}.jsonl\n"
    *entries, last = read_manifest(folder)
    assert last == {"finished": True, "complete": 9, "denied": 0, "failed": 0, "skipped": 0}
    assert {entry["file"] for entry in entries} == {
        str(file.relative_to(folder)) for file in folder.rglob("*") if file.suffix == ".parquet"
    }
    files = f"{folder}/aws/sagemaker/inference_experiments/*/*/*/rows.parquet"
    kept = duckdb.sql(f"SELECT * EXCLUDE (date, tag_map) FROM read_parquet('{files}') ORDER BY region, name")
    with connection(emulator.url, regions=",".join(REGIONS[1::2])) as con:
        rows = con.sql(f"SELECT * EXCLUDE (tag_map) FROM {EXPERIMENTS} ORDER BY region, name").arrow()
    names = ["name", "region", "account_id", "status", "arn"]
    assert kept.to_arrow_table().select(names).to_pylist() == rows.select(names).to_pylist()
    assert (
        duckdb.sql(f"SELECT DISTINCT date FROM read_parquet('{files}')").fetchall()[0][0].isoformat() == DAY
    )


def test_a_second_run_of_the_day_calls_nothing(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path
) -> None:
    first = collect(cloud, tmp_path)
    emulator.reset_calls()
    again = collect(cloud, tmp_path)
    assert (again.code, again.out) == (0, first.out)
    assert count_lists(emulator) == {}


def test_what_could_not_be_read_is_named_and_read_by_the_next_run(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.options.denied_actions = {"ListModels"}
    emulator.inject(Fault("error500", operation="ListEndpoints", region="eu-west-1", times=None))
    done = collect(cloud, tmp_path, "--set", "max_attempts=1")
    assert done.code == 7
    assert done.out.startswith("5 parts complete, 3 denied, 1 failed; 253 rows. ")
    assert "aws.sagemaker.models of default in us-west-2: denied: ListModels in us-west-2" in done.err
    states = {(each["table"], each["region"]): each for each in read_manifest(tmp_path)[:-1]}
    failed = states["aws.sagemaker.endpoints", "eu-west-1"]
    assert failed["status"] == "failed" and "ListEndpoints in eu-west-1 failed" in failed["error"]
    assert not list((tmp_path / "aws" / "sagemaker" / "models").rglob("*.parquet*"))

    emulator.options.denied_actions = set()
    emulator.clear_faults()
    emulator.reset_calls()
    done = collect(cloud, tmp_path)
    assert (done.code, done.err) == (0, "")
    assert count_lists(emulator) == {
        **{("ListModels", region): 1 for region in REGIONS[1::2]},
        ("ListEndpoints", "eu-west-1"): 1,
    }


def test_a_part_never_lacks_rows_that_could_not_be_read(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.inject(Fault("access_denied", operation="ListModels", region="eu-west-1", times=None))
    done = collect(cloud, tmp_path, "--set", "on_error=warn")
    assert done.code == 7
    assert done.out.startswith("8 parts complete, 1 denied; ")
    assert not list((tmp_path / "aws/sagemaker/models/123456789012/eu-west-1").rglob("*.parquet*"))


def test_two_runs_of_a_day_do_not_write_the_same_files(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.inject(Fault("timeout_before", operation="ListModels", times=None))
    words = [
        "inventory",
        str(tmp_path),
        "--tables",
        "aws.sagemaker.models",
        "--region",
        "us-east-1",
        "--date",
        DAY,
    ]
    running = cloud.start(*words)
    wait_until(lambda: any(each.operation == "ListModels" for each in emulator.calls))
    second = cloud.run(*words)
    other_day = cloud.run(*words[:-1], "2026-11-30", "--skip", "models")
    running.kill()
    running.communicate()
    assert second.code == 1
    assert f"Another run of {DAY} writes {tmp_path}." in second.err
    assert other_day.code == 0
    emulator.clear_faults()
    assert cloud.run(*words).code == 0


def test_an_account_is_known_by_its_id_whatever_its_name_is(tmp_path: Path) -> None:
    members = [Member("111111111111", "a"), Member("222222222222", "b", keys=("AKIAB",))]
    with Emulator(organization=Organization(members, rows=3)) as emulator:
        keys = {"AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        one, two, again = (
            CommandLine(
                environment(tmp_path / "state", AWS_ENDPOINT_URL=emulator.url, AWS_ACCESS_KEY_ID=key, **keys)
            ).run("inventory", str(tmp_path), "--tables", "aws.sagemaker.models", "--date", DAY)
            for key in ("AKIAA", "AKIAB", "AKIAA")
        )
        assert (one.code, two.code, again.out) == (0, 0, one.out)
        entries = [entry for entry in read_manifest(tmp_path) if "table" in entry]
        assert [(entry["account_id"], entry["account"]) for entry in entries] == [
            ("111111111111", "default"),
            ("222222222222", "default"),
        ]
        for entry in entries:
            names = Organization(members, rows=3).list_names(entry["account_id"], "Model", "us-east-1")
            assert entry["rows"] == len(names)
            assert entry["file"].startswith(f"aws/sagemaker/models/{entry['account_id']}/us-east-1/")
        assert count_lists(emulator)["ListModels", "us-east-1"] == 2


@pytest.mark.parametrize(
    ("region", "denied"), [("us-east-1", {("b", "us-east-1")}), ("all", {("b", "")})], ids=["named", "all"]
)
def test_an_account_whose_role_is_denied_does_not_keep_the_others_from_being_read(
    tmp_path: Path, region: str, denied: set[tuple[str, str]]
) -> None:
    members = [
        Member("111111111111", "a"),
        Member("222222222222", "b", roles={}),
        Member("333333333333", "c"),
    ]
    with Emulator(organization=Organization(members, rows=3)) as emulator:
        keys = {"AWS_ACCESS_KEY_ID": "AKIAA", "AWS_SECRET_ACCESS_KEY": "test"}
        cloud = CommandLine(environment(tmp_path / "state", AWS_ENDPOINT_URL=emulator.url, **keys))
        words = [
            "--organization",
            "--date",
            DAY,
            "--region",
            region,
            "--set",
            "on_error=warn",
            "--workers",
            "1",
        ]
        words += ["--tables", "aws.sagemaker.models", "--tables", "aws.sagemaker.endpoints"]
        done = cloud.run("inventory", str(tmp_path), *words)
        assert done.code == 7
        *entries, last = read_manifest(tmp_path)
        assert {(each["account"], each["region"]) for each in entries if each["status"] == "denied"} == denied
        assert {each["code"] for each in entries if each["status"] == "denied"} == {"AccessDenied"}
        assert {each["account"] for each in entries if each["status"] == "complete"} == {"a", "c"}
        assert (last["denied"], last["failed"]) == (2, 0)
        roles = [each.parameters["RoleArn"] for each in emulator.calls if each.operation == "AssumeRole"]
        assert Counter(role.split(":")[4] for role in roles) == {"222222222222": 1, "333333333333": 1}
        members[1].roles = None
        assert cloud.run("inventory", str(tmp_path), *words).code == 0


def test_an_account_that_is_renamed_during_the_run_is_not_said_to_have_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "MEMBERS_SECONDS", 0.0)
    own, renamed = Member("111111111111", "a"), Member("222222222222", "b")
    with (
        Emulator(organization=Organization([own, renamed], rows=3)) as emulator,
        connection(emulator.url, accounts="organization") as con,
    ):
        collector = Collector(con, tmp_path, DAY, lambda _: None)
        parts = collector.list_parts(["aws.sagemaker.models"])
        own.name, renamed.name = "b", "c"
        collector.run(parts, 1)
    entries = read_manifest(tmp_path)
    assert {(each["account_id"], each["status"]) for each in entries} == {
        (own.id, "failed"),
        (renamed.id, "failed"),
    }
    assert "was 'b' when the run began" in entries[-1]["error"]
    assert not [*tmp_path.rglob("*.parquet")]


def test_a_run_without_a_region_is_an_error(emulator: Emulator, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    cloud = CommandLine(environment(tmp_path / "state", AWS_ENDPOINT_URL=emulator.url, **keys))
    done = cloud.run("inventory", str(tmp_path), "--tables", "aws.sagemaker.models", "--date", DAY)
    assert done.code == 4
    assert "No region for aws.sagemaker.models." in done.err


def test_expired_credentials_end_the_run_and_the_next_one_goes_on(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.inject(Fault("expired_credentials", operation="ListModels", times=None))
    done = collect(cloud, tmp_path, "--workers", "1")
    assert done.code == 5
    complete = [each for each in read_manifest(tmp_path) if each["status"] == "complete"]
    assert len(complete) == 6  # the tables before the models
    emulator.clear_faults()
    emulator.reset_calls()
    assert collect(cloud, tmp_path).code == 0
    assert count_lists(emulator) == {("ListModels", region): 1 for region in REGIONS[1::2]}


@pytest.mark.parametrize("ending", ["kill", "interrupt"])
def test_a_run_that_is_ended_in_the_middle_goes_on(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path, ending: str
) -> None:
    folder = tmp_path / "inventory"
    emulator.inject(Fault("timeout_before", operation="ListModels", region="us-west-2", times=None))
    words = ["inventory", str(folder), "--date", DAY, *REGIONS, "--workers", "2"]
    words += [word for name in TABLES for word in ("--tables", f"aws.sagemaker.{name}")]
    running = cloud.start(*words)
    manifest = folder / f"manifest-{DAY}.jsonl"
    wait_until(lambda: manifest.exists() and manifest.read_text().count("\n") == 8)
    wait_until(
        lambda: any(each.operation == "ListModels" and each.region == "us-west-2" for each in emulator.calls)
    )
    if ending == "kill":
        running.kill()
        left = folder / f"aws/sagemaker/models/123456789012/us-west-2/date={DAY}/rows.parquet.unfinished"
        left.write_bytes(b"PAR1")  # as one in the middle of a file leaves
        with manifest.open("a") as file:
            file.write('{"table": "aws.sage')
    else:
        running.send_signal(2)
    running.communicate()
    emulator.clear_faults()
    emulator.reset_calls()
    done = cloud.run(*words)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("9 parts complete; 253 rows. ")
    assert count_lists(emulator) == {("ListModels", "us-west-2"): 1}
    assert not list(folder.rglob("*unfinished*"))


def test_a_global_table_is_read_once_and_one_that_cannot_be_listed_is_skipped(tmp_path: Path) -> None:
    local = CommandLine(environment(tmp_path / "state"))
    words = (
        "--tables",
        "aws.iam.roles",
        "--tables",
        "awscc.lambda.permissions",
        "--tables",
        "aws.s3.buckets",
    )
    done = local.run("inventory", str(tmp_path / "all"), "--local", *REGIONS, "--date", DAY, *words)
    assert done.code == 0, done
    entries = read_manifest(tmp_path / "all")
    by_table = Counter(each["table"] for each in entries[:-1])
    assert by_table["aws.iam.roles"] == by_table["aws.s3.buckets"] == 1
    (skipped,) = (each for each in entries[:-1] if each["status"] == "skipped")
    assert (
        skipped["table"] == "awscc.lambda.permissions"
        and "expected WHERE function_name = '…'" in skipped["error"]
    )


def test_a_pattern_without_tables_is_an_error(cloud: CommandLine, tmp_path: Path) -> None:
    done = cloud.run("inventory", str(tmp_path / "none"), "--tables", "aws.sagemaker.modles")
    assert done.code == 4
    assert "no table has such a name. Did you mean 'aws.sagemaker.models'?" in done.err
    assert not (tmp_path / "none").exists()


def test_a_broken_manifest_is_an_error_that_names_the_line(cloud: CommandLine, tmp_path: Path) -> None:
    (tmp_path / f"manifest-{DAY}.jsonl").write_text('{"table": 1}\n')
    done = collect(cloud, tmp_path)
    assert done.code == 4
    assert f"manifest-{DAY}.jsonl:1 is not a line of a manifest" in done.err


def test_an_earlier_run_that_was_not_finished_is_named(cloud: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "manifest-2026-11-30.jsonl").write_text('{"table": "t", "account_id": "a", "region": "r"}\n')
    done = cloud.run("inventory", str(tmp_path), "--tables", "aws.sagemaker.models", "--region", "us-east-1")
    assert "The run of 2026-11-30 was not finished; --date 2026-11-30 resumes it." in done.err
