"""Sample data for moto: the account of a small company, made the first time that a service is asked.

Each service's data are its create calls. They suit the questions that people ask first: which buckets are not
encrypted, which instances have no `team`, which roles nobody uses, which functions have an old runtime.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlprov.catalog.service_model import get_loader
from sqlprov.emulator.exchange import Request
from sqlprov.emulator.moto_app import MotoApp
from sqlprov.emulator.options import ACCOUNT

OpenClient = Callable[..., Any]  # service, region

_HOME, _EU = "us-east-1", "eu-west-1"
_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"%s.amazonaws.com"}}]}'
)
_READ_ONLY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"%s","Resource":"*"}]}'

# name, trusted service, days since it was last used
_ROLES: tuple[tuple[str, str, int | None], ...] = (
    ("payments-api", "ecs-tasks", 0),
    ("fraud-scoring", "lambda", 1),
    ("growth-exports", "lambda", 3),
    ("search-indexer", "lambda", 12),
    ("experiment-runner", "sagemaker", 30),
    ("ci-deploy", "codebuild", 96),
    ("warehouse-loader", "glue", 214),
    ("legacy-batch", "batch", None),
)
# region, name, type, team, stopped
_INSTANCES: tuple[tuple[str, str, str, str | None, bool], ...] = (
    (_HOME, "payments-api-1", "m5.large", "payments", False),
    (_HOME, "payments-api-2", "m5.large", "payments", False),
    (_HOME, "search-index-1", "r5.xlarge", "search", False),
    (_HOME, "growth-notebook", "t3.medium", "growth", True),
    (_HOME, "bastion", "t3.micro", None, False),
    (_HOME, "old-jenkins", "m4.large", None, True),
    (_EU, "payments-api-eu-1", "m5.large", "payments", False),
    (_EU, "bastion-eu", "t3.micro", None, False),
)
# name, region, encryption, versioned, team
_BUCKETS: tuple[tuple[str, str, str | None, bool, str | None], ...] = (
    ("payments-ledger", _HOME, "aws:kms", True, "payments"),
    ("payments-receipts-eu", _EU, "AES256", True, "payments"),
    ("models-us-east-1", _HOME, "AES256", True, "search"),
    ("experiments-us-east-1", _HOME, "AES256", False, "search"),
    ("growth-exports", _HOME, None, False, "growth"),
    ("website-assets", _HOME, None, False, None),
)
# name, runtime, memory, role, whether it has a log group
_FUNCTIONS = (
    ("fraud-score", "python3.13", 1024, "fraud-scoring", True),
    ("fraud-features", "python3.13", 512, "fraud-scoring", True),
    ("export-daily", "python3.9", 256, "growth-exports", True),
    ("export-cleanup", "python3.9", 128, "growth-exports", False),
    ("search-reindex", "nodejs22.x", 512, "search-indexer", True),
    ("image-resize", "nodejs18.x", 1536, "search-indexer", True),
)
# service, cluster, tasks wanted, tasks running
_ECS_SERVICES = (
    ("payments-api", "production", 3, 3),
    ("search-api", "production", 4, 2),
    ("growth-worker", "production", 2, 0),
    ("search-api", "staging", 1, 1),
)


def seed(service: str, app: MotoApp) -> None:
    """Make the sample data of a service, once for each state of moto.

    Args:
        service: as requests are signed for it, such as `ec2`.
    """
    make = _SEEDS.get(service)
    if make is None:
        return
    done = _get_marks()
    if service in done:
        return
    done.add(service)
    for other in _NEEDS.get(service, ()):
        seed(other, app)

    def open_client(name: str, region: str = _HOME) -> Any:
        return _open_client(app, name, region)

    make(open_client)


def _get_marks() -> set[str]:
    """The services that have their data. The set lies in moto's state, so that moto's reset empties it."""
    from moto.backends import get_backend

    marks: set[str] = get_backend("iam")[ACCOUNT]["aws"].__dict__.setdefault("sqlprov_seeded", set())
    return marks


def _open_client(app: MotoApp, service: str, region: str) -> Any:
    """A botocore client whose requests go to moto directly, not over the network."""
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config
    from botocore.session import Session

    def send(request: Any, **_: Any) -> Any:
        parts = urlsplit(request.url)
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        body = request.body or b""
        body = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        reply = app.answer(Request(request.method, path or "/", {"host": parts.netloc} | headers, body))
        assert reply is not None, f"moto does not have {request.url}"
        return AWSResponse(request.url, reply.status, reply.headers, _RawReply(reply.body))

    session = Session()
    session.register_component("data_loader", get_loader())
    session.set_credentials("local", "local")
    config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False)
    client = session.create_client(service, region, endpoint_url="http://127.0.0.1", config=config)
    client.meta.events.register("before-send", send)
    return client


class _RawReply(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _tag(**tags: str | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items() if value is not None]


def _days_ago(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None) - timedelta(days=days)


def _seed_iam(open_client: OpenClient) -> None:
    from moto.backends import get_backend

    iam = open_client("iam")
    for name, service, _ in _ROLES:
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=_TRUST % service, Tags=_tag(team=name.split("-")[0])
        )
    unused = {role: days for role, _, days in _ROLES}
    for role in get_backend("iam")[ACCOUNT]["aws"].roles.values():
        role.create_date = _days_ago(400)
        if (days := unused[role.name]) is not None:
            role.last_used = _days_ago(days)
            role.last_used_region = _HOME  # type: ignore[assignment]
    for name, action in (("read-ledger", "s3:GetObject"), ("run-experiments", "sagemaker:*"), ("admin", "*")):
        iam.create_policy(
            PolicyName=name, PolicyDocument=_READ_ONLY % action, Description=f"Allows {action}."
        )
    iam.attach_role_policy(RoleName="payments-api", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/read-ledger")
    iam.attach_role_policy(RoleName="legacy-batch", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/admin")
    iam.create_group(GroupName="engineers")
    for name in ("ana", "bo", "chen", "dora"):
        iam.create_user(UserName=name, Tags=_tag(team="payments" if name in ("ana", "bo") else "search"))
        iam.add_user_to_group(GroupName="engineers", UserName=name)
    iam.create_access_key(UserName="ana")
    iam.create_access_key(UserName="dora")


def _seed_ec2(open_client: OpenClient) -> None:
    from moto.backends import get_backend

    for region, block in ((_HOME, "10.20"), (_EU, "10.30")):
        ec2 = open_client("ec2", region)

        def name(kind: str, name: str, team: str | None = None) -> list[dict[str, Any]]:
            return [{"ResourceType": kind, "Tags": _tag(Name=name, team=team)}]

        vpc = ec2.create_vpc(CidrBlock=f"{block}.0.0/16", TagSpecifications=name("vpc", "main"))["Vpc"][
            "VpcId"
        ]
        subnets = [
            ec2.create_subnet(
                VpcId=vpc,
                CidrBlock=f"{block}.{place}.0/24",
                AvailabilityZone=f"{region}{zone}",
                TagSpecifications=name("subnet", f"private-{zone}"),
            )["Subnet"]["SubnetId"]
            for place, zone in enumerate("ab")
        ]
        groups = {}
        for group, port, source in (
            ("web", 443, "0.0.0.0/0"),
            ("ssh", 22, "0.0.0.0/0"),
            ("postgres", 5432, f"{block}.0.0/16"),
        ):
            groups[group] = ec2.create_security_group(
                GroupName=group,
                Description=f"Port {port}",
                VpcId=vpc,
                TagSpecifications=name("security-group", group),
            )["GroupId"]
            allowed = {
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "IpRanges": [{"CidrIp": source}],
            }
            ec2.authorize_security_group_ingress(GroupId=groups[group], IpPermissions=[allowed])
        image = next(iter(get_backend("ec2")[ACCOUNT][region].amis))
        for place, (where, title, kind, team, stopped) in enumerate(_INSTANCES):
            if where == region:
                made = ec2.run_instances(
                    ImageId=image,
                    MinCount=1,
                    MaxCount=1,
                    InstanceType=kind,
                    SubnetId=subnets[place % 2],
                    SecurityGroupIds=[groups["ssh" if "bastion" in title else "web"]],
                    TagSpecifications=name("instance", title, team),
                )["Instances"][0]
                if stopped:
                    ec2.stop_instances(InstanceIds=[made["InstanceId"]])
        ec2.create_volume(
            AvailabilityZone=f"{region}a",
            Size=200,
            VolumeType="gp3",
            Encrypted=True,
            TagSpecifications=name("volume", "search-snapshot", "search"),
        )
        ec2.create_volume(
            AvailabilityZone=f"{region}b",
            Size=80,
            VolumeType="gp2",
            TagSpecifications=name("volume", "left-over"),
        )


def _seed_s3(open_client: OpenClient) -> None:
    for name, region, encryption, versioned, team in _BUCKETS:
        s3 = open_client("s3", region)
        place = {} if region == _HOME else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **place)
        if encryption:
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": encryption}}
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if team:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": _tag(team=team)})


def _seed_lambda(open_client: OpenClient) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), "def run(event, context):\n    return event\n")
    functions = open_client("lambda")
    for name, runtime, memory, role, _ in _FUNCTIONS:
        functions.create_function(
            FunctionName=name,
            Runtime=runtime,
            MemorySize=memory,
            Role=f"arn:aws:iam::{ACCOUNT}:role/{role}",
            Handler="main.run",
            Code={"ZipFile": code.getvalue()},
            Timeout=30,
            Tags={"team": role.split("-")[0]},
        )


def _seed_logs(open_client: OpenClient) -> None:
    logs = open_client("logs")
    groups = [(f"/aws/lambda/{name}", 30) for name, *_, logged in _FUNCTIONS if logged]
    for name, days in (*groups, ("/ecs/payments-api", 365), ("/ecs/search-api", 14), ("vpc-flow-logs", 0)):
        logs.create_log_group(logGroupName=name)
        if days:
            logs.put_retention_policy(logGroupName=name, retentionInDays=days)


def _seed_dynamodb(open_client: OpenClient) -> None:
    tables = open_client("dynamodb")
    for name, key in (
        ("payments-ledger", "payment_id"),
        ("sessions", "session_id"),
        ("feature-flags", "flag"),
    ):
        tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=_tag(team="payments" if name.startswith("payments") else "growth"),
        )


def _seed_rds(open_client: OpenClient) -> None:
    rds = open_client("rds")
    for name, engine, size, encrypted in (
        ("payments", "postgres", "db.r6g.large", True),
        ("growth-reports", "postgres", "db.t3.medium", False),
        ("wordpress", "mysql", "db.t3.micro", False),
    ):
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine=engine,
            DBInstanceClass=size,
            AllocatedStorage=100,
            MasterUsername="admin_user",
            MasterUserPassword="not-a-secret",
            StorageEncrypted=encrypted,
            MultiAZ=encrypted,
            Tags=_tag(team=name.split("-")[0]),
        )


def _seed_sqs(open_client: OpenClient) -> None:
    sqs = open_client("sqs")
    for name, seconds in (
        ("payments-events", 345600),
        ("payments-events-dead", 1209600),
        ("search-reindex", 86400),
    ):
        sqs.create_queue(
            QueueName=name,
            Attributes={"MessageRetentionPeriod": str(seconds)},
            tags={"team": name.split("-")[0]},
        )
    sqs.create_queue(QueueName="ledger.fifo", Attributes={"FifoQueue": "true"}, tags={"team": "payments"})


def _seed_sns(open_client: OpenClient) -> None:
    sns = open_client("sns")
    for name in ("alarms", "payments-settled", "deployments"):
        arn = sns.create_topic(Name=name, Tags=_tag(team=name.split("-")[0]))["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=f"{name}@example.com")


def _seed_ecs(open_client: OpenClient) -> None:
    ecs = open_client("ecs")
    for cluster in ("production", "staging"):
        ecs.create_cluster(clusterName=cluster, tags=[{"key": "stage", "value": cluster}])
    for name in dict.fromkeys(name for name, *_ in _ECS_SERVICES):
        container = {
            "name": name,
            "image": f"{ACCOUNT}.dkr.ecr.{_HOME}.amazonaws.com/{name}:1",
            "memory": 512,
        }
        ecs.register_task_definition(
            family=name,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
    for name, cluster, wanted, running in _ECS_SERVICES:
        service = ecs.create_service(
            cluster=cluster,
            serviceName=name,
            taskDefinition=name,
            desiredCount=wanted,
            launchType="FARGATE",
            tags=[{"key": "team", "value": name.split("-")[0]}],
        )["service"]
        _set_running(service["serviceArn"], running)


def _set_running(arn: str, running: int) -> None:
    """moto runs none of a service's tasks."""
    from moto.backends import get_backend

    for service in get_backend("ecs")[ACCOUNT][_HOME].services.values():
        if service.arn == arn:
            service.running_count, service.pending_count = running, service.desired_count - running


