"""Reads a stack's manifest, `stackql_manifest.yml`, with the line of each entry; reports every mistake at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlprov.catalog.yaml_nodes import Node, parse_file
from sqlprov.errors import ProgrammingError, ResourceFileError, suggest
from sqlprov.frontends.templates.variables import read
from sqlprov.records import dataclass

MANIFEST = "stackql_manifest.yml"
TYPES = ("resource", "multi", "query", "script", "command")
_KEYS = ("version", "name", "description", "providers", "globals", "resources", "exports")
_RESOURCE_KEYS = (
    *("name", "type", "description", "file", "sql", "run", "props", "exports", "protected", "if"),
    *("skip_validation", "auth", "table", "find", "replace"),
)
_PROP_KEYS = ("name", "description", "value", "values", "merge")
_ABSENT = object()
_AUTH_KEYS = ("username_var", "password_var", "credentialsenvvar", "keyIDenvvar")
"""The keys of `auth` for names of variables, as stackql-deploy has them."""
_CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@dataclass(frozen=True)
class Value:
    """A global variable or a property.

    Attributes:
        value: text, which is a template, a list or a mapping with templates, a number, true, false or null.
        values: environment -> value, if there is no `value`.
        merge: names of variables whose lists or mappings are added.
        line: in the manifest.
    """

    name: str
    line: int
    value: Any = None
    has_value: bool = True
    values: Mapping[str, Any] | None = None
    merge: tuple[str, ...] = ()

    def choose(self, environment: str) -> Any:
        """The value in an environment; `value`, if there is one, is for all."""
        return self.value if self.has_value or not self.values else self.values.get(environment)


@dataclass(frozen=True)
class StackResource:
    """An entry of `resources`.

    Attributes:
        type: one of TYPES.
        table: the live table whose row the properties describe, instead of an `.iql` file; empty otherwise.
        find: columns with the values that identify the row, if the service makes its key.
        where: or a SQL condition that does.
        exports: (column, name of the variable) pairs.
        protected: names of exports that are never shown.
        condition: the template under `if`; empty without one.
        may_replace: whether the row is deleted and made again if a value that cannot be updated differs.
        line: in the manifest.
    """

    name: str
    type: str
    line: int
    table: str = ""
    file: str = ""
    sql: str = ""
    run: str = ""
    props: tuple[Value, ...] = ()
    find: tuple[Value, ...] = ()
    where: str = ""
    exports: tuple[tuple[str, str], ...] = ()
    protected: tuple[str, ...] = ()
    condition: str = ""
    skips_validation: bool = False
    may_replace: bool = False

    @property
    def has_blocks(self) -> bool:
        """Whether its statements are in an `.iql` file."""
        return not (self.table or self.sql or self.run)


@dataclass(frozen=True)
class Manifest:
    """A stack.

    Attributes:
        file: the manifest.
        globals: rendered in order.
        exports: names of the variables to write to the output file.
    """

    file: Path
    name: str
    providers: tuple[str, ...]
    globals: tuple[Value, ...]
    resources: tuple[StackResource, ...]
    exports: tuple[str, ...]


class Problems:
    """Collects mistakes, to report them all at once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, place: str, text: str) -> None:
        self.texts.append(f"{place}: {text}")

    def raise_all(self) -> None:
        """Raise ProgrammingError if there are any."""
        if self.texts:
            raise ProgrammingError("\n".join(dict.fromkeys(self.texts)))


