"""The organisation of the local AWS, through boto3."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from test_model_server import make_table

from sqlprov.catalog.table import ListCall
from sqlprov.emulator import Emulator, Fault, Member, Options, Organization, make_organization
from sqlprov.emulator.model_server import ModelServer
from sqlprov.emulator.options import ACCOUNT
from sqlprov.emulator.organization import ROLE, ROOT

PROD, STAGE = "222222222222", "333333333333"
CONFIG = Config(retries={"total_max_attempts": 1})


def make_members(**of_prod: Any) -> list[Member]:
    prod = Member(PROD, "prod", unit="workloads/prod", **of_prod)
    return [Member(ACCOUNT, "root"), prod, Member(STAGE, "stage", unit="workloads/stage")]


def open_client(url: str, service: str, key: dict[str, str] | None = None, region: str = "us-east-1") -> Any:
    """A client of the management account, or with the credentials that AssumeRole returned."""
    names = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key"}
    names |= {"SessionToken": "aws_session_token"}
    given = {names[name]: value for name, value in (key or {}).items() if name in names}
    given = given or {"aws_access_key_id": "AKIAOURS", "aws_secret_access_key": "secret"}
    return boto3.client(service, region, endpoint_url=url, config=CONFIG, **given)


def assume(url: str, account: str, role: str = ROLE, **more: Any) -> dict[str, Any]:
    arn = f"arn:aws:iam::{account}:role/{role}"
    reply = open_client(url, "sts").assume_role(RoleArn=arn, RoleSessionName="test", **more)
    credentials: dict[str, Any] = reply["Credentials"]
    return credentials


def find_code(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator(organization=Organization(make_members())) as emulator:
        yield emulator


def test_each_account_has_its_own_resources_and_arns(em: Emulator) -> None:
    em.add("Model", "us-east-1", {"ModelName": "m"})
    em.add("Model", "us-east-1", {"ModelName": "m"}, PROD)
    em.add("Model", "us-east-1", {"ModelName": "only-prod"}, PROD)
    for account, count in ((ACCOUNT, 1), (PROD, 2), (STAGE, 0)):
        key = assume(em.url, account)
        models = open_client(em.url, "sagemaker", key).list_models()["Models"]
        assert [model["ModelArn"].split(":")[4] for model in models] == [account] * count
        identity = open_client(em.url, "sts", key).get_caller_identity()
        assert identity["Account"] == account
        assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/{ROLE}/test"
    assert Counter(call.account for call in em.calls if call.operation == "ListModels") == {
        ACCOUNT: 1,
        PROD: 1,
        STAGE: 1,
    }


def test_a_write_changes_only_the_account_of_its_credentials(em: Emulator) -> None:
    em.add("Model", "us-east-1", {"ModelName": "m"})
    em.add("Model", "us-east-1", {"ModelName": "m"}, PROD)
    open_client(em.url, "sagemaker", assume(em.url, PROD)).delete_model(ModelName="m")
    assert em.get("Model", "us-east-1", "m", PROD) is None
    kept = em.get("Model", "us-east-1", "m")
    assert kept is not None and kept["ModelArn"].split(":")[4] == ACCOUNT


def test_the_accounts_and_units_are_listed_in_pages() -> None:
    with Emulator(organization=make_organization(50)) as em:
        client = open_client(em.url, "organizations")
        pages = list(client.get_paginator("list_accounts").paginate())
        accounts = [account for page in pages for account in page["Accounts"]]
        assert [len(page["Accounts"]) for page in pages] == [20, 20, 10]
        assert len({account["Id"] for account in accounts}) == 50
        assert {account["Status"] for account in accounts} == {"ACTIVE"}
        (root,) = client.list_roots()["Roots"]
        assert root["Id"] == ROOT

        def count_below(parent: str) -> int:
            own = client.get_paginator("list_accounts_for_parent").paginate(ParentId=parent)
            units = client.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"]
            here = sum(len(page["Accounts"]) for page in own)
            return here + sum(count_below(unit["Id"]) for unit in units)

        assert count_below(ROOT) == 50
        assert client.describe_organization()["Organization"]["MasterAccountId"] == ACCOUNT


def test_only_the_management_account_lists_the_accounts(em: Emulator) -> None:
    client = open_client(em.url, "organizations", assume(em.url, PROD))
    assert find_code(client.list_accounts) == "AccessDeniedException"
    assert client.describe_organization()["Organization"]["MasterAccountId"] == ACCOUNT


def test_an_account_alone_is_in_no_organisation() -> None:
    with Emulator() as em:
        code = find_code(open_client(em.url, "organizations").list_accounts)
        assert code == "AWSOrganizationsNotInUseException"


def test_a_role_needs_its_external_id_and_an_active_account() -> None:
    members = make_members(roles={"Auditor": "secret-id"})
    members[2].status = "SUSPENDED"
    with Emulator(organization=Organization(members)) as em:
        sts = open_client(em.url, "sts")
        assert assume(em.url, PROD, "Auditor", ExternalId="secret-id")
        for account, role, more in (
            (PROD, "Auditor", {}),
            (PROD, "Auditor", {"ExternalId": "other"}),
            (PROD, ROLE, {}),
            (STAGE, ROLE, {}),
            ("999999999999", ROLE, {}),
        ):
            arn = f"arn:aws:iam::{account}:role/{role}"
            code = find_code(sts.assume_role, RoleArn=arn, RoleSessionName="test", **more)
            assert code == "AccessDenied"


def test_credentials_expire_by_time_by_calls_and_on_demand() -> None:
    now = [time.time()]
    options = Options(clock=lambda: now[0])
    with Emulator(options, organization=Organization(make_members(), lifetime=60)) as em:
        key = assume(em.url, PROD)
        assert key["Expiration"].timestamp() == pytest.approx(now[0] + 60)
        client = open_client(em.url, "sagemaker", key)
        client.list_models()
        now[0] += 61
        assert find_code(client.list_models) == "ExpiredTokenException"
        client = open_client(em.url, "sagemaker", assume(em.url, PROD))
        other = open_client(em.url, "sts", assume(em.url, STAGE))
        em.expire_credentials(PROD)
        assert find_code(client.list_models) == "ExpiredTokenException"
        assert other.get_caller_identity()["Account"] == STAGE
        em.expire_credentials()
        assert find_code(other.get_caller_identity) == "ExpiredToken"
    with Emulator(organization=Organization(make_members(), most_calls=2)) as em:
        client = open_client(em.url, "sagemaker", assume(em.url, PROD))
        client.list_models()
        client.list_models()
        assert find_code(client.list_models) == "ExpiredTokenException"


def test_a_session_token_belongs_to_its_access_key(em: Emulator) -> None:
    prod, stage = assume(em.url, PROD), assume(em.url, STAGE)
    mixed = prod | {"SessionToken": stage["SessionToken"]}
    assert find_code(open_client(em.url, "sts", mixed).get_caller_identity) == "InvalidClientTokenId"
    unknown = prod | {"AccessKeyId": "ASIA0000000000000099"}
    assert find_code(open_client(em.url, "sagemaker", unknown).list_models) == "UnrecognizedClientException"


def test_a_static_key_belongs_to_its_account() -> None:
    members = make_members(keys=("AKIAPROD",))
    with Emulator(organization=Organization(members)) as em:
        key = {"AccessKeyId": "AKIAPROD", "SecretAccessKey": "secret"}
        assert open_client(em.url, "sts", key).get_caller_identity()["Account"] == PROD


def test_options_and_faults_may_be_of_one_account() -> None:
    members = make_members(options=Options(denied_regions={"eu-west-1"}, closed_regions={"ap-south-1"}))
    with Emulator(organization=Organization(members)) as em:
        keys = {account: assume(em.url, account) for account in (PROD, STAGE)}
        prod, stage = (open_client(em.url, "sagemaker", keys[each], "eu-west-1") for each in (PROD, STAGE))
        assert find_code(prod.list_models) == "AccessDeniedException"
        assert stage.list_models()["Models"] == []

        def list_closed(account: str) -> list[str]:
            client = open_client(em.url, "account", keys[account])
            pages = client.get_paginator("list_regions").paginate(RegionOptStatusContains=["DISABLED"])
            return [region["RegionName"] for page in pages for region in page["Regions"]]

        assert (list_closed(PROD), list_closed(STAGE)) == (["ap-south-1"], [])
        em.inject(Fault("throttle", operation="ListModels", account=STAGE, times=None))
        assert find_code(stage.list_models) == "ThrottlingException"
        assert find_code(prod.list_models) == "AccessDeniedException"


def test_a_throttle_is_each_account_s_own() -> None:
    now = time.time()
    options = Options(throttle=1, clock=lambda: now)
    with Emulator(options, organization=Organization(make_members())) as em:
        for account in (PROD, STAGE):
            client = open_client(em.url, "sagemaker", assume(em.url, account))
            client.list_models()
            assert find_code(client.list_models) == "ThrottlingException"


def test_the_resources_of_an_organisation_are_computed() -> None:
    organization = make_organization(3, rows=4)
    with Emulator(organization=organization) as em:
        times = set()
        for member in organization.members:
            client = open_client(em.url, "sagemaker", assume(em.url, member.id), "eu-west-1")
            models = client.list_models(MaxResults=100)["Models"]
            names = organization.list_names(member.id, "Model", "eu-west-1")
            assert sorted(model["ModelName"] for model in models) == sorted(names)
            times |= {(model["ModelName"], model["CreationTime"]) for model in models}
        counts = [
            len(organization.list_names(each.id, "Model", "eu-west-1")) for each in organization.members
        ]
        assert len(times) == sum(counts) > max(counts)


def test_the_accounts_of_a_model_server_have_different_rows() -> None:
    table = make_table(
        "ecr", "repositories", ("repository_name",), ListCall("DescribeRepositories", ("repositories",))
    )
    with ModelServer([table], organization=Organization(make_members())) as server:
        for account in (ACCOUNT, PROD):
            client = open_client(server.url, "ecr", assume(server.url, account))
            found = {row["repositoryName"] for row in client.describe_repositories()["repositories"]}
            rows = server.list_rows(table, account=account)
            assert found == {row["repository_name"] for row in rows}
            assert {row["account_id"] for row in rows} == {account}
        own, prod = (server.list_rows(table, account=account) for account in (ACCOUNT, PROD))
        assert not {row["repository_name"] for row in own} & {row["repository_name"] for row in prod}


def test_a_thousand_accounts_cost_nothing_before_they_are_called() -> None:
    with Emulator(organization=make_organization(1000, rows=5)) as em:
        assert len(em._service.stores) == 1
        open_client(em.url, "sagemaker", assume(em.url, "200000000999")).list_models()
        assert len(em._service.stores) == 2


def test_an_organisation_needs_different_accounts() -> None:
    for members in ([], [Member(PROD, "a"), Member(PROD, "b")]):
        with pytest.raises(ValueError, match="at least one account, and their ids differ"):
            Organization(members)
