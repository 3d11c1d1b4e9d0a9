from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from local_sagemaker import connection, plain_client
from test_model_server import make_table

from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog.column import TagSpelling
from sqlprov.catalog.read_calls import DescribeCall, TagsCall
from sqlprov.catalog.table import ListCall, Parent
from sqlprov.emulator import moto_seeds, other_services
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.local_aws import LocalAws
from sqlprov.emulator.moto_app import MotoApp
from sqlprov.emulator.moto_seeds import open_client as open_moto
from sqlprov.emulator.moto_seeds import read_calls, seed

Client = Any

APPS = make_table(
    "amplify",
    "apps",
    ("app_id",),
    ListCall("ListApps", ("apps",)),
    DescribeCall("GetApp", {"appId": "app_id"}, ("app",), {}),
)
POOLS = replace(
    make_table(
        "cognito-idp",
        "user_pools",
        ("id",),
        ListCall("ListUserPools", ("UserPools",), send={"MaxResults": 60}),
    ),
    arn="arn",
    tags=TagsCall("ListTagsForResource", "ResourceArn", "Tags", "", "", spelling=TagSpelling()),
)
TERMS = make_table(
    "cognito-idp",
    "terms",
    ("terms_id",),
    ListCall(
        *("ListTerms", ("Terms",)),
        parents=(
            Parent("UserPoolId", "user_pool_id", table="user_pools", table_column="id", load=lambda: POOLS),
        ),
    ),
)
RELAYS = make_table("mailmanager", "relays", ("relay_id",), ListCall("ListRelays", ("Relays",)))
EXPORTS = make_table("dynamodb", "exports", ("export_arn",), ListCall("ListExports", ("ExportSummaries",)))


@pytest.fixture
def aws() -> Iterator[LocalAws]:
    tables = (APPS, POOLS, TERMS, RELAYS, EXPORTS)
    with LocalAws(lambda client: [table for table in tables if table.client == client]) as local:
        local.seed_local()
        yield local


@pytest.fixture
def open_client(aws: LocalAws) -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def start(service: str, region: str = "us-east-1") -> Client:
        opened.append(plain_client(aws.url, "local", region, service))
        return opened[-1]

    yield start
    for client in opened:
        client.close()


def read_error(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def read_warning(reply: dict[str, Any]) -> str:
    return str(reply["ResponseMetadata"]["HTTPHeaders"].get("x-sqlprov-warning", ""))


def test_one_address_serves_the_emulator_moto_and_what_neither_has(open_client):
    sagemaker = open_client("sagemaker")
    assert len(sagemaker.list_models(MaxResults=100)["Models"]) == 10  # the emulator's
    assert sagemaker.list_notebook_instances()["NotebookInstances"] == []  # moto's
    assert open_client("sts").get_caller_identity()["Account"] == "123456789012"
    assert open_client("sqs").list_queues()["QueueUrls"]  # moto's
    assert open_client("amplify").list_apps()["apps"]  # neither's
    assert open_client("mailmanager").list_relays()["Relays"]  # signed as ses, which moto has


def test_the_accounts_of_the_organisation_have_their_own_resources(aws, open_client):
    accounts = open_client("organizations").list_accounts()["Accounts"]
    assert [each["Name"] for each in accounts] == ["management", "production", "staging", "sandbox"]
    for account in accounts:
        role = f"arn:aws:iam::{account['Id']}:role/Any"
        made = open_client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]

        def open_member(service: str, key: dict[str, Any] = made) -> Client:
            return boto3.client(
                service,
                region_name="us-east-1",
                endpoint_url=aws.url,
                aws_access_key_id=key["AccessKeyId"],
                aws_secret_access_key=key["SecretAccessKey"],
                aws_session_token=key["SessionToken"],
            )

        models = open_member("sagemaker").list_models(MaxResults=100)["Models"]
        arns = [each["ModelArn"] for each in models]
        arns += [each["Arn"] for each in open_member("iam").list_roles()["Roles"]]
        arns += [each["appArn"] for each in open_member("amplify").list_apps()["apps"]]
        assert len(arns) == 10 + 9 + 3
        assert {arn.split(":")[4] for arn in arns} == {account["Id"]}
        aws.expire_credentials(account["Id"])
        codes = [read_error(open_member("sqs").list_queues)[0], read_error(open_member("iam").list_roles)[0]]
        assert codes == ["ExpiredTokenException", "ExpiredToken"]


