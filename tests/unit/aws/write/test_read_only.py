from __future__ import annotations

import pytest
from write_session import REGION, TABLE, by_name, insert

import sqlprov
from sqlprov.emulator import Emulator
from sqlprov.errors import DataError, NotSupportedError

WRITES = [
    insert("read-only"),
    f"UPDATE {TABLE} SET description = 'x' WHERE {by_name('read-only')}",
    f"DELETE FROM {TABLE} WHERE {by_name('read-only')}",
    f"EXEC {TABLE}.stop @Name = 'read-only', @region = '{REGION}', @ModelVariantActions = '{{\"a\": \"Retain\"}}'",
]


@pytest.mark.parametrize("how", ["connect", "SET", "settings"])
def test_a_read_only_session_refuses_every_write_before_any_call(how: str) -> None:
    given = {"connect": {"read_only": True}, "SET": {}, "settings": {"settings": {"read_only": "on"}}}[how]
    with Emulator() as em:
        em.add("InferenceExperiment", REGION, {"Name": "read-only", "Description": "old"})
        with sqlprov.connect(endpoint_url=em.url, region=REGION, **given) as con:  # type: ignore[arg-type]
            if how == "SET":
                con.sql("SET sqlprov_read_only = on")
            for sql in WRITES:
                with pytest.raises(NotSupportedError, match="read-only"):
                    con.sql(sql)
            assert em.calls == []
            assert con.sql(f"SELECT description FROM {TABLE} WHERE {by_name('read-only')}").fetchall() == [
                ("old",)
            ]
            assert con.sql(f"EXPLAIN {WRITES[1]}").fetchall()
            with pytest.raises(DataError, match="cannot be turned off"):
                con.sql("SET sqlprov_read_only = off")
            con.sql("RESET sqlprov_read_only")
            with con.cursor() as other, pytest.raises(NotSupportedError, match="read-only"):
                other.sql(WRITES[2])
            con.sql("CREATE TABLE own AS SELECT 1 AS a")
            assert con.sql("DELETE FROM own").rowcount == 1
        assert not any(call.committed for call in em.calls)


def test_botocore_itself_refuses_to_write_in_a_read_only_session() -> None:
    with Emulator() as em, sqlprov.connect(endpoint_url=em.url, region=REGION, read_only=True) as con:
        em.add("InferenceExperiment", REGION, {"Name": "read-only", "Status": "Completed"})
        con.sql(f"SELECT name FROM {TABLE} WHERE region = '{REGION}'").fetchall()
        client = con._session.cloud.get_client("sagemaker", REGION, 60.0)
        assert client.list_inference_experiments()["ResponseMetadata"]["HTTPStatusCode"] == 200
        with pytest.raises(NotSupportedError, match="read-only"):
            client.delete_inference_experiment(Name="read-only")
        assert em.get("InferenceExperiment", REGION, "read-only") is not None
