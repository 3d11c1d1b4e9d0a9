"""Statements over the accounts of an organisation, against what each account of the server has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from slices import SWEEP

import sqlprov
from sqlprov.aws.write.outcome import OutcomeStatus
from sqlprov.emulator import FAULTS, Emulator, Fault, Options, Organization, make_organization
from sqlprov.emulator.organization import ROLE
from sqlprov.errors import Error, NotSupportedError, OperationalError

REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("eu-central-1", "eu-north-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
    *("ap-southeast-1", "ap-southeast-2", "ca-central-1", "sa-east-1"),
)
MORE_REGIONS = (
    *("af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ca-west-1"),
    *(
        "eu-central-2",
        "eu-south-1",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
    ),
)
FEW = REGIONS[:3]
TABLES = {
    "inference_experiments": ("InferenceExperiment", "name"),
    "models": ("Model", "model_name"),
    "endpoint_configs": ("EndpointConfig", "endpoint_config_name"),
    "endpoints": ("Endpoint", "endpoint_name"),
}
MODELS = "aws.sagemaker.models"
# Runs apart from the server, so that what it takes is not the server's: prints what each statement took.
READER = """
import contextlib, json, os, resource, sys, threading, time
import sqlprov

url, regions, statements = sys.argv[1], sys.argv[2].split(","), json.loads(sys.argv[3])

def count_sockets():
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # closed in the meantime
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return found

with sqlprov.connect(endpoint_url=url, region=regions, settings={"concurrency": "16"}) as con:
    taken = []
    for accounts, sql in statements:
        con.sql(f"SET sqlprov_accounts = '{accounts}'")
        most, ended = [0, 0], threading.Event()
        def watch():
            while not ended.wait(0.01):
                most[:] = max(most[0], threading.active_count()), max(most[1], count_sockets())
        watcher = threading.Thread(target=watch)
        watcher.start()
        rows = con.sql(sql).fetchall()
        ended.set()
        watcher.join()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        taken.append({"rows": rows, "threads": most[0], "sockets": most[1], "megabytes": memory})