def read_manifest(folder: Path, problems: Problems) -> Manifest:
    """The manifest of the stack in `folder`.

    Raises:
        ProgrammingError: there is none, or it cannot be parsed. Other mistakes are added to `problems`.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise ProgrammingError(f"{file} does not exist; expected a stack's folder with this file.")
    try:
        node = parse_file(file)
    except ResourceFileError as error:
        raise ProgrammingError(str(error)) from None
    return _ManifestReader(file, problems).read(node, read(file))


class _ManifestReader:
    def __init__(self, file: Path, problems: Problems) -> None:
        self.file, self.problems = file, problems

    def read(self, node: Node, data: Mapping[str, Any]) -> Manifest:
        pairs = self._check_keys(node, _KEYS, "the manifest")
        providers = tuple(str(each).partition("::")[0] for each in self._read_list(pairs, data, "providers"))
        resources = tuple(
            self._read_resource(each, value)
            for each, value in self._read_items(pairs, data, "resources")
            if self._check_name(each, value, "resource")
        )
        names: dict[str, int] = {}
        for resource in resources:
            if (first := names.setdefault(resource.name, resource.line)) != resource.line:
                self._add(resource.line, f"the resource {resource.name!r} is already on line {first}")
        return Manifest(
            self.file,
            str(data.get("name") or self.file.parent.resolve().name),
            providers,
            tuple(self._read_values(pairs, data, "globals", "global")),
            resources,
            tuple(map(str, self._read_list(pairs, data, "exports"))),
        )

    def _read_resource(self, node: Node, data: Mapping[str, Any]) -> StackResource:
        pairs = self._check_keys(node, _RESOURCE_KEYS, f"resource {data['name']!r}")
        type_ = data.get("type", "resource")
        if type_ not in TYPES:
            self._add(
                pairs["type"].line,
                f"unknown type {type_!r}; expected one of {', '.join(TYPES)}.{suggest(str(type_), TYPES)}",
            )
        others = set(_list_variables(data.get("auth"))) - _CREDENTIALS
        if others:
            self._add(
                pairs["auth"].line,
                f"`auth` names {', '.join(sorted(others))}; every resource uses the credentials of the AWS CLI, such "
                "as AWS_ACCESS_KEY_ID, or those of --profile",
            )
        self._check_combination(node, data, type_)
        exports = tuple(self._read_exports(pairs, data))
        protected = tuple(map(str, self._read_list(pairs, data, "protected")))
        for name in protected:
            if name not in {alias for _, alias in exports}:
                self._add(pairs["protected"].line, f"{name!r} is protected and not among the exports")
        return StackResource(
            name=str(data["name"]),
            type=type_,
            line=node.line,
            table=str(data.get("table") or ""),
            file=str(data.get("file") or ""),
            sql=str(data.get("sql") or ""),
            run=str(data.get("run") or ""),
            props=tuple(self._read_values(pairs, data, "props", "property")),
            find=tuple(self._read_find(pairs, data)),
            where=data["find"] if isinstance(data.get("find"), str) else "",
            exports=exports,
            protected=protected,
            condition=_read_condition(data),
            skips_validation=bool(data.get("skip_validation")),
            may_replace=bool(data.get("replace")),
        )

    def _check_combination(self, node: Node, data: Mapping[str, Any], type_: str) -> None:
        name = data["name"]
        if type_ == "script" and not data.get("run"):
            self._add(node.line, f"the script {name!r} needs `run`, the command to run")
        if type_ != "script" and data.get("run"):
            self._add(node.line, f"{name!r} has `run`, which only a script has; expected `type: script`")
        if data.get("sql") and type_ not in ("query", "command"):
            self._add(node.line, f"{name!r} has `sql`, which only a query or a command has")
        if data.get("table") and type_ not in ("resource", "multi"):
            self._add(node.line, f"{name!r} has `table`, which only a resource has")
        for key in ("find", "replace"):
            if key in data and not data.get("table"):
                self._add(node.line, f"{name!r} has `{key}` and no `table`; expected both")

    def _read_values(
        self, pairs: Mapping[str, Node], data: Mapping[str, Any], key: str, what: str
    ) -> Iterator[Value]:
        names: dict[str, int] = {}
        for node, value in self._read_items(pairs, data, key):
            if not self._check_name(node, value, what):
                continue
            self._check_keys(node, _PROP_KEYS, f"{what} {value['name']!r}")
            name = str(value["name"])
            if (first := names.setdefault(name, node.line)) != node.line:
                self._add(node.line, f"the {what} {name!r} is already on line {first}")
            values = value.get("values")
            if values is not None:
                if not isinstance(values, dict) or not all(
                    isinstance(each, dict) and "value" in each for each in values.values()
                ):
                    self._add(node.line, f"{name}: expected `values` as environment: {{value: …}}")
                    values = {}
                values = {str(env): each["value"] for env, each in values.items()}
            merge = value.get("merge") or []
            if not {"value", "values", "merge"} & value.keys():
                self._add(node.line, f"the {what} {name!r} needs `value` or `values`")
            yield Value(
                name,
                node.line,
                value.get("value"),
                "value" in value,
                values,
                tuple(map(str, merge if isinstance(merge, list) else [merge])),
            )

    def _read_find(self, pairs: Mapping[str, Node], data: Mapping[str, Any]) -> Iterator[Value]:
        found = data.get("find") or {}
        if not isinstance(found, dict):
            if not isinstance(found, str):
                self._add(pairs["find"].line, "expected `find` as column: value, or as a SQL condition")
            return
        for name, value in found.items():
            yield Value(str(name), pairs["find"].line, value)

    def _read_exports(self, pairs: Mapping[str, Node], data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for item in self._read_list(pairs, data, "exports"):
            if isinstance(item, dict):
                yield from ((str(column), str(name)) for column, name in item.items())
            else:
                yield str(item), str(item)

    # Shapes

    def _read_items(
        self, pairs: Mapping[str, Node], data: Mapping[str, Any], key: str
    ) -> Sequence[tuple[Node, Any]]:
        values = self._read_list(pairs, data, key)
        nodes = pairs[key].value if values else ()
        return list(zip(nodes, values, strict=True)) if isinstance(nodes, tuple) else []

    def _read_list(self, pairs: Mapping[str, Node], data: Mapping[str, Any], key: str) -> list[Any]:
        value = data.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self._add(pairs[key].line, f"expected `{key}` as a list")
        return []

    def _check_name(self, node: Node, value: Any, what: str) -> bool:
        if isinstance(value, dict) and value.get("name"):
            return True
        self._add(node.line, f"expected a {what} with a `name`")
        return False

    def _check_keys(self, node: Node, known: Sequence[str], where: str) -> Mapping[str, Node]:
        pairs = node.value if isinstance(node.value, dict) else {}
        for key, each in pairs.items():
            if key not in known:
                text = f"unknown key {key!r} in {where}; expected one of {', '.join(known)}.{suggest(key, known)}"
                self._add(each.line, text)
        return pairs

    def _add(self, line: int, text: str) -> None:
        self.problems.add(f"{self.file}:{line}", text)


def _list_variables(auth: Any) -> Iterator[str]:
    """The variables of the environment that `auth` names."""
    for key, value in auth.items() if isinstance(auth, dict) else ():
        if key in _AUTH_KEYS:
            yield str(value)
        else:
            yield from _list_variables(value)


def _read_condition(data: Mapping[str, Any]) -> str:
    return "" if data.get("if", _ABSENT) is _ABSENT else str(data["if"])
