"""Serves EC2 instances, IAM roles, S3 objects and ECS services from texts made before, with next to no work."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson

from sqlprov.emulator.exchange import HttpRequest, Response
from sqlprov.emulator.options import ACCOUNT, Call, Options
from sqlprov.emulator.server import LoopbackServer

PAGE = 1_000
"""Rows of a page, the most that each of the three services returns."""
_TIME = "2024-05-01T12:00:00.000Z"
_POLICY = quote(
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)
_INSTANCE = """<item>
<reservationId>r-@{row:012}</reservationId><ownerId>{account}</ownerId><groupSet/><instancesSet><item>
<instanceId>i-@{row:012}</instanceId><imageId>ami-0abcdef1234567890</imageId>
<instanceState><code>16</code><name>running</name></instanceState>
<privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><dnsName/><reason/><keyName>main</keyName>
<amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>m5.large</instanceType><launchTime>{time}</launchTime>
<placement><availabilityZone>us-east-1a</availabilityZone><groupName/><tenancy>default</tenancy></placement>
<monitoring><state>disabled</state></monitoring><subnetId>subnet-0123456789abcdef0</subnetId>
<vpcId>vpc-0123456789abcdef0</vpcId><privateIpAddress>10.0.0.1</privateIpAddress><sourceDestCheck>true</sourceDestCheck>
<groupSet><item><groupId>sg-0123456789abcdef0</groupId><groupName>web</groupName></item></groupSet>
<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>
<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-@{row:012}</volumeId>
<status>attached</status><attachTime>{time}</attachTime><deleteOnTermination>true</deleteOnTermination></ebs></item>
</blockDeviceMapping><virtualizationType>hvm</virtualizationType><clientToken>token-@{row}</clientToken>
<tagSet><item><key>Name</key><value>web-{row}</value></item><item><key>team</key><value>search</value></item></tagSet>
<hypervisor>xen</hypervisor><networkInterfaceSet><item><networkInterfaceId>eni-@{row:012}</networkInterfaceId>
<subnetId>subnet-0123456789abcdef0</subnetId><vpcId>vpc-0123456789abcdef0</vpcId><description/>
<ownerId>{account}</ownerId><status>in-use</status><macAddress>0a:00:00:00:00:01</macAddress>
<privateIpAddress>10.0.0.1</privateIpAddress><sourceDestCheck>true</sourceDestCheck>
<groupSet><item><groupId>sg-0123456789abcdef0</groupId><groupName>web</groupName></item></groupSet>
<attachment><attachmentId>eni-attach-@{row}</attachmentId><deviceIndex>0</deviceIndex><status>attached</status>
<attachTime>{time}</attachTime><deleteOnTermination>true</deleteOnTermination><networkCardIndex>0</networkCardIndex>
</attachment><privateIpAddressesSet><item><privateIpAddress>10.0.0.1</privateIpAddress><primary>true</primary></item>
</privateIpAddressesSet><ipv6AddressesSet/><interfaceType>interface</interfaceType></item></networkInterfaceSet>
<ebsOptimized>false</ebsOptimized><cpuOptions><coreCount>1</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions>
<capacityReservationSpecification><capacityReservationPreference>open</capacityReservationPreference>
</capacityReservationSpecification><hibernationOptions><configured>false</configured></hibernationOptions>
<metadataOptions><state>applied</state><httpTokens>required</httpTokens><httpEndpoint>enabled</httpEndpoint>
</metadataOptions><enclaveOptions><enabled>false</enabled></enclaveOptions></item></instancesSet></item>"""
_ROLE = (
    "<Path>/</Path><RoleName>{name}</RoleName><RoleId>AROA{name}</RoleId><Arn>arn:aws:iam::{account}:role/{name}</Arn>"
    "<CreateDate>2024-05-01T12:00:00Z</CreateDate><AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument>"
    "<Description>The role {name}</Description><MaxSessionDuration>3600</MaxSessionDuration>"
)
_MORE = (
    "<Tags><member><Key>team</Key><Value>search</Value></member></Tags>"
    "<RoleLastUsed><LastUsedDate>2024-05-02T12:00:00Z</LastUsedDate><Region>us-east-1</Region></RoleLastUsed>"
)
_OBJECT = (
    "<Contents><Key>logs/@/{row:06}.json.gz</Key><LastModified>{time}</LastModified>"
    "<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
    "<ChecksumType>FULL_OBJECT</ChecksumType><Size>{row}</Size><StorageClass>STANDARD</StorageClass>"
    "<Owner><ID>0123456789abcdef</ID></Owner></Contents>"
)
_ECS = f"arn:aws:ecs:us-east-1:{ACCOUNT}"
_SERVICE = {
    **{"status": "ACTIVE", "desiredCount": 2, "runningCount": 2, "pendingCount": 0, "launchType": "FARGATE"},
    **{
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": f"{_ECS}:task-definition/web:7",
    },
    "loadBalancers": [
        {
            "targetGroupArn": f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/web/0123456789abcdef",
            **{"containerName": "web", "containerPort": 8080},
        }
    ],
    "serviceRegistries": [],
    "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100},
    "deployments": [
        {
            **{"id": "ecs-svc/0123456789", "status": "PRIMARY", "desiredCount": 2, "runningCount": 2},
            **{"createdAt": 1714564800.0, "updatedAt": 1714564900.0, "rolloutState": "COMPLETED"},
        }
    ],
    "events": [
        {
            "id": f"event-{number}",
            "createdAt": 1714564800.0,
            "message": "(service web) has reached a steady state.",
        }
        for number in range(5)
    ],
    **{"createdAt": 1714564800.0, "schedulingStrategy": "REPLICA", "propagateTags": "NONE"},
    "networkConfiguration": {
        "awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"], "assignPublicIp": "DISABLED"}
    },
    "tags": [{"key": "team", "value": "search"}],
}
CLUSTERS = 100


class CannedAws(LoopbackServer):
    """A server of `rows` instances, roles, objects and services; @ in a text stands for the number of the page."""

    def __init__(self, rows: int) -> None:
        super().__init__(self, 0)
        self.options = Options()
        self._rows, self._pages = rows, -(-rows // PAGE)
        numbers, known = range(min(rows, PAGE)), {"account": ACCOUNT, "time": _TIME, "policy": _POLICY}
        roles = (_ROLE.format(name=f"role-@-{row}", **known) for row in numbers)
        self._texts = {
            "instances": "".join(_INSTANCE.format(row=row, **known) for row in numbers),
            "roles": "".join(f"<member>{role}</member>" for role in roles),
            "objects": "".join(_OBJECT.format(row=row, **known) for row in numbers),
        }
        self._role = _ROLE.replace("{policy}", _POLICY).replace("{account}", ACCOUNT) + _MORE

    def read_clock(self) -> float:
        return time.time()

    def answer(self, request: HttpRequest) -> Response:
        """The reply to a call of one of the operations that the contenders make."""
        if target := request.headers.get("x-amz-target"):
            operation, asked = target.rpartition(".")[2], orjson.loads(request.body)
            call = Call(operation, "us-east-1", "local", asked, time.monotonic())
            body = orjson.dumps(self._describe(operation, asked))
            return Response(body, "application/x-amz-json-1.1", call=call, delay=self.options.latency)
        path, _, query = request.path.partition("?")
        parameters = dict(parse_qsl(request.body.decode() or query))
        operation = parameters.get("Action", "ListBuckets" if path == "/" else "ListObjectsV2")
        call = Call(operation, "us-east-1", "local", parameters, time.monotonic())
        body = self._write(operation, parameters).encode()
        return Response(body, "text/xml", call=call, delay=self.options.latency)

    def _describe(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """A reply of ECS, to which the account's number is enough."""
        match operation:
            case "ListClusters":
                return {"clusterArns": [f"{_ECS}:cluster/c-{number:03}" for number in range(CLUSTERS)]}
            case "ListServices":
                name, start = asked["cluster"].rpartition("/")[2], int(asked.get("nextToken", 0))
                end = min(start + asked.get("maxResults", 10), self._rows // CLUSTERS)
                arns = [f"{_ECS}:service/{name}/s-{number:05}" for number in range(start, end)]
                return {
                    "serviceArns": arns,
                    **({"nextToken": str(end)} if end < self._rows // CLUSTERS else {}),
                }
        services = [
            {
                **_SERVICE,
                "serviceArn": arn,
                "serviceName": arn.rpartition("/")[2],
                "clusterArn": asked["cluster"],
            }
            for arn in asked["services"]
        ]
        return {"services": services, "failures": []}

    def _write(self, operation: str, parameters: dict[str, str]) -> str:
        match operation:
            case "DescribeInstances":
                rows, token = self._cut("instances", parameters.get("NextToken"))
                more = f"<nextToken>{token}</nextToken>" if token else ""
                return (
                    '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
                    f"<requestId>r</requestId><reservationSet>{rows}</reservationSet>{more}</DescribeInstancesResponse>"
                )
            case "ListRoles":
                rows, token = self._cut("roles", parameters.get("Marker"))
                more = f"<IsTruncated>true</IsTruncated><Marker>{token}</Marker>" if token else ""
                return _write_result(
                    operation, f"<Roles>{rows}</Roles>{more or '<IsTruncated>false</IsTruncated>'}"
                )
            case "GetRole":
                return _write_result(
                    operation, f"<Role>{self._role.format(name=parameters['RoleName'])}</Role>"
                )
            case "ListBuckets":
                bucket = "<Bucket><Name>logs</Name><BucketRegion>us-east-1</BucketRegion></Bucket>"
                return f"<ListAllMyBucketsResult><Buckets>{bucket}</Buckets></ListAllMyBucketsResult>"
            case "GetCallerIdentity":
                return _write_result(operation, f"<Account>{ACCOUNT}</Account>")
        rows, token = self._cut("objects", parameters.get("continuation-token"))
        more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
        return (
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>logs</Name><Prefix/>'
            f"<EncodingType>url</EncodingType><IsTruncated>{'true' if token else 'false'}</IsTruncated>"
            f"<KeyCount>{PAGE}</KeyCount><MaxKeys>{PAGE}</MaxKeys>{rows}{more}</ListBucketResult>"
        )

    def _cut(self, rows: str, token: str | None) -> tuple[str, str]:
        """The text of a page, and the token of the next one; empty after the last."""
        number = int(token or 0)
        return self._texts[rows].replace("@", f"{number:05}"), str(
            number + 1
        ) if number + 1 < self._pages else ""


def _write_result(operation: str, content: str) -> str:
    return (
        f'<{operation}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><{operation}Result>{content}'
        f"</{operation}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
    )
