"""Experiments as hypothesis draws them, in the members of Create: valid ones, and such with one thing broken."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from lab import experiment, variant

SOON = datetime(2035, 1, 1, tzinfo=UTC)
LETTERS = "abcXYZ019"

# A word in which hyphens stand between others.
words = st.text(LETTERS, min_size=1, max_size=10).flatmap(
    lambda first: st.one_of(
        st.just(first), st.text(LETTERS, min_size=1, max_size=8).map(lambda last: f"{first}--{last}")
    )
)
names = st.one_of(words, st.integers(60, 63).map(lambda size: "n" * size))
texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=40)
tag_texts = st.text("aZ é9_.:/=+-@日", max_size=20)
tags = st.dictionaries(
    st.text("aZ é9_.:/=+-@日", min_size=1, max_size=20).filter(lambda key: not key.lower().startswith("aws:")),
    tag_texts,
    max_size=5,
).map(lambda found: [{"Key": key, "Value": value} for key, value in found.items()])
kms_keys = st.sampled_from(
    [
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/ExampleAlias",
        "arn:aws:kms:us-west-2:111122223333:alias/ExampleAlias",
    ]
)
roles = st.sampled_from(
    [
        "arn:aws:iam::123456789012:role/service",
        "arn:aws-cn:iam::123456789012:role/path/of/it_+=,.@-x",
        "arn:aws:iam::123456789012:rolewithoutslash",
    ]
)
machines = st.sampled_from(["ml.m5.large", "ml.t2.medium", "ml.p4d.24xlarge", "ml.inf1.6xlarge"])
mimes = st.lists(st.sampled_from(["text/csv", "application/json", "a-b/c.d-e", "x/y.1"]), min_size=1, max_size=10)


@st.composite
def schedules(draw: st.DrawFn) -> dict[str, str]:
    start = SOON + timedelta(milliseconds=draw(st.integers(0, 10**9)))
    found = {"StartTime": start.isoformat(timespec="milliseconds")}
    if draw(st.booleans()):
        length = timedelta(milliseconds=draw(st.integers(1, 30 * 86_400_000)))
        found["EndTime"] = (start + length).isoformat(timespec="milliseconds")
    return found


@st.composite
def storages(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"Destination": draw(st.sampled_from(["s3://bucket/p", "https://host/a b", "s3://b"]))}
    if draw(st.booleans()):
        found["KmsKey"] = draw(kms_keys)
    if draw(st.booleans()):
        kinds = draw(st.sets(st.sampled_from(["CsvContentTypes", "JsonContentTypes"]), min_size=1))
        found["ContentType"] = {kind: draw(mimes) for kind in sorted(kinds)}
    return found


@st.composite
def valid(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """An experiment that the service takes; it stays Created."""
    production, shadow = draw(st.lists(names, min_size=2, max_size=2, unique_by=str.lower))
    counts = st.one_of(st.integers(0, 5), st.just(2**31 - 1))
    members = experiment(
        name,
        RoleArn=draw(roles),
        EndpointName=draw(names),
        ModelVariants=[
            variant(each, draw(names), draw(machines), draw(counts)) for each in (production, shadow)
        ],
        ShadowModeConfig={
            "SourceModelVariantName": production,
            "ShadowModelVariants": [
                {"ShadowModelVariantName": shadow, "SamplingPercentage": draw(st.integers(-3, 100))}
            ],
        },
        Schedule=draw(schedules()),
    )
    optional = {
        "Description": texts,
        "KmsKey": kms_keys,
        "DataStorageConfig": storages(),
        "Tags": tags,
    }
    for member, values in optional.items():
        if draw(st.booleans()):
            members[member] = draw(values)
    return members


# What can be wrong with a value: it may be wrong in one place and right in another.
ODD: dict[type, list[Any]] = {
    str: [
        "", "-", "a-", "-a", "O'Brien", "a b", "a_b", "x" * 121, "x" * 64, "x" * 1025, "x" * 2049, "é",
        "a\nb", "arn:aws:iam::12:role/x", "arn:aws:iam::123456789012:role/", "s3://", "ftp://a/b", "text", "a/",
        "alias/a b", "[]", "{}", "1", "null",
    ],
    int: [-1, 101, 2**31 - 1, 2**31, -(2**31) - 1, 0, True, "x", "5", 1.5, [1]],
    list: [[], {}, "x", 5],
    dict: [{}, [], "x", 5],
}  # fmt: skip
# The only enums; what the model does not list is sent with a warning.
ENUMS = {"Type", "InfrastructureType", "InstanceType"}
TIMES = {"StartTime", "EndTime"}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every part of a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [found for name, part in parts for found in places(part, (*path, name))]
    return [*([path] if path else []), *below]


@st.composite
def broken(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """An experiment in which up to three parts are replaced, left out, doubled or given a stranger beside."""
    members = draw(valid(name))
    for _ in range(draw(st.integers(1, 3))):
        _break(draw, members)
    return members


def _break(draw: st.DrawFn, members: dict[str, Any]) -> None:
    found = [path for path in places(members) if path[-1] not in ENUMS | TIMES and path != ("Name",)]
    path = draw(st.sampled_from(found))
    holder: Any = members
    for name in path[:-1]:
        holder = holder[name]
    what = draw(st.sampled_from(["replace", "replace", "replace", "leave out", "double"]))
    value = holder[path[-1]]
    if what == "leave out":
        del holder[path[-1]]
    elif what == "double" and isinstance(value, list):
        value += deepcopy(value) * draw(st.sampled_from([1, 3, 12]))
    else:
        holder[path[-1]] = deepcopy(draw(st.sampled_from(ODD[type(value)])))


def plain(members: dict[str, Any]) -> dict[str, Any]:
    """The same with times as boto3 takes them."""
    found: dict[str, Any] = json.loads(json.dumps(members))
    schedule = found.get("Schedule")
    if isinstance(schedule, dict):
        for time in TIMES & schedule.keys():
            schedule[time] = datetime.fromisoformat(schedule[time])
    return found
