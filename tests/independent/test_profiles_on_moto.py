"""The rows of several accounts, of two profiles of one, and of a profile that changes its account, on moto."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto_organization import OWN, REGIONS, MotoOrganization, start_organization

import sqlprov
from sqlprov.api.connection import Connection
from sqlprov.errors import CredentialsError, DatabaseError, UnknownName

NAMES = ("prod-a", "prod-b", "stage")
Connect = Callable[..., Connection]


@pytest.fixture(scope="module")
def organization() -> Iterator[MotoOrganization]:
    with start_organization(*NAMES) as made:
        for number, account in enumerate(made.ids.values()):
            for region in REGIONS:
                queues = made.open_client("sqs", region, account)
                # The same name everywhere, and one that only this account has.
                for name in ("jobs", f"own-{number}"):
                    queues.create_queue(QueueName=name, tags={"owner": account})
                topics = made.open_client("sns", region, account)
                for place in range(number):
                    topics.create_topic(Name=f"topic-{place}")
        yield made


@pytest.fixture(autouse=True)
def environment(organization: MotoOrganization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AWS_ENDPOINT_URL", organization.url
    )  # for the roles of profiles, which botocore assumes
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def connect(organization: MotoOrganization) -> Iterator[Connect]:
    """Opens a connection with these accounts."""
    opened: list[Connection] = []

    def open_connection(accounts: str = "organization", **settings: str) -> Connection:
        opened.append(
            sqlprov.connect(region=REGIONS, settings={"accounts": accounts, "max_attempts": "1", **settings})
        )
        organization.forget_requests()
        return opened[-1]

    yield open_connection
    for con in opened:
        con.close()


def list_queues(client: Any) -> list[Any]:
    return list(client.list_queues().get("QueueUrls", []))


def list_topics(client: Any) -> list[Any]:
    return [each["TopicArn"] for each in client.list_topics()["Topics"]]


def list_vpcs(client: Any) -> list[Any]:
    return [each["VpcId"] for each in client.describe_vpcs()["Vpcs"]]


@pytest.mark.parametrize(
    ("table", "column", "list_rows"),
    [
        ("sqs.queues", "queue_url", list_queues),
        ("sns.topics", "topic_arn", list_topics),
        ("ec2.vpcs", "vpc_id", list_vpcs),
    ],
)
def test_a_table_has_the_rows_of_every_active_account_each_listed_once(
    table: str,
    column: str,
    list_rows: Callable[[Any], list[Any]],
    organization: MotoOrganization,
    connect: Connect,
) -> None:
    service = table.partition(".")[0]
    expected = organization.read(list_rows, service)
    con = connect()
    rows = con.sql(f"SELECT account_id, region, {column} FROM aws.{table} ORDER BY ALL").fetchall()
    assert rows == expected
    lists = Counter((account, region) for account, region, _ in organization.list_requests(service))
    assert lists == Counter((account, region) for account in organization.ids.values() for region in REGIONS)
    names = con.sql(f"SELECT DISTINCT account, account_id FROM aws.{table} WHERE account <> ''").fetchall()
    with_rows = {account for account, _, _ in expected}
    assert dict(names) == {name: id for name, id in organization.ids.items() if id in with_rows}


def test_a_role_is_assumed_once_an_account_and_not_in_a_suspended_one(
    organization: MotoOrganization, connect: Connect
) -> None:
    con = connect()
    for _ in range(2):
        assert con.sql("SELECT count(DISTINCT account_id) FROM aws.sqs.queues").fetchone() == (4,)
    operations = Counter(operation for _, _, operation in organization.list_requests("sts"))
    assert operations == {"AssumeRole": len(NAMES), "GetCallerIdentity": 1}
    assert organization.suspended not in {account for account, _, _ in organization.list_requests("sqs")}


def write_profiles(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    """A configuration file, which is used from now on instead of the environment's keys."""
    path = folder / "config"
    path.write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    return path


BASE = "[default]\naws_access_key_id = testing\naws_secret_access_key = testing\n"


