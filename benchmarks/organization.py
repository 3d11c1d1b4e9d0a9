"""Both contenders on the models of every account of an organization, from its list of accounts to the last row."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import boto3
from botocore.config import Config

import sqlprov
from benchmarks.boto import IN_FLIGHT
from sqlprov.emulator.organization import ROLE

MODELS = "SELECT account_id, region, model_name, model_arn, creation_time FROM aws.sagemaker.models"


class BotoOrganization:
    """Contender (a): boto3, with a session for each account, a client for each of its regions, and 64 threads.

    A session makes its clients one at a time.

    Args:
        most: accounts whose clients there are at once; 0 for all.
    """

    def __init__(self, most: int = 0) -> None:
        self._most = most

    def read(self, regions: list[str]) -> int:
        """The number of rows in all accounts."""
        pages = boto3.client("organizations").get_paginator("list_accounts").paginate()
        accounts = [account["Id"] for page in pages for account in page["Accounts"]]
        most = self._most or len(accounts)
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            return sum(
                self._read_accounts(pool, accounts[at : at + most], regions)
                for at in range(0, len(accounts), most)
            )

    def _read_accounts(self, pool: ThreadPoolExecutor, accounts: list[str], regions: list[str]) -> int:
        sessions = list(pool.map(self._open_session, accounts))
        clients = [
            session.client("sagemaker", region_name=region) for session, region in product(sessions, regions)
        ]
        rows = [row for part in pool.map(self._list_models, clients) for row in part]
        return len(rows)

    def _open_session(self, account: str) -> boto3.Session:
        sts = boto3.Session().client("sts", config=Config(max_pool_connections=1))
        role = f"arn:aws:iam::{account}:role/{ROLE}"
        made = sts.assume_role(RoleArn=role, RoleSessionName="benchmark")["Credentials"]
        keys = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
        return boto3.Session(*keys)

    def _list_models(self, client: Any) -> list[Any]:
        pages = client.get_paginator("list_models").paginate(PaginationConfig={"PageSize": 100})
        return [row for page in pages for row in page["Models"]]


class OurOrganization:
    """Contender sqlprov."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._connection = sqlprov.connect(settings={"accounts": "organization", **settings})

    def read(self, regions: list[str]) -> int:
        """The number of rows in all accounts."""
        self._connection.sql(f"SET sqlprov_regions = '{','.join(regions)}'")
        table = self._connection.sql(MODELS).arrow()
        return int(table.num_rows)
