"""The user's state directory in, a running local SageMaker out; `--local` and `connect(local=True)` start it here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlprov.emulator import Emulator

STATE_DIR = "SQLPROV_STATE_DIR"
LOCAL_REGION = "us-east-1"
"""A region of which the sample data tells."""
CREDENTIALS = ("local", "local")
"""Access key id and secret for the local SageMaker; it takes any, and these cannot be anybody's."""


def state_folder() -> Path:
    """The folder that outlives a command, made for this user alone if it is missing; `SQLPROV_STATE_DIR` moves it."""
    import platformdirs

    folder = Path(os.environ.get(STATE_DIR) or platformdirs.user_state_path("sqlprov"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def state_path() -> Path:
    """The SQLite file that keeps the local SageMaker's resources."""
    return state_folder() / "local.sqlite"


def start_emulator() -> Emulator:
    """Start the local SageMaker on a free loopback port, with its sample data if it is new; `stop()` it after use.

    Raises:
        InterfaceError: the state file is of another version.
    """
    from sqlprov.emulator import Emulator, Options

    emulator = Emulator(Options(), state=state_path())
    emulator.start()
    try:
        emulator.record_calls(False)
        emulator.seed_local()
    except BaseException:
        emulator.stop()
        raise
    return emulator


def serve_local(port: int) -> None:
    """Serve the same resources on `port` (0: a free one) until SIGINT or SIGTERM; prints how to reach it."""
    from sqlprov.emulator import Options, serve

    start_emulator().stop()  # it puts the sample data where there is none yet
    serve(port=port, state=state_path(), options=Options())


def reset() -> bool:
    """Forget every local resource; tells whether there were any."""
    path = state_path()
    files = [file for file in (path, Path(f"{path}-journal")) if file.exists()]
    for file in files:
        file.unlink()
    return bool(files)
