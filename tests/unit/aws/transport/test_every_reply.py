"""Random replies of every operation that tables use, in XML and in REST-JSON: their members are botocore's."""

from __future__ import annotations

import gzip
import random
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import orjson
import pytest
from random_replies import decode_and_parse, make_value, parse, write_reply
from slices import take_slice

from sqlprov.aws.transport import xml_replies
from sqlprov.aws.transport.replies import READERS
from sqlprov.aws.transport.xml_replies import XmlReader
from sqlprov.catalog import Catalog
from sqlprov.catalog.service_model import load_model
from sqlprov.emulator.model_server import list_calls

CATALOG = Catalog()
SERVICES = CATALOG.list_services("aws")


def read_protocol(service: str) -> str:
    """The protocol at the beginning of botocore's model; to load every model takes seconds.

    It is empty for a service that an older botocore lacks.
    """
    folder = Path(botocore.__file__).parent / "data" / service.replace("_", "-")
    files = sorted(folder.glob("*/service-2.json.gz"))
    if not files:
        return ""
    with gzip.open(files[-1]) as file:
        return re.findall(rb'"protocol"\s*:\s*"([\w-]+)"', file.read(4096))[0].decode()


XML = [service for service in SERVICES if READERS.get(read_protocol(service)) is XmlReader]


def list_operations(service: str) -> Iterator[Any]:
    """The operations of a service's tables whose replies have members in their bodies."""
    tables = [CATALOG.get_table("aws", service, name) for name in CATALOG.list_tables("aws", service)]
    for client, call in sorted({(table.client, call) for table in tables for call in list_calls(table)}):
        operation = load_model(client).operation_model(call)
        payload = operation.output_shape.serialization.get("payload")
        is_body = payload is None or operation.output_shape.members[payload].type_name == "structure"
        if is_body and operation.service_model.resolved_protocol in READERS:
            yield operation


def compare(operation: Any, nulls: float = 0) -> None:
    chance = random.Random(zlib.crc32(operation.name.encode()))
    for _ in range(8):
        body = write_reply(operation, make_value(operation.output_shape, chance, nulls))
        assert decode_and_parse(operation, body) == parse(operation, body), operation.name


@pytest.mark.parametrize("chunk", [100, xml_replies.CHUNK])
@pytest.mark.parametrize("service", take_slice(XML, 5))
def test_replies_in_xml_have_the_members_of_botocores_parser(
    service: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_replies, "CHUNK", chunk)
    operations = list(list_operations(service))
    assert operations
    for operation in operations:
        compare(operation)


@pytest.mark.parametrize("nulls", [0, 0.2])
def test_replies_in_json_have_the_members_of_botocores_parser(nulls: float) -> None:
    others = [name for name in SERVICES if name not in XML]
    operations = [operation for name in take_slice(others, 40) for operation in list_operations(name)]
    assert operations
    for operation in operations:
        compare(operation, nulls)


@pytest.mark.parametrize(
    ("driver", "members"),
    [
        ({"flink": {}}, {}),
        ({"hive": {"query": "q"}, "flink": {}}, {"hive": {"query": "q"}}),
        ({"hive": {"query": "q"}, "sparkSubmit": {}}, {"hive": {"query": "q"}, "sparkSubmit": {}}),
        ({"hive": None}, {}),
    ],
)
def test_a_union_with_another_number_of_members_does_not_cost_the_row(
    driver: dict[str, Any], members: dict[str, Any]
) -> None:
    operation = load_model("emr-serverless").operation_model("GetJobRun")
    body = orjson.dumps({"jobRun": {"jobRunId": "a", "jobDriver": driver}})
    assert decode_and_parse(operation, body) == {"jobRun": {"jobRunId": "a", "jobDriver": members}}
