"""Draws experiments, in the members of Create: valid ones, and some with one thing broken."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from experiment_members import sampling, variant
from hypothesis import strategies as st
from local_sagemaker import experiment

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
    st.text("aZ é9_.:/=+-@日", min_size=1, max_size=20).filter(
        lambda key: not key.lower().startswith("aws:")
    ),
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
mimes = st.lists(
    st.sampled_from(["text/csv", "application/json", "a-b/c.d-e", "x/y.1"]), min_size=1, max_size=10
)


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
    found: dict[str, Any] = {
        "Destination": draw(st.sampled_from(["s3://bucket/p", "https://host/a b", "s3://b"]))
    }
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
        ShadowModeConfig=sampling(draw(st.integers(-3, 100)), shadow)
        | {"SourceModelVariantName": production},
        Schedule=draw(schedules()),
    )
    optional = {"Description": texts, "KmsKey": kms_keys, "DataStorageConfig": storages(), "Tags": tags}
    for member, values in optional.items():
        if draw(st.booleans()):
            members[member] = draw(values)
    return members


# What can be wrong with a value: it may be wrong in one place and right in another. Left out are values that we
# read as what they spell ('5' as a number).
ODD: dict[type, list[Any]] = {
    str: [
        "", "-", "a-", "-a", "O'Brien", "a b", "a_b", "x" * 121, "x" * 120, "x" * 64, "x" * 63, "x" * 1025, "é",
        "日本", "a\nb", "arn:aws:iam::12:role/x", "arn:aws:iam::123456789012:role/", "s3://", "ftp://a/b", "text",
        "a/", "alias/a b", "[]", "{}", "1", "null", "a/b", "s3://b", "Z", "a--b", "x" * 2049,
    ],
    int: [-1, 0, 1, 2, 99, 100, 101, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63],
    list: [[]],
    dict: [{}],
}  # fmt: skip
STRANGE: dict[type, list[Any]] = {
    str: [[], {}, ["a"]],
    int: [True, "x", 1.5, [1], {"x": 1}],
    list: ["x", 5, True],
    dict: [[], "x", 5, False],
}
"""Values of another kind."""
# The only enums; what the model does not list is sent with a warning.
ENUMS = {"Type", "InfrastructureType", "InstanceType"}
TIMES = {"StartTime", "EndTime"}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every part of a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [found for name, part in parts for found in places(part, (*path, name))]
    return [*([path] if path else []), *below]


@st.composite
def break_experiment(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """An experiment in which up to three parts are replaced, left out, doubled or given an unknown neighbor."""
    members = draw(valid(name))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        if _break(draw, members) == "strange":
            break
    return members


def _break(draw: st.DrawFn, members: dict[str, Any]) -> str:
    """Break one part in place; returns how. After a strange value the kind that belongs there is not known."""
    found = [path for path in places(members) if path[-1] not in ENUMS | TIMES and path != ("Name",)]
    path = draw(st.sampled_from(found))
    holder: Any = members
    for name in path[:-1]:
        holder = holder[name]
    what = draw(
        st.sampled_from(["replace", "replace", "replace", "replace", "leave out", "double", "strange"])
    )
    value = holder[path[-1]]
    if what == "leave out":
        del holder[path[-1]]
    elif what == "double" and isinstance(value, list):
        value += deepcopy(value) * draw(st.sampled_from([1, 3, 12]))
    else:
        # A string is what a column of strings takes, whatever it spells.
        strange = what == "strange" and not (len(path) == 1 and isinstance(value, str))
        holder[path[-1]] = deepcopy(draw(st.sampled_from((STRANGE if strange else ODD)[type(value)])))
    return str(what)


def to_wire(members: dict[str, Any]) -> dict[str, Any]:
    """The same as boto3 sends it: times as seconds."""
    schedule = members.get("Schedule")
    if not isinstance(schedule, dict):
        return members
    sent = {
        name: datetime.fromisoformat(value).timestamp() if name in TIMES else value
        for name, value in schedule.items()
    }
    return {**members, "Schedule": sent}
