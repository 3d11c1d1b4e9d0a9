"""Renders a stack's templates: globals, properties, conditions and SQL.

A variable is text, a number, true, false or null; a list or a mapping is its JSON text, as SQL takes it.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sqlprov.errors import DataError, ProgrammingError, suggest
from sqlprov.frontends.deploy.manifest import Manifest, Problems, StackResource, Value
from sqlprov.frontends.deploy.queries import QueryBlock
from sqlprov.frontends.templates import RenderedTemplate, render

Context = dict[str, Any]
_GIVEN = ("vars", "stack_name", "stack_env", "uuid")
"""Variables of every stack."""


# Filters


def _parse(value: Any, kind: type) -> Any:
    parsed = json.loads(value) if isinstance(value, str) else value
    if not isinstance(parsed, kind):
        raise ValueError(f"expected {'a list' if kind is list else 'a mapping'}, found {value!r}")
    return parsed


def merge_lists(first: Any, second: Any) -> list[Any]:
    """The items of both lists in order, each once."""
    items: dict[str, Any] = {}
    for item in (*_parse(first, list), *_parse(second, list)):
        items.setdefault(json.dumps(item, sort_keys=True), item)
    return list(items.values())


def generate_patch_document(properties: Any) -> str:
    """The JSON Patch (RFC 6902) that sets each property, as Cloud Control takes it."""
    return to_json(
        [
            {"op": "add", "path": f"/{name}", "value": parse_json_text(value)}
            for name, value in _parse(properties, dict).items()
        ]
    )


def list_sql(value: Any) -> str:
    """A list as SQL: `('a','b')`; of an empty one, `(NULL)`."""
    items = parse_json_text(value)
    items = items if isinstance(items, list) else [value]
    quoted = ("'{}'".format(str(item).replace("'", "''")) for item in items)
    return f"({','.join(quoted) or 'NULL'})"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "from_json": json.loads,
    "base64_encode": lambda value: base64.b64encode(str(value).encode()).decode(),
    "merge_lists": merge_lists,
    "generate_patch_document": generate_patch_document,
    "sql_list": list_sql,
    # A value in a literal is escaped in any case.
    "sql_escape": lambda value: value,
}


# Values


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse_json_text(value: Any) -> Any:
    """The list, mapping, number or constant whose JSON a text is; otherwise the value itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


class JsonText(str):
    """The JSON text of a list or a mapping; a template can name its items, as in `{{ tags[0].Key }}`."""

    def __getitem__(self, item: Any) -> Any:
        return to_variable(json.loads(self)[item])

    def __iter__(self) -> Iterator[Any]:
        return map(to_variable, json.loads(self))


def parse_variable(value: Any) -> Any:
    """The list or the mapping of a variable; any other value as it is."""
    return json.loads(value) if isinstance(value, JsonText) else value


def to_variable(value: Any) -> Any:
    """A value as a variable of templates."""
    if isinstance(value, list | dict):
        return JsonText(to_json(value))
    return (
        JsonText(value)
        if isinstance(value, str) and isinstance(parse_json_text(value), list | dict)
        else value
    )


def _create_environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    environment.filters |= FILTERS
    environment.globals["uuid"] = lambda: str(uuid.uuid4())
    return environment


_environment = _create_environment()


def render_value(value: Any, context: Mapping[str, Any], place: str) -> Any:
    """`value` with its templates rendered.

    Raises:
        ProgrammingError: a template cannot be rendered; the message begins with `place`.
    """
    if isinstance(value, list):
        return [render_value(item, context, place) for item in value]
    if isinstance(value, dict):
        return {name: render_value(item, context, place) for name, item in value.items()}
    if not isinstance(value, str):
        return value
    try:
        text = _environment.from_string(value).render(context)
    except (TemplateError, ValueError, TypeError) as error:
        raise ProgrammingError(f"{place}: {value!r}: {error}.") from None
    return text.lower() if text in ("True", "False") and text != value else text


def render_condition(text: str, context: Mapping[str, Any], place: str) -> str:
    """A SQL condition of the manifest; raises ProgrammingError, whose message begins with `place`."""
    try:
        return render(text, context, filters=FILTERS, text_is_sql=True).text
    except ProgrammingError as error:
        raise ProgrammingError(f"{place}: {error}") from None


def render_block(block: QueryBlock, context: Mapping[str, Any]) -> RenderedTemplate:
    """The SQL of a block; raises ProgrammingError, whose message lacks the place."""
    return render(
        block.text,
        {**context, "uuid": _environment.globals["uuid"]},
        filters=FILTERS,
        text_is_sql=True,
    )


_FUNCTIONS = {
    each.__name__: each for each in (len, int, float, str, bool, any, all, min, max, sum, abs, sorted)
}
"""Python's functions that a condition may call."""


def is_met(condition: str, context: Mapping[str, Any], place: str) -> bool:
    """Whether a condition, such as `'{{ stack_env }}' == 'prod'`, holds."""
    text = str(render_value(condition, context, place))
    try:
        compute = _environment.compile_expression(text, undefined_to_none=False)
        return bool(compute({**_FUNCTIONS, **context}))
    except (TemplateError, TypeError, ValueError) as error:
        raise ProgrammingError(f"{place}: the condition {text!r}: {error}.") from None


