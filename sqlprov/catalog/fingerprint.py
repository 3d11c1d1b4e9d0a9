"""Says whether the tables of a catalog may have changed since they were read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def compute_fingerprint(folders: Iterable[Path]) -> str:
    """A hash of what tables are made of: resource files, this package, botocore, and models that users added.

    Args:
        folders: of the catalog. Files count by name, size and time.
    """
    from botocore import __version__
    from botocore.loaders import Loader

    models = [Path(path) for path in Loader().search_paths if path != Loader.BUILTIN_DATA_PATH]
    text = [__version__]
    for folder in (*folders, Path(__file__).parent, *models):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                status = file.stat()
                text.append(f"{file} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:32]
