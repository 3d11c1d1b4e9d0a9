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
    # JupySQL reports its use to its makers, unless it is told not to.
    "PLOOMBER_STATS_ENABLED": "false",
}

Attach = Callable[..., sqlprov.Attachment]


@pytest.fixture(scope="module", autouse=True)
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Credentials in two variables, and a home where the clients may leave what they like."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ACCOUNT.items():
            patch.setenv(name, value)
        home = tmp_path_factory.mktemp("home")
        for name in ("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(home))
        yield


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    """A SageMaker with 12 experiments in three regions."""
    with Emulator() as emulator:
        emulator.seed_local()
        yield emulator


@pytest.fixture(scope="module")
def long() -> Iterator[Emulator]:
    """A list of 200 pages, each after 50 ms."""
    with Emulator(Options(latency=0.05)) as emulator:
        emulator.fill(20_000)
        yield emulator


@pytest.fixture
def em(served: Emulator) -> Emulator:
    served.clear_faults()
    served.reset_calls()
    return served


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
    """Attaches the tables of two regions of the SageMaker, unless told otherwise."""

    def attach(con: duckdb.DuckDBPyConnection, **more: object) -> sqlprov.Attachment:
        given: dict[str, object] = {"regions": ["us-east-1", "eu-west-1"], "endpoint_url": em.url}
        return sqlprov.attach(con, **given | more)  # type: ignore[arg-type]

    return attach


@pytest.fixture
def tables(con: duckdb.DuckDBPyConnection, attach: Attach) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that the tables are attached to."""
    attach(con)
    return con
