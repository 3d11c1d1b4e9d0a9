"""Folders and files that only the user can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def find_cache_folder() -> Path:
    """The user's folder for what can be read or computed again; it may not exist."""
    import platformdirs

    return Path(platformdirs.user_cache_path("sqlprov"))


def make_private_folder(path: Path) -> None:
    """Create the missing ones of a folder and its parents with mode 0700."""
    for folder in reversed([each for each in (path, *path.parents) if not each.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Create a file with mode 0600, or set the mode of one that exists."""
    os.close(os.open(path, os.O_CREAT | os.O_APPEND, 0o600))
    path.chmod(0o600)


def replace_private_file(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 in place of one that may exist; other processes see either of them."""
    make_private_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    Path(name).replace(path)
