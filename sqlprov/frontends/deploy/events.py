"""Reports what happens to a stack: one line, or one JSON object, an event. Protected values are never shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

PROTECTED = "(protected)"
_SHORTEST = 3
"""A shorter protected value is replaced only where it stands alone: it may be a part of any word."""


class Reporter:
    """Writes events.

    Args:
        write: writes a line.
        is_json: whether a line is a JSON object.
    """

    def __init__(self, write: Callable[[str], None], is_json: bool = False) -> None:
        self._write, self._is_json = write, is_json
        self._protected: list[str] = []

    def protect(self, value: Any) -> None:
        """Hide a value, and each text in it, from here on."""
        if isinstance(value, str):
            self._protected += [value] if value else []
            self._protected.sort(key=len, reverse=True)
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                self.protect(item)
        elif value is not None and not isinstance(value, bool):
            self.protect(str(value))

    def hide(self, value: Any) -> Any:
        """`value` with protected values replaced."""
        if isinstance(value, dict):
            return {name: self.hide(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.hide(item) for item in value]
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if text in self._protected:
            return PROTECTED
        if not isinstance(value, str):
            return value
        for protected in self._protected:
            if len(protected) >= _SHORTEST:
                value = value.replace(protected, PROTECTED)
        return value

    def report(self, event: str, resource: str = "", text: str = "", **details: Any) -> None:
        """Report an event.

        Args:
            event: its name, such as `created`.
            resource: name of the resource; empty for the stack.
            text: for people.
            details: for programs, as members of the object.
        """
        if self._is_json:
            members = {"event": event, "resource": resource or None, "text": text or None, **details}
            present = {name: value for name, value in members.items() if value is not None}
            self._write(json.dumps(self.hide(present), ensure_ascii=False, default=str))
            return
        line = f"{event:<9} {resource}" if resource else event
        self._write(str(self.hide(f"{line}: {text}" if text else line)))


class BufferedReporter(Reporter):
    """Keeps events until `flush` passes them to another reporter."""

    def __init__(self, target: Reporter) -> None:
        super().__init__(lambda line: None)
        self._target = target
        self._events: list[tuple[str, str, str, dict[str, Any]]] = []

    def protect(self, value: Any) -> None:
        self._target.protect(value)

    def report(self, event: str, resource: str = "", text: str = "", **details: Any) -> None:
        self._events.append((event, resource, text, details))

    def flush(self) -> None:
        """Report the events, in order."""
        for event, resource, text, details in self._events:
            self._target.report(event, resource, text, **details)
        self._events.clear()
