"""Writes which lists of text have no order, as CloudFormation's schemas say: `python -m resources.generate.unordered`.

Of lists of structures the schemas say so, too, where the order counts, as that of a model's containers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from resources.generate.cloud_control import pluralize, read_schemas, resolve
from sqlprov.catalog import Catalog
from sqlprov.catalog.catalog import UNORDERED
from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.service_model import to_snake_case
from sqlprov.catalog.table import Table

FILE = Path(__file__).parents[1] / "aws" / UNORDERED
HEAD = """# Written by `python -m resources.generate.unordered`: lists of text in which the order does not count, as
# CloudFormation's schemas say (`insertionOrder: false`).
"""


def main() -> int:
    """Write the file."""
    unordered: dict[str, set[str]] = {}
    for schema in read_schemas():
        names = {
            flatten(name)
            for name, node in schema["properties"].items()
            if (property := resolve(schema, node)).get("insertionOrder", node.get("insertionOrder")) is False
            and property.get("type") == "array"
        }
        _, namespace, name = schema["typeName"].split("::")
        table = flatten(pluralize(to_snake_case(name)))
        unordered[schema["typeName"]] = unordered[f"{flatten(namespace)}.{table}"] = names
    lines = [
        f"{table.service}.{table.name}: [{', '.join(names)}]\n"
        for table in list_tables()
        if (names := list(list_names(table, unordered)))
    ]
    FILE.write_text(HEAD + "".join(lines), "utf-8")
    print(f"{len(lines)} tables", file=sys.stderr)
    return 0


def list_tables() -> Iterator[Table]:
    """The tables that can be inserted into."""
    catalog = Catalog()
    for service in catalog.list_services("aws"):
        for name in catalog.list_tables("aws", service):
            if "create_resource" in (table := catalog.get_table("aws", service, name)).by_method:
                yield table


def list_names(table: Table, unordered: dict[str, set[str]]) -> Iterator[str]:
    """The parameters of the create that are such lists."""
    create = table.by_method["create_resource"]
    known = unordered.get(table.cloudformation) or unordered.get(
        f"{flatten(table.service)}.{flatten(table.name)}", set()
    )
    for part in create.parameters:
        item = create.input_shape.members[part.name].item
        if part.column and item and item.kind == "string" and flatten(part.name) in known:
            yield part.name


if __name__ == "__main__":
    sys.exit(main())
