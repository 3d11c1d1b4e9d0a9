from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import sqlprov
from sqlprov.emulator import Emulator, Options

ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "AKIATEST",
    "AWS_SECRET_ACCESS_KEY": "secret",
    # JupySQL reports its use to its authors otherwise.
    "PLOOMBER_STATS_ENABLED": "false",
}

Attach = Callable[..., sqlprov.Attachment]
TABLES = [f"sagemaker.{name}" for name in ("inference_experiments", "models", "endpoints")]
"""All tables of the service take half a second."""


@pytest.fixture(scope="module", autouse=True)
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Credentials, and a home folder in which the clients may write."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ACCOUNT.items():
            patch.setenv(name, value)
        home = tmp_path_factory.mktemp("home")
        for name in ("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(home))
        yield


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """A SageMaker with 12 experiments in three regions."""
    with Emulator() as made:
        made.seed_local()
        yield made


@pytest.fixture(scope="module")
def slow_em() -> Iterator[Emulator]:
    """A SageMaker with a list of 200 pages, each of which takes 50 ms."""
    with Emulator(Options(latency=0.05)) as emulator:
        emulator.fill(20_000)
        yield emulator


@pytest.fixture
def em(emulator: Emulator) -> Emulator:
    emulator.clear_faults()
    emulator.reset_calls()
    return emulator


@pytest.fixture(scope="session")
def ipython() -> InteractiveShell:
    config = Config({"HistoryManager": {"enabled": False}, "Completer": {"use_jedi": False}})
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "sqlprov")
    return shell


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


@pytest.fixture
def attach(em: Emulator) -> Attach:
    """Attaches three tables for two regions, unless the arguments differ."""

    def attach(con: duckdb.DuckDBPyConnection, **more: object) -> sqlprov.Attachment:
        arguments: dict[str, object] = {"services": TABLES, "regions": ["us-east-1", "eu-west-1"]}
        return sqlprov.attach(con, **arguments | {"endpoint_url": em.url} | more)  # type: ignore[arg-type]

    return attach


@pytest.fixture
def tables(con: duckdb.DuckDBPyConnection, attach: Attach) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the tables attached."""
    attach(con)
    return con
