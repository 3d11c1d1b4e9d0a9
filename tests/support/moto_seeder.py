"""Creates resources of every kind that moto has, with requests made from the model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore import xform_name
from botocore.config import Config
from request_values import NOT_MAKING, REGION, Known, RequestMaker, find_noun
from sagemaker_seeds import make_sagemaker_request, seed_sagemaker

_CONFIG = Config(
    retries={"total_max_attempts": 1},
    inject_host_prefix=False,
    read_timeout=60,
    s3={"addressing_style": "path"},
)


@cache
def read_hints() -> dict[str, dict[str, Any]]:
    """`moto_hints.yaml`."""
    return dict(yaml.safe_load((Path(__file__).parent / "moto_hints.yaml").read_text("utf-8")))


def open_client(url: str, client: str, region: str = REGION) -> Any:
    """A boto3 client of moto."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(client, region_name=region, endpoint_url=url, config=_CONFIG, **keys)


class Seeder:
    """Fills one service of a moto that has just been started."""

    def __init__(self, url: str, client: str) -> None:
        self._url, self._name = url, client
        self.client = open_client(url, client)
        self.known = Known(self._make_base)
        self._bases: set[str] = set()
        self._unserved: set[str] = set()
        self.done: Counter[str] = Counter()
        self._hints = read_hints().get(client, {})
        self._maker = RequestMaker(self.known, self._hints)

    def seed(self) -> None:
        """Call every operation that may make something, until no further one succeeds."""
        if self._name == "sagemaker":
            seed_sagemaker(self.client)
        for client, operation, parameters in self._hints.get("calls", ()):
            self.call(operation, self.known.fill(parameters), client)
        model = self.client.meta.service_model
        names = [name for name in model.operation_names if not NOT_MAKING.match(name)]
        names = [name for name in names if self._hints.get(name, {}) is not None]
        names.sort(key=lambda name: not name.startswith(("Create", "Register", "Run", "Allocate", "Request")))
        for may_guess in (False, False, True, True):
            for name in names:
                if name not in self._unserved and not self.done[name]:
                    self._try(model.operation_model(name), may_guess)

    def _try(self, operation: Any, may_guess: bool) -> None:
        """Make one resource with every parameter and one with few, or two with few."""
        tried: list[dict[str, Any]] = []
        errors: list[Exception] = []
        variants = ({"optional": True}, {"references": True}, {}, {})
        for number, variant in enumerate(variants):
            if self.done[operation.name] < 2:
                parameters = self._maker.make(operation, number, **variant)
                if (may_guess or not self._maker.guesses) and parameters not in tried:
                    tried.append(parameters)
                    if error := self.call(operation.name, parameters):
                        errors.append(error)
        if errors and len(errors) == len(tried) and all(map(is_unserved, errors)):
            self._unserved.add(operation.name)

    def list_requests(self, operation: Any, number: int) -> list[dict[str, Any]]:
        """Requests for one more resource, with few parameters first."""
        if self._name == "sagemaker" and (request := make_sagemaker_request(operation, f"round-{number}")):
            return [request]
        variants = ({}, {"references": True}, {"optional": True})
        requests: list[dict[str, Any]] = []
        maker = self._maker.add_hints(read_hints()["writes"].get(self._name, {}))
        for variant in variants:
            request = maker.make(operation, number, **variant)
            requests += [] if request in requests else [request]
        return requests

    def call(self, operation: str, parameters: Mapping[str, Any], other: str = "") -> Exception | None:
        """Call an operation, of another client if it is given, and note what its reply names; returns the error."""
        try:
            client = open_client(self._url, other) if other else self.client
            reply = getattr(client, xform_name(operation))(**parameters)
        except Exception as error:  # botocore's parser fails in many ways at moto's pages of errors
            return error
        self.done[operation] += 1
        noun = find_noun(operation)
        self.known.note_reply(noun, dict(parameters) if other else self._maker.names)
        self.known.note_reply(
            noun, {name: value for name, value in reply.items() if name != "ResponseMetadata"}
        )
        return None

    def _make_base(self, name: str) -> None:
        for ends, make in _BASES.items():
            service = make.__name__.removeprefix("make_")
            if name.endswith(ends) and service not in self._bases:
                self._bases.add(service)
                make(self._url, self.known)


def is_unserved(error: Exception) -> bool:
    """Whether moto says that it does not have the operation."""
    reply = getattr(error, "response", None) or {}
    status = reply.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(reply.get("Error", {}).get("Code", ""))
    text = str(error)
    return (
        status == 501
        or "<title>501" in text
        or code in ("404", "405", "501")
        or "not been implemented" in text
        or "<title>404" in text
        or "<title>405" in text
    )


def make_iam(url: str, known: Known) -> None:
    names = ("codepipeline", "ec2", "ecs-tasks", "lambda", "states")
    statements = [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{name}.amazonaws.com"}}
        for name in names
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    role = open_client(url, "iam").create_role(RoleName="service", AssumeRolePolicyDocument=document)["Role"]
    known.note("rolearn", role["Arn"], is_latest=False)
    known.note("rolename", "service", is_latest=False)


def make_ec2(url: str, known: Known) -> None:
    ec2 = open_client(url, "ec2")
    subnets = ec2.describe_subnets()["Subnets"]
    for name, subnet in (("secondsubnetid", subnets[1]), ("subnetid", subnets[0]), ("subnetid", subnets[1])):
        known.note(name, subnet["SubnetId"], is_latest=False)
    for name in ("vpcid", "firstvpcid"):
        known.note(name, subnets[0]["VpcId"], is_latest=False)
    known.note("imageid", ec2.describe_images()["Images"][0]["ImageId"], is_latest=False)
    known.note(
        "securitygroupid", ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"], is_latest=False
    )


def make_s3(url: str, known: Known) -> None:
    open_client(url, "s3").create_bucket(Bucket="first-bucket")
    for name in ("bucket", "bucketname"):
        known.note(name, "first-bucket", is_latest=False)
    known.note("bucketarn", "arn:aws:s3:::first-bucket", is_latest=False)


def make_kms(url: str, known: Known) -> None:
    key = open_client(url, "kms").create_key()["KeyMetadata"]
    known.note("kmskeyid", key["KeyId"], is_latest=False)
    known.note("kmskeyarn", key["Arn"], is_latest=False)


def make_sns(url: str, known: Known) -> None:
    known.note("topicarn", open_client(url, "sns").create_topic(Name="first")["TopicArn"], is_latest=False)


# Ends of members' names -> makes a resource for them.
_BASES: dict[tuple[str, ...], Callable[[str, Known], None]] = {
    ("role", "rolearn", "rolename"): make_iam,
    ("subnet", "subnetid", "subnetids", "vpcid", "securitygroup", "securitygroupid", "imageid"): make_ec2,
    ("bucket", "bucketname", "bucketarn"): make_s3,
    ("kmskey", "kmskeyid", "kmskeyarn"): make_kms,
    ("topic", "topicarn"): make_sns,
}
