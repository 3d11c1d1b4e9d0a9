"""The accounts of an organization, of profiles and of ids on moto, which keeps each account's resources apart."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto_organization import OWN, ROLE, MotoOrganization, start_organization

import sqlprov
from sqlprov.errors import CredentialsError, DataError, NotSupportedError, UnknownName
from sqlprov.records import dataclass

QUEUES = "aws.sqs.queues"

Connect = Callable[..., sqlprov.Connection]


@dataclass
class Queues:
    """The queues of an organization on moto: the name of each account -> (region, name); and the id of a unit."""

    made: MotoOrganization
    queues: dict[str, list[tuple[str, str]]]
    unit: str

    @property
    def ids(self) -> dict[str, str]:
        """The name of each account -> its id."""
        return self.made.ids

    def client(self, account: str, service: str, region: str = "us-east-1") -> Any:
        """boto3's client of an account."""
        return self.made.open_client(service, region, self.ids[account])

    def list_rows(self, *accounts: str, regions: tuple[str, ...] = ("us-east-1",)) -> list[tuple[str, ...]]:
        """(account, id, region, name) of the queues of these accounts, or of all, sorted."""
        return sorted(
            (account, self.ids[account], region, name)
            for account in accounts or self.ids
            for region, name in self.queues[account]
            if region in regions
        )


@pytest.fixture(scope="module")
def org() -> Iterator[Queues]:
    with start_organization("prod-1", "prod-2", "dev-1") as made:
        client = made.open_client("organizations", "us-east-1")
        root = client.list_roots()["Roots"][0]["Id"]
        unit = client.create_organizational_unit(ParentId=root, Name="web")["OrganizationalUnit"]["Id"]
        client.move_account(AccountId=made.ids["dev-1"], SourceParentId=root, DestinationParentId=unit)
        queues = {}
        for number, name in enumerate(made.ids):
            every = [("us-east-1", f"own-{name}"), ("us-east-1", "same"), ("eu-west-1", "same")]
            queues[name] = every[: 3 if number % 2 else 2]
            for region, queue in queues[name]:
                made.open_client("sqs", region, made.ids[name]).create_queue(QueueName=queue)
        yield Queues(made, queues, unit)


@pytest.fixture
def connect(org: Queues, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Connect]:
    """Connections to moto with the management account's keys, and with profiles of the other accounts."""
    file = tmp_path / "config"
    role = "role_arn = arn:aws:iam::{}:role/anything\nsource_profile = management\n"
    file.write_text(
        "[profile management]\naws_access_key_id = testing\naws_secret_access_key = testing\nregion = us-east-1\n"
        "[profile china]\naws_access_key_id = testing\naws_secret_access_key = testing\nregion = cn-north-1\n"
        f"[profile prod]\n{role.format(org.ids['prod-1'])}region = us-east-1\n"
        f"[profile prod-admin]\n{role.format(org.ids['prod-1'])}region = us-east-1\n"
        f"[profile dev]\n{role.format(org.ids['dev-1'])}region = eu-west-1\n"
        f"[profile broken]\ncredential_process = {sys.executable} -c 'raise SystemExit(3)'\nregion = us-east-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_ENDPOINT_URL", org.made.url)
    opened: list[sqlprov.Connection] = []

    def open_(profile: str | list[str] = "management", **settings: str) -> sqlprov.Connection:
        opened.append(sqlprov.connect(profile=profile, settings=settings))
        return opened[-1]

    yield open_
    for con in opened:
        con.close()


def read(con: sqlprov.Connection, where: str = "true") -> list[tuple[str, ...]]:
    """(account, id, region, name) of the queues, sorted."""
    text = f"SELECT account, account_id, region, split_part(queue_url, '/', -1) AS name FROM {QUEUES} WHERE {where}"
    return sorted(con.sql(text).fetchall())


def count_calls(con: sqlprov.Connection) -> Counter[str]:
    return Counter(call.operation for call in con.calls)


# Which accounts are read


def test_an_organization_is_the_sum_of_its_active_accounts(org: Queues, connect: Connect) -> None:
    con = connect(accounts="organization")
    assert read(con) == org.list_rows()
    assert count_calls(con) == {"ListAccounts": 1, "GetCallerIdentity": 1, "AssumeRole": 3, "ListQueues": 4}
    assert {call.account for call in con.calls if call.operation == "ListQueues"} == {*org.ids}
    read(con)
    assert count_calls(con) == {"ListQueues": 4}


