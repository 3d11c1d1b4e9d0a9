from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_rows import predicates, rows, truth

from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table
from sqlprov.plan.read.hints import Contained
from sqlprov.plan.read.narrow import build_list_parameters
from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate

ALWAYS = {"MaxResults": 100, "SortBy": "CreationTime", "SortOrder": "Ascending"}
NOON = datetime(2025, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def is_(column: str, value: Any, op: str = "=") -> Predicate:
    return Compare(column, op, value)


def creation(op: str, value: datetime) -> Predicate:
    return Compare("creation_time", op, value)


def build_filters(table: Table, where: Predicate) -> dict[str, Any]:
    """The filter parameters of a list that can have rows."""
    parameters, reason = build_list_parameters(table, where)
    assert not reason
    assert parameters.items() >= ALWAYS.items()
    return {name: value for name, value in parameters.items() if name not in ALWAYS}


def find_reason(table: Table, where: Predicate) -> str:
    parameters, problem = build_list_parameters(table, where)
    assert parameters == {}
    return problem


# One value


@pytest.mark.parametrize(
    "column, parameter, value", [("status", "StatusEquals", "Running"), ("type", "Type", "ShadowMode")]
)
def test_one_value_narrows_however_it_is_written(
    experiments: Table, column: str, parameter: str, value: str
) -> None:
    for where in (
        is_(column, value),
        In(column, (value,)),
        Not(is_(column, value, "<>")),
        And((is_(column, value), IsNull("description"))),
        Or((is_(column, value), And((is_(column, "x"), is_(column, "y"))))),
    ):
        assert build_filters(experiments, where) == {parameter: value}


def test_several_values_do_not_narrow_a_parameter_that_takes_one(experiments: Table) -> None:
    assert build_filters(experiments, In("status", ("Running", "Created"))) == {}


def test_a_value_that_the_model_does_not_know_is_not_sent(experiments: Table) -> None:
    # A state newer than botocore, or a typing error: the rows decide.
    for where in (In("status", ("Running", "Paused")), is_("status", "Paused"), is_("type", "shadowmode")):
        assert build_filters(experiments, where) == {}


@pytest.mark.parametrize(
    "where",
    [
        TRUE,
        is_("status", "Running", "<>"),
        is_("status", "Running", ">"),
        IsNull("status"),
        Not(In("status", ("Running",))),
        Opaque(frozenset(("status", "name", "creation_time"))),
        Or((is_("status", "Running"), is_("description", "x"))),
        Or((is_("status", "Running"), IsNull("status"))),
        is_("description", "x"),
    ],
    ids=str,
)
def test_a_condition_that_implies_no_value_does_not_narrow(experiments: Table, where: Predicate) -> None:
    assert build_filters(experiments, where) == {}


@pytest.mark.parametrize(
    "where",
    [
        FALSE,
        And((is_("status", "Running"), is_("status", "Created"))),
        And((creation(">", NOON), creation("<", NOON - SECOND))),
        And((is_("name", "a"), is_("name", "b"))),
    ],
    ids=str,
)
def test_a_contradiction_is_reported_instead_of_listed(experiments: Table, where: Predicate) -> None:
    assert "contradict" in find_reason(experiments, where)


# Times


@pytest.mark.parametrize(
    "column, prefix", [("creation_time", "CreationTime"), ("last_modified_time", "LastModifiedTime")]
)
def test_bounds_on_a_time_are_widened_by_a_second(experiments: Table, column: str, prefix: str) -> None:
    after, before = f"{prefix}After", f"{prefix}Before"
    for op in (">", ">="):
        assert build_filters(experiments, is_(column, NOON, op)) == {after: NOON - SECOND}
    for op in ("<", "<="):
        assert build_filters(experiments, is_(column, NOON, op)) == {before: NOON + SECOND}
    assert build_filters(experiments, is_(column, NOON)) == {after: NOON - SECOND, before: NOON + SECOND}


def test_bounds_are_whole_seconds_that_exclude_nothing(experiments: Table) -> None:
    moment = NOON + timedelta(microseconds=1)
    assert build_filters(experiments, creation(">", moment)) == {"CreationTimeAfter": NOON - SECOND}
    assert build_filters(experiments, creation("<", moment)) == {"CreationTimeBefore": NOON + 2 * SECOND}


def test_the_narrowest_of_several_bounds_is_sent(experiments: Table) -> None:
    hours = [NOON + timedelta(hours=hour) for hour in range(4)]
    where = And(
        (creation(">", hours[0]), creation(">=", hours[1]), creation("<", hours[3]), creation("<=", hours[2]))
    )
    assert build_filters(experiments, where) == {
        "CreationTimeAfter": hours[1] - SECOND,
        "CreationTimeBefore": hours[2] + SECOND,
    }


def test_ranges_joined_by_or_are_sent_as_the_range_around_them(experiments: Table) -> None:
    hours = [NOON + timedelta(hours=hour) for hour in range(4)]
    ranges = [And((creation(">", hours[at]), creation("<", hours[at + 1]))) for at in (0, 2)]
    assert build_filters(experiments, Or(tuple(ranges))) == {
        "CreationTimeAfter": hours[0] - SECOND,
        "CreationTimeBefore": hours[3] + SECOND,
    }
    assert build_filters(experiments, In("creation_time", (hours[2], hours[0]))) == {
        "CreationTimeAfter": hours[0] - SECOND,
        "CreationTimeBefore": hours[2] + SECOND,
    }
    assert build_filters(experiments, Or((creation("<", hours[0]), creation(">", hours[1])))) == {}


def test_a_time_of_another_zone_is_sent_in_utc(experiments: Table) -> None:
    there = NOON.astimezone(timezone(timedelta(hours=-7)))
    sent = build_filters(experiments, creation(">", there))["CreationTimeAfter"]
    assert sent == NOON - SECOND
    assert sent.utcoffset() == timedelta(0)


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_a_time_out_of_the_services_range_does_not_narrow(experiments: Table, year: int) -> None:
    edge = datetime(year, 12 if year == 9999 else 1, 31 if year == 9999 else 1, tzinfo=UTC)
    assert build_filters(experiments, creation(">", edge)) == {}
    assert build_filters(experiments, creation("<", edge)) == {}


# Names


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        (is_("name", "fraud-1"), "fraud-1"),
        (In("name", ("fraud-1", "fraud-22", "fraud-1x")), "fraud-"),
        (In("name", ("fraud", "fraud-2")), "fraud"),
        (In("name", ("abc", "xyz")), None),
        (And((is_("name", "fraud-", ">="), is_("name", "fraud-zz", "<="))), "fraud-"),
        (And((is_("name", "a", ">="), is_("name", "b", "<="))), None),
        (is_("name", "fraud", ">="), None),
        (In("name", ("my_a", "my_b")), "my"),
        (In("name", ("_a", "_b")), None),
        (In("name", ("x" * 70 + "1", "x" * 70 + "2")), "x" * 63),
        (In("name", ("é1", "é2")), None),
        (In("name", ("Ab-1", "ab-2")), None),
    ],
    ids=str,
)
def test_names_narrow_to_their_common_prefix(experiments: Table, where: Predicate, sent: str | None) -> None:
    assert build_filters(experiments, where) == ({} if sent is None else {"NameContains": sent})


