"""A stack: its manifest, its `.iql` files and its variables in one environment, checked before the first call."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlprov.errors import Error, ProgrammingError, suggest
from sqlprov.frontends.deploy.deployable import Deployable, normalize_name
from sqlprov.frontends.deploy.manifest import Manifest, Problems, StackResource, read_manifest
from sqlprov.frontends.deploy.name_check import NameCheck
from sqlprov.frontends.deploy.queries import QueryBlock, read_blocks
from sqlprov.frontends.deploy.rendering import (
    Context,
    Renderer,
    list_names,
    list_uses,
)
from sqlprov.frontends.deploy.runner import Runner
from sqlprov.frontends.deploy.sql_resource import SqlResource
from sqlprov.frontends.deploy.table_resource import TableResource
from sqlprov.records import dataclass

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

FOLDER = "resources"
"""Folder of the `.iql` files, in the stack's."""
STACK_TAG = "sqlprov:stack"


@dataclass
class Stack:
    """A stack in an environment.

    Attributes:
        blocks: resource -> the blocks of its `.iql` file, or the one of its `sql`.
        adds_tag: whether the rows that the stack creates get STACK_TAG.
    """

    manifest: Manifest
    renderer: Renderer
    blocks: Mapping[str, Mapping[str, QueryBlock]]
    adds_tag: bool = False

    @property
    def tag(self) -> str:
        """The value of STACK_TAG: environments that share an account have different ones."""
        return f"{self.manifest.name}/{self.renderer.environment}"

    def locate(self, resource: StackResource) -> str:
        """File and line of a resource."""
        return f"{self.manifest.file}:{resource.line}"

    def create_deployable(self, resource: StackResource, context: Context, runner: Runner) -> Deployable:
        """The resource with its variables; raises Error if its properties cannot be rendered."""
        if not resource.table:
            return SqlResource(resource, context, runner, self.blocks[resource.name], self.renderer)
        values = self.renderer.render_values(resource.props, self.renderer.context)
        values = _drop_helpers(values, resource, runner.connection.catalog)
        if self.adds_tag:
            values = add_tag(values, STACK_TAG, self.tag, resource, runner.connection.catalog)
        find = self.renderer.render_values(resource.find, context)
        place = self.locate(resource)
        try:
            where = self.renderer.render_sql(resource.where, context).text if resource.where else ""
        except ProgrammingError as error:
            raise ProgrammingError(f"{place}: {error}") from None
        return TableResource(resource, context, runner, values, find, where, place)

    def list_uses(self, resource: StackResource) -> set[str]:
        """The variables in the templates of a resource, but for its own properties."""
        texts = [resource.condition, resource.sql, resource.run, resource.where]
        texts += [block.text for block in self.blocks.get(resource.name, {}).values()]
        uses = list_names(texts) | list_uses((*resource.props, *resource.find))
        return uses - {each.name for each in resource.props}

    def is_used_later(self, resource: StackResource) -> bool:
        """Whether a later resource uses an export of this one."""
        names = {name for _, name in resource.exports}
        later = self.manifest.resources[self.manifest.resources.index(resource) + 1 :]
        return any(names & self.list_uses(each) for each in later)


def load_stack(
    folder: Path, environment: str, variables: Mapping[str, str], catalog: Catalog, tag: bool = False
) -> Stack:
    """Read and check a stack.

    Args:
        folder: with the manifest.
        environment: name of the environment.
        variables: of the command line and the environment file.
        catalog: the tables.
        tag: whether rows get a tag with the stack's name and its environment.

    Raises:
        ProgrammingError: mistakes in the stack, one a line, each with file and line.
    """
    problems = Problems()
    manifest = read_manifest(folder, problems)
    known = (*catalog.list_providers(), "awscc")
    for provider in manifest.providers:
        if provider not in known:
            problems.add(
                str(manifest.file), f"unknown provider {provider!r}; expected one of {', '.join(known)}."
            )
    blocks = {
        resource.name: read_resource_blocks(folder, manifest, resource, problems)
        for resource in manifest.resources
    }
    for resource in manifest.resources:
        if resource.table:
            _check_table(manifest, resource, catalog, problems)
        else:
            _check_blocks(manifest, resource, blocks[resource.name], problems)
    renderer = Renderer(manifest, environment, variables)
    NameCheck(renderer, problems).check(blocks)
    problems.raise_all()
    renderer.render_globals()
    return Stack(manifest, renderer, blocks, tag)