class Renderer:
    """The variables of a stack in an environment.

    Attributes:
        context: global variables, and the exports so far.
    """

    def __init__(self, manifest: Manifest, environment: str, variables: Mapping[str, str]) -> None:
        self.manifest, self.environment = manifest, environment
        given = {name: to_variable(value) for name, value in variables.items()}
        self.context: Context = {**given, "vars": given}
        self.context |= {"stack_name": manifest.name, "stack_env": environment}
        self.exported: set[str] = set()

    def render_globals(self) -> None:
        """Add the global variables; raises ProgrammingError if one is empty."""
        for each in self.manifest.globals:
            place = f"{self.manifest.file}:{each.line}"
            value = to_variable(self._render(each, self.context))
            if value in ("", None):
                raise ProgrammingError(f"{place}: the global {each.name!r} is empty.")
            self.context[each.name] = value

    def build_context(self, resource: StackResource) -> Context:
        """The variables of a resource's templates: global ones, exports and its properties."""
        context = dict(self.context)
        for each in resource.props:
            context[each.name] = to_variable(self._render(each, context))
        return context

    def render_values(self, values: Iterable[Value], context: Mapping[str, Any]) -> dict[str, Any]:
        """Name -> value, of which lists and mappings are none of text."""
        context = dict(context)
        rendered = {}
        for each in values:
            rendered[each.name] = self._render(each, context)
            context[each.name] = to_variable(rendered[each.name])
        return rendered

    def export(self, values: Mapping[str, Any]) -> None:
        """Make values the variables of later resources."""
        self.context |= {name: to_variable(value) for name, value in values.items()}
        self.exported |= values.keys()

    def _render(self, value: Value, context: Mapping[str, Any]) -> Any:
        place = f"{self.manifest.file}:{value.line}"
        written = value.choose(self.environment)
        rendered = render_value(written, context, place)
        for name in value.merge:
            other = parse_json_text(context[name])
            mine = parse_json_text(rendered) if isinstance(rendered, str) else rendered
            if mine is None:
                rendered = other
            elif isinstance(mine, list) and isinstance(other, list):
                rendered = merge_lists(mine, other)
            elif isinstance(mine, dict) and isinstance(other, dict):
                rendered = {**mine, **other}
            else:
                raise DataError(
                    f"{place}: {value.name} merges {name}; expected two lists or two mappings, found "
                    f"{_name_kind(mine)} and {_name_kind(other)}."
                )
        return rendered


def _name_kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else repr(value)


# Checks before the first call


class NameCheck:
    """Finds variables that no global, property, export or option defines, in the order of rendering."""

    def __init__(self, renderer: Renderer, problems: Problems) -> None:
        self.manifest, self.environment = renderer.manifest, renderer.environment
        self.problems = problems
        self.given = renderer.context["vars"]
        self.known = {*_GIVEN, *self.given}

    def check(self, blocks: Mapping[str, Mapping[str, QueryBlock]]) -> None:
        """Check the manifest and the `.iql` blocks of each resource."""
        for each in self.manifest.globals:
            self._check_value(each, self.known)
            self.known.add(each.name)
        for resource in self.manifest.resources:
            known = set(self.known)
            for each in resource.props:
                self._check_value(each, known)
                known.add(each.name)
            for text in (resource.condition, resource.sql, resource.run, resource.where):
                self._check_text(text, known, f"{self.manifest.file}:{resource.line}")
            for find in resource.find:
                self._check_value(find, known)
            own = {name for pair in resource.exports for name in pair}
            for name, block in blocks.get(resource.name, {}).items():
                later = own if name in ("delete", "exists", "statecheck", "update") else set()
                self._check_text(block.text, known | later, block.file, block.line)
            self.known |= {name for _, name in resource.exports}
        for name in self.manifest.exports:
            if name not in self.known:
                self.problems.add(
                    str(self.manifest.file),
                    f"the stack exports {name!r}, which no global and no resource defines."
                    f"{suggest(name, self.known)}",
                )

    def _check_value(self, value: Value, known: Collection[str]) -> None:
        place = f"{self.manifest.file}:{value.line}"
        if value.values is not None and self.environment not in value.values and not value.has_value:
            self.problems.add(
                place,
                f"{value.name} has no value for the environment {self.environment!r}; it has "
                f"{', '.join(value.values) or 'none'}.{suggest(self.environment, value.values)}",
            )
        written = value.choose(self.environment)
        for text in list_texts(written):
            self._check_text(text, known, place)
        for name in value.merge:
            if name not in known:
                self.problems.add(
                    place, f"{value.name} merges {name!r}, which is not defined.{suggest(name, known)}"
                )

    def _check_text(self, text: str, known: Collection[str], file: str, first: int | None = None) -> None:
        try:
            tree = _environment.parse(text)
        except TemplateSyntaxError as error:
            place = file if first is None else f"{file}:{first + error.lineno - 1}"
            self.problems.add(place, f"{error.message}")
            return
        for name, line in _list_undefined(tree, {*known}, self.given):
            place = file if first is None else f"{file}:{first + line - 1}"
            advice = (
                suggest(name, known) or f" Add --var {name.removeprefix('vars.')}=…, a global or an export."
            )
            self.problems.add(place, f"the variable {name!r} is not defined.{advice}")


def list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from list_texts(item)


def _list_undefined(
    tree: nodes.Template, known: set[str], given: Collection[str]
) -> Iterator[tuple[str, int]]:
    optional = {
        node.node.name
        for node in tree.find_all((nodes.Filter, nodes.Test))
        if isinstance(node.node, nodes.Name) and node.name in ("default", "d", "defined", "undefined")
    }
    missing = meta.find_undeclared_variables(tree) - known - optional
    for node in tree.find_all(nodes.Name):
        if node.name in missing:
            missing.discard(node.name)
            yield node.name, node.lineno
    for member in tree.find_all(nodes.Getattr):
        if isinstance(member.node, nodes.Name) and member.node.name == "vars" and member.attr not in given:
            yield f"vars.{member.attr}", member.lineno


def list_names(texts: Iterable[str]) -> set[str]:
    """The variables that templates use."""
    return set().union(*(meta.find_undeclared_variables(_environment.parse(text)) for text in texts))