def test_two_sets_of_keys_of_one_account_are_read_once(
    organization: MotoOrganization, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Their ids are known only once they are asked for.
    other = "[profile other]\naws_access_key_id = testing2\naws_secret_access_key = testing2\n"
    write_profiles(tmp_path, monkeypatch, BASE + other)
    result = connect("default,other").sql(
        "SELECT account_id, region, queue_url FROM aws.sqs.queues ORDER BY ALL"
    )
    assert result.fetchall() == [row for row in organization.read(list_queues, "sqs") if row[0] == OWN]
    assert len(result.warnings) == 1


class ChangingProfile:
    """A profile whose credentials last less than botocore wants, so each call gets them again."""

    def __init__(self, organization: MotoOrganization, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = folder / "keys.json"
        write_profiles(
            folder, monkeypatch, f"{BASE}[profile changing]\ncredential_process = cat {self._file}\n"
        )
        soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        self._outputs = {
            name: [
                json.dumps({"Version": 1, "Expiration": soon, **organization.assume_role(name)})
                for _ in range(2)
            ]
            for name in ("master", *NAMES)
        }

    def use(self, account: str) -> None:
        """The credentials are those of this account from now on, and not the last ones."""
        self._outputs[account].reverse()
        new = self._file.with_suffix(".new")
        new.write_text(self._outputs[account][0])
        new.replace(self._file)


@pytest.fixture
def changing(
    organization: MotoOrganization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ChangingProfile:
    return ChangingProfile(organization, tmp_path, monkeypatch)


OWNERS = "SELECT account_id, queue_url.split('/')[-2] AS owner FROM aws.sqs.queues"


@pytest.mark.parametrize("accounts", ["changing", "changing,default"])
@pytest.mark.parametrize("cache", ["0s", "10m"])
def test_a_profile_that_changes_its_account_between_statements_has_the_rows_of_the_new_one(
    accounts: str, cache: str, organization: MotoOrganization, changing: ChangingProfile, connect: Connect
) -> None:
    con = connect(accounts, cache=cache)
    for name in ("prod-a", "stage", "prod-a"):
        changing.use(name)
        rows = con.sql(f"SELECT DISTINCT * FROM ({OWNERS}) WHERE account_id <> '{OWN}'").fetchall()
        assert rows == [(organization.ids[name],) * 2]


def test_the_organization_of_an_earlier_account_is_not_read_with_the_credentials_of_another(
    organization: MotoOrganization,
    changing: ChangingProfile,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "changing")
    con = connect("organization")
    for _ in range(2):
        changing.use("master")
        owners = set(con.sql(OWNERS).fetchall())
        assert owners == {(account, account) for account in organization.ids.values()}
        changing.use("prod-a")
        with pytest.raises(UnknownName, match="No active account of the organization"):
            con.sql(OWNERS).fetchall()  # moto lists no accounts to a member


@pytest.mark.parametrize("accounts", ["organization:master", "organization:master,changing"])
def test_the_sessions_account_of_an_organization_may_not_change_in_the_middle(
    accounts: str,
    organization: MotoOrganization,
    changing: ChangingProfile,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "changing")
    changing.use("master")
    con = connect(accounts, concurrency="1")
    assert set(con.sql(OWNERS).fetchall()) == {(OWN, OWN)}
    with (
        change_after_first("ListQueues", "prod-a", organization, changing),
        pytest.raises(CredentialsError, match=f"account {organization.ids['prod-a']} now, not of {OWN}"),
    ):
        con.sql(OWNERS).fetchall()


@contextmanager
def change_after_first(
    operation: str, account: str, organization: MotoOrganization, changing: ChangingProfile
) -> Iterator[None]:
    """Within the block, the profile changes its account when the first call of an operation is answered."""

    def change(_: str, called: str) -> None:
        if called == operation:
            changing.use(account)

    with organization.watch(change):
        yield


@pytest.mark.parametrize("accounts", ["", "changing"])
@pytest.mark.parametrize(
    "sql", [OWNERS, "SELECT count(*) FROM aws.sqs.queues", "SELECT account FROM aws.sqs.queues"]
)
def test_a_profile_that_changes_its_account_in_the_middle_is_an_error(
    sql: str,
    accounts: str,
    organization: MotoOrganization,
    changing: ChangingProfile,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not accounts:
        monkeypatch.setenv("AWS_PROFILE", "changing")
    changing.use("prod-a")
    con = connect(accounts, concurrency="1")
    before, after = organization.ids["prod-a"], organization.ids["stage"]
    with (
        change_after_first("ListQueues", "stage", organization, changing),
        pytest.raises(CredentialsError, match=f"account {after} now, not of {before}"),
    ):
        con.sql(sql).fetchall()
    assert set(organization.list_requests("sqs")) < {(before, region, "ListQueues") for region in REGIONS}
    assert con.sql(OWNERS).fetchall() == [(after, after)] * 4  # the next statement begins again


def test_a_profile_that_changes_its_account_in_the_middle_writes_nothing_in_the_other(
    organization: MotoOrganization,
    changing: ChangingProfile,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "changing")
    changing.use("prod-b")
    con = connect("", concurrency="1", settle="0")
    with change_after_first("CreateTopic", "stage", organization, changing), pytest.raises(DatabaseError):
        con.sql("""
            INSERT INTO aws.sns.topics (region, name)
            SELECT 'us-east-1', 'new-' || n FROM range(5) AS t(n)
        """)
    writes = organization.list_writes()
    assert [account for account, _, _ in writes] == [organization.ids["prod-b"]]
    topics = organization.read(list_topics, "sns")
    assert [account for account, _, arn in topics if ":new-" in arn] == [organization.ids["prod-b"]]


def test_the_account_is_that_of_the_credentials_whatever_the_configuration_says(
    organization: MotoOrganization, changing: ChangingProfile, connect: Connect, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(f"{config.read_text()}aws_account_id = {organization.ids['stage']}\n")
    changing.use("prod-a")
    own = organization.ids["prod-a"]
    assert connect("changing").sql(OWNERS).fetchall() == [(own, own)] * 4


def test_new_keys_of_the_same_account_do_not_end_a_statement(
    organization: MotoOrganization, changing: ChangingProfile, connect: Connect
) -> None:
    changing.use("prod-a")
    con = connect("changing", concurrency="1")
    with change_after_first("ListQueues", "prod-a", organization, changing):
        assert len(con.sql(OWNERS).fetchall()) == 4
    keys = {key for key, service, _, _ in organization.requests if service == "sqs"}
    assert len(keys) == 2


@pytest.mark.parametrize("where", ["true", "account LIKE 'prod-%'"])
def test_explain_does_not_say_that_a_filter_on_the_account_is_not_used(where: str, connect: Connect) -> None:
    con = connect("organization:prod-*")
    con.sql("SELECT count(*) FROM aws.sqs.queues").fetchall()  # the organization has been asked
    lines = "\n".join(
        text for _, text in con.sql(f"EXPLAIN SELECT queue_url FROM aws.sqs.queues WHERE {where}").fetchall()
    )
    assert "account: 2 (prod-a, prod-b), the session's\n" in lines