def test_a_resource_that_nothing_has_is_missing(open_client):
    assert read_error(lambda: open_client("amplify").get_app(appId="d1"))[0] == "NoSuchThing"


def test_rows_that_moto_does_not_have_are_made_up_with_a_warning(aws, open_client):
    text = "The rows of amplify:ListApps are made up: moto does not have it."
    reply = open_client("amplify").list_apps()
    assert [app["name"] for app in reply["apps"]] == ["app-1", "app-2", "app-3"]
    assert read_warning(reply) == text
    assert not read_warning(open_client("sqs").list_queues())
    with connection(aws.url) as con:
        assert con.sql("SELECT name, tags FROM aws.amplify.apps").keep().warnings == [text]


def test_an_empty_list_of_cloud_control_warns_that_the_sample_data_is_not_in_it(open_client):
    assert open_client("s3").list_buckets()["Buckets"]
    cloud_control = open_client("cloudcontrol")
    reply = cloud_control.list_resources(TypeName="AWS::S3::Bucket")
    assert reply["ResourceDescriptions"] == []
    assert read_warning(reply).startswith("The local Cloud Control lists only what was made through it")
    cloud_control.create_resource(TypeName="AWS::S3::Bucket", DesiredState='{"BucketName": "made"}')
    reply = cloud_control.list_resources(TypeName="AWS::S3::Bucket")
    assert len(reply["ResourceDescriptions"]) == 1
    assert read_warning(reply) == ""
    cloud_control.delete_resource(TypeName="AWS::S3::Bucket", Identifier="made")


def test_a_refused_page_does_not_replace_the_rows_of_moto(open_client):
    glue = open_client("glue")
    glue.create_job(Name="mine", Role="r", Command={"Name": "glueetl"})
    with pytest.raises(ClientError):
        glue.get_jobs(NextToken="old")
    assert [job["Name"] for job in glue.get_jobs()["Jobs"]] == ["mine"]
    glue.delete_job(JobName="mine")


def test_made_up_values_look_alive(open_client):
    app = open_client("amplify", "eu-west-1").list_apps()["apps"][0]
    assert app["appArn"] == "arn:aws:amplify:eu-west-1:123456789012:app/app-1"
    assert app["description"] == "Made up: app 1"
    assert list(app["tags"]) == ["team"]
    assert timedelta(0) < datetime.now(UTC) - app["createTime"] < timedelta(days=90)
    assert app["createTime"] < app["updateTime"]
    assert app["defaultDomain"] == "app-1.example.com"


def test_the_same_rows_are_made_up_in_another_server(aws, open_client):
    apps = open_client("amplify").list_apps()["apps"]
    with LocalAws(lambda client: [APPS]) as other:
        client = plain_client(other.url, "local", "us-east-1", "amplify")
        one = client.get_app(appId=apps[1]["appId"])  # the first call of this server
        client.close()
    assert one["app"] == apps[1]
    assert read_warning(one) == "The rows of amplify:ListApps are made up: moto does not have it."


def test_a_child_is_made_up_for_the_parents_that_moto_has(open_client):
    idp = open_client("cognito-idp")
    pools = [pool["Id"] for pool in idp.list_user_pools(MaxResults=10)["UserPools"]]
    assert len(pools) == 2
    for pool in pools:
        terms = idp.list_terms(UserPoolId=pool)
        assert len(terms["Terms"]) == 2 and "made up" in read_warning(terms)
    assert read_error(lambda: idp.list_terms(UserPoolId="us-east-1_abc"))[0] == "NoSuchThing"


