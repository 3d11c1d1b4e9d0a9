"""Starts the local AWS for `--local` and `connect(local=True)`, with its state in the user's state folder."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlprov.private_files import make_private_folder

if TYPE_CHECKING:
    from sqlprov.catalog.table import Table
    from sqlprov.emulator import Emulator

STATE_DIR = "SQLPROV_STATE_DIR"
LOCAL_REGION = "us-east-1"
"""A region with sample data."""
CREDENTIALS = ("local", "local")
"""Access key id and secret for the local AWS, which accepts any."""


def find_state_folder() -> Path:
    """The folder for files that outlive a command; only this user can read it; `SQLPROV_STATE_DIR` names another."""
    import platformdirs

    folder = Path(os.environ.get(STATE_DIR) or platformdirs.user_state_path("sqlprov"))
    make_private_folder(folder)
    return folder


def find_state_path() -> Path:
    """The SQLite file that keeps the resources of the local AWS's SageMaker."""
    return find_state_folder() / "local.sqlite"


def start_emulator(port: int = 0) -> Emulator:
    """Start the local AWS, with sample data if its state is new; `stop()` it after use.

    Args:
        port: 0 takes a free one.

    Raises:
        InterfaceError: the state file has another version's format.
        OSError: the port is taken.
    """
    from sqlprov.emulator.local_aws import LocalAws

    emulator = LocalAws(_make_loader(), state=find_state_path(), port=port)
    try:
        emulator.start()
        emulator.record_calls(False)
        emulator.seed_local()
    except BaseException:
        emulator.stop()
        raise
    return emulator


def _make_loader() -> Callable[[str], Sequence[Table]]:
    """Loads the tables of a client, for calls that only the catalog knows."""
    from sqlprov.catalog import Catalog
    from sqlprov.errors import Error

    catalog = Catalog()

    @cache
    def load(client: str) -> Sequence[Table]:
        service = client.replace("-", "_")
        if service not in catalog.list_services("aws"):
            return ()
        tables = []
        for name in catalog.list_tables("aws", service):
            with suppress(Error):  # a statement that names the table reports it
                tables.append(catalog.get_table("aws", service, name))
        return tables

    return load


def serve_local(port: int) -> None:
    """Run the local AWS until SIGINT or SIGTERM; prints one line, for a shell to run.

    Call it from the main thread: only there can signals be caught.
    """
    ended = threading.Event()
    before = {each: signal.signal(each, lambda *_: ended.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with start_emulator(port) as emulator:
            print(
                f"export AWS_ENDPOINT_URL={emulator.url} AWS_REGION={LOCAL_REGION} "
                f"AWS_DEFAULT_REGION={LOCAL_REGION} "  # boto3 reads this one, other clients the first
                "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local",
                flush=True,
            )
            ended.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def reset() -> bool:
    """Delete the state of the local AWS in every account; return whether there was any."""
    path = find_state_path()
    files = list(path.parent.glob(f"{path.stem}*{path.suffix}*"))  # one for each account, and their journals
    for file in files:
        file.unlink()
    return bool(files)
