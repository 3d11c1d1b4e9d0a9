"""Statements over an organization of the emulator: regions, refusals and credentials of each account."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path
from weakref import WeakSet

import botocore.configloader
import pytest
from local_sagemaker import connection

import sqlprov
from sqlprov.aws.transport import accounts
from sqlprov.aws.transport.account_clouds import OtherCloud
from sqlprov.aws.transport.credentials import AwsSession
from sqlprov.emulator import Emulator, Fault, Member, Options, Organization, make_organization
from sqlprov.errors import AccessDenied, CredentialsError

OWN, PROD, STAGE, OTHER = "123456789012", "222222222222", "333333333333", "444444444444"
MODELS = "aws.sagemaker.models"
EACH = f"SELECT account, region, count(*) FROM {MODELS} GROUP BY ALL ORDER BY ALL"


def start(*, prod: Options | None = None, **more: object) -> Emulator:
    """An organization of three accounts, with a model in two regions of each."""
    members = [Member(OWN, "own"), Member(PROD, "prod", options=prod), Member(STAGE, "stage")]
    return Emulator(organization=Organization(members, rows=3, **more))  # type: ignore[arg-type]


def count_models(account: str, region: str) -> int:
    return len(Organization([Member(account, "")], rows=3).list_names(account, "Model", region))


def test_all_regions_are_those_that_each_account_has_enabled() -> None:
    with start(prod=Options(closed_regions={"eu-west-1", "us-west-2"})) as em:
        con = connection(em.url, accounts="organization", regions="all")
        with con:
            con.sql(EACH).fetchall()
            listed = {(call.account, call.region) for call in con.calls if call.operation == "ListModels"}
            asked = Counter(call.account for call in con.calls if call.operation == "ListRegions")
    regions = {account: {region for name, region in listed if name == account} for account in asked}
    assert set(asked) == {"own", "prod", "stage"} and len(set(asked.values())) == 1
    assert regions["own"] == regions["stage"] == regions["prod"] | {"eu-west-1", "us-west-2"}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("organization", {PROD: "prod", STAGE: f"{PROD} ({STAGE})"}),
        ("organization,prod", {PROD: f"prod ({PROD})", STAGE: f"{PROD} ({STAGE})", OTHER: "prod"}),
        ("prod,organization", {PROD: f"prod ({PROD})", STAGE: f"{PROD} ({STAGE})", OTHER: "prod"}),
        (f"organization:{PROD},organization:{STAGE}", {PROD: "prod", STAGE: f"{PROD} ({STAGE})"}),
    ],
)
def test_accounts_with_the_name_of_another_one_are_all_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, names: dict[str, str]
) -> None:
    keys = "aws_access_key_id = {}\naws_secret_access_key = secret\nregion = us-east-1\n"
    config = f"[profile own]\n{keys.format('AKIAOWN')}[profile prod]\n{keys.format('AKIAOTHER')}"
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    members = [Member(OWN, "own"), Member(PROD, "prod"), Member(STAGE, PROD)]
    outside = Member(OTHER, "outside", status="SUSPENDED", keys=("AKIAOTHER",))
    with (
        Emulator(organization=Organization([*members, outside], rows=3)) as em,
        sqlprov.connect(profile="own", endpoint_url=em.url, settings={"accounts": words}) as con,
    ):
        found = con.sql("SELECT account_id, account FROM aws.accounts WHERE account <> 'own'").fetchall()
        con.sql(f"SELECT model_name FROM {MODELS}").fetchall()
        read = {call.account for call in em.calls if call.operation == "ListModels"}
    assert dict(found) == names
    assert read - {OWN} == {*names}


def test_an_account_that_refuses_the_role_is_named() -> None:
    members = [Member(OWN, "own"), Member(PROD, "prod", roles={"Audit": "secret-id"}), Member(STAGE, "stage")]
    options = {"accounts": "organization", "regions": "us-east-1"}
    with Emulator(organization=Organization(members, rows=3)) as em, connection(em.url, **options) as con:
        with pytest.raises(CredentialsError, match=r"account 'prod': .*AssumeRole.*sqlprov_role"):
            con.sql(EACH).fetchall()
        con.sql("SET sqlprov_on_error = 'warn'")
        with con.sql(f"SELECT DISTINCT account FROM {MODELS}") as result:
            assert "prod" not in {row[0] for row in result.fetchall()}
            assert [(gap.account, gap.error.operation) for gap in result.errors] == [("prod", "ListModels")]
        con.sql("RESET sqlprov_on_error; SET sqlprov_accounts = 'organization:prod'")
        con.sql("SET sqlprov_role = 'Audit'; SET sqlprov_role_external_id = 'secret-id'")
        names = con.sql(f"SELECT count(*) FROM {MODELS}").fetchone()
        assert names == (count_models(PROD, "us-east-1"),)
        (login,) = [call for call in con.calls if call.operation == "AssumeRole"]
        assert (login.account, login.parameters["ExternalId"]) == (
            con._session.accounts.own.name,
            "secret-id",
        )


def test_a_denied_account_is_named_in_the_error() -> None:
    with start() as em, connection(em.url, accounts="organization", regions="us-east-1") as con:
        em.inject(Fault("access_denied", operation="ListModels", account=PROD, times=None))
        with pytest.raises(AccessDenied, match=r"^prod: ListModels in us-east-1") as raised:
            con.sql(EACH).fetchall()
        assert raised.value.account == "prod"


def test_credentials_that_expire_in_the_middle_of_a_scan_are_replaced() -> None:
    with start(most_calls=2) as em, connection(em.url, accounts="organization", regions="us-east-1") as con:
        regions = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1")
        rows = con.sql(f"SELECT account, region FROM {MODELS} WHERE region IN {regions}").fetchall()
        ids = {"own": OWN, "prod": PROD, "stage": STAGE}
        expected = Counter({(name, at): count_models(id_, at) for name, id_ in ids.items() for at in regions})
        assert Counter(rows) == +expected
        assert Counter(call.operation for call in con.calls)["AssumeRole"] > 2
        em.expire_credentials()
        assert con.sql(f"SELECT count(*) FROM {MODELS} WHERE account = 'prod'").fetchone() == (
            expected["prod", "us-east-1"],
        )


def test_an_account_has_at_most_one_login_in_flight() -> None:
    with start() as em, connection(em.url, accounts="organization", regions="all") as con:
        con.sql(EACH).fetchall()
        logins = Counter(call.parameters["RoleArn"] for call in con.calls if call.operation == "AssumeRole")
        assert sorted(logins.values()) == [1, 1]


def test_a_limit_reads_few_of_many_accounts() -> None:
    options = {"accounts": "organization", "regions": "us-east-1,eu-west-1"}
    with Emulator(organization=make_organization(200, rows=3)) as em, connection(em.url, **options) as con:
        assert len(con.sql(f"SELECT model_name FROM {MODELS} LIMIT 1").fetchall()) == 1
        assert Counter(call.operation for call in con.calls)["ListModels"] <= 70  # of 400


def test_accounts_share_their_clients() -> None:
    options = {"accounts": "organization", "regions": "us-east-1"}
    with Emulator(organization=make_organization(30, rows=2)) as em, connection(em.url, **options) as con:
        con.sql(EACH).fetchall()
        shared = con._session.accounts._shared._clients
        assert len(shared) == 1


def test_an_account_that_was_read_keeps_little() -> None:
    options = {"accounts": "organization", "regions": "us-east-1,eu-west-1"}
    with Emulator(organization=make_organization(10, rows=2)) as em, connection(em.url, **options) as con:
        em.inject(Fault("throttle", operation="ListModels", account="200000000001", times=3))
        con.sql(EACH).fetchall()
        con.sql("SELECT 1").fetchall()
        clouds = [each for each in con._session.accounts._opened if each is not con._session.accounts.own]
        kept = {cloud.account_id for cloud in clouds for limiter in cloud._limiters.values() if limiter}
        assert len(clouds) == 10 and kept <= {"200000000001"}
        assert all(not cloud._clients for cloud in clouds)


def list_sessions() -> WeakSet[AwsSession]:
    gc.collect()
    return WeakSet(each for each in gc.get_objects() if isinstance(each, AwsSession))


def test_a_profile_with_keys_keeps_no_session_after_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = "[profile p{0}]\naws_access_key_id = AKIA{0}\naws_secret_access_key = secret\nregion = us-east-1\n"
    (tmp_path / "config").write_text("".join(keys.format(number) for number in range(5)))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    before = list_sessions()  # an earlier test's may end during this one
    members = [
        Member(f"{200_000_000_000 + number}", f"a{number}", keys=(f"AKIA{number}",)) for number in range(5)
    ]
    with (
        Emulator(organization=Organization(members, rows=2)) as em,
        sqlprov.connect(profile=[f"p{number}" for number in range(5)], endpoint_url=em.url) as con,
    ):
        em.inject(Fault("throttle", operation="ListModels", account=members[2].id, times=1))
        for _ in range(2):
            assert len(con.sql("SELECT DISTINCT account_id FROM aws.accounts").fetchall()) == 5
            con.sql(EACH).fetchall()
            con.sql("SELECT 1").fetchall()
        assert len(list_sessions() - before) == 1  # that of the first profile, which is the session's own


def test_explain_does_not_compare_the_account_with_those_that_are_known_before_it_asks() -> None:
    with start() as em, connection(em.url, accounts="organization", regions="us-east-1") as con:
        for name in ("prod", "nobody"):
            explained = con.sql(f"EXPLAIN SELECT model_name FROM {MODELS} WHERE account = '{name}'")
            lines = explained.fetchall()[0][1].splitlines()
            assert explained.warnings == []
            assert (
                "  ListModels in us-east-1, each page, for model_name" in lines
                and "  at least 1 call" in lines
            )


def test_explain_counts_the_calls_that_ask_the_organization_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MEMBERS_SECONDS", -1.0)  # what it said is old at once
    with start() as em, connection(em.url, accounts="organization", regions="us-east-1") as con:
        con.sql(EACH).fetchall()
        shown = con.sql(f"EXPLAIN SELECT model_name FROM {MODELS}").fetchall()[0][1]
        assert "\n  ListAccounts, each page\n" in shown and "\n  account: 3 (own, prod, stage), the" in shown
        con.sql(EACH).fetchall()
        assert Counter(call.operation for call in con.calls)["ListAccounts"] == 1


def test_an_account_that_joins_is_read_once_the_organization_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accounts, "MEMBERS_SECONDS", -1.0)
    organization = Organization([Member(OWN, "own"), Member(PROD, "prod")], rows=3)
    options = {"accounts": "organization", "regions": "us-east-1,eu-west-1,us-west-2"}
    with Emulator(organization=organization) as em, connection(em.url, **options) as con:
        con.sql(EACH).fetchall()
        organization.by_id[STAGE] = Member(STAGE, "prod-2")
        # DuckDB applies LIKE itself, so it was tried on the names that were known.
        con.sql(f"SELECT model_name FROM {MODELS} WHERE account LIKE 'prod%'").fetchall()
        assert {call.account for call in con.calls if call.operation == "ListModels"} == {"prod", "prod-2"}


def test_an_id_in_the_place_of_a_name_is_a_hint() -> None:
    with start() as em, connection(em.url, accounts="organization", regions="us-east-1") as con:
        result = con.sql(f"SELECT model_name FROM {MODELS} WHERE account = '{PROD}'")
        assert result.fetchall() == []
        assert result.warnings == [
            f"No account of the session meets the condition on account of {MODELS}: it has 'own', 'prod', 'stage'. "
            "It is an id: write account_id."
        ]


def test_explain_plans_a_call_once_for_all_places() -> None:
    options = {"accounts": "organization", "regions": "us-east-1,eu-west-1,us-west-2"}
    with Emulator(organization=make_organization(300)) as em, connection(em.url, **options) as con:
        con.sql("FROM aws.accounts").fetchall()
        explained = con.sql(f"EXPLAIN SELECT model_name, tags FROM {MODELS}")
        shown = explained.fetchall()[0][1]
        planned = {call.operation: len(call.places) for call in explained.planned}
    assert planned == {"AssumeRole": 299, "ListModels": 900, "ListTags": 900, "GetResources": 900}
    for line in (
        "AssumeRole of 299 accounts, once",
        "ListModels in eu-west-1, us-east-1, us-west-2 of 300 accounts, each page, for model_name, tags",
        "at least 900 calls",
    ):
        assert f"\n  {line}\n" in shown


def test_calls_that_assume_roles_count_in_the_budget() -> None:
    options = {"accounts": "organization", "regions": "us-east-1", "max_calls": "7"}
    with start() as em, connection(em.url, **options) as con:
        query = f"SELECT model_name FROM {MODELS} WHERE region IN ('us-east-1', 'eu-west-1')"
        with pytest.raises(sqlprov.BudgetExceeded, match="more than 7 calls"):
            con.sql(query).fetchall()  # two for the organization, two roles, six lists
        assert len(con.sql(query).fetchall()) > 0


def test_a_thousand_profiles_open_nothing_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    role = (
        "[profile p{0}]\nrole_arn = arn:aws:iam::{0:012}:role/x\nsource_profile = own\nregion = us-east-1\n"
    )
    keys = "aws_access_key_id = AKIAOWN\naws_secret_access_key = secret\nregion = us-east-1\n"
    file.write_text(f"[profile own]\n{keys}" + "".join(role.format(number) for number in range(1_000)))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    parsed: list[object] = []
    parse = botocore.configloader.raw_config_parse
    monkeypatch.setattr(
        botocore.configloader, "raw_config_parse", lambda *given: (parsed.append(given), parse(*given))[1]
    )
    gc.collect()
    before = sum(isinstance(each, AwsSession | OtherCloud) for each in gc.get_objects())
    with start() as em:
        names = ["own", *(f"p{number}" for number in range(1_000))]
        with sqlprov.connect(profile=names, endpoint_url=em.url) as con:
            con.sql("SELECT 1").fetchall()
            assert parsed == []
            con.sql(f"SELECT model_name FROM {MODELS} WHERE account = 'own'").fetchall()
            opened = sum(isinstance(each, AwsSession | OtherCloud) for each in gc.get_objects()) - before
            assert opened == 1 and len(parsed) < 10
