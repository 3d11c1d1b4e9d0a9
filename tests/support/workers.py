"""An engine whose workers are other connections of this process, which get pickled tasks."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import sqlprov


class Workers:
    """The workers, each a connection that only reads.

    Args:
        tasks: most tasks of a scan.
        before: called before each task, with its number.

    Attributes:
        sent: the pickled tasks.
    """

    def __init__(self, tasks: int = 3, before: Callable[[int], None] = lambda _: None) -> None:
        self.sent: list[bytes] = []
        self._tasks, self._before = tasks, before
        self._opened: dict[Any, sqlprov.Connection] = {}

    def scan(self, task: Any, on_cancel: Callable[[Callable[[], None]], None]) -> Iterator[Any]:
        """As ScanEngine."""
        for number, each in enumerate(task.split(self._tasks)):
            self._before(number)
            sent = pickle.dumps(each)
            self.sent.append(sent)
            key = number, each.endpoint_url, each.profile
            if key not in self._opened:
                self._opened[key] = sqlprov.connect(
                    endpoint_url=each.endpoint_url, profile=each.profile, read_only=True
                )
            for message in self._opened[key].scan(pickle.loads(sent)):
                yield pickle.loads(pickle.dumps(message))

    def close(self) -> None:
        """Close the connections."""
        for each in self._opened.values():
            each.close()
