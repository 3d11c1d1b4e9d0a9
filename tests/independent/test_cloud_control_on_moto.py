"""What is created through the local Cloud Control is moto's own, and gone from moto once it is deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import sqlprov
from sqlprov.api.connection import Connection

RESOURCES = yaml.safe_load((Path(__file__).parents[1] / "support/cloud_control_resources.yaml").read_text())


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SQLPROV_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        with sqlprov.connect(local=True, region="us-east-1") as con:
            con.sql("SET sqlprov_regions = 'us-east-1'")
            yield con


def fill(value: Any, known: dict[str, str]) -> Any:
    """The value with the identifiers of earlier rows."""
    text = re.sub(r"\$\{([\w.]+)\}", lambda name: known[name[1]], json.dumps(value))
    return json.loads(text)


def is_in_aws(con: Connection, name: str, key: str) -> bool:
    """Whether the table of the same name in aws has the resource; one of both may have an ARN as its identifier."""
    rows = con.sql(f"SELECT data__Identifier FROM aws.{name} WHERE region = 'us-east-1'").fetchall()
    return re.split("[/:|]", key)[-1] in {re.split("[/:|]", row[0])[-1] for row in rows}


def test_moto_has_what_cloud_control_creates(con: Connection) -> None:
    known: dict[str, str] = {}
    for entry in RESOURCES:
        (name, given), *_ = entry.items()
        state = json.dumps(fill(given, known)).replace("'", "''")
        con.sql(f"INSERT INTO awscc.{name} (data__DesiredState) VALUES ('{state}')")
        known[name] = con.outcomes[0].key
        assert is_in_aws(con, name, known[name]), (name, known[name])
        if changes := entry.get("update"):
            patch = json.dumps(
                [{"op": "add", "path": f"/{part}", "value": changes[part]} for part in changes]
            )
            con.sql(
                f"UPDATE awscc.{name} SET data__PatchDocument = '{patch}' WHERE data__Identifier = '{known[name]}'"
            )
            assert con.outcomes[0].operations == ("UpdateResource",)
    for name, key in reversed(known.items()):
        con.sql(f"DELETE FROM awscc.{name} WHERE data__Identifier = '{key}'")
        assert con.outcomes[0].operations == ("DeleteResource",)
        assert not is_in_aws(con, name, key), (name, key)
