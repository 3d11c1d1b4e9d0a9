"""What the tables are confirmed by, beside botocore's model: `resources/aws/_confirmed.yaml` and its sources.

As a program (`make confirm`), it compares every table, or those of the services it is given, and writes the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from example_server import compare_examples

from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table

ROOT = Path(__file__).parents[2]
FILE = ROOT / "resources" / "aws" / "_confirmed.yaml"
HEAD = """\
# Written by `make confirm`: what each table was compared with, beside botocore's model.
# moto: its columns equal what boto3 reads from moto; docs/coverage.md has the exceptions.
# example: it reads an example reply of AWS. catalog: another catalog of AWS has the same rows by the same call.
"""
MOTO, EXAMPLE, OTHER_CATALOG = "moto", "example", "catalog"
CATALOG = Catalog()


@cache
def read_reasons() -> dict[str, dict[str, Any]]:
    """`moto_reasons.yaml`."""
    return dict(yaml.safe_load((Path(__file__).parent / "moto_reasons.yaml").read_text("utf-8")))


def select_reasons(kind: str, service: str) -> dict[str, Any]:
    """The entries of a kind for a service, without its name."""
    reasons = read_reasons()[kind].items()
    return {name.partition(".")[2]: reason for name, reason in reasons if name.partition(".")[0] == service}


def find_left_out(service: str) -> dict[str, set[str]]:
    """Table -> columns that are not compared on moto."""
    left_out: dict[str, set[str]] = {}
    for name in select_reasons("columns", service):
        table, _, column = name.partition(".")
        left_out.setdefault(table, set()).add(column)
    return left_out


@cache
def read_outside_calls() -> dict[str, set[str]]:
    """Client -> the calls of other catalogs of AWS."""
    text = (Path(__file__).parent / "outside_lists.json").read_text("utf-8")
    return {client: set(calls) for client, calls in json.loads(text).items()}


def load_tables(service: str) -> Iterable[Table]:
    """The tables of a service."""
    return (CATALOG.get_table("aws", service, name) for name in CATALOG.list_tables("aws", service))


def is_in_other_catalog(table: Table) -> bool:
    """Whether another catalog reads the table's rows by the call that lists or describes them."""
    calls = {table.list.call, *([table.describe.call] if table.describe else [])}
    return bool(calls & read_outside_calls().get(table.client, set()))


def confirm(service: str, on_moto: Iterable[str]) -> dict[str, list[str]]:
    """Table -> what confirms it; `on_moto` are the tables that are equal on moto."""
    equal, confirmed = set(on_moto), {}
    compared = compare_examples(CATALOG, service)
    for table in load_tables(service):
        sources = {
            MOTO: table.name in equal,
            EXAMPLE: "" in compared.get(table.name, ()),
            OTHER_CATALOG: is_in_other_catalog(table),
        }
        if any(sources.values()):
            confirmed[f"{service}.{table.name}"] = [name for name, is_so in sources.items() if is_so]
    return confirmed


def write(confirmed: Mapping[str, Iterable[str]]) -> None:
    """Write the file."""
    lines = (f"{name}: [{', '.join(words)}]\n" for name, words in sorted(confirmed.items()))
    FILE.write_text(HEAD + "".join(lines), "utf-8")


def main() -> None:
    from moto_comparison import Comparison, Verdict, compare_service

    services = sys.argv[1:] or CATALOG.list_services("aws")
    known = CATALOG.list_confirmations("aws")
    confirmed = {name: list(words) for name, words in known.items() if name.partition(".")[0] not in services}
    for service in services:
        compared = compare_service(service, find_left_out(service))
        equal = [name for name, comparison in compared.items() if comparison.verdict is Verdict.EQUAL]
        confirmed |= confirm(service, equal)
        for name, comparison in compared.items():
            if comparison not in (Comparison(Verdict.EQUAL), Comparison(Verdict.UNSERVED, comparison.text)):
                print(f"{service}.{name}: {comparison}", flush=True)
    write(confirmed)


if __name__ == "__main__":
    main()
