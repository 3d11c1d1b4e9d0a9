"""Conditions reach a dataset through the smaller schema as they do without it."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from sqlprov.duck import table_source
from sqlprov.duck.table_source import build_source

ROWS = pa.table(
    {
        "name": ["a", "b", "c"],
        "made": pa.array([1, 2, None], pa.timestamp("us", "UTC")),
        "place": pa.array([{"zone": "x", "hosts": ["h"]}, {"zone": "y", "hosts": None}, None]),
        "tags": pa.array([[("k", "v")], [], None], pa.map_(pa.string(), pa.string())),
    }
)


class Table(ds.Dataset):  # type: ignore[misc]
    """ROWS, with the filters that DuckDB passed."""

    def __init__(self) -> None:
        self.filters: list[str] = []

    @property
    def schema(self) -> pa.Schema:
        return ROWS.schema

    def scanner(
        self, columns: list[str] | None = None, filter: ds.Expression | None = None, **_: object
    ) -> ds.Scanner:
        self.filters.append(str(filter))
        return ds.dataset(ROWS).scanner(columns=columns, filter=filter)


def read(where: str, *, direct: bool) -> tuple[object, object, list[str]]:
    """The rows, their types, and the filters that reached the dataset."""
    table = Table()
    with duckdb.connect() as duck:
        duck.from_arrow(table if direct else build_source(table)).create_view("t")
        types = duck.execute("DESCRIBE t").fetchall()
        return duck.execute(f"SELECT * FROM t WHERE {where}").fetchall(), types, table.filters


@pytest.mark.parametrize(
    "where",
    [
        "name = 'b'",
        "name IN ('a', 'b') AND made > TIMESTAMPTZ '1970-01-01 00:00:00+00'",
        "place.zone = 'x'",
        "place IS NULL",
        "tags IS NOT NULL AND place.hosts IS NULL",
        "cardinality(tags) = 1",
        "place.hosts[1] = 'h'",
    ],
)
def test_a_condition_reaches_the_dataset_as_without_the_smaller_schema(where: str) -> None:
    assert read(where, direct=False) == read(where, direct=True)


def test_nothing_inside_a_list_or_a_map_is_in_the_smaller_schema() -> None:
    assert [str(field.type) for field in build_source(Table()).declared_schema()] == [
        *("string", "timestamp[us, tz=UTC]", "struct<zone: string, hosts: null>", "null")
    ]


def test_without_duckdbs_private_class_a_condition_reaches_the_table_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table_source, "PyArrowDatasetSource", None)
    assert read("name = 'b'", direct=False) == read("name = 'b'", direct=True)
