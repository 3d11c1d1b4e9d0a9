"""Every table of the catalog, read in many ways from a server that answers from botocore's shapes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from local_sagemaker import connection
from slices import take_slice
from table_sweep import TableSweep
from tls_proxy import create_certificate, run_tls_proxy

from sqlprov.aws.transport import calls, limiter
from sqlprov.catalog import Catalog
from sqlprov.emulator.model_server import ModelServer

CATALOG = Catalog()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: each table meets a throttled call, which says nothing about the pace of the next."""
    for which in calls.FIRST_PAUSE:
        monkeypatch.setitem(calls.FIRST_PAUSE, which, 0.002)
    monkeypatch.setattr(limiter, "THROTTLES_TO_LIMIT", 1_000_000)


@contextmanager
def open_endpoint(
    server: ModelServer, service: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of the server. CodeCatalyst takes bearer tokens, which botocore sends over TLS only."""
    if service != "codecatalyst":
        yield server.url
        return
    pem = create_certificate(folder)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(pem))
    monkeypatch.setenv("AWS_BEARER_TOKEN_CODECATALYST", "token")
    with run_tls_proxy(int(server.url.rpartition(":")[2]), pem) as url:
        yield url


# Four services in three protocols.
@pytest.mark.parametrize("service", take_slice(CATALOG.list_services("aws"), 68))
def test_every_way_to_read_a_table_returns_the_rows_that_the_server_has(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [CATALOG.get_table("aws", service, name) for name in CATALOG.list_tables("aws", service)]
    with (
        ModelServer(tables) as server,
        open_endpoint(server, service, tmp_path, monkeypatch) as url,
        connection(url, show_sensitive="on") as narrowed,
        narrowed.cursor() as whole,
        narrowed.cursor() as warning,
    ):
        whole.sql("SET sqlprov_pushdown = off")
        warning.sql("SET sqlprov_on_error = 'warn'")
        wrong = [
            f"{table.name}: {text}"
            for table in tables
            for text in TableSweep(server, table, narrowed, whole, warning).run()
        ]
    assert not wrong, "\n".join(wrong)
