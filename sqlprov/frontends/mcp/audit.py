"""A file with one line for each call of a tool."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlprov.private_files import make_private_file


class Audit:
    """Appends JSON lines to a file with mode 0600.

    Raises:
        OSError: the file cannot be written; the call that it would record then fails.
    """

    def __init__(self, path: Path) -> None:
        make_private_file(path)
        self._path, self._lock = path, threading.Lock()

    def record(self, tool: str, arguments: dict[str, Any], **more: Any) -> None:
        """Append a line: the time in UTC, the tool, its arguments, and `more`."""
        line = {"time": datetime.now(UTC).isoformat(), "tool": tool, "arguments": arguments, **more}
        with self._lock, self._path.open("ab") as file:
            # Not orjson: it refuses an integer of more than 64 bits, and the call would go unrecorded.
            file.write(json.dumps(line, default=str, separators=(",", ":")).encode() + b"\n")