def _seed_kms(open_client: OpenClient) -> None:
    kms = open_client("kms")
    for name, rotated in (("payments", True), ("models", True), ("legacy", False)):
        tags = [{"TagKey": "team", "TagValue": name}]
        key = kms.create_key(Description=f"Encrypts {name}.", Tags=tags)["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
        if rotated:
            kms.enable_key_rotation(KeyId=key)


def _seed_secretsmanager(open_client: OpenClient) -> None:
    secrets = open_client("secretsmanager")
    for name in ("payments/database", "search/api-key", "growth/crm-token"):
        secrets.create_secret(
            Name=name,
            SecretString="not-a-secret",
            Description=f"For {name}.",
            Tags=_tag(team=name.split("/")[0]),
        )


def _seed_route53(open_client: OpenClient) -> None:
    route53 = open_client("route53")
    for name in ("example.com.", "internal.example.com."):
        zone = route53.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"]
        record = {
            "Name": f"www.{name}",
            "Type": "A",
            "TTL": 300,
            "ResourceRecords": [{"Value": "192.0.2.10"}],
        }
        change = {"Action": "CREATE", "ResourceRecordSet": record}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})


def _seed_organizations(open_client: OpenClient) -> None:
    organizations = open_client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.create_organizational_unit(ParentId=root, Name="workloads")
    organizations.create_account(Email="sandbox@example.com", AccountName="sandbox")


