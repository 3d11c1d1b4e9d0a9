"""What all tests share: an environment without an account."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    # A shell starts background jobs so; programs that a test interrupts would inherit it, and never end.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the machine's own account can be found, and nothing is left in the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        patch.setenv("SQLPROV_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        cache = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(cache))
        # The workers share what takes seconds to compute and is the same for all.
        columns = tmp_path_factory.getbasetemp().parent / "columns"
        columns.mkdir(exist_ok=True)
        (cache / "sqlprov").mkdir()
        (cache / "sqlprov" / "columns").symlink_to(columns)
        yield