def test_each_account_is_read_in_each_region(org: Queues, connect: Connect) -> None:
    both = ("us-east-1", "eu-west-1")
    con = connect(accounts="organization", regions=",".join(both))
    assert read(con) == org.list_rows(regions=both)
    assert count_calls(con)["ListQueues"] == 8


@pytest.mark.parametrize(
    ("where", "accounts"),
    [
        ("account = 'prod-2'", ["prod-2"]),
        ("account IN ('prod-2', 'master', 'none')", ["prod-2", "master"]),
        ("account <> 'prod-2'", ["master", "prod-1", "dev-1"]),
        ("account >= 'prod'", ["prod-1", "prod-2"]),
        ("account_id = '{prod-1}'", ["prod-1"]),
        ("account_id IN ('{prod-1}', '123456789012')", ["master", "prod-1"]),
        ("account_id = '{prod-1}' AND account = 'prod-2'", []),
        ("account = 'prod-1' OR account_id = '{dev-1}'", ["dev-1", "prod-1"]),
    ],
)
def test_a_condition_that_duckdb_passes_chooses_the_accounts(
    org: Queues, connect: Connect, where: str, accounts: list[str]
) -> None:
    con = connect(accounts="organization")
    for name, id_ in org.ids.items():
        where = where.replace(f"{{{name}}}", id_)
    rows = read(con, where)
    assert rows == (org.list_rows(*accounts) if accounts else [])
    is_exact = " OR " not in where
    assert count_calls(con)["ListQueues"] == len(accounts) or not is_exact


def test_other_conditions_on_the_account_filter_its_rows(org: Queues, connect: Connect) -> None:
    con = connect(accounts="organization")
    assert read(con, "account LIKE 'prod-%'") == org.list_rows("prod-1", "prod-2")
    assert read(con, "account LIKE 'prod-%' OR account LIKE '%v-1'") == org.list_rows(
        "prod-1", "prod-2", "dev-1"
    )
    assert count_calls(con) == {"ListQueues": 3}
    assert read(con, "account LIKE 'prod-%' OR queue_url LIKE '%own%'") != org.list_rows("prod-1", "prod-2")
    assert count_calls(con) == {"ListQueues": 4}
    assert read(con, "account_id || '' = account_id AND lower(account) = 'dev-1'") == org.list_rows("dev-1")


@pytest.mark.parametrize(
    ("choice", "accounts"),
    [("prod-*", ["prod-1", "prod-2"]), ("{unit}", ["dev-1"]), ("{prod-2}", ["prod-2"]), ("dev-1", ["dev-1"])],
)
def test_a_part_of_the_organization_is_chosen_by_name_id_or_unit(
    org: Queues, connect: Connect, choice: str, accounts: list[str]
) -> None:
    con = connect(accounts=f"organization:{choice.format(unit=org.unit, **org.ids)}")
    assert read(con) == org.list_rows(*accounts)


def test_a_choice_without_an_account_is_an_error(connect: Connect) -> None:
    with pytest.raises(UnknownName, match=r"No active account .* 'closed'"):
        read(connect(accounts="organization:closed"))


def test_profiles_and_ids_are_accounts(org: Queues, connect: Connect) -> None:
    con = connect(accounts=f"prod,{org.ids['prod-2']},management", regions="us-east-1")
    named = {"prod": "prod-1", org.ids["prod-2"]: "prod-2", "management": "master"}
    rows = [(name, *row[1:]) for name, own in named.items() for row in org.list_rows(own)]
    assert read(con) == sorted(rows)
    # A profile's id means the profile.
    con.sql(f"SET sqlprov_accounts = '{org.ids['dev-1']}'")
    assert read(con) == [("dev", *row[1:]) for row in org.list_rows("dev-1")]


def test_several_profiles_are_read_in_their_own_regions(org: Queues, connect: Connect) -> None:
    con = connect(["prod", "dev"])
    prod, dev = org.list_rows("prod-1"), org.list_rows("dev-1", regions=("eu-west-1",))
    assert read(con) == sorted([*(("prod", *row[1:]) for row in prod), *(("dev", *row[1:]) for row in dev)])