def test_nothing_is_made_up_about_a_resource_of_moto(open_client):
    idp = open_client("cognito-idp")
    pool = idp.list_user_pools(MaxResults=10)["UserPools"][0]
    arn = f"arn:aws:cognito-idp:us-east-1:123456789012:userpool/{pool['Id']}"
    reply = idp.list_tags_for_resource(ResourceArn=arn)
    assert reply["Tags"] == {}
    text = "The local AWS has nothing for cognito-idp:ListTagsForResource: moto does not have it."
    assert read_warning(reply) == text


def test_a_list_at_which_moto_fails_is_made_up(open_client):
    reply = open_client("dynamodb").list_exports()
    assert len(reply["ExportSummaries"]) == 3
    text = "The rows of dynamodb:ListExports are made up: moto failed: KeyError: 'TableArn'."
    assert read_warning(reply) == text


@pytest.mark.parametrize(
    ("failure", "is_warned"),
    [("KeyError: 'd1'.", False), ("KeyError: 'other'.", True), ("IndexError: 0.", True)],
)
def test_a_resource_at_which_moto_fails_is_missing_with_a_warning_unless_moto_lacks_its_name(
    aws, open_client, monkeypatch, failure, is_warned
):
    def fail(*_: Any) -> None:
        raise ApiError("MotoFailed", f"moto failed: {failure}")

    monkeypatch.setattr(MotoApp, "answer", fail)
    with pytest.raises(ClientError) as error:
        open_client("amplify").get_app(appId="d1")
    assert error.value.response["Error"]["Code"] == "NoSuchThing"
    warning = error.value.response["ResponseMetadata"]["HTTPHeaders"].get("x-sqlprov-warning", "")
    assert warning == f"The local AWS has nothing for amplify:GetApp: moto failed: {failure}" * is_warned


def test_sample_data_that_cannot_be_made_is_an_error_each_time(open_client, monkeypatch):
    calls = {"firehose": [{"CreateDeliveryStream": {"DeliveryStreamName": "<nothing>"}}]}
    monkeypatch.setattr(moto_seeds, "read_calls", lambda: calls)
    for _ in range(2):
        code, text = read_error(open_client("firehose").list_delivery_streams)
        assert (code, text) == ("LocalFailure", "The local AWS failed: KeyError: 'nothing'")


