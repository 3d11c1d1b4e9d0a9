from __future__ import annotations

import gzip
import json
from pathlib import Path

import orjson
import pytest
from botocore.loaders import Loader, create_loader

from sqlprov.catalog.api import loader
from sqlprov.catalog.entries import Entries, decode

DATA = Path(Loader.BUILTIN_DATA_PATH)
SERVICES = sorted(folder.name for folder in DATA.iterdir() if folder.is_dir())
MODEL = {
    "version": "2.0",
    "operations": {"Get": {"name": "Get", "input": {"shape": "Asked"}}, "Put": {"name": "Put"}},
    "shapes": {"Asked": {"type": "structure", "members": {"services": {"shape": "Texts"}}}, "Texts": {}},
}
ENDPOINTS = {
    "partitions": [
        {"partition": "aws", "services": {"here": {"endpoints": {"r-1": {}}}, "there": {"endpoints": {}}}},
        {"partition": "aws-cn", "services": {"here": {"endpoints": {"cn-1": {}}}}},
    ],
    "version": 3,
}


def texts(service: str) -> list[bytes]:
    """The models of a service, one for each version of its API."""
    return [gzip.decompress(file.read_bytes()) for file in (DATA / service).glob("*/service-2.json.gz")]


def raw(entries: Entries) -> set[str]:
    """The names of those that are not decoded yet."""
    return {name for name, value in dict.items(entries) if isinstance(value, bytes)}


@pytest.mark.parametrize("letter", sorted({service[0] for service in SERVICES}))
def test_every_model_of_botocore_is_what_it_is_decoded_whole(letter: str) -> None:
    found = [text for service in SERVICES if service.startswith(letter) for text in texts(service)]
    assert found
    for text in found:
        model, whole = decode(text), orjson.loads(text)
        assert list(model) == list(whole)
        for section in ("operations", "shapes"):
            assert isinstance(model[section], Entries)
            assert list(model[section]) == list(whole[section])
        assert model == whole


def test_endpoints_are_what_they_are_decoded_whole() -> None:
    text = (DATA / "endpoints.json").read_bytes()
    data = decode(text)
    assert all(isinstance(partition["services"], Entries) for partition in data["partitions"])
    assert data == orjson.loads(text)


def test_an_entry_is_decoded_when_it_is_asked_for_and_once() -> None:
    (text,) = texts("sagemaker")
    operations = decode(text)["operations"]
    assert raw(operations) == set(operations)
    found = operations["AddTags"]
    assert found["name"] == "AddTags"
    assert operations.get("AddTags") is found is dict(operations)["AddTags"]
    assert operations.get("AddTag") is None
    assert "AddTag" not in operations
    with pytest.raises(KeyError):
        operations["AddTag"]


def test_going_through_entries_finds_no_bytes() -> None:
    (text,) = texts("sts")
    whole = orjson.loads(text)["shapes"]
    assert list(decode(text)["shapes"].values()) == list(whole.values())
    assert list(decode(text)["shapes"].items()) == list(whole.items())
    assert dict(decode(text)["shapes"]) == {**decode(text)["shapes"]} == whole
    assert json.dumps(decode(text)["shapes"]) == json.dumps(whole)


@pytest.mark.parametrize(
    "data", [MODEL, ENDPOINTS, [], {}, {"partitions": []}, {"shapes": {}, "operations": []}]
)
@pytest.mark.parametrize("indent", [None, 1, 2, 4])
def test_a_file_laid_out_in_any_way_is_what_it_says(data: object, indent: int | None) -> None:
    assert decode(json.dumps(data, indent=indent).encode()) == data
    assert decode(json.dumps(data, indent=indent).replace("\n", "\r\n").encode()) == data


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "shapes":{\n    "A":{"x":1,\n    "y":2},\n    "B":{}\n  }\n}',
        '{\n  "shapes":{\n    "A":{"x":{},\n    "y":{}},\n    "B":{}\n  }\n}',
        '{\n  "shapes":{\n    "A":{\n      "x":1\n  },\n    "B":{}\n  }\n}',
        '{\n  "shapes":{\n  "A":{},\n    "B":{}\n  }\n}',
        '{\n  "shapes":{\n    "A":{\n    },  \n    "B":{\n    }  \n  }\n}',
        '{\n  "shapes":{\n    "A\\u00e9":{\n    },\n    "B":{\n    }\n  }\n}',
        '{\n  "shapes":{\n    "A":{\n    },\n    "A":{\n      "x": 1\n    }\n  }\n}',
        '{\n  "shapes":{\n    "shapes":{\n      "x": 1\n    },\n    "services":{\n      "x": 2\n    }\n  }\n}',
        '{\n  "metadata":{\n    "services":{\n      "x":{\n      }\n    }\n  },\n  "shapes":{\n    "A":{}\n  }\n}',
        '{"shapes":{},\n  "shapes":{\n    "A":{\n    }\n  }\n}',
    ],
    ids=str,
)
def test_lines_that_mislead_are_not_followed(text: str) -> None:
    assert decode(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", ["", "{", '{\n  "shapes":{\n    "A":{\n    }\n  }\n', "[1,]"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text.encode())


@pytest.mark.parametrize("service", ["rds", "s3", "secretsmanager"])
def test_what_botocore_adds_to_a_model_is_added_here_too(service: str) -> None:
    assert list((DATA / service).glob("*/service-2.sdk-extras.json"))
    theirs = create_loader().load_service_model(service, "service-2")
    assert loader().load_service_model(service, "service-2") == json.loads(json.dumps(theirs))


@pytest.mark.parametrize("kind", ["service-2", "waiters-2"])
def test_the_services_that_are_known_are_those_botocore_lists(kind: str) -> None:
    known, theirs = loader().list_available_services(kind), create_loader().list_available_services(kind)
    assert list(known) == theirs
    assert {service for service in SERVICES if service in known} == set(theirs)
    assert "sagemake" not in known