def read_resource_blocks(
    folder: Path, manifest: Manifest, resource: StackResource, problems: Problems
) -> Mapping[str, QueryBlock]:
    """The blocks of a resource; adds mistakes to `problems`."""
    if resource.sql:
        name = "exports" if resource.type == "query" else "command"
        lines = range(resource.line, resource.line + resource.sql.count("\n") + 1)
        return {name: QueryBlock(resource.sql, tuple((str(manifest.file), line) for line in lines), {})}
    if not resource.has_blocks or resource.type == "script":
        return {}
    file = folder / FOLDER / (resource.file or f"{resource.name}.iql")
    if not file.is_file():
        problems.add(
            f"{manifest.file}:{resource.line}",
            f"{file} does not exist; expected the statements of {resource.name}, or `table` with the name of a table",
        )
        return {}
    return read_blocks(file, problems)


def _check_blocks(
    manifest: Manifest, resource: StackResource, blocks: Mapping[str, QueryBlock], problems: Problems
) -> None:
    def require(*names: str) -> None:
        if blocks and not blocks.keys() & {*names}:
            file, _ = next(iter(blocks.values())).lines[0]
            problems.add(file, f"{resource.name} needs one of the blocks {', '.join(names)}")

    match resource.type:
        case "resource" | "multi":
            require("create", "createorupdate")
            if "createorupdate" not in blocks:
                require("exists", "statecheck", "exports")
            if resource.exports:
                require("exports")
        case "query":
            require("exports")
        case "command":
            require("command")


def _check_table(manifest: Manifest, resource: StackResource, catalog: Catalog, problems: Problems) -> None:
    place = f"{manifest.file}:{resource.line}"
    parts = resource.table.split(".")
    if len(parts) != 3:
        problems.add(
            place, f"{resource.name}: table {resource.table!r}; expected a name such as aws.sagemaker.models"
        )
        return
    catalog.reveal(resource.table)
    try:
        table = catalog.get_table(*parts)
    except Error as error:
        problems.add(place, f"{resource.name}: {error}")
        return
    for verb, name in (("INSERT", "create_resource"), ("DELETE", "delete_resource")):
        if name not in table.by_method:
            problems.add(place, f"{resource.name}: {resource.table} does not support {verb}")
    columns = {normalize_name(column.name) for column in table.columns}
    for column in (*(column for column, _ in resource.exports), *(each.name for each in resource.find)):
        if normalize_name(column) not in columns:
            names = [each.name for each in table.columns]
            text = f"{resource.name}: {resource.table} has no column {column!r}.{suggest(column, names)}"
            problems.add(place, text)


def _drop_helpers(values: Mapping[str, Any], resource: StackResource, catalog: Catalog) -> dict[str, Any]:
    """Properties without those that only other properties use."""
    table = catalog.get_table(*resource.table.split("."))
    create = table.by_method["create_resource"]
    known = {*create.input_shape.members, *(column.name for column in table.columns)}
    taken = {*map(normalize_name, known), *map(normalize_name, table.write.insert.ignored)}
    used = list_uses(resource.props)
    return {
        name: value for name, value in values.items() if normalize_name(name) in taken or name not in used
    }


def add_tag(
    values: Mapping[str, Any], key: str, value: str, resource: StackResource, catalog: Catalog
) -> dict[str, Any]:
    """Properties with one more tag, if the create of the table takes tags."""
    table = catalog.get_table(*resource.table.split("."))
    name = table.tags_parameter
    if not name:
        return dict(values)
    given = next((each for each in values if normalize_name(each) == normalize_name(name)), name)
    tags = values.get(given)
    spelling = table.tag_spelling
    if isinstance(tags, dict) or (tags is None and spelling is not None and not spelling.key):
        return {**values, given: {**(tags or {}), key: value}}
    names = (spelling.key, spelling.value) if spelling else ("Key", "Value")
    return {**values, given: [*(tags or []), dict(zip(names, (key, value), strict=True))]}


def find_maker(names: Collection[str], makers: Mapping[str, str]) -> str:
    """The resource that makes one of the variables `names`, as `makers` says; empty if none does."""
    return next((makers[name] for name in sorted(names) if name in makers), "")
