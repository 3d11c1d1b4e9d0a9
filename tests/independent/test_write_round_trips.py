"""Every table that can be written and that moto has: each write does what the statement says.

INSERT and DELETE do so even if the request or the reply is lost. `make test` takes a slice, `make sweep` all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from confirmations import read_reasons
from slices import take_slice
from write_round_trips import (
    CATALOG,
    OpenService,
    RoundTrip,
    find_row,
    format_insert,
    format_value,
    holds,
    list_proved,
    list_writable,
    lose_reply,
    to_text,
)

from sqlprov.catalog.method import Method
from sqlprov.catalog.service_model import load_model

TABLES = [
    name.split(".")
    for name in take_slice((".".join(each) for each in list_writable()), 76)
    if list_proved(CATALOG.get_table("aws", *name.split(".")))
]
TAGS = ({"stage": "done", "team": "a b"}, {"team": "c"}, {})


@pytest.fixture(scope="module")
def services() -> Iterator[OpenService]:
    with OpenService() as services:
        yield services


def check_round_trip(trip: RoundTrip) -> None:
    """A row is inserted, found, not inserted again, changed and deleted."""
    methods, create = list_proved(trip.table), trip.table.by_method.get("create_resource")
    key = trip.insert()
    assert (key,) in trip.find()
    assert len(trip.find(key)) == 1
    if create:
        expect_no_difference(trip, key)
    if create and (not create.returns or trip.table.write.insert.name):
        expect_refusal(trip, key)
    if trip.table.tagging and not trip.is_named("untagged"):
        change_tags(trip, key)
    if "update_resource" in methods:
        change_members(trip, key)
    for method in methods.values():
        is_deleting = "missing" in method.until  # as DELETE does, which is checked
        if (
            method.verb == "EXEC"
            and not is_deleting
            and {*method.required}
            <= {*trip.list_key_parameters(method), *trip.read_hints(method.call), "region"}
        ):
            execute(trip, key, method)
    for rule in trip.table.write.desired.by if trip.table.write.desired else ():
        expect_transition(trip, key, rule.method)
    if "delete_resource" in methods:
        delete(trip, key)


def expect_no_difference(trip: RoundTrip, key: str) -> None:
    """A new row is as its INSERT says, but for members that moto does not keep."""
    con, table = trip.service.con, trip.table
    con.sql("SET sqlprov_show_sensitive = on")
    create = table.by_method["create_resource"]
    columns = {part.column for part in create.parameters if part.column in table.paths}
    names = ", ".join(f'"{name}"' for name in sorted({*columns, *table.key}))
    (row,) = con.sql(f"SELECT {names} FROM {table.full_name} WHERE {trip.where(key)}").arrow().to_pylist()
    con.sql("RESET sqlprov_show_sensitive")
    wanted = {name: to_text(value) for name, value in trip.request.items()}
    differing = [
        each for each in con.compare(table.full_name, wanted, row, "us-east-1") if each.old not in EMPTY
    ]
    assert not differing or trip.is_named("changed") or trip.is_named("rewritten"), differing


def expect_refusal(trip: RoundTrip, key: str) -> None:
    """An INSERT of the same key fails, whether the row is seen before or moto refuses the call."""
    create, before = trip.table.by_method["create_resource"], trip.find(key)
    (outcome,), _ = trip.write(format_insert(trip.table, trip.request))
    assert (outcome.status.value, outcome.operations) == ("failed", ())
    assert "already exists" in outcome.reason
    if not trip.is_named("replaced"):
        another = trip.make_another()
        (first, second), _ = trip.write(format_insert(trip.table, another, trip.request))
        assert (first.status.value, second.status.value) == ("ok", "failed"), (first.reason, second.reason)
        assert "already exists" in second.reason
        assert create.returns or f"{key!r} in" in second.reason
    assert trip.find(key) == before


def change_tags(trip: RoundTrip, key: str) -> None:
    for tags in TAGS:
        sql = f"UPDATE {trip.table.full_name} SET tags = {format_value(tags)} WHERE {trip.where(key)}"
        (outcome,), _ = trip.write(sql)
        assert outcome.status.value == "ok", outcome.reason
        assert {tag["Key"]: tag["Value"] for tag in trip.get(key, "tags") or ()} == tags
    (outcome,), _ = trip.write(sql)
    assert outcome.operations == ()


def change_members(trip: RoundTrip, key: str) -> None:
    """Every member that an update takes is sent, and moto keeps it unless it is named."""
    update = trip.table.by_method["update_resource"]
    operation = load_model(trip.table.client).operation_model(update.call)
    lost = set()
    for part in update.parameters:
        if part.column in (*trip.table.key, "", "tags"):
            continue
        if update.nesting:
            value = trip.make_members(operation, update.nesting).get(part.name)
        else:
            value = trip.make_value(operation, part.name, trip.get(key, part.column))
        if value is None or holds(value, trip.get(key, part.column)):
            continue
        sql = f'UPDATE {trip.table.full_name} SET "{part.column}" = {format_value(value)}'
        (outcome,), result = trip.write(f"{sql} WHERE {trip.where(key)}")
        assert outcome.status.value == "ok", outcome.reason
        (call,) = (call for call in result.calls if call.operation == update.call)
        sent = find_row(call.parameters, update.nesting.path if update.nesting else ())
        assert holds(value, sent[part.name])
        read = trip.get(key, part.column)
        if not holds(value, read if not isinstance(value, str) or read is None else str(read)):
            lost.add(part.column)
    assert sorted(lost) == sorted(trip.get_reason("unkept", ()))


def execute(trip: RoundTrip, key: str, method: Method) -> None:
    parts = zip(trip.table.key, key.split("|"), strict=True)
    names = trip.list_key_parameters(method)
    shapes = method.input_shape.members
    hints = {
        n: value for n, value in trip.read_hints(method.call).items() if n in shapes and value is not None
    }
    given = hints | {
        name: [part] if shapes[name].item else part
        for column, part in parts
        for name in names
        if names[name] == column
    }
    parameters = ", ".join(f"@{name} = {format_value(value)}" for name, value in given.items())
    (outcome,), _ = trip.write(
        f"EXEC {trip.table.full_name}.{method.name} {parameters}, @region = 'us-east-1'"
    )
    assert (outcome.status.value, outcome.operations) == ("ok", (method.call,)), outcome.reason
    assert not method.until or trip.get(key, trip.table.state.column) in method.until


def expect_transition(trip: RoundTrip, key: str, method: str) -> None:
    rule, (state, *_) = trip.table.write.desired, trip.table.by_method[method].until
    assert rule is not None
    sql = f"/*+ AWAIT */ UPDATE {trip.table.full_name} SET {rule.column} = '{state}' WHERE {trip.where(key)}"
    (outcome,), _ = trip.write(sql)
    assert outcome.status.value == "ok", outcome.reason
    assert trip.get(key, trip.table.state.column) == state


def delete(trip: RoundTrip, key: str) -> None:
    sql = f"/*+ AWAIT */ DELETE FROM {trip.table.full_name} WHERE {trip.where(key)}"
    returning = "" if trip.is_named("untagged") else " RETURNING data__Identifier"  # it reads the tags, too
    (outcome, *_), result = trip.write(f"{sql}{returning}")
    assert outcome.status.value == "ok", outcome.reason
    assert not returning or result.fetchall() == [(key,)]
    assert (key,) not in trip.find()
    assert trip.find(key) == []
    _, result = trip.write(sql)
    assert result.rowcount == 0


def check_lost_insert(trip: RoundTrip, *, carried_out: bool) -> None:
    create = trip.table.by_method["create_resource"]
    trip.insert()
    request = trip.make_another()
    before = trip.find()
    with lose_reply(create.call, carried_out=carried_out):
        (outcome,), _ = trip.write(format_insert(trip.table, request))
    if create.tokens and carried_out and trip.is_named("tokenless"):
        assert outcome.status.value == trip.get_reason("changed", "ok"), outcome.reason
    elif create.tokens and carried_out and trip.is_named("refusing"):
        assert outcome.status.value == "unknown"
    elif create.tokens:
        assert (outcome.status.value, outcome.operations) == ("ok", (create.call,)), outcome.reason
        assert "lost" in outcome.reason
        assert {*trip.find()} - {*before} == {(outcome.key,)}
    elif create.returns and not trip.table.write.insert.name:  # the key is in the reply that was lost
        assert outcome.status.value == "unknown"
        assert len(trip.find()) == len(before) + carried_out
    elif carried_out and (status := trip.get_reason("changed")):
        assert outcome.status.value == status, outcome.reason
    else:
        assert (outcome.status.value, outcome.operations) == ("ok", (create.call,)), outcome.reason
        assert ("was lost" in outcome.reason) == (carried_out or trip.is_named("failing"))
        assert {*trip.find()} - {*before} == {(outcome.key,)}


def check_tagged_insert(trip: RoundTrip) -> None:
    """The request's tag makes certain that a row is ours, where the create takes tags and a call reads them."""
    create = trip.table.by_method["create_resource"]
    con = trip.service.con
    trip.insert()
    request = trip.make_another()
    con.sql("SET sqlprov_request_tag = on")
    try:
        with lose_reply(create.call, carried_out=True):
            (outcome,), _ = trip.write(format_insert(trip.table, request))
    finally:
        con.sql("RESET sqlprov_request_tag")
    is_tagged = bool(trip.table.tags_parameter and trip.table.holds_tags)
    if trip.is_named("failing_tags") or trip.is_named("refusing"):
        assert outcome.status.value == "unknown"
    elif create.tokens:
        assert outcome.status.value == trip.get_reason("changed", "ok"), outcome.reason
    elif create.returns and not trip.table.write.insert.name:
        assert outcome.status.value == "unknown"
    elif not trip.is_named("changed"):
        assert outcome.status.value == "ok", outcome.reason
        assert ("an equivalent row" in outcome.reason) is not is_tagged


