"""Reads a template's variables from a .json, .yaml or .env file.

Plain YAML scalars have the types of JSON: a number, true, false, null, and otherwise text (2026-01-01, 12:30, yes,
0755). Values in an .env file are text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlprov.errors import DataError


def read(file: Path, kind: str = "") -> dict[str, Any]:
    """Read the variables of a .json, .yaml, .yml or .env file.

    Args:
        file: the file.
        kind: such as ".env", if its name does not say it.

    Raises:
        DataError: the file is of another kind, is malformed or repeats a name; the message begins with
            `file:line:`.
        OSError: the file cannot be read.
    """
    kind = kind or (".env" if file.name.startswith(".env") else file.suffix.lower())
    if kind not in _PARSERS:
        raise DataError(f"{file}: expected a file named *{', *'.join(_PARSERS)}.")
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8: {error}") from None
    variables = _PARSERS[kind](text, str(file))
    if not isinstance(variables, dict):
        raise DataError(f"{file}: expected a mapping of names to values.")
    return variables


def _parse_json(text: str, file: str) -> Any:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, value in pairs:
            _add(members, name, value, file)
        return members

    def refuse(word: str) -> Any:
        raise DataError(f"{file}: {word} is not valid JSON.")

    try:
        return json.loads(text, object_pairs_hook=build, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise DataError(f"{file}:{error.lineno}: malformed JSON: {error.msg}.") from None


def _parse_yaml(text: str, file: str) -> Any:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else file
        raise DataError(f"{place}: malformed YAML: {getattr(error, 'problem', None) or error}.") from None
    return None if root is None else _convert(root, file)


def _convert(node: Any, file: str) -> Any:
    """The Python value of a composed YAML node."""
    place = f"{file}:{node.start_mark.line + 1}"
    if not node.tag.startswith(_PLAIN_TAGS):
        raise DataError(f"{place}: the tag {node.tag} is not supported.")
    if node.id == "sequence":
        return [_convert(item, file) for item in node.value]
    if node.id == "mapping":
        members: dict[str, Any] = {}
        for key, value in node.value:
            place = f"{file}:{key.start_mark.line + 1}"
            if key.id != "scalar":
                raise DataError(f"{place}: expected text as a name.")
            _add(members, key.value, _convert(value, file), place)
        return members
    if node.style is None and node.value in _WORDS:
        return _WORDS[node.value]
    return json.loads(node.value) if node.style is None and _NUMBER.fullmatch(node.value) else node.value


def _parse_env(text: str, file: str) -> dict[str, str]:
    variables: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        place = f"{file}:{number}"
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        binding = _BINDING.fullmatch(line)
        if not binding:
            raise DataError(f"{place}: expected NAME=VALUE, found {line.strip()!r}.")
        name, single, double, plain = binding.groups()
        if double is not None:
            double = re.sub(r'\\([nrt"\\])', lambda escape: _ESCAPES.get(escape[1], escape[1]), double)
        _add(variables, name, single or double or plain or "", place)
    return variables


def _add(members: dict[str, Any], name: str, value: Any, place: str) -> None:
    if name in members:
        raise DataError(f"{place}: {name!r} is given twice.")
    members[name] = value


_PARSERS: dict[str, Callable[[str, str], Any]] = {
    ".json": _parse_json,
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
    ".env": _parse_env,
}
_PLAIN_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_BINDING = re.compile(
    r"""
    \s* (?:export\s+)? ([^\s=\#'"]+) \s*=
    [ \t]* (?: '([^']*)' | "((?:[^"\\]|\\.)*)" | ((?:(?<==)\# | [^\s'"\#]).*?)? )
    (?:\s+\#.*)? \s*
    """,
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