def _seed_cloudformation(open_client: OpenClient) -> None:
    stacks = open_client("cloudformation")
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "%s"}}}}'
    for name in ("network", "payments-alarms"):
        stacks.create_stack(
            StackName=name, TemplateBody=template % f"{name}-changes", Tags=_tag(team=name.split("-")[0])
        )


def _seed_cloudwatch(open_client: OpenClient) -> None:
    cloudwatch = open_client("cloudwatch")
    for name, metric, bound in (
        ("payments-latency", "TargetResponseTime", 0.5),
        ("search-errors", "HTTPCode_Target_5XX_Count", 10),
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName=metric,
            Namespace="AWS/ApplicationELB",
            Period=60,
            EvaluationPeriods=5,
            Threshold=bound,
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Average",
            AlarmActions=[f"arn:aws:sns:{_HOME}:{ACCOUNT}:alarms"],
        )


_SEEDS: dict[str, Callable[[OpenClient], None]] = {
    "cloudformation": _seed_cloudformation,
    "dynamodb": _seed_dynamodb,
    "ec2": _seed_ec2,
    "ecs": _seed_ecs,
    "iam": _seed_iam,
    "kms": _seed_kms,
    "lambda": _seed_lambda,
    "logs": _seed_logs,
    "monitoring": _seed_cloudwatch,
    "organizations": _seed_organizations,
    "rds": _seed_rds,
    "route53": _seed_route53,
    "s3": _seed_s3,
    "secretsmanager": _seed_secretsmanager,
    "sns": _seed_sns,
    "sqs": _seed_sqs,
}
"""Signing name -> what makes the sample data."""
_NEEDS = {"lambda": ("iam",), "cloudformation": ("sns",)}
