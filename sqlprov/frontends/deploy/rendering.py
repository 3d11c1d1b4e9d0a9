"""Renders a stack's templates: globals, properties, conditions and SQL."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Undefined, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sqlprov.errors import DataError, ProgrammingError
from sqlprov.frontends.deploy.filters import FILTERS, merge_lists, parse_json_text, to_variable
from sqlprov.frontends.deploy.manifest import Manifest, StackResource, Value
from sqlprov.frontends.templates import RenderedTemplate, render

Context = dict[str, Any]
_DERIVED = " derived"  # a filter name that a template cannot use


_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_environment.filters |= FILTERS
_FUNCTIONS = {
    each.__name__: each for each in (len, int, float, str, bool, any, all, min, max, sum, abs, sorted)
}
"""Python's functions that a condition may call."""


class Renderer:
    """The variables of a stack in an environment.

    Attributes:
        context: global variables, and the exports so far.
        protect: takes each value that a template makes from a protected export.
    """

    def __init__(self, manifest: Manifest, environment: str, variables: Mapping[str, str]) -> None:
        self.manifest, self.environment = manifest, environment
        given = {name: to_variable(value) for name, value in variables.items()}
        self.context: Context = {**given, "vars": given}
        self.context |= {"stack_name": manifest.name, "stack_env": environment}
        self.exported: set[str] = set()
        self.protect: Callable[[Any], None] = lambda value: None
        self._protected = _list_protected(manifest)
        self._uuids: dict[tuple[str, str, int], str] = {}
        self._jinja = _environment.overlay()
        self._jinja.filters = {**_environment.filters, _DERIVED: self._protect_derived}
        self._jinja.tests = {**_environment.tests, "None": _environment.tests["none"]}  # Python's spelling
        self._jinja.globals = {**_environment.globals, "uuid": _make_uuid}

    # Templates

    def render_value(self, value: Any, context: Mapping[str, Any], place: str) -> Any:
        """`value` with its templates rendered.

        Raises:
            ProgrammingError: a template cannot be rendered; the message begins with `place`.
        """
        if isinstance(value, list):
            return [self.render_value(item, context, place) for item in value]
        if isinstance(value, dict):
            return {name: self.render_value(item, context, place) for name, item in value.items()}
        if not isinstance(value, str):
            return value
        try:
            tree = self._jinja.parse(value)
            self._mark_derived(tree)
            text = self._jinja.from_string(tree).render(context)
        except Exception as error:  # what a template computes may raise anything
            raise ProgrammingError(f"{place}: {value!r}: {error}.") from None
        return text.lower() if text in ("True", "False") and text != value else text

    def render_sql(self, text: str, context: Mapping[str, Any]) -> RenderedTemplate:
        """SQL of a block or a condition; raises ProgrammingError, whose message lacks the place."""
        return render(
            text,
            {**context, "uuid": _make_uuid},
            filters={**FILTERS, _DERIVED: self._protect_derived},
            text_is_sql=True,
            prepare=self._mark_derived,
        )

    def is_met(self, condition: str, context: Mapping[str, Any], place: str) -> bool:
        """Whether a condition, such as `'{{ stack_env }}' == 'prod'`, holds."""
        text = str(self.render_value(condition, context, place))
        try:
            compute = self._jinja.compile_expression(text, undefined_to_none=False)
            return bool(compute({**_FUNCTIONS, **context}))
        except Exception as error:
            raise ProgrammingError(f"{place}: the condition {text!r}: {error}.") from None

    def _mark_derived(self, tree: nodes.Template) -> None:
        """Have a template protect what its expressions make of protected variables; of a bare variable, its own
        protection is enough."""
        if not self._protected:
            return
        names = set(self._protected)
        for node in tree.find_all(nodes.Stmt):
            source = node.iter if isinstance(node, nodes.For) else getattr(node, "node", None)
            if isinstance(node, nodes.For | nodes.Assign) and source and _list_variables(source) & names:
                names |= _list_variables(node.target)
        for output in tree.find_all(nodes.Output):
            output.nodes = [
                nodes.Filter(part, _DERIVED, [], [], None, None, lineno=part.lineno)
                if _list_variables(part) & names
                and not (isinstance(part, nodes.Name) and part.name in self._protected)
                else part
                for part in output.nodes
            ]

    def _protect_derived(self, value: Any) -> Any:
        if not isinstance(value, Undefined) and str(value).lower() not in ("", "true", "false", "none"):
            self.protect(value)
        return value

    # Variables

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
        written, drawn = value.choose(self.environment), itertools.count()

        def draw_uuid() -> str:  # a property is rendered several times, and keeps its value
            return self._uuids.setdefault((place, value.name, next(drawn)), _make_uuid())

        rendered = self.render_value(written, {**context, "uuid": draw_uuid}, place)
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


def _list_protected(manifest: Manifest) -> set[str]:
    """The protected exports, their columns, and the properties that use them."""
    names = {
        name
        for resource in manifest.resources
        for pair in resource.exports
        if pair[1] in resource.protected
        for name in pair
    }
    properties = [
        (each.name, list_uses([each])) for resource in manifest.resources for each in resource.props
    ]
    while using := {name for name, uses in properties if uses & names} - names:
        names |= using
    return names


def _list_variables(node: nodes.Node) -> set[str]:
    found = [node] if isinstance(node, nodes.Name) else node.find_all(nodes.Name)
    return {each.name for each in found}


def _make_uuid() -> str:
    return str(uuid.uuid4())


def _name_kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else repr(value)


def parse(text: str) -> nodes.Template:
    """The tree of a template; raises TemplateSyntaxError."""
    return _environment.parse(text)


def list_texts(value: Any) -> Iterator[str]:
    """Each text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from list_texts(item)


def list_names(texts: Iterable[str]) -> set[str]:
    """The variables that templates use."""
    return set().union(*(meta.find_undeclared_variables(parse(text)) for text in texts))


def list_uses(values: Iterable[Value]) -> set[str]:
    """The variables that global variables or properties use, in any environment."""
    names: set[str] = set()
    for each in values:
        names |= list_names(list_texts([each.value, dict(each.values or {})])) | {*each.merge}
    return names
