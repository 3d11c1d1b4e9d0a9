"""An organization on moto, whose accounts boto3 fills and reads through a role that it assumes in each."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from moto_server import start_moto

OWN = "123456789012"
"""moto's account of keys that it does not know: the organization's management account."""
REGIONS = ("eu-west-1", "us-east-1")
ROLE = "OrganizationAccountAccessRole"
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
# An operation that only reads, as the AWS CLI names it.
_READS = ("Describe", "Get", "List", "Assume", "Head", "Simulate")


class MotoOrganization:
    """The organization.

    Attributes:
        ids: name -> id of each active account, the management account (`master`) among them.
        suspended: id of an account that was closed.
        requests: access key, service, region and operation of each request since `forget_requests`. The operation is
            empty where neither the target nor the form names it.
    """

    def __init__(self, url: str, names: tuple[str, ...]) -> None:
        self.url, self.requests = url, list[tuple[str, str, str, str]]()
        self.ids: dict[str, str] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._account_of: dict[str, str] = {}
        self._before: Callable[[str, str], None] | None = None
        self._lock = threading.Lock()
        organizations = self.open_client("organizations", "us-east-1")
        organizations.create_organization(FeatureSet="ALL")
        for name in (*names, "closed"):
            organizations.create_account(AccountName=name, Email=f"{name}@example.com")
        ids = {each["Name"]: each["Id"] for each in organizations.list_accounts()["Accounts"]}
        self.suspended = ids.pop("closed")
        organizations.close_account(AccountId=self.suspended)
        self.ids = ids

    def open_client(self, service: str, region: str, account: str = OWN) -> Any:
        """boto3's client of an account; it assumes the role there, unless the account is the management account."""
        key = service, region, account
        if key not in self._clients:
            keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
            if account != OWN:
                assumed = self.assume_role(account)
                keys = {
                    "aws_access_key_id": assumed["AccessKeyId"],
                    "aws_secret_access_key": assumed["SecretAccessKey"],
                    "aws_session_token": assumed["SessionToken"],
                }
            config = Config(retries={"total_max_attempts": 1})
            self._clients[key] = boto3.client(
                service, region_name=region, endpoint_url=self.url, config=config, **keys
            )
        return self._clients[key]

    def assume_role(self, account: str) -> dict[str, str]:
        """AccessKeyId, SecretAccessKey and SessionToken of a role of an account, which is given by name or id."""
        role = f"arn:aws:iam::{self.ids.get(account, account)}:role/{ROLE}"
        sts = self.open_client("sts", "us-east-1")
        keys = sts.assume_role(RoleArn=role, RoleSessionName="boto3")["Credentials"]
        return {name: keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}

    def read(self, list_rows: Callable[[Any], list[Any]], service: str, *regions: str) -> list[Any]:
        """Account id, region and row of what `list_rows` returns for the client of each account and region, sorted."""
        return sorted(
            (account, region, row)
            for account in self.ids.values()
            for region in regions or REGIONS
            for row in list_rows(self.open_client(service, region, account))
        )

    def observe(self, environ: dict[str, Any]) -> None:
        """Note a request."""
        scope = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        if scope is None:
            return
        key, region, service = scope.groups()
        operation = _find_operation(environ)
        with self._lock:
            self.requests.append((key, service, region, operation))
        if self._before is not None:
            self._before(service, operation)

    def list_requests(self, service: str) -> list[tuple[str, str, str]]:
        """Account id, region and operation of the requests to a service."""
        with self._lock:
            requests = list(self.requests)
        return [(self._find_account(key), region, op) for key, own, region, op in requests if own == service]

    def list_writes(self) -> list[tuple[str, str, str]]:
        """Account id, region and operation of the requests that change something."""
        with self._lock:
            requests = list(self.requests)
        return [
            (self._find_account(key), region, operation)
            for key, _, region, operation in requests
            if not operation.startswith(_READS)
        ]

    @contextmanager
    def watch(self, before: Callable[[str, str], None]) -> Iterator[None]:
        """Within the block, call `before` with the service and the operation before each request is answered."""
        self._before = before
        try:
            yield
        finally:
            self._before = None

    def forget_requests(self) -> None:
        with self._lock:
            self.requests = []

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _find_account(self, key: str) -> str:
        """The account of an access key, as moto says."""
        from moto.iam.models import get_account_id_from

        return self._account_of.setdefault(key, get_account_id_from(key))


def _find_operation(environ: dict[str, Any]) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return "Get"
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    action = re.search(rb"(?:^|&)Action=(\w+)", body)
    return action[1].decode() if action else ""


@contextmanager
def start_organization(*names: str) -> Iterator[MotoOrganization]:
    """An organization on moto with accounts of these names, beside `master` and one that is suspended."""
    made: list[MotoOrganization] = []

    def observe(environ: dict[str, Any]) -> None:
        for organization in made:
            organization.observe(environ)

    with start_moto(observe) as url:
        organization = MotoOrganization(url, names)
        made.append(organization)
        try:
            yield organization
        finally:
            organization.close()