def check_lost_delete(trip: RoundTrip, *, carried_out: bool) -> None:
    method = trip.table.by_method["delete_resource"]
    key = trip.insert()
    with lose_reply(method.call, carried_out=carried_out):
        (outcome,), _ = trip.write(f"DELETE FROM {trip.table.full_name} WHERE {trip.where(key)}")
    assert (outcome.status.value, outcome.operations[-1]) == ("ok", method.call), outcome.reason
    assert trip.find(key) == []


EMPTY = (None, "", [], {}, False)
"""What moto returns for values that it does not keep."""
CHECKS: dict[str, Callable[[RoundTrip], None]] = {
    "round trip": check_round_trip,
    "insert, reply lost": partial(check_lost_insert, carried_out=True),
    "insert, request lost": partial(check_lost_insert, carried_out=False),
    "insert, tagged, reply lost": check_tagged_insert,
    "delete, reply lost": partial(check_lost_delete, carried_out=True),
    "delete, request lost": partial(check_lost_delete, carried_out=False),
}


def list_cases() -> Iterator[tuple[str, str, str]]:
    """Service, table and check; a check of INSERT or DELETE for the tables that have it.

    All checks of a table follow each other, and so do the tables of a service, which is filled once. A tag shows
    nothing if moto has no tags.
    """
    for service, name in TABLES:
        methods = list_proved(CATALOG.get_table("aws", service, name))
        for check in CHECKS:
            verb = check.split(",")[0]
            is_proved = {"insert": "create", "delete": "delete"}.get(verb, "") + "_resource" in methods
            is_untagged = "tagged" in check and f"{service}.{name}" in read_reasons()["untagged"]
            if verb == "round trip" or (is_proved and not is_untagged):
                yield service, name, check


CASES = list(list_cases())


@pytest.mark.parametrize(("service", "name", "check"), CASES, ids=map(" ".join, CASES))
def test_a_write_does_what_its_statement_says(
    service: str, name: str, check: str, services: OpenService
) -> None:
    CHECKS[check](RoundTrip(services.open(service), CATALOG.get_table("aws", service, name)))


def test_a_reason_names_tables_that_can_be_written() -> None:
    known = {".".join(each) for each in list_writable()}
    for kind in (
        *("emulated", "missing_codes", "unkept", "changed", "untagged", "failing", "failing_tags"),
        *("replaced", "tokenless", "refusing"),
    ):
        assert set(read_reasons()[kind]) <= known
