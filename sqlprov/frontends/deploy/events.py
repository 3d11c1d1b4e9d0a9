"""Reports what happens to a stack: one line, or one JSON object, an event. Protected values are never shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlprov.errors import Error
from sqlprov.frontends.deploy.filters import parse_json_text

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
        self._protected: set[str] = set()  # resources that are built at once add to it

    def protect(self, value: Any) -> None:
        """Hide a value, and each text in it, from here on."""
        if isinstance(value, str):
            if value:
                self._protected |= {*_list_spellings(value)}
            if isinstance(parsed := parse_json_text(value), dict | list):
                self.protect(parsed)
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
        for protected in sorted(self._protected, key=len, reverse=True):
            if len(protected) >= _SHORTEST:
                value = value.replace(protected, PROTECTED)
        return value

    @contextmanager
    def hiding(self) -> Iterator[None]:
        """Hide protected values in the message of an error that ends the command."""
        try:
            yield
        except Error as error:
            error.args = tuple(self.hide(each) if isinstance(each, str) else each for each in error.args)
            raise

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


def _list_spellings(value: str) -> Iterator[str]:
    """A text as it is, as in JSON, and each of them as in a literal of SQL."""
    for text in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield text
        yield text.replace("'", "''")


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