def test_two_profiles_of_one_account_are_read_once(org: Queues, connect: Connect) -> None:
    con = connect(["prod", "prod-admin"])
    assert read(con) == [("prod", *row[1:]) for row in org.list_rows("prod-1")]
    result = con.sql(f"SELECT count(*) FROM {QUEUES}")
    id_ = org.ids["prod-1"]
    assert result.warnings == [
        f"prod-admin is the same account as prod ({id_}), so its rows are read once, as those of prod."
    ]
    # Named alone, it is read with its own credentials.
    assert read(con, "account = 'prod-admin'") == [
        ("prod-admin", *row[1:]) for row in org.list_rows("prod-1")
    ]
    assert {call.account for call in con.calls} == {"prod-admin"}


@pytest.mark.parametrize(
    ("word", "advice"),
    [("prdo", "Did you mean 'prod'"), ("12345678901", "12 digits"), ("dev-1", "'organization:dev-1'")],
)
def test_an_unknown_account_is_an_error_before_any_call(connect: Connect, word: str, advice: str) -> None:
    con = connect()
    with pytest.raises(UnknownName, match=advice):
        con.sql(f"SET sqlprov_accounts = 'dev,{word}'")
    assert con.settings.accounts == ""
    with pytest.raises(UnknownName, match=advice):
        read(connect(accounts=word))
    assert con.calls == []


def test_a_global_table_is_read_once_an_account(org: Queues, connect: Connect) -> None:
    for name in org.ids:
        org.client(name, "iam").create_role(RoleName=f"of-{name}", AssumeRolePolicyDocument="{}")
    con = connect(accounts="organization", regions="all")
    rows = con.sql("SELECT account, role_name FROM aws.iam.roles WHERE role_name LIKE 'of-%'").fetchall()
    assert sorted(rows) == sorted((name, f"of-{name}") for name in org.ids)
    assert count_calls(con)["ListRoles"] == 4


def test_an_account_of_another_partition_is_read_with_a_role_of_it(org: Queues, connect: Connect) -> None:
    client = org.client("prod-2", "sqs", "cn-north-1")
    url = client.create_queue(QueueName="of-china")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    con = connect("china", accounts=f"china,{org.ids['prod-2']}")
    rows = con.sql(f"SELECT account, region, queue_arn FROM {QUEUES}").fetchall()
    assert rows == [(org.ids["prod-2"], "cn-north-1", arn)] and arn.startswith("arn:aws-cn:")
    (login,) = [call for call in con.calls if call.operation == "AssumeRole"]
    assert (login.region, login.parameters["RoleArn"]) == (
        "cn-north-1",
        f"arn:aws-cn:iam::{org.ids['prod-2']}:role/{ROLE}",
    )


def test_a_child_is_listed_in_the_account_of_its_parent(org: Queues, connect: Connect) -> None:
    for name in ("prod-1", "dev-1"):
        bucket = f"bucket-of-{name}"
        client = org.client(name, "s3")
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key=f"file-of-{name}")
    con = connect(accounts="organization")
    rows = con.sql("SELECT account, bucket, key FROM aws.s3.objects").fetchall()
    assert sorted(rows) == [(name, f"bucket-of-{name}", f"file-of-{name}") for name in ("dev-1", "prod-1")]


def test_a_join_is_within_the_account_that_it_names(org: Queues, connect: Connect) -> None:
    con = connect(accounts="organization")
    text = f"SELECT a.account, count(*) FROM {QUEUES} a JOIN {QUEUES} b USING (account, region) GROUP BY ALL"
    assert sorted(con.sql(text).fetchall()) == sorted((name, 4) for name in org.ids)


def test_explain_names_the_accounts_that_it_knows(org: Queues, connect: Connect) -> None:
    con = connect(accounts="organization")
    text = f"EXPLAIN SELECT queue_url FROM {QUEUES} WHERE account <> 'master'"
    shown = con.sql(text).fetchall()[0][1]
    assert "account: those of the organization, which has not been asked yet" in shown
    assert "ListAccounts, each page" in shown and "ListRegions" not in shown and con.calls == []
    read(con)
    shown = con.sql(text).fetchall()[0][1]
    assert "account: 3 (dev-1, prod-1, prod-2), from the condition on account" in shown


