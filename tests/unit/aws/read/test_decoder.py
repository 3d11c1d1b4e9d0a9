from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
from botocore.parsers import create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from normalize import normalize

from sqlprov.aws.read.decoder import Decoder, build_array, get_path
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog import Catalog
from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import Column, ColumnSource, Table

TABLES = ("inference_experiments", "models", "endpoint_configs", "endpoints")
TIME = pa.timestamp("us", "UTC")
LATEST = 4_102_444_800_000  # the year 2100, in milliseconds
PARSER = create_parser("json")
slowly = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog()


def values(shape: Any) -> st.SearchStrategy[Any]:
    """JSON values that the service may send for a shape."""
    match shape.type_name:
        case "structure":
            members = {name: st.none() | values(member) for name, member in shape.members.items()}
            return st.fixed_dictionaries({}, optional=members)
        case "list":
            return st.lists(values(shape.member), max_size=3)
        case "map":
            return st.dictionaries(st.text(max_size=5), values(shape.value), max_size=3)
        case "timestamp":
            moments = st.integers(0, LATEST)
            return st.one_of(
                moments.map(lambda ms: ms / 1000),
                moments.map(lambda ms: ms // 1000),
                moments.map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC).isoformat()),
            )
        case "integer":
            return st.integers(-(2**31), 2**31 - 1)
        case "long":
            return st.integers(-(2**63), 2**63 - 1)
        case "float" | "double":
            return st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
        case "boolean":
            return st.booleans()
    return st.text(max_size=20)


def parsed(body: bytes, operation: Any) -> Any:
    """A reply as boto3 parses it."""
    return PARSER.parse({"body": body, "headers": {}, "status_code": 200}, operation.output_shape)


def operation(table: Table, call: str) -> Any:
    return load_model(table.client).operation_model(call)


@pytest.mark.parametrize("name", TABLES)
@slowly
@given(data=st.data())
def test_a_page_converted_to_arrow_holds_what_boto3_would_return(
    catalog: Catalog, name: str, data: Any
) -> None:
    table = catalog.get_table("aws", "sagemaker", name)
    listing = operation(table, table.list.call)
    item = listing.output_shape.members[table.list.items].member
    items = data.draw(st.lists(values(item), max_size=4))
    body = orjson.dumps({table.list.items: items})
    expected = parsed(body, listing)[table.list.items]
    columns = [column for column in table.columns if column.source is ColumnSource.LIST]
    arrays = Decoder(columns).build_arrays(orjson.loads(body)[table.list.items])
    assert arrays.keys() == {column.name for column in columns}
    for column in columns:
        assert arrays[column.name].type == column.type
        ours = [normalize(value, column.type) for value in arrays[column.name].to_pylist()]
        assert ours == [normalize(get_path(row, column.path), column.type) for row in expected], column.name


@pytest.mark.parametrize("name", TABLES)
@slowly
@given(data=st.data())
def test_a_description_converted_to_arrow_holds_what_boto3_would_return(
    catalog: Catalog, name: str, data: Any
) -> None:
    table = catalog.get_table("aws", "sagemaker", name)
    assert table.describe is not None
    describing = operation(table, table.describe.call)
    replies = data.draw(st.lists(values(describing.output_shape), min_size=1, max_size=2))
    bodies = [orjson.dumps(reply) for reply in replies]
    expected = [parsed(body, describing) for body in bodies]
    for column_name, path in table.describe.paths.items():
        column = table.by_name[column_name]
        array = build_array(
            column, [get_path(orjson.loads(body), (*table.describe.item, *path)) for body in bodies]
        )
        assert array.type == column.type
        ours = [normalize(value, column.type) for value in array.to_pylist()]
        theirs = [
            normalize(get_path(reply, (*table.describe.item, *path)), column.type) for reply in expected
        ]
        assert ours == theirs, column_name


# Kinds that no column of these tables has


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


def test_an_empty_page_has_every_column_in_its_type(catalog: Catalog) -> None:
    for name in TABLES:
        columns = [
            c for c in catalog.get_table("aws", "sagemaker", name).columns if c.source is ColumnSource.LIST
        ]
        arrays = Decoder(columns).build_arrays([])
        assert {c.name: arrays[c.name].type for c in columns} == {c.name: c.type for c in columns}


def test_a_blob_is_decoded() -> None:
    blob = column(pa.binary(), pa.string())
    assert both_ways(blob, ["aGVsbG8=", None, ""]) == [b"hello", None, b""]


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
