from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from local_sagemaker import CATALOG

from sqlprov.catalog.read_calls import DescribeCall
from sqlprov.catalog.table import Table
from sqlprov.plan.read import (
    FALSE,
    AccountId,
    KeyRead,
    ListRead,
    Places,
    ReadPlan,
    Rule,
    ScanRequest,
    Scope,
    list_calls,
    plan_read,
)
from sqlprov.plan.read.hints import Contained, Top
from sqlprov.plan.read.predicate import TRUE, And, Compare, In, Not, Opaque, Or, Predicate
from sqlprov.plan.read.steps import Steps

ONE = ("us-east-1",)
TWO = ("eu-west-1", "us-east-1")


def name_is(*names: str, column: str = "name") -> Predicate:
    return In(column, names) if len(names) > 1 else Compare(column, "=", names[0])


def plan(
    table: Table,
    where: Predicate = TRUE,
    columns: tuple[str, ...] = ("name",),
    regions: tuple[str, ...] = ONE,
    **more: Any,
) -> ReadPlan:
    scope = Scope("region", Rule.SHOWN, regions)
    return plan_read(ScanRequest(table, columns, where, **more), [scope], Places([(("own",), regions)]))


def list_keys(read_plan: ReadPlan) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The keys looked up in each region; the plan does nothing else."""
    assert all(isinstance(step, KeyRead) for step in read_plan.steps)
    return {step.region: step.keys for step in read_plan.steps if isinstance(step, KeyRead)}


def list_regions(read_plan: ReadPlan) -> list[str]:
    """The regions that are listed; the plan does nothing else."""
    assert all(isinstance(step, ListRead) for step in read_plan.steps)
    return [step.region for step in read_plan.steps]


def test_only_a_row_of_the_bucket_says_where_its_objects_and_uploads_are() -> None:
    table = CATALOG.get_table("aws", "s3", "multipart_upload_parts")
    where = And(tuple(name_is("x", column=name) for name in ("bucket", "key", "upload_id")))
    (uploads,) = plan(table, where, ("size",)).parents
    assert uploads.columns == {name: name for name in ("bucket", "key", "upload_id", "account", "region")}
    (buckets,) = uploads.plan.parents
    assert buckets.columns == {"name": "bucket", "account": "account", "region": "region"}


# By key or by list


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (name_is("a"), ("a",)),
        (name_is("b", "a"), ("a", "b")),
        (name_is("a", column="data__Identifier"), ("a",)),
        (And((name_is("a", "b"), name_is("b", "c", column="data__Identifier"))), ("b",)),
        (Or((name_is("a"), name_is("b"))), ("a", "b")),
        (And((name_is("a"), Opaque(frozenset(("status",))))), ("a",)),
        (Not(Compare("name", "<>", "a")), ("a",)),
        (And((name_is("a", "b"), Compare("name", ">", "a"))), ("a", "b")),
    ],
    ids=str,
)
def test_keys_are_looked_up_in_every_region(
    experiments: Table, where: Predicate, expected: tuple[str, ...]
) -> None:
    looked_up = tuple((name,) for name in expected)
    assert list_keys(plan(experiments, where, regions=TWO)) == {
        "eu-west-1": looked_up,
        "us-east-1": looked_up,
    }


@pytest.mark.parametrize(
    "where",
    [
        TRUE,
        Compare("name", ">", "a"),
        Or((name_is("a"), Compare("status", "=", "Running"))),
        Not(name_is("a")),
        Opaque(frozenset(("name",))),
    ],
    ids=str,
)
def test_a_condition_that_allows_any_key_needs_the_list(experiments: Table, where: Predicate) -> None:
    assert list_regions(plan(experiments, where, regions=TWO)) == ["eu-west-1", "us-east-1"]


def test_more_than_twenty_keys_are_listed(experiments: Table) -> None:
    many = [f"n-{number}" for number in range(21)]
    assert len(list_keys(plan(experiments, name_is(*many[:20])))["us-east-1"]) == 20
    assert list_regions(plan(experiments, name_is(*many))) == ["us-east-1"]


@pytest.mark.parametrize(
    "where",
    [
        name_is("O'Brien"),
        name_is("x" * 121),
        name_is(""),
        name_is("a", "O'Brien"),
        name_is("a|b", column="data__Identifier"),
    ],
    ids=str,
)
def test_keys_that_the_model_would_refuse_are_looked_for_in_the_list(
    experiments: Table, where: Predicate
) -> None:
    assert list_regions(plan(experiments, where)) == ["us-east-1"]


@pytest.mark.parametrize(
    "where",
    [
        And((name_is("a"), name_is("b"))),
        And((name_is("a"), name_is("b", column="data__Identifier"))),
        FALSE,
    ],
    ids=str,
)
def test_a_condition_that_no_row_can_meet_makes_no_call(experiments: Table, where: Predicate) -> None:
    read_plan = plan(experiments, where)
    assert not read_plan.steps and list_calls(read_plan) == ()
    assert read_plan.empty


def test_a_table_that_cannot_be_described_is_listed(experiments: Table) -> None:
    assert list_regions(plan(replace(experiments, describe=None), name_is("a"))) == ["us-east-1"]


def test_a_compound_key_needs_all_its_parts(experiments: Table) -> None:
    paths = {"name": ("Name",), "type": ("Kind",)}
    describe = DescribeCall("DescribeX", {"Name": "name", "Kind": "type"}, (), paths)
    table = replace(experiments, key=("name", "type"), describe=describe)
    kind = Compare("type", "=", "ShadowMode")
    assert list_regions(plan(table, name_is("a"))) == ["us-east-1"]
    assert list_keys(plan(table, And((name_is("a", "b"), kind)))) == {
        "us-east-1": (("a", "ShadowMode"), ("b", "ShadowMode"))
    }
    whole = name_is("a|ShadowMode", "b", column="data__Identifier")
    assert list_keys(plan(table, whole)) == {"us-east-1": (("a", "ShadowMode"),)}
    assert plan(table, And((whole, name_is("b")))).steps == Steps()


# What each row needs


@pytest.mark.parametrize(
    ("columns", "describe", "tags", "account"),
    [
        (("name",), False, False, AccountId.UNUSED),
        (("name", "region", "data__Identifier", "desired_state"), False, False, AccountId.UNUSED),
        (("endpoint_name",), True, False, AccountId.UNUSED),
        (("tags",), True, True, AccountId.UNUSED),
        (("account_id",), False, False, AccountId.STS),
        (("account_id", "kms_key"), True, False, AccountId.ARN),
    ],
)
def test_columns_decide_the_calls_of_each_row(
    experiments: Table, columns: tuple[str, ...], describe: bool, tags: bool, account: AccountId
) -> None:
    read_plan = plan(experiments, columns=columns)
    assert (read_plan.describe, read_plan.tags, read_plan.account_id) == (describe, tags, account)


def test_a_list_with_the_arn_saves_describe_and_sts(models: Table) -> None:
    read_plan = plan(models, columns=("model_name", "tags", "account_id"))
    assert (read_plan.describe, read_plan.tags, read_plan.account_id) == (False, True, AccountId.ARN)


def test_a_part_of_the_key_that_the_describe_neither_takes_nor_returns_is_not_believed() -> None:
    pools = CATALOG.get_table("aws", "devicefarm", "device_pools")
    where = And((Compare("project_arn", "=", "arn:aws:p"), Compare("arn", "=", "arn:aws:pool")))
    (step,) = plan(pools, where, ("arn",)).steps
    assert isinstance(step, ListRead)


def test_a_look_up_returns_the_arn(experiments: Table) -> None:
    assert plan(experiments, name_is("a"), ("account_id",)).account_id is AccountId.ARN


def test_columns_of_the_filter_are_fetched_with_the_requested_ones(experiments: Table) -> None:
    where = And(
        (Compare("kms_key", "=", "k"), Compare("status", "=", "Running"), Opaque(frozenset(("schedule",))))
    )
    read_plan = plan(experiments, where)
    assert set(read_plan.columns) == {"name", "kms_key", "status", "schedule"}
    assert read_plan.describe
    assert read_plan.row_filter == And((Compare("status", "=", "Running"),))


def test_without_push_down_everything_in_scope_is_listed(experiments: Table) -> None:
    where = And((name_is("a"), Compare("status", "=", "Running"), Compare("region", "=", "us-west-2")))
    read_plan = plan(experiments, where, regions=("us-west-2",), pushdown=False)
    assert list_regions(read_plan) == ["us-west-2"]
    assert read_plan.row_filter == TRUE
    (step,) = read_plan.steps
    assert isinstance(step, ListRead)
    assert step.parameters == {"MaxResults": 100, "SortBy": "CreationTime", "SortOrder": "Ascending"}


def test_a_scan_without_a_region_makes_no_call(experiments: Table) -> None:
    empty = plan(experiments, name_is("a"), regions=())
    assert (len(empty.steps), empty.empty) == (0, "no region meets the conditions")


# What EXPLAIN prints


def test_a_call_that_returns_the_arn_is_planned_for_tags_and_account_too(
    experiments: Table, models: Table
) -> None:
    columns = ("tags", "account_id")
    assert [call.columns for call in list_calls(plan(experiments, columns=columns))] == [
        (),
        columns,
        ("tags",),
    ]
    assert [call.columns for call in list_calls(plan(models, columns=columns))] == [columns, ("tags",)]
    calls = list_calls(plan(experiments, columns=("account_id",)))
    assert [(call.operation, call.columns) for call in calls] == [
        ("ListInferenceExperiments", ()),
        ("GetCallerIdentity", ("account_id",)),
    ]


def test_planned_calls_name_operation_parameters_columns_and_permissions(experiments: Table) -> None:
    read_plan = plan(experiments, Compare("status", "=", "Running"), ("name", "kms_key", "tags", "region"))
    listing, describing, tagging = list_calls(read_plan)
    assert (listing.operation, listing.places.regions, listing.times) == (
        "ListInferenceExperiments",
        {"us-east-1"},
        "each page",
    )
    assert listing.parameters["StatusEquals"] == "Running"
    assert listing.columns == ("name", "status")
    assert (describing.operation, describing.times) == ("DescribeInferenceExperiment", "each row")
    assert describing.columns == ("kms_key", "tags")
    assert (tagging.operation, tagging.times, tagging.columns) == ("ListTags", "each row", ("tags",))
    assert [call.permissions for call in list_calls(read_plan)] == [
        ("sagemaker:ListInferenceExperiments",),
        ("sagemaker:DescribeInferenceExperiment",),
        ("sagemaker:ListTags",),
    ]


def test_planned_lookups_name_each_key_and_the_account_comes_last(experiments: Table) -> None:
    first, second = list_calls(plan(experiments, name_is("b", "a"), ("status",)))
    assert (first.parameters, second.parameters) == ({"Name": "a"}, {"Name": "b"})
    assert first.times == "once"
    assert first.columns == ("name", "status")
    *_, account = list_calls(plan(experiments, columns=("account_id",), regions=TWO))
    assert (account.operation, account.permissions) == ("GetCallerIdentity", ("sts:GetCallerIdentity",))


# Order


NEWEST = Top("creation_time", True, 10)


def test_first_rows_reverse_the_order_and_a_whole_list_may_be_split(experiments: Table) -> None:
    read_plan = plan(experiments, top=NEWEST)
    assert isinstance(read_plan.steps[0], ListRead)
    assert read_plan.steps[0].parameters["SortOrder"] == "Descending"
    assert (read_plan.top, read_plan.windows) == (replace(NEWEST, ends=True), None)
    whole = plan(experiments)
    assert whole.windows is not None
    assert (whole.windows.after, whole.windows.before) == ("CreationTimeAfter", "CreationTimeBefore")


def test_a_list_whose_rows_may_lack_the_sort_column_is_read_in_one_chain(experiments: Table) -> None:
    sort = experiments.list.sort
    assert sort is not None
    assert sort.always == {"creation_time"}
    table = replace(experiments, list=replace(experiments.list, sort=replace(sort, always=frozenset())))
    assert plan(table, top=NEWEST).top is None
    assert plan(table).windows is None


@pytest.mark.parametrize(
    "where", [Compare("endpoint_name", "=", "x"), Opaque(frozenset(("name", "kms_key")))]
)
def test_a_filter_on_a_column_outside_the_list_leaves_the_order_to_duckdb(
    experiments: Table, where: Predicate
) -> None:
    assert plan(experiments, where, top=NEWEST).top is None


@pytest.mark.parametrize("off", [{"pushdown": False}, {"split": False}])
def test_splitting_can_be_switched_off(experiments: Table, off: dict[str, bool]) -> None:
    assert plan(experiments, **off).windows is None


def test_only_texts_of_the_list_are_checked_before_a_call(experiments: Table) -> None:
    hints = {name: Contained(name, "x") for name in ("status", "creation_time", "schedule", "endpoint_name")}
    read_plan = plan(experiments, columns=("name", "endpoint_name"), contained=tuple(hints.values()))
    assert read_plan.contained == (hints["status"],)
    read_plan = plan(experiments, contained=tuple(hints.values()), pushdown=False)
    assert read_plan.contained == ()
