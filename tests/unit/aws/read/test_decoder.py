"""Values of each type, decoded alone and with a page; test_protocols compares random ones with boto3's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from sqlprov.aws.read.decoder import Decoder, build_array
from sqlprov.aws.read.rows import make_empty_batch
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.column import Column, ColumnSource

TIME = pa.timestamp("us", "UTC")


def column(kind: pa.DataType, json_type: pa.DataType) -> Column:
    return Column("c", kind, json_type, "", ColumnSource.LIST, ("C",))


def both_ways(of: Column, given: list[Any]) -> list[Any]:
    """The column's values, built alone and with the others of a page, which must be equal."""
    alone = build_array(of, given)
    with_others = Decoder([of]).build_arrays([{"C": value} for value in given])["c"]
    assert alone.type == with_others.type == of.type
    assert alone.equals(with_others)
    alone.validate(full=True)
    values: list[Any] = alone.to_pylist()
    return values


def test_timestamps_are_converted_at_any_depth() -> None:
    kind = pa.list_(pa.struct([("At", pa.list_(TIME)), ("N", pa.int64())]))
    json_type = pa.list_(pa.struct([("At", pa.list_(pa.float64())), ("N", pa.int64())]))
    moment = datetime(2025, 5, 1, 12, 0, 0, 123000, UTC)
    given = [[{"At": [moment.timestamp(), None], "N": 2**62}], None, [], [None, {"At": None}, {}]]
    assert both_ways(column(kind, json_type), given) == [
        [{"At": [moment, None], "N": 2**62}],
        None,
        [],
        [None, {"At": None, "N": None}, {"At": None, "N": None}],
    ]


def test_a_map_keeps_its_entries_and_null_differs_from_empty() -> None:
    texts = column(pa.map_(pa.string(), pa.string()), pa.map_(pa.string(), pa.string()))
    assert both_ways(texts, [{"a": "1", "b": None}, None, {}]) == [[("a", "1"), ("b", None)], None, []]
    moments = column(pa.map_(pa.string(), TIME), pa.map_(pa.string(), pa.float64()))
    moment = datetime(2025, 5, 1, tzinfo=UTC)
    assert both_ways(moments, [{"a": moment.timestamp()}, None, {}]) == [[("a", moment)], None, []]


def test_any_json_is_kept_as_its_text() -> None:
    document = column(pa.string(), pa.string())
    assert both_ways(document, ["text", {"deep": [1, None]}, [1], 5, True, None]) == [
        "text",
        '{"deep":[1,null]}',
        "[1]",
        "5",
        "true",
        None,
    ]


@pytest.mark.parametrize("seconds", [0, 0.001, 1.0e9, 1735689600.123, 4102444799.999, -1.5])
def test_a_timestamp_keeps_its_milliseconds(seconds: float) -> None:
    (moment,) = both_ways(column(TIME, pa.float64()), [seconds])
    assert moment == datetime.fromtimestamp(seconds, UTC)


NOON = datetime(2025, 5, 1, 12, 0, 0, 250_000, UTC)


@pytest.mark.parametrize(
    ("json_type", "per_second", "value"),
    [
        (pa.int64(), 1000, 1_746_100_800_250),
        (pa.float64(), 1000, 1_746_100_800_250.0),
        (pa.string(), 1000, "1746100800250"),
        (pa.string(), 1, "1746100800.25"),
        (pa.string(), 1, "2025-05-01T14:00:00.250+0200"),
        (pa.string(), 1, "2025-05-01 12:00:00.250"),
    ],
)
def test_a_number_or_a_text_is_the_time_that_the_catalog_says(
    json_type: pa.DataType, per_second: int, value: Any
) -> None:
    of = replace(column(TIME, json_type), per_second=per_second)
    assert both_ways(of, [value, None]) == [NOON, None]


@pytest.mark.parametrize(
    ("json_type", "value"), [(pa.int64(), 2**62), (pa.string(), "soon"), (pa.string(), "1746100800250000")]
)
def test_what_is_not_a_time_is_null_with_a_warning_and_an_error_in_a_write(
    json_type: pa.DataType, value: Any
) -> None:
    of, warnings = column(TIME, json_type), list[str]()
    of = replace(of, per_second=1000) if json_type != pa.string() else of
    rows = [{"C": value}, {"C": ""} if json_type == pa.string() else {}]
    assert Decoder([of], warnings.append).build_arrays(rows)["c"].to_pylist() == [None, None]
    assert warnings == [f"the reply's c is not timestamp[us, tz=UTC]: {value!r}; it is NULL here."]
    with pytest.raises(MalformedReply, match="the reply's c is not timestamp"):
        build_array(of, [value])


def test_json_is_kept_as_it_is_written_and_other_text_is_a_json_string() -> None:
    of = replace(column(pa.string(), pa.string()), is_json=True)
    given = ['{"b": 1,  "a": 2}', "%7B%22a%22%3A%20%22x%20y%22%7D", "Version: 1", {"a": [1]}, "", None]
    assert both_ways(of, given) == [
        '{"b": 1,  "a": 2}',
        '{"a": "x y"}',
        '"Version: 1"',
        '{"a":[1]}',
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "json_type", "value"),
    [
        (pa.int32(), pa.int32(), 2**31),
        (pa.int64(), pa.int64(), 2**63),
        (pa.int64(), pa.int64(), "7"),
        (pa.bool_(), pa.bool_(), "true"),
        (pa.float64(), pa.float64(), "1.0"),
        (TIME, pa.float64(), "yesterday"),
        (TIME, pa.float64(), 1e300),
        (TIME, pa.float64(), {}),
        (pa.binary(), pa.string(), "no base64 "),
        (pa.list_(pa.string()), pa.list_(pa.string()), {"a": "b"}),
        (pa.struct([("A", pa.string())]), pa.struct([("A", pa.string())]), "text"),
        (pa.struct([("A", pa.string())]), pa.struct([("A", pa.string())]), ["text"]),
        (pa.map_(pa.string(), pa.string()), pa.map_(pa.string(), pa.string()), "text"),
        (pa.map_(pa.string(), pa.string()), pa.map_(pa.string(), pa.string()), 5),
    ],
    ids=repr,
)
def test_a_value_that_does_not_fit_its_type_is_a_malformed_reply(
    kind: pa.DataType, json_type: pa.DataType, value: Any
) -> None:
    with pytest.raises(MalformedReply, match="the reply's c is no"):
        build_array(column(kind, json_type), [None, value])
    with pytest.raises(MalformedReply, match="the reply's c is no"):
        Decoder([column(kind, json_type)]).build_arrays([{}, {"C": value}])


def test_a_batch_without_rows_may_have_json_in_a_list_and_in_a_structure() -> None:
    types = {
        "documents": pa.list_(pa.json_()),
        "policy": pa.struct({"text": pa.json_()}),
        "name": pa.string(),
    }
    assert make_empty_batch(pa.schema(types)).to_pylist() == []
