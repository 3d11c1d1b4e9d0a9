"""Keys with parts that a row lacks, and with lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest
from hand_tables import HandRead, build_table, own_column, read_table
from json_service import run_json_service

from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.table import ListCall
from sqlprov.errors import BrokenReply
from sqlprov.plan.read import TRUE, Predicate
from sqlprov.plan.read.lookup import find_keys
from sqlprov.plan.read.predicate import Compare

ATTRIBUTES = build_table(
    "ecs",
    "attributes",
    ("name", "target_id", "labels"),
    ListCall("ListAttributes", ("attributes",), send={"targetType": "container-instance"}),
    columns=[own_column("labels", ColumnSource.LIST, pa.list_(pa.string()), path=("labels",))],
)
IDENTIFIER = "data__Identifier"


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [{"name": "os", "targetId": "i-1", "labels": ["a", "b"]}, {"name": "os"}]


@pytest.fixture
def url(rows: list[dict[str, Any]]) -> Iterator[str]:
    def list_attributes(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"attributes": rows}

    with run_json_service({"ListAttributes": list_attributes}) as url:
        yield url


def read(url: str, where: Predicate = TRUE) -> HandRead:
    return read_table(url, ATTRIBUTES, ("name", IDENTIFIER), where, settings={"max_attempts": 1})


def test_a_part_that_a_row_lacks_is_empty_and_a_list_is_json(url: str) -> None:
    assert read(url).values(IDENTIFIER) == ['os|i-1|["a","b"]', "os||"]


@pytest.mark.parametrize("text", ["os||", 'os|i-1|["a","b"]'])
def test_such_a_key_is_found_in_the_list(url: str, text: str) -> None:
    where = Compare(IDENTIFIER, "=", text)
    assert find_keys(ATTRIBUTES, where) is None, "no call can look it up"
    assert read(url, where).values(IDENTIFIER) == [text]


def test_a_row_without_any_part_of_its_key_is_an_error(url: str, rows: list[dict[str, Any]]) -> None:
    rows.append({"value": "linux"})
    with pytest.raises(BrokenReply, match="lacks name or targetId or labels"):
        read(url)