def test_the_table_of_accounts_lists_those_that_statements_read(org: Queues, connect: Connect) -> None:
    con = connect(accounts="organization")
    rows = con.sql("FROM aws.accounts").fetchall()
    role = f"arn:aws:iam::{org.ids['prod-1']}:role/{ROLE}"
    assert ("prod-1", org.ids["prod-1"], "management", role, "ACTIVE") in rows
    assert ("master", OWN, "management", None, "ACTIVE") in rows and len(rows) == 4
    assert con.sql("SELECT account FROM aws.accounts WHERE account LIKE 'dev%'").fetchall() == [("dev-1",)]
    con = connect(["prod", "broken", "management"])
    names = con.sql("SELECT account, profile, status FROM aws.accounts").fetchall()
    assert names == [(name, name, None) for name in ("prod", "broken", "management")] and con.calls == []
    with pytest.raises(CredentialsError, match="'broken'"):
        con.sql("SELECT account_id FROM aws.accounts")
    con = connect(["prod", "management"])
    ids = con.sql("SELECT account_id FROM aws.accounts").fetchall()
    assert ids == [(org.ids["prod-1"],), (OWN,)] and count_calls(con) == {"GetCallerIdentity": 1}


# Errors


def test_an_account_without_credentials_is_an_error_that_names_it(connect: Connect) -> None:
    with pytest.raises(CredentialsError, match=r"'broken'.*exit status 3"):
        read(connect(["prod", "broken"]))


def test_under_warn_the_other_accounts_are_read(org: Queues, connect: Connect) -> None:
    con = connect(["prod", "broken"], on_error="warn")
    assert read(con) == [("prod", *row[1:]) for row in org.list_rows("prod-1")]
    result = con.sql(f"SELECT queue_url FROM {QUEUES}")
    result.fetchall()
    assert not result.complete
    assert {each.account for each in result.errors} == {"broken"}
    assert con.sql("SELECT DISTINCT account FROM sqlprov.errors").fetchall() == [("broken",)]


# Writes


def test_a_row_is_written_in_the_account_that_it_names(org: Queues, connect: Connect) -> None:
    con = connect(accounts="organization")
    for account, value in (("prod-1", "prod-1"), ("dev-1", org.ids["dev-1"])):
        con.sql(f"INSERT INTO {QUEUES} (queue_name, account) VALUES ('written', '{value}')")
        assert [(each.account, each.status.value) for each in con.outcomes] == [(account, "ok")]
        urls = org.client(account, "sqs").list_queues(QueueNamePrefix="written")["QueueUrls"]
        assert [url.split("/")[-2] for url in urls] == [org.ids[account]]
    where = "queue_url LIKE '%/written'"
    with pytest.raises(
        NotSupportedError, match=r"The rows are in dev-1 and prod-1; name the accounts in WHERE\."
    ):
        con.sql(f"DELETE FROM {QUEUES} WHERE {where}")
    con.sql(f"UPDATE {QUEUES} SET visibility_timeout = '77' WHERE {where} AND account = 'dev-1'")
    assert [each.account for each in con.outcomes] == ["dev-1"]
    con.sql(f"DELETE FROM {QUEUES} WHERE {where} AND account LIKE 'prod-%'")
    assert [each.account for each in con.outcomes] == ["prod-1"]
    con.sql(f"DELETE FROM {QUEUES} WHERE {where} AND account_id = '{org.ids['dev-1']}'")
    assert [each.account for each in con.outcomes] == ["dev-1"]


def test_an_insert_names_one_account_for_each_row(connect: Connect) -> None:
    con = connect(accounts="organization")
    with pytest.raises(DataError, match=r"needs account\. The session has several accounts"):
        con.sql(f"INSERT INTO {QUEUES} (queue_name) VALUES ('lost')")
    with pytest.raises(UnknownName, match=r"Unknown account 'prod1' in row 2\. Did you mean 'prod-1'"):
        con.sql(f"INSERT INTO {QUEUES} (queue_name, account) VALUES ('a', 'prod-1'), ('b', 'prod1')")
    assert all(call.operation != "CreateQueue" for call in con.calls)


def test_rows_are_copied_from_account_to_account(org: Queues, connect: Connect) -> None:
    con = connect(accounts="organization")
    org.client("prod-1", "ssm").put_parameter(Name="copied", Value="1", Type="String")
    columns = "name, type, value, region"
    text = (
        f"INSERT INTO aws.ssm.parameters ({columns}, account) SELECT {columns}, 'dev-1' "
        "FROM aws.ssm.parameters WHERE account = 'prod-1' AND name = 'copied'"
    )
    con.sql(text)
    assert org.client("dev-1", "ssm").get_parameter(Name="copied")["Parameter"]["Value"] == "1"
