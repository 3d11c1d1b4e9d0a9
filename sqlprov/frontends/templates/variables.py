"""A file of variables in, the variables out.

In YAML whatever is no number as JSON writes it, and no true, false or null, is the text as it is written (2026-01-01,
12:30, yes, 0755); in an .env file everything is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from sqlprov.errors import DataError


def read(file: Path) -> dict[str, Any]:
    """The variables of a .json, .yaml, .yml or .env file.

    Raises:
        DataError: another kind of file, or one that is malformed or repeats a name; the text begins with `file:line:`.
        OSError: it cannot be read.
    """
    kind = ".env" if file.name.startswith(".env") else file.suffix.lower()
    if kind not in _KINDS:
        raise DataError(f"{file}: the name of a file of variables ends in {', '.join(_KINDS)}.")
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8: {error}") from None
    found = _KINDS[kind](text, str(file))
    if not isinstance(found, dict):
        raise DataError(f"{file}: expected names with their values.")
    return found


def _json(text: str, file: str) -> Any:
    def named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise DataError(f"{file}: {name!r} is given twice.")
            found[name] = value
        return found

    def unknown(word: str) -> Any:
        raise DataError(f"{file}: {word} is no JSON.")

    try:
        return json.loads(text, object_pairs_hook=named, parse_constant=unknown)
    except json.JSONDecodeError as error:
        raise DataError(f"{file}:{error.lineno}: malformed JSON: {error.msg}.") from None


def _yaml(text: str, file: str) -> Any:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else file
        raise DataError(f"{place}: malformed YAML: {getattr(error, 'problem', None) or error}.") from None
    return None if root is None else _value(root, file)


def _value(node: Any, file: str) -> Any:
    """What a composed node of YAML stands for."""
    place = f"{file}:{node.start_mark.line + 1}"
    if not node.tag.startswith(_PLAIN_TAGS):
        raise DataError(f"{place}: the tag {node.tag} is not supported.")
    if node.id == "sequence":
        return [_value(item, file) for item in node.value]
    if node.id == "mapping":
        found: dict[str, Any] = {}
        for key, value in node.value:
            place = f"{file}:{key.start_mark.line + 1}"
            if key.id != "scalar":
                raise DataError(f"{place}: expected a text as name.")
            if key.value in found:
                raise DataError(f"{place}: {key.value!r} is given twice.")
            found[key.value] = _value(value, file)
        return found
    if node.style is None and node.value in _WORDS:
        return _WORDS[node.value]
    return json.loads(node.value) if node.style is None and _NUMBER.fullmatch(node.value) else node.value


def _env(text: str, file: str) -> dict[str, str]:
    from dotenv.parser import parse_stream

    found: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        place = f"{file}:{binding.original.line}"
        if binding.error or (binding.key is not None and binding.value is None):
            raise DataError(f"{place}: expected NAME=VALUE, found {binding.original.string.strip()!r}.")
        if binding.key is None or binding.value is None:
            continue  # a comment or an empty line
        if binding.key in found:
            raise DataError(f"{place}: {binding.key!r} is given twice.")
        found[binding.key] = binding.value
    return found


_KINDS: dict[str, Callable[[str, str], Any]] = {".json": _json, ".yaml": _yaml, ".yml": _yaml, ".env": _env}
_PLAIN_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
