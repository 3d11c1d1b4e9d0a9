"""Every table whose rows are described in batches, with more rows than a batch takes and with rows that fail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from local_sagemaker import connection
from slices import take_slice
from table_sweep import TableSweep, list_ancestry

from resources.generate.files import RESOURCES
from sqlprov.aws.read.list_replies import FAILURES
from sqlprov.catalog import Catalog
from sqlprov.catalog.read_calls import DescribeCall
from sqlprov.catalog.table import Table
from sqlprov.emulator.model_server import ModelServer
from sqlprov.emulator.options import Call
from sqlprov.emulator.protocols import Api, load_api
from sqlprov.errors import ServiceError

CATALOG = Catalog()
_LINE = re.compile(r"^  (\w+): \{.*\bbatch: \d", re.MULTILINE)
TABLES = [
    f"{service}.{name}"
    for service in CATALOG.list_services("aws")
    for name in _LINE.findall((RESOURCES / "aws" / f"{service}.yaml").read_text("utf-8"))
]


class RefusingServer(ModelServer):
    """Reports the last row of each batch as a failure instead of describing it."""

    def run_describe(self, api: Api, call: Call, tables: Sequence[Table]) -> dict[str, Any]:
        reply = super().run_describe(api, call, tables)
        describe = get_describe(tables[0])
        rows = reply[describe.item[0]]
        key = rows.popitem()[0] if isinstance(rows, dict) else ""
        del rows[-1:]
        for name, shape in find_failures(api, describe).items():
            entry = getattr(shape, "value" if shape.type_name == "map" else "member")
            texts = [
                each for each, member in getattr(entry, "members", {}).items() if member.type_name == "string"
            ]
            failure: Any = dict.fromkeys(texts, "DENIED") or "DENIED"
            reply[name] = {key: failure} if shape.type_name == "map" else [failure]
        return reply


def get_describe(table: Table) -> DescribeCall:
    assert table.describe is not None
    return table.describe


def find_failures(api: Api, describe: DescribeCall) -> Mapping[str, Any]:
    """The members of a batch's reply that hold what failed, with their shapes."""
    members = api.get_operation(describe.call).output_shape.members
    return {
        name: shape
        for name, shape in members.items()
        if FAILURES.search(name) and name != describe.item[0] and shape.type_name in {"list", "map"}
    }


@pytest.mark.parametrize("name", take_slice(TABLES, 10))
def test_batches_return_every_row_or_say_which_failed(name: str) -> None:
    table = CATALOG.get_table("aws", *name.split("."))
    describe = get_describe(table)
    count = 2 * describe.batch + 3
    sizes = {"rows": 3 if table.list.parents else count, "children": count, "page": count}
    with (
        ModelServer(list_ancestry(table), **sizes) as server,
        connection(server.url, show_sensitive="on") as con,
    ):
        sweep = TableSweep(server, table, con, con, con)
        sweep.expect("all", sweep.read(con), server.list_rows(table))
        assert not sweep.wrong
        calls = [call for call in server.calls if call.operation == describe.call]
        assert len(calls) < len(server.list_rows(table))
    if calls and find_failures(load_api(table.client), describe):
        with (
            RefusingServer(list_ancestry(table), **sizes) as server,
            connection(server.url, show_sensitive="on") as con,
            pytest.raises(ServiceError, match="DENIED"),
        ):
            con.sql(f"SELECT * FROM {table.full_name}").fetchall()
