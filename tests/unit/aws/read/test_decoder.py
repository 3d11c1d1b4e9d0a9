"""Values of each type, decoded alone and with a page; test_protocols compares random ones with boto3's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from sqlprov.aws.read.decoder import Decoder, build_array
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.table import Column, ColumnSource

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