print(json.dumps(taken))
"""


def list_rows(organization: Organization, table: str, regions: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    """Account, region and name of each row that a table has."""
    noun, _ = TABLES[table]
    return Counter(
        (member.id, region, name)
        for member, region in product(organization.members, regions)
        for name in organization.list_names(member.id, noun, region)
    )


def select_rows(table: str) -> str:
    return f"SELECT account_id, region, {TABLES[table][1]} FROM aws.sagemaker.{table}"


def read_apart(em: Emulator, regions: Sequence[str], *statements: tuple[str, str]) -> list[dict[str, Any]]:
    """What each statement read and took in a process of its own; each is `sqlprov_accounts` and the SQL."""
    command = [sys.executable, "-c", READER, em.url, ",".join(regions), json.dumps(statements)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, env=os.environ)
    assert ran.returncode == 0, ran.stderr
    taken: list[dict[str, Any]] = json.loads(ran.stdout)
    return taken


def count_calls(em: Emulator) -> Counter[str]:
    return Counter(call.operation for call in em.calls)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOURS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@contextmanager
def connect(em: Emulator, **settings: str) -> Iterator[sqlprov.Connection]:
    chosen = {"accounts": "organization", **settings}
    with sqlprov.connect(endpoint_url=em.url, region=FEW, settings=chosen) as con:
        yield con


def test_fifty_accounts_in_seventeen_regions_are_read_once_within_bounds() -> None:
    organization = make_organization(50, rows=2)
    of_both = [member.id for member in organization.members[:2]]
    pair = (
        f"{select_rows('models')} WHERE account IN ('management', 'account-001')"  # loads all that two need
    )
    statements = [("organization", pair), *(("organization", select_rows(table)) for table in TABLES)]
    with Emulator(organization=organization) as em:
        of_pair, *each = read_apart(em, REGIONS, *statements)
        for table, taken in zip(TABLES, each, strict=True):
            read = Counter((account, region, name) for account, region, name in taken["rows"])
            assert read == list_rows(organization, table, REGIONS)
            assert taken["threads"] <= 16 + 6  # the main one, DuckDB's, and the watcher
            assert taken["sockets"] <= 4 * len(REGIONS)
            assert taken["megabytes"] - of_pair["megabytes"] < 48  # at most 1 MB an account
        assert not [call for call in em.calls if call.error]
        seen = Counter((call.operation, call.account, call.region, str(call.parameters)) for call in em.calls)
        twice = {call[:3] for call, times in seen.items() if times > 1}
        assert twice == {("ListModels", account, region) for account, region in product(of_both, REGIONS)}
        counts = count_calls(em)
        lists = ["ListInferenceExperiments", "ListModels", "ListEndpointConfigs", "ListEndpoints"]
        assert [counts[each] for each in lists] == [850, 850 + 34, 850, 850]
        assert counts["AssumeRole"] == 49  # the session's own account needs none
        assert counts["ListAccounts"] == 3
        assert counts.total() == 4 * 850 + 34 + 49 + 3 + counts["GetCallerIdentity"]
        assert counts["GetCallerIdentity"] <= 1


@pytest.mark.skipif(not SWEEP, reason="takes half a minute: make sweep")
def test_a_thousand_accounts_in_thirty_regions_are_read_once_within_bounds() -> None:
    organization = make_organization(1000, rows=1)
    regions = [*REGIONS, *MORE_REGIONS]
    few = f"{select_rows('models')} WHERE account IN ('management', 'account-001')"  # loads all that two need
    statements = [("organization", few), ("organization", select_rows("models"))]
    with Emulator(organization=organization) as em:
        of_pair, taken = read_apart(em, regions, *statements)
        read = Counter((account, region, name) for account, region, name in taken["rows"])
        assert read == list_rows(organization, "models", tuple(regions))
        assert count_calls(em)["ListModels"] == 30_000 + 2 * 30
        assert count_calls(em)["AssumeRole"] == 999
        assert taken["megabytes"] - of_pair["megabytes"] < 250
        assert taken["threads"] <= 16 + 6
        assert taken["sockets"] <= 4 * len(regions)


def test_conditions_on_accounts_prune_calls_and_roles() -> None:
    organization = make_organization(6, rows=3)
    with Emulator(organization=organization) as em, connect(em) as con:
        every = list_rows(organization, "models", FEW)
        con.sql(f"SELECT count(*) FROM {MODELS} WHERE account = 'account-001'").fetchall()
        em.reset_calls()
        for condition, ids in (
            ("account = 'account-001'", {"200000000001"}),
            ("account IN ('account-002', 'management')", {"200000000002", organization.management.id}),
            ("account > 'b'", {organization.management.id}),
            ("account_id = '200000000004'", {"200000000004"}),
            ("account_id NOT IN ('200000000004', '200000000005')", set(list(organization.by_id)[:4])),
        ):
            rows = con.sql(f"{select_rows('models')} WHERE {condition}").fetchall()
            assert Counter(rows) == Counter({row: n for row, n in every.items() if row[0] in ids})
            called = {call.account for call in em.calls if call.operation == "ListModels"}
            assert called == ids, condition
            em.reset_calls()


@pytest.mark.parametrize("choice", ["account-00[1-3]", "workloads/prod"])
def test_a_part_of_the_organisation_is_chosen_by_name_or_by_unit(choice: str) -> None:
    from sqlprov.emulator.organization import find_unit_id

    organization = make_organization(10)
    is_unit = "/" in choice
    word = find_unit_id(choice) if is_unit else choice
    ids = {member.id for member in organization.members if member.unit == choice}
    ids = ids if is_unit else {f"20000000000{number}" for number in (1, 2, 3)}
    with Emulator(organization=organization) as em, connect(em, accounts=f"organization:{word}") as con:
        con.sql(f"SELECT count(*) FROM {MODELS}").fetchall()
        assert {call.account for call in em.calls if call.operation == "ListModels"} == ids


def test_a_denied_region_of_one_account_is_an_error_or_a_named_gap() -> None:
    organization = make_organization(5, rows=3)
    organization.members[2].options = Options(denied_regions={"us-east-2"})
    expected = list_rows(organization, "models", FEW)
    gap = {row for row in expected if row[:2] == ("200000000002", "us-east-2")}
    with Emulator(organization=organization) as em:
        with (
            connect(em) as con,
            pytest.raises(OperationalError, match=r"^account-002: ListModels in us-east-2"),
        ):
            con.sql(select_rows("models")).fetchall()
        with connect(em, on_error="warn") as con:
            result = con.sql(select_rows("models")).keep()
            assert set(result.fetchall()) == set(expected) - gap
            assert not result.complete
            errors = con.sql("SELECT account, region, operation, code FROM sqlprov.errors").fetchall()
            assert errors == [("account-002", "us-east-2", "ListModels", "AccessDeniedException")]


def test_an_account_whose_role_cannot_be_assumed_is_an_error_or_a_named_gap() -> None:
    organization = make_organization(5, rows=3)
    organization.members[3].roles = {}
    expected = list_rows(organization, "models", FEW)
    with Emulator(organization=organization) as em:
        with connect(em) as con, pytest.raises(OperationalError, match=f"200000000003:role/{ROLE} trusts"):
            con.sql(select_rows("models")).fetchall()
        em.reset_calls()
        with connect(em, on_error="warn") as con:
            result = con.sql(select_rows("models")).keep()
            assert set(result.fetchall()) == {row for row in expected if row[0] != "200000000003"}
            assert not result.complete
            regions = con.sql("SELECT region FROM sqlprov.errors WHERE account = 'account-003'").fetchall()
            assert sorted(regions) == [(region,) for region in sorted(FEW)]
        assert count_calls(em)["AssumeRole"] == 4  # the refused one is not repeated for each region


def test_a_role_is_assumed_with_the_external_id_of_the_session() -> None:
    organization = make_organization(3, rows=3)
    for member in organization.members:
        member.roles = {"Auditor": "secret-id"}
    with Emulator(organization=organization) as em:
        with connect(em, role="Auditor", role_external_id="secret-id") as con:
            assert Counter(con.sql(select_rows("models")).fetchall()) == list_rows(
                organization, "models", FEW
            )
        with connect(em, role="Auditor") as con, pytest.raises(OperationalError, match="Auditor trusts"):
            con.sql(select_rows("models")).fetchall()


def test_a_suspended_account_is_not_read() -> None:
    organization = make_organization(4, rows=3)
    organization.members[1].status = "SUSPENDED"
    with Emulator(organization=organization) as em, connect(em) as con:
        read = {account for account, _, _ in con.sql(select_rows("models")).fetchall()}
        assert read == {row[0] for row in list_rows(organization, "models", FEW)} - {"200000000001"}
        assert "200000000001" not in str([call.parameters for call in em.calls])


@pytest.mark.parametrize("kind", ["throttle", "error500", "error503", "reset", "truncated"])
def test_a_passing_fault_of_one_account_costs_no_row_and_no_other_account_a_call(kind: str) -> None:
    organization = make_organization(5, rows=3)
    with Emulator(organization=organization) as em, connect(em) as con:
        em.inject(Fault(kind, operation="ListModels", account="200000000004", times=2))
        result = con.sql(select_rows("models")).keep()
        assert Counter(result.fetchall()) == list_rows(organization, "models", FEW)
        assert result.complete
        calls = Counter(call.account for call in em.calls if call.operation == "ListModels")
        assert calls.pop("200000000004") == len(FEW) + 2
        assert set(calls.values()) == {len(FEW)}


def test_a_throttled_account_is_read_completely() -> None:
    organization = make_organization(3, rows=3)
    organization.members[1].options = Options(throttle=2)
    with Emulator(organization=organization) as em, connect(em, regions=",".join(REGIONS)) as con:
        for table in ("models", "endpoints"):
            rows = Counter(con.sql(select_rows(table)).fetchall())
            assert rows == list_rows(organization, table, REGIONS)


def test_credentials_that_end_during_a_scan_are_renewed_before_they_do() -> None:
    # The server's clock is behind, so that for the client each set of credentials has nearly expired when it comes;
    # and the server refuses to see one twice.
    options = Options(clock=lambda: time.time() - 200)
    organization = make_organization(4, rows=3, lifetime=200, most_calls=1)
    with Emulator(options, organization=organization) as em, connect(em, concurrency="1") as con:
        assert Counter(con.sql(select_rows("models")).fetchall()) == list_rows(organization, "models", FEW)
        assert not [call for call in em.calls if call.error]
        assert count_calls(em)["AssumeRole"] == 3 * len(FEW)


def test_credentials_that_are_revoked_during_a_scan_are_replaced() -> None:
    organization = make_organization(4, rows=3)
    with Emulator(organization=organization) as em, connect(em) as con:
        con.sql(f"SELECT count(*) FROM {MODELS}").fetchall()
        em.expire_credentials("200000000002")
        assert Counter(con.sql(select_rows("models")).fetchall()) == list_rows(organization, "models", FEW)
        assert count_calls(em)["AssumeRole"] == 3 + 1


INSERT = (
    f"INSERT INTO {MODELS} (model_name, execution_role_arn, primary_container, account) VALUES "
    "('new', 'arn:aws:iam::123456789012:role/x', '{\"Image\": \"i\"}', 'account-002')"
)
WRITES = {
    f"DELETE FROM {MODELS} WHERE model_name = 'm' AND account = 'account-002'": 8,
    "UPDATE aws.sagemaker.inference_experiments SET description = 'new' "
    "WHERE name = 'e' AND account_id = '200000000002'": 9,
    INSERT: 7,
    f"INSERT INTO {MODELS} SELECT * REPLACE ('account-002' AS account) FROM {MODELS} "
    "WHERE account = 'account-001' AND model_name = 'only-1'": 10,
}
"""Statement -> its calls, at most."""
TARGET = "200000000002"
SWEPT = [
    (sql, kind, times)
    for number, (sql, kind, times) in enumerate(product(WRITES, FAULTS, (1, None)))
    if SWEEP or number % 4 == 0
]


def read_state(em: Emulator, organization: Organization) -> dict[tuple[str, str, str], Any]:
    """The resources of each account that the statements name."""
    names = [("Model", "m"), ("Model", "new"), ("Model", "only-1"), ("InferenceExperiment", "e")]
    state = {}
    for member, (noun, name) in product(organization.members, names):
        row = em.get(noun, "us-east-1", name, member.id)
        state[member.id, noun, name] = row and {"Description": row.get("Description")}
    return state


@pytest.mark.parametrize(("sql", "kind", "times"), SWEPT)
def test_no_fault_makes_a_write_touch_another_account(sql: str, kind: str, times: int | None) -> None:
    organization = make_organization(3)
    settings = {"timeout": "0.5", "settle": "0.05", "max_attempts": "2", "regions": "us-east-1"}
    for at in range(1, WRITES[sql] + 1, 1 if SWEEP else 2):
        with Emulator(organization=organization) as em, connect(em, **settings) as con:
            for member in organization.members:
                em.add("Model", "us-east-1", {"ModelName": "m"}, member.id)
                em.add("InferenceExperiment", "us-east-1", {"Name": "e"}, member.id)
            em.add("Model", "us-east-1", {"ModelName": "only-1"}, "200000000001")
            before = read_state(em, organization)
            em.inject(Fault(kind, at=at, times=times, hold=2))
            try:
                con.sql(sql)
                outcomes = con.outcomes
            except Error as error:
                outcomes = getattr(error, "outcomes", ())
            em.clear_faults()
            after = read_state(em, organization)
            changed = {place for place in before if before[place] != after[place]}
            detail = f"{kind} at call {at}: {outcomes}, {changed}"
            assert {account for account, _, _ in changed} <= {TARGET}, detail
            assert {call.account for call in em.calls if call.committed} <= {TARGET}, detail
            # A list of accounts without the name leaves the id.
            assert {outcome.account for outcome in outcomes} <= {"account-002", TARGET}, detail
            certain = {outcome.status for outcome in outcomes} - {OutcomeStatus.UNKNOWN}
            if certain == {OutcomeStatus.OK}:
                assert len(changed) == 1, detail
            elif certain == {OutcomeStatus.FAILED} or not outcomes:
                assert not changed, detail


@pytest.mark.parametrize("account", ["''", "NULL"])
def test_a_row_without_an_account_is_written_nowhere(account: str) -> None:
    with Emulator(organization=make_organization(3, rows=2)) as em, connect(em) as con:
        with pytest.raises(Error, match=r"Unknown account ''|NULL for the required account"):
            con.sql(
                f"INSERT INTO {MODELS} BY NAME SELECT * REPLACE ({account} AS account, 'copy' AS model_name) "
                f"FROM {MODELS} WHERE account = 'account-001' AND region = 'us-east-1' LIMIT 1"
            )
        assert "CreateModel" not in count_calls(em)


def test_a_copy_that_names_only_the_id_of_another_account_is_refused() -> None:
    copied = "'copy-' || model_name AS model_name"
    where = f"FROM {MODELS} WHERE account = 'account-001' AND region = 'us-east-1'"
    organization = make_organization(3, rows=2)
    id_ = organization.members[2].id
    with Emulator(organization=organization) as em, connect(em) as con:
        with pytest.raises(NotSupportedError, match="account says where a row goes"):
            con.sql(f"INSERT INTO {MODELS} SELECT * REPLACE ('{id_}' AS account_id, {copied}) {where}")
        assert "CreateModel" not in count_calls(em)
        for columns in (
            "EXCLUDE (account) REPLACE ('{}' AS account_id, {})",
            "REPLACE ('{}' AS account, {})",
        ):
            con.sql(f"INSERT INTO {MODELS} SELECT * {columns.format(id_, copied)} {where}")
            created = [call for call in em.calls if call.operation == "CreateModel"]
            assert created
            assert {call.account for call in created} == {id_}
            con.sql(f"DELETE FROM {MODELS} WHERE account = 'account-002' AND region = 'us-east-1'")
            em.reset_calls()


def test_a_write_that_means_several_accounts_names_them_and_writes_nothing() -> None:
    organization = make_organization(3)
    with Emulator(organization=organization) as em, connect(em, regions="us-east-1") as con:
        for member in organization.members:
            em.add("Model", "us-east-1", {"ModelName": "m"}, member.id)
        with pytest.raises(
            Error, match="account-001, account-002 and management; name the accounts in WHERE"
        ):
            con.sql(f"DELETE FROM {MODELS} WHERE model_name = 'm'")
        with pytest.raises(Error, match="needs account"):
            con.sql(INSERT.replace(", account)", ")").replace(", 'account-002')", ")"))
        assert not [call for call in em.calls if call.committed]
