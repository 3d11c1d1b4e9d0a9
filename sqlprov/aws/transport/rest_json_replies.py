"""Reads replies of REST-JSON services with functions that are compiled from the model once.

Unlike in the JSON protocol, a member may have another name in the body, and a time is often a text. The values are
those of botocore's parser, except that a time is in seconds since the epoch, and that the members of a union are not
counted.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from botocore.utils import ensure_boolean

from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.reply_values import Memo, describe_unknown, parse_object, parse_time

Read = Callable[[Any], Any]


class RestJsonReader:
    """Reads the replies of one operation.

    Attributes:
        rest: a body without members, for botocore's parser, which reads the headers.
    """

    rest = b"{}"

    def __init__(self, operation: Any) -> None:
        output = operation.output_shape
        self._payload: str = output.serialization.get("payload", "")
        body = output.members[self._payload] if self._payload else output
        self._read = _ValueCompiler().compile(body)
        self._names = {
            member.serialization.get("name", name)
            for name, member in body.members.items()
            if "location" not in member.serialization
        }

    def read(self, body: bytes) -> tuple[dict[str, Any], str]:
        """The members in a body, and why it need not be the service's if it lacks one; empty if it may.

        Raises:
            MalformedReply: the body is not a JSON object, or has a value that does not fit the model.
        """
        if not body:  # all members may be in headers
            return {}, "it has no body" if self._names else ""
        value = parse_object(body)
        try:
            members = self._read(value) if self._read else value
        except (ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise MalformedReply(f"the reply does not fit the model ({error})") from None
        unlike = describe_unknown(value.keys() - self._names)
        return {self._payload: members} if self._payload else members, unlike


class _ValueCompiler:
    """Compiles the shapes of one reply; `None` stands for a value that stays as it is."""

    def __init__(self) -> None:
        self._structures: dict[str, Read] = {}

    def compile(self, shape: Any) -> Read | None:
        """The function for one value, which is not null."""
        match shape.type_name:
            case "structure" if getattr(shape, "is_document_type", False):
                return None
            case "structure":
                if shape.name not in self._structures:
                    self._structures[shape.name] = self._compile_structure(shape)
                return self._structures[shape.name]
            case "list":
                return _compile_list(self.compile(shape.member))
            case "map":
                return _compile_map(self.compile(shape.value))
        return _SCALARS[shape.type_name]

    def _compile_structure(self, shape: Any) -> Read:
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}

        def find(key: str) -> tuple[str, Read | None] | None:
            name = names.get(key)
            return None if name is None else (name, self.compile(shape.members[name]))

        known = Memo(find)

        def read(value: Mapping[str, Any]) -> dict[str, Any]:
            values: dict[str, Any] = {}
            for key, each in value.items():
                if each is not None and (member := known[key]):
                    name, read_each = member
                    values[name] = each if read_each is None else read_each(each)
            return values

        return read


def _compile_list(read: Read | None) -> Read:
    def read_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise TypeError(f"{value!r:.40} is not a list")
        return value if read is None else [None if each is None else read(each) for each in value]

    return read_list


def _compile_map(read: Read | None) -> Read:
    def read_map(value: Mapping[str, Any]) -> dict[str, Any]:
        pairs = value.items()
        return {key: each if each is None or read is None else read(each) for key, each in pairs}

    return read_map


def _read_time(value: Any) -> float:
    return parse_time(value) if isinstance(value, str) else float(value)


_SCALARS: Mapping[str, Read | None] = {
    "string": None,
    "character": None,
    "boolean": ensure_boolean,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "timestamp": _read_time,
    "blob": b64decode,
}