def test_sample_data_needs_nothing_of_the_users_configuration(open_client, monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[default]\nregion = mars-1\nparameter_validation = maybe\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert open_client("kms").list_keys()["Keys"]


def test_an_operation_that_no_table_uses_is_an_error(open_client):
    code, text = read_error(lambda: open_client("amplify").list_branches(appId="d1"))
    assert (code, text) == ("NotImplemented", "The local AWS does not have this operation of amplify.")


@pytest.mark.parametrize("service", ["s3", "ec2", "lambda", "sqs", "iam"])
def test_without_moto_the_error_names_the_extra(open_client, monkeypatch, service):
    monkeypatch.setattr(other_services, "has_moto", lambda: False)
    calls = {
        "s3": "list_buckets",
        "ec2": "describe_instances",
        "lambda": "list_functions",
        "sqs": "list_queues",
        "iam": "list_roles",
    }
    code, text = read_error(getattr(open_client(service), calls[service]))
    assert code == "NotInstalled"
    assert "pip install '.[local]'" in text
    assert len(open_client("sagemaker").list_models(MaxResults=100)["Models"]) == 10


def test_bodies_go_both_ways_and_head_has_the_length_alone(open_client):
    s3 = open_client("s3")
    body = bytes(range(256)) * 400
    s3.put_object(Bucket="growth-exports", Key="a/b c.bin", Body=body)
    assert s3.get_object(Bucket="growth-exports", Key="a/b c.bin")["Body"].read() == body
    assert s3.head_object(Bucket="growth-exports", Key="a/b c.bin")["ContentLength"] == len(body)


def test_tags_of_a_resource_are_of_the_server_that_has_it(open_client):
    sagemaker = open_client("sagemaker")
    arn = sagemaker.describe_endpoint(EndpointName=sagemaker.list_endpoints()["Endpoints"][0]["EndpointName"])
    assert sagemaker.list_tags(ResourceArn=arn["EndpointArn"])["Tags"]
    made = sagemaker.create_notebook_instance(
        NotebookInstanceName="scratch",
        InstanceType="ml.t3.medium",
        RoleArn="arn:aws:iam::123456789012:role/experiment-runner",
        Tags=[{"Key": "team", "Value": "search"}],
    )
    tags = sagemaker.list_tags(ResourceArn=made["NotebookInstanceArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "search"}]


def test_an_operation_with_the_account_before_the_address_stays_local(aws):
    cloud = Cloud(endpoint_url=aws.url, credentials=("local", "local"))
    control = cloud.get_client("s3control", "us-east-1", 10.0)
    assert control.list_access_points(AccountId=aws.account_id)["AccessPointList"] == []
    cloud.close()


def test_s3_does_not_answer_for_services_with_its_name(open_client):
    outposts = open_client("s3outposts")
    assert read_error(outposts.list_endpoints)[0] == "NotImplemented"


@pytest.fixture(scope="module")
def moto() -> MotoApp:
    app = MotoApp()
    seed(list(read_calls()), app)
    return app


def read(moto: MotoApp, service: str, operation: str, member: str, **parameters: Any) -> list[Any]:
    return list(getattr(open_moto(moto.answer, service, "us-east-1"), operation)(**parameters)[member])


def test_sample_data_answers_the_questions_that_people_ask_first(moto):
    buckets = [each["Name"] for each in read(moto, "s3", "list_buckets", "Buckets")]
    s3 = open_moto(moto.answer, "s3", "us-east-1")
    encrypted = {"models", "experiments", "payments-ledger", "payments-receipts", "audit-logs"}
    for bucket in buckets:
        if bucket in encrypted:
            s3.get_bucket_encryption(Bucket=bucket)
        else:
            assert "NotFound" in read_error(lambda name=bucket: s3.get_bucket_encryption(Bucket=name))[0]
    assert encrypted < set(buckets)

    places = read(moto, "ec2", "describe_instances", "Reservations")
    tags = [
        {tag["Key"]: tag["Value"] for tag in each["Tags"]} for place in places for each in place["Instances"]
    ]
    assert [each["Name"] for each in tags if "team" not in each] == ["bastion", "old-jenkins"]

    iam = open_moto(moto.answer, "iam", "us-east-1")
    used = {
        role["RoleName"]: iam.get_role(RoleName=role["RoleName"])["Role"].get("RoleLastUsed", {})
        for role in read(moto, "iam", "list_roles", "Roles")
    }
    assert "LastUsedDate" in used["ci-deploy"]
    assert "LastUsedDate" not in used["legacy-batch"]

    functions = {
        each["FunctionName"]: each["Runtime"] for each in read(moto, "lambda", "list_functions", "Functions")
    }
    groups = {each["logGroupName"] for each in read(moto, "logs", "describe_log_groups", "logGroups")}
    assert functions["export-daily"] == "python3.9"
    assert [name for name in functions if f"/aws/lambda/{name}" not in groups] == ["export-cleanup"]

    names = {"cluster": "production", "services": ["payments-api", "search-api", "growth-worker"]}
    services = read(moto, "ecs", "describe_services", "services", **names)
    short = [each["serviceName"] for each in services if each["runningCount"] < each["desiredCount"]]
    assert sorted(short) == ["growth-worker", "search-api"]


def test_sample_data_is_made_once(moto):
    before = read(moto, "sqs", "list_queues", "QueueUrls")
    seed(list(read_calls()), MotoApp())
    assert read(moto, "sqs", "list_queues", "QueueUrls") == before
