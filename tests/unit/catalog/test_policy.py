"""The policy of a table allows the calls that its statements make, by the names that IAM has for them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint.data.AdditionalSpecs
import pytest
from click.testing import CliRunner, Result
from slices import take_slice
from write_session import MEMBERS, REGION, TABLE, by_name, insert

import sqlprov
from sqlprov.catalog import Catalog
from sqlprov.catalog.policy import WRITE_VERBS, build_policy, list_write_actions
from sqlprov.emulator import Emulator, make_organization
from sqlprov.emulator.organization import find_unit_id
from sqlprov.frontends.cli import cli


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def list_actions(policy: dict[str, Any]) -> set[str]:
    assert all(block["Effect"] == "Allow" for block in policy["Statement"])
    return {action for block in policy["Statement"] for action in block["Action"]}


def test_the_policy_of_a_table_allows_each_call_of_its_statements_and_no_more(catalog: Catalog) -> None:
    table = catalog.get_table(*TABLE.split("."))
    with Emulator() as em, sqlprov.connect(endpoint_url=em.url, region=REGION) as con:
        con.sql(f"SELECT * FROM {TABLE} WHERE region IN ('{REGION}', 'eu-west-1')").fetchall()
        con.sql(f"SELECT *, account_id FROM {TABLE}").fetchall()
        con.sql(insert("a", Tags=[{"Key": "x", "Value": "y"}]))
        em.add(
            "InferenceExperiment", REGION, {"Name": "b", **MEMBERS, "Status": "Created", "Tags": {"x": "y"}}
        )
        con.sql(f"UPDATE {TABLE} SET description = 'new', tags = MAP {{'z': 'y'}} WHERE {by_name('b')}")
        con.sql(f"UPDATE {TABLE} SET desired_state = 'Running' WHERE {by_name('b')}")
        con.sql(f"SELECT name, tags FROM {TABLE} WHERE {by_name('b')}").fetchall()
        em.options.transition = 0
        con.sql(f"DELETE FROM {TABLE} WHERE {by_name('b')}")
        called = {table.iam.find(call.operation) for call in em.calls}
    own = {action for action in list_actions(build_policy([table], WRITE_VERBS)) if "sagemaker:" in action}
    assert {action for action in called if "sagemaker:" in action} == own


def run_policy(*words: str) -> Result:
    return CliRunner().invoke(cli, ["policy", *words])


def test_a_read_only_policy_has_no_action_that_writes() -> None:
    ended = run_policy("--tables", "aws.sagemaker.inference_experiments")
    assert ended.exit_code == 0
    (block,) = json.loads(ended.stdout)["Statement"]
    assert block == {
        "Sid": "Read",
        "Effect": "Allow",
        "Action": [
            *("account:ListRegions", "ec2:DescribeRegions", "sagemaker:DescribeInferenceExperiment"),
            *(
                "sagemaker:ListInferenceExperiments",
                "sagemaker:ListTags",
                "sts:GetCallerIdentity",
                "tag:GetResources",
            ),
        ],
        "Resource": "*",
    }


@pytest.mark.parametrize(
    ("table", "verbs", "allowed", "absent"),
    [
        ("aws.s3.buckets", "select", ["s3:ListAllMyBuckets", "s3:GetBucketCORS"], ["s3:ListBuckets"]),
        ("aws.s3.buckets", "delete", ["s3:DeleteBucket"], ["s3:CreateBucket"]),
        ("aws.ecs.services", "read", ["ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices"], []),
        (
            "aws.lambda.functions",
            "insert",
            ["lambda:CreateFunction", "iam:PassRole"],
            ["lambda:DeleteFunction"],
        ),
        (
            "aws.sagemaker.inference_experiments",
            "exec",
            ["sagemaker:StopInferenceExperiment"],
            ["iam:PassRole"],
        ),
        ("awscc.events.rules", "read", ["cloudformation:ListResources", "events:DescribeRule"], ["events:*"]),
        ("awscc.sqs.queues", "write", ["cloudformation:CreateResource", "sqs:CreateQueue"], []),
    ],
)
def test_a_policy_names_actions_as_iam_does(
    table: str, verbs: str, allowed: list[str], absent: list[str]
) -> None:
    actions = list_actions(json.loads(run_policy("--tables", table, "--verbs", verbs).stdout))
    assert {*allowed} <= actions
    assert actions.isdisjoint(absent)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tables", "aws.s3.bucket_x"], "Did you mean 'aws.s3.buckets'"),
        (["--tables", "aws.s3.buckets", "--verbs", "insrt"], "Did you mean 'insert'"),
        (["--tables", "aws.sagemaker.projects", "--verbs", "exec"], "None of these tables has EXEC."),
        (["--tables", "aws.ec2.%"], "IAM takes 6,144 for one policy. Name fewer tables."),
    ],
)
def test_a_policy_that_is_not_as_asked_says_so(words: list[str], message: str) -> None:
    assert message in run_policy(*words).stderr


@pytest.mark.parametrize(
    ("accounts", "listing", "resources"),
    [
        ("prod,stage", [], []),
        ("222222222222,prod", [], ["arn:*:iam::222222222222:role/Audit"]),
        ("organization:prod-*", ["organizations:ListAccounts"], ["arn:*:iam::*:role/Audit"]),
        (
            "organization:ou-root-12345678",
            ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"],
            ["arn:*:iam::*:role/Audit"],
        ),
    ],
)
def test_a_policy_for_several_accounts_lists_them_and_assumes_their_role(
    accounts: str, listing: list[str], resources: list[str]
) -> None:
    words = ("--tables", "aws.sagemaker.models", "--accounts", accounts, "--role", "Audit")
    blocks = {block["Sid"]: block for block in json.loads(run_policy(*words).stdout)["Statement"]}
    assert blocks.get("ListAccounts", {}).get("Action", []) == listing
    assert blocks.get("AssumeRole", {}).get("Resource", []) == resources


def test_the_policy_of_an_organization_allows_each_call_of_a_session() -> None:
    unit = make_organization(4).units[0]
    for accounts in ("organization", f"organization:{find_unit_id(unit)}"):
        with (
            Emulator(organization=make_organization(4)) as em,
            sqlprov.connect(endpoint_url=em.url, region=REGION, settings={"accounts": accounts}) as con,
        ):
            con.sql("SELECT model_name, account_id FROM aws.sagemaker.models").fetchall()
            called = {call.operation for call in em.calls}
        words = ("--tables", "aws.sagemaker.models", "--accounts", accounts)
        allowed = list_actions(json.loads(run_policy(*words).stdout))
        assert "AssumeRole" in called and called <= {action.partition(":")[2] for action in allowed}


@cache
def read_known_actions() -> frozenset[str]:
    """AWS's list of actions, in lower case, as cfn-lint has it."""
    file = Path(cfnlint.data.AdditionalSpecs.__path__[0]) / "Policies.json"
    services = json.loads(file.read_text())
    return frozenset(
        f"{prefix}:{action}".lower() for prefix, facts in services.items() for action in facts["Actions"]
    )


def test_aws_knows_the_actions(catalog: Catalog) -> None:
    known, newer = read_known_actions(), 0
    services = take_slice(catalog.list_services("aws"), 12)
    tables = [
        catalog.get_table("aws", name, table)
        for name in services
        for table in catalog.list_tables("aws", name)
    ]
    for table in tables:
        actions = list_actions(build_policy([table], WRITE_VERBS))
        unknown = {action for action in actions if action.lower() not in known}
        assert not (unknown and list_write_actions(table, WRITE_VERBS)), table.full_name
        newer += bool(unknown)
    # botocore has operations that are newer than the list.
    assert newer / len(tables) < 0.08
