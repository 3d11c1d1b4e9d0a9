from __future__ import annotations

import pyarrow as pa
import pytest

from sqlprov.sql.text_table import build_table


@pytest.mark.parametrize("count", [0, 1, 8, 17])
def test_a_table_of_text_is_that_of_pyarrow(count: int) -> None:
    schema = pa.schema([pa.field("name", pa.string(), metadata={"a": "b"}), ("even", pa.bool_())])
    names = ["é", "", None, "longer"]
    rows = [{"name": names[at % 4], "even": at % 2 == 0, "more": at} for at in range(count)]
    table = build_table(rows, schema)
    table.validate(full=True)
    assert table.equals(pa.Table.from_pylist(rows, schema), check_metadata=True)
