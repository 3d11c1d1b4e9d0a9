from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from raw_server import RawReply, RawServer, build_reply

from sqlprov.aws.transport.account_regions import CACHE_SECONDS, read_region_statuses
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import BrokenReply, CredentialsError, OperationalError, ServiceError, Throttled
from sqlprov.settings import Settings


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "sqlprov" / "regions"


def read(em: Emulator, cloud: Cloud | None = None) -> dict[str, str]:
    run = Run(Settings().with_value("max_attempts", "2"))
    return read_region_statuses(run, cloud or Cloud(endpoint_url=em.url), "us-east-1")


def operations(em: Emulator) -> list[str]:
    return [call.operation for call in em.calls]


def test_the_account_lists_its_regions_with_their_statuses(em: Emulator) -> None:
    em.options.closed_regions = {"af-south-1"}
    statuses = read(em)
    assert statuses["us-east-1"] == "ENABLED_BY_DEFAULT"
    assert statuses["af-south-1"] == "DISABLED"
    assert len(statuses) > 30
    assert set(operations(em)) == {"ListRegions"}


def test_ec2_lists_the_regions_if_the_account_service_is_denied(em: Emulator) -> None:
    em.options.closed_regions = {"af-south-1"}
    em.inject(Fault("access_denied", operation="ListRegions", times=None))
    statuses = read(em)
    assert (statuses["us-east-1"], statuses["af-south-1"]) == ("ENABLED_BY_DEFAULT", "DISABLED")
    assert operations(em) == ["ListRegions", "DescribeRegions"]


def test_nothing_is_known_if_both_services_are_denied_and_neither_is_called_again(em: Emulator) -> None:
    for operation in ("ListRegions", "DescribeRegions"):
        em.inject(Fault("access_denied", operation=operation, times=None))
    cloud = Cloud(endpoint_url=em.url)
    assert read(em, cloud) == read(em, cloud) == {}
    assert operations(em) == ["ListRegions", "DescribeRegions"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttle", Throttled),
        ("expired_credentials", CredentialsError),
        ("error500", ServiceError),
        ("error503", ServiceError),
        ("truncated", OperationalError),
        ("truncated_clean", BrokenReply),
    ],
)
@pytest.mark.parametrize("operations", [("ListRegions", "DescribeRegions"), ("DescribeRegions",)])
def test_another_failure_is_an_error_and_not_a_shorter_list(
    em: Emulator, kind: str, error: type[Exception], operations: tuple[str, ...]
) -> None:
    if len(operations) == 1:
        em.inject(Fault("access_denied", operation="ListRegions", times=None))
    for operation in operations:
        em.inject(Fault(kind, operation=operation, times=None))
    with pytest.raises(error):
        read(em)


@pytest.mark.parametrize("code", ["UnknownOperationException", ""])
def test_nothing_is_known_if_the_endpoint_lacks_both_operations(server: RawServer, code: str) -> None:
    body = f'{{"__type": "{code}"}}'.encode() if code else b"not found"
    xml = f"<Response><Errors><Error><Code>{code or 404}</Code></Error></Errors></Response>".encode()
    status = "400 Bad Request" if code else "404 Not Found"
    server.replies += [RawReply([build_reply(each, status=status)]) for each in (body, xml)]
    run = Run(Settings().with_value("max_attempts", "1"))
    assert read_region_statuses(run, Cloud(endpoint_url=server.url), "us-east-1") == {}
    assert len(server.requests) == 2


def test_the_answer_is_kept_for_a_day_for_the_account_and_endpoint(
    em: Emulator, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = read(em)
    em.reset_calls()
    assert read(em) == statuses
    assert operations(em) == []
    (file,) = cache.iterdir()
    assert [path.stat().st_mode & 0o777 for path in (cache.parent, cache, file)] == [0o700, 0o700, 0o600]
    yesterday = time.time() - CACHE_SECONDS - 60
    os.utime(file, (yesterday, yesterday))
    assert read(em) == statuses
    assert operations(em)
    em.reset_calls()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    assert read(em) == statuses
    assert operations(em)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"us-east-1": 1}'])
def test_a_damaged_file_is_replaced(em: Emulator, cache: Path, content: bytes) -> None:
    statuses = read(em)
    (file,) = cache.iterdir()
    file.write_bytes(content)
    em.reset_calls()
    assert read(em) == statuses
    assert operations(em)
    assert len(file.read_bytes()) > 100


def test_a_cache_that_cannot_be_written_costs_only_a_call(
    em: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert read(em)


def test_nothing_is_kept_of_the_local_sagemaker(em: Emulator, cache: Path) -> None:
    assert read(em, Cloud(endpoint_url=em.url, credentials=("local", "local")))
    assert not cache.exists()
