"""Finds variables of templates that nothing defines, before the first call."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from jinja2 import TemplateSyntaxError, meta, nodes

from sqlprov.errors import suggest
from sqlprov.frontends.deploy.manifest import Problems, Value
from sqlprov.frontends.deploy.queries import QueryBlock
from sqlprov.frontends.deploy.rendering import Renderer, list_texts, parse

GIVEN = ("vars", "stack_name", "stack_env", "uuid")
"""Variables of every stack."""


class NameCheck:
    """Finds variables that no global, property, export or option defines, in the order of rendering."""

    def __init__(self, renderer: Renderer, problems: Problems) -> None:
        self.manifest, self.environment = renderer.manifest, renderer.environment
        self.problems = problems
        self.given = renderer.context["vars"]
        self.known = {*GIVEN, *self.given}

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
                self._check_text(block.text, known | later, block)
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

    def _check_text(self, text: str, known: Collection[str], place: str | QueryBlock) -> None:
        def add(line: int, problem: str) -> None:
            at = place if isinstance(place, str) else "{}:{}".format(*place.find(line))
            self.problems.add(at, problem)

        try:
            tree = parse(text)
        except TemplateSyntaxError as error:
            add(error.lineno, f"{error.message}")
            return
        for name, line in _list_undefined(tree, {*known}, self.given):
            advice = (
                suggest(name, known) or f" Add --var {name.removeprefix('vars.')}=…, a global or an export."
            )
            add(line, f"the variable {name!r} is not defined.{advice}")


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
