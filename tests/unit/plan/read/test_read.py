from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sqlprov.catalog.table import DescribeCall, Table
from sqlprov.plan.read import FALSE, Account, KeyRead, ListRead, ReadPlan, Rule, ScanRequest, Scope, plan_read
from sqlprov.plan.read.hints import Contained, Top
from sqlprov.plan.read.predicate import TRUE, And, Compare, In, Not, Opaque, Or, Predicate

ONE = ("us-east-1",)
TWO = ("eu-west-1", "us-east-1")


def named(*names: str, column: str = "name") -> Predicate:
    return In(column, names) if len(names) > 1 else Compare(column, "=", names[0])


def plan(
    table: Table,
    where: Predicate = TRUE,
    columns: tuple[str, ...] = ("name",),
    regions: tuple[str, ...] = ONE,
    pages: dict[str, int] | None = None,
    **more: Any,
) -> ReadPlan:
    scope = Scope("region", Rule.SHOWN, regions)
    return plan_read(ScanRequest(table, columns, where, **more), [scope], pages)


def keys(found: ReadPlan) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The keys looked up in each region; the plan does nothing else."""
    assert all(isinstance(step, KeyRead) for step in found.steps)
    return {step.region: step.keys for step in found.steps if isinstance(step, KeyRead)}


def lists(found: ReadPlan) -> list[str]:
    """The regions that are listed; the plan does nothing else."""
    assert all(isinstance(step, ListRead) for step in found.steps)
    return [step.region for step in found.steps]


# By key or by list


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (named("a"), ("a",)),
        (named("b", "a"), ("a", "b")),
        (named("a", column="data__Identifier"), ("a",)),
        (And((named("a", "b"), named("b", "c", column="data__Identifier"))), ("b",)),
        (Or((named("a"), named("b"))), ("a", "b")),
        (And((named("a"), Opaque(frozenset(("status",))))), ("a",)),
        (Not(Compare("name", "<>", "a")), ("a",)),
        (named("a", "O'Brien", "x" * 200, ""), ("a",)),
        (And((named("a", "b"), Compare("name", ">", "a"))), ("a", "b")),
    ],
    ids=str,
)
def test_keys_are_looked_up_in_every_region(
    experiments: Table, where: Predicate, expected: tuple[str, ...]
) -> None:
    looked_up = tuple((name,) for name in expected)
    assert keys(plan(experiments, where, regions=TWO)) == {"eu-west-1": looked_up, "us-east-1": looked_up}


@pytest.mark.parametrize(
    "where",
    [
        TRUE,
        Compare("name", ">", "a"),
        Or((named("a"), Compare("status", "=", "Running"))),
        Not(named("a")),
        Opaque(frozenset(("name",))),
    ],
    ids=str,
)
def test_what_allows_any_key_is_listed(experiments: Table, where: Predicate) -> None:
    assert lists(plan(experiments, where, regions=TWO)) == ["eu-west-1", "us-east-1"]


def test_more_than_twenty_keys_are_listed_unless_the_list_is_longer(experiments: Table) -> None:
    many = [f"n-{number}" for number in range(25)]
    assert len(keys(plan(experiments, named(*many[:20])))["us-east-1"]) == 20
    assert lists(plan(experiments, named(*many[:21]))) == ["us-east-1"]
    assert lists(plan(experiments, named(*many), pages={"us-east-1": 24})) == ["us-east-1"]
    assert len(keys(plan(experiments, named(*many), pages={"us-east-1": 25}))["us-east-1"]) == 25
    mixed = plan(experiments, named(*many), regions=TWO, pages={"eu-west-1": 30, "us-east-1": 3})
    assert [type(step) for step in mixed.steps] == [KeyRead, ListRead]


def test_refused_keys_do_not_count(experiments: Table) -> None:
    where = named("a", *(f"not_{number}" for number in range(30)))
    assert keys(plan(experiments, where)) == {"us-east-1": (("a",),)}


@pytest.mark.parametrize(
    "where",
    [
        named("O'Brien"),
        named("x" * 121),
        named("a|b", column="data__Identifier"),
        And((named("a"), named("b"))),
        And((named("a"), named("b", column="data__Identifier"))),
        Compare("status", "=", "running"),
        And((named("a"), Compare("status", "=", "running"))),
        FALSE,
    ],
    ids=str,
)
def test_a_condition_that_no_row_can_meet_is_answered_without_a_call(
    experiments: Table, where: Predicate
) -> None:
    found = plan(experiments, where)
    assert found.steps == () and found.calls() == ()
    assert found.empty


def test_a_table_that_cannot_be_described_is_listed(experiments: Table) -> None:
    assert lists(plan(replace(experiments, describe=None), named("a"))) == ["us-east-1"]


def test_a_compound_key_needs_all_its_parts(experiments: Table) -> None:
    describe = DescribeCall("DescribeX", {"Name": "name", "Kind": "type"}, (), {})
    table = replace(experiments, key=("name", "type"), describe=describe)
    kind = Compare("type", "=", "ShadowMode")
    assert lists(plan(table, named("a"))) == ["us-east-1"]
    assert keys(plan(table, And((named("a", "b"), kind)))) == {
        "us-east-1": (("a", "ShadowMode"), ("b", "ShadowMode"))
    }
    whole = named("a|ShadowMode", "b", column="data__Identifier")
    assert keys(plan(table, whole)) == {"us-east-1": (("a", "ShadowMode"),)}
    assert plan(table, And((whole, named("b")))).steps == ()


# What each row needs


@pytest.mark.parametrize(
    ("columns", "describe", "tags", "account"),
    [
        (("name",), False, False, Account.UNUSED),
        (("name", "region", "data__Identifier", "desired_state"), False, False, Account.UNUSED),
        (("endpoint_name",), True, False, Account.UNUSED),
        (("tags",), True, True, Account.UNUSED),
        (("account_id",), False, False, Account.STS),
        (("account_id", "kms_key"), True, False, Account.ARN),
    ],
)
def test_columns_decide_the_calls_of_each_row(
    experiments: Table, columns: tuple[str, ...], describe: bool, tags: bool, account: Account
) -> None:
    found = plan(experiments, columns=columns)
    assert (found.describe, found.tags, found.account) == (describe, tags, account)


def test_a_list_that_tells_the_arn_spares_describe_and_sts(models: Table) -> None:
    found = plan(models, columns=("model_name", "tags", "account_id"))
    assert (found.describe, found.tags, found.account) == (False, True, Account.ARN)


def test_a_look_up_tells_the_arn(experiments: Table) -> None:
    assert plan(experiments, named("a"), ("account_id",)).account is Account.ARN


def test_columns_of_the_filter_are_fetched_with_those_demanded(experiments: Table) -> None:
    where = And(
        (Compare("kms_key", "=", "k"), Compare("status", "=", "Running"), Opaque(frozenset(("schedule",))))
    )
    found = plan(experiments, where)
    assert set(found.columns) == {"name", "kms_key", "status", "schedule"}
    assert found.describe
    assert found.row_filter == And((Compare("status", "=", "Running"),))


def test_without_push_down_everything_in_scope_is_listed(experiments: Table) -> None:
    where = And((named("a"), Compare("status", "=", "Running"), Compare("region", "=", "us-west-2")))
    found = plan(experiments, where, regions=("us-west-2",), pushdown=False)
    assert lists(found) == ["us-west-2"]
    assert found.row_filter == TRUE
    (step,) = found.steps
    assert isinstance(step, ListRead)
    assert step.parameters == {"MaxResults": 100, "SortBy": "CreationTime", "SortOrder": "Ascending"}


def test_a_scan_without_a_region_makes_no_call(experiments: Table) -> None:
    empty = plan(experiments, named("a"), regions=())
    assert (empty.steps, empty.empty) == ((), "no region meets the conditions")


# What EXPLAIN prints


def test_a_call_whose_arn_leads_to_tags_and_account_is_made_for_these_columns(
    experiments: Table, models: Table
) -> None:
    columns = ("tags", "account_id")
    assert [call.columns for call in plan(experiments, columns=columns).calls()] == [(), columns, ("tags",)]
    assert [call.columns for call in plan(models, columns=columns).calls()] == [columns, ("tags",)]
    asked = plan(experiments, columns=("account_id",)).calls()
    assert [(call.operation, call.columns) for call in asked] == [
        ("ListInferenceExperiments", ()),
        ("GetCallerIdentity", ("account_id",)),
    ]


def test_planned_calls_name_operation_parameters_columns_and_permissions(experiments: Table) -> None:
    found = plan(experiments, Compare("status", "=", "Running"), ("name", "kms_key", "tags", "region"))
    listing, describing, tagging = found.calls()
    assert (listing.operation, listing.region, listing.times) == (
        "ListInferenceExperiments",
        "us-east-1",
        "each page",
    )
    assert listing.parameters["StatusEquals"] == "Running"
    assert listing.columns == ("name", "status")
    assert (describing.operation, describing.times) == ("DescribeInferenceExperiment", "each row")
    assert describing.columns == ("kms_key", "tags")
    assert (tagging.operation, tagging.times, tagging.columns) == ("ListTags", "each row", ("tags",))
    assert [call.permissions for call in found.calls()] == [
        ("sagemaker:ListInferenceExperiments",),
        ("sagemaker:DescribeInferenceExperiment",),
        ("sagemaker:ListTags",),
    ]


def test_planned_look_ups_name_each_key_and_the_account_comes_last(experiments: Table) -> None:
    first, second = plan(experiments, named("b", "a"), ("status",)).calls()
    assert (first.parameters, second.parameters) == ({"Name": "a"}, {"Name": "b"})
    assert first.times == "once"
    assert first.columns == ("name", "status")
    *_, account = plan(experiments, columns=("account_id",), regions=TWO).calls()
    assert (account.operation, account.permissions) == ("GetCallerIdentity", ("sts:GetCallerIdentity",))


# Order


NEWEST = Top("creation_time", True, 10)


def test_first_rows_turn_the_order_and_a_whole_list_may_be_cut(experiments: Table) -> None:
    found = plan(experiments, top=NEWEST)
    assert isinstance(found.steps[0], ListRead)
    assert found.steps[0].parameters["SortOrder"] == "Descending"
    assert (found.top, found.windows) == (NEWEST, None)
    whole = plan(experiments)
    assert whole.windows is not None
    assert (whole.windows.after, whole.windows.before) == ("CreationTimeAfter", "CreationTimeBefore")


def test_rows_that_may_lack_the_column_of_the_order_are_read_in_one_chain(experiments: Table) -> None:
    sort = experiments.list.sort
    assert sort is not None
    assert sort.always == {"creation_time"}
    table = replace(experiments, list=replace(experiments.list, sort=replace(sort, always=frozenset())))
    assert plan(table, top=NEWEST).top is None
    assert plan(table).windows is None


@pytest.mark.parametrize(
    "where", [Compare("endpoint_name", "=", "x"), Opaque(frozenset(("name", "kms_key")))]
)
def test_what_a_list_does_not_tell_leaves_the_order_to_duckdb(experiments: Table, where: Predicate) -> None:
    assert plan(experiments, where, top=NEWEST).top is None


@pytest.mark.parametrize("off", [{"pushdown": False}, {"split": False}])
def test_cutting_can_be_switched_off(experiments: Table, off: dict[str, bool]) -> None:
    assert plan(experiments, **off).windows is None


def test_only_what_texts_of_the_list_contain_spares_calls(experiments: Table) -> None:
    told = {name: Contained(name, "x") for name in ("status", "creation_time", "schedule", "endpoint_name")}
    found = plan(experiments, columns=("name", "endpoint_name"), contained=tuple(told.values()))
    assert found.contained == (told["status"],)
    found = plan(experiments, contained=tuple(told.values()), pushdown=False)
    assert found.contained == ()