@pytest.mark.parametrize(
    ("where", "contained", "sent"),
    [
        (TRUE, ("prod/", True), "prod/"),
        (TRUE, ("prod/", False), None),
        (In("key", ("prod/a", "prod/b")), ("prod/api", True), "prod/api"),
        (is_("key", "prod/a"), None, "prod/a"),
    ],
)
def test_the_start_of_a_text_narrows_a_prefix(
    where: Predicate, contained: tuple[str, bool] | None, sent: str | None
) -> None:
    objects = Catalog().get_table("aws", "s3", "objects")
    hints = [Contained("key", *contained)] if contained else []
    assert build_list_parameters(objects, where, hints)[0].get("Prefix") == sent


def test_a_bound_is_sent_as_the_number_that_the_service_counts() -> None:
    events = Catalog().get_table("aws", "logs", "log_events")
    since, until = (datetime(1970, 1, 1, 0, 0, second, tzinfo=UTC) for second in (5, 9))
    where = And((is_("timestamp", since, ">="), is_("timestamp", until, "<")))
    parameters, _ = build_list_parameters(events, where)
    assert (parameters["startTime"], parameters["endTime"]) == (4_000, 10_000)


def test_every_table_narrows_by_what_its_file_declares() -> None:
    for name in ("models", "endpoint_configs", "endpoints", "inference_experiments"):
        table = Catalog().get_table("aws", "sagemaker", name)
        parts: list[Predicate] = []
        for rule in table.list.filters:
            value = NOON if "time" in rule.column else next(iter(rule.constraint.enum), "abc")
            parts.append(is_(rule.column, value))
        assert build_filters(table, And(tuple(parts))).keys() == {
            rule.parameter for rule in table.list.filters
        }


# Any service that does what its documentation allows

NAMES = st.sampled_from(["a", "ab", "ab-1", "ab-2", "b", "AB-1", "abc"])
STATES = st.sampled_from(["Running", "Created", "running"])
MOMENTS = st.integers(0, 6_000).map(lambda ms: NOON + timedelta(milliseconds=ms))
VALUES = {"name": NAMES, "status": STATES, "creation_time": MOMENTS}


def is_listed(row: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Whether the strictest service lists a row: bounds exclusive, cut to seconds, names with regard to case."""
    for moment in (row["creation_time"], row["creation_time"].replace(microsecond=0)):
        if "CreationTimeAfter" in parameters and not moment > parameters["CreationTimeAfter"]:
            return False
        if "CreationTimeBefore" in parameters and not moment < parameters["CreationTimeBefore"]:
            return False
    if parameters.get("NameContains", "") not in row["name"]:
        return False
    return parameters.get("StatusEquals", row["status"]) == row["status"]


@settings(max_examples=500, deadline=None)
@given(where=predicates(VALUES), row=rows(VALUES, nulls=False), opaque=st.sampled_from([True, False, None]))
def test_the_parameters_leave_out_no_requested_row(
    experiments: Table, where: Predicate, row: dict[str, Any], opaque: bool | None
) -> None:
    if row["status"] == "running" or not truth(where, row, opaque):
        return
    parameters, problem = build_list_parameters(experiments, where)
    assert not problem
    assert is_listed(row, parameters)
