"""Writes docs/tables/** from the catalog, and the tables of the settings, of the benchmark and of coverage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from resources.generate.descriptions import describe_tables
from resources.generate.files import RESOURCES
from sqlprov.catalog import Catalog
from sqlprov.catalog.catalog import DESCRIPTIONS
from sqlprov.catalog.column import Column, ColumnSource
from sqlprov.catalog.provider_tables import PROVIDER_TABLES, ProviderTable
from sqlprov.catalog.read_calls import FilterOperator
from sqlprov.catalog.resource_files import ServiceInfo
from sqlprov.catalog.table import Table
from sqlprov.duck.vocabulary import read_keywords
from sqlprov.plan.read.parents import says_region
from sqlprov.settings import Settings
from sqlprov.sql import duckdb_types

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results.json"
BEGIN, END = "<!-- {}: written by `make docs` -->\n", "<!-- end -->"
REASONS = DOCS.parent / "tests" / "support" / "moto_reasons.yaml"
UNCONFIRMED = "unconfirmed"
SOURCES = {
    "moto": "its columns equal what boto3 reads from moto, but for the exceptions below",
    "example": "an example reply of AWS, which botocore ships, is read",
    "catalog": "another catalog of AWS reads the same rows by the same call",
    UNCONFIRMED: "read only from a server that answers from botocore's shapes",
}
"""What a table was compared with, the strongest first."""
WRITE_REASONS = {
    "unkept": "UPDATE does not keep {}",
    "changed": "a row comes back otherwise than it was sent, so INSERT ends as {} if its reply is lost",
    "failing": "a create answers 500 although the row is there",
    "failing_tags": "a create with tags answers 500",
    "untagged": "the tag calls do not know the rows",
    "replaced": "a create replaces a row that exists",
    "tokenless": "a second attempt with the same token makes a second row",
    "refusing": "a second attempt with the same token is refused",
}
"""Kind of reason in `moto_reasons.yaml` -> what it says of a table."""
HEAD = "# The tables whose lines write no description; `make docs` drafts those of new tables.\n"
LONGEST_TYPE = 60
"""A type with more characters is shortened to its outermost part in the table of columns."""


def build_pages() -> dict[Path, str]:
    """Every generated file and its text."""
    catalog = Catalog()
    descriptions = describe_tables(catalog)
    pages = {
        RESOURCES / "aws" / DESCRIPTIONS: HEAD
        + "".join(f"{name}: {about}\n" for name, about in descriptions.items()),
        DOCS / "settings.md": build_settings_page((DOCS / "settings.md").read_text()),
        DOCS / "performance.md": build_benchmark_page((DOCS / "performance.md").read_text()),
        DOCS / "coverage.md": build_coverage_page(catalog, (DOCS / "coverage.md").read_text()),
    }
    for provider in ("aws",):
        confirmed = catalog.list_confirmations(provider)
        folder = DOCS / "tables" / provider
        for service in catalog.list_services(provider):
            tables: list[Table] = []
            for name in catalog.list_tables(provider, service):
                table = catalog.get_table(provider, service, name)
                table = replace(table, about=descriptions.get(f"{service}.{name}", table.about))
                tables.append(table)
                if has_own_page(table):
                    sources = confirmed.get(f"{service}.{name}", ())
                    pages[folder / service / f"{name}.md"] = build_table_page(table, sources)
            pages[folder / f"{service}.md"] = build_service_page(
                catalog.get_service(provider, service), tables, confirmed
            )
        pages |= {
            folder / f"{name}.md": build_provider_table_page(f"{provider}.{name}", own)
            for name, own in PROVIDER_TABLES.items()
        }
    pages[DOCS / "tables" / "awscc.md"] = build_type_list(catalog)
    return pages


def build_settings_page(text: str) -> str:
    """The page of the settings with a new table."""
    rows = [
        (f"`{name}`", f"`{default}`" if default else "", about)
        for name, (default, about) in Settings.describe().items()
    ]
    return replace_between_marks(text, "settings", format_grid(("setting", "default", ""), rows))


def build_benchmark_page(text: str) -> str:
    """The page of the benchmark with a new table."""
    results = json.loads(RESULTS.read_text())
    rows = [tuple(finding["shown"]) for finding in results["findings"]]
    libraries = ", ".join(f"{name} {version}" for name, version in results["libraries"].items())
    conditions = (
        f"\nMedians of {results['pairs']} runs of each, alternating, unless the last table says otherwise, "
        f"on {results['cores']} cores; Python {results['python']}, {libraries}.\n"
    )
    grid = format_grid(("case", "measured", "", "bar", ""), rows)
    return replace_between_marks(text, "results", grid + conditions)


def build_coverage_page(catalog: Catalog, text: str) -> str:
    """The page of coverage with what confirms each table, and what moto cannot confirm."""
    confirmed = catalog.list_confirmations("aws")
    by_service: dict[str, dict[str, list[str]]] = {}
    for service in catalog.list_services("aws"):
        for name in catalog.list_tables("aws", service):
            source = confirmed.get(f"{service}.{name}", (UNCONFIRMED,))[0]
            by_service.setdefault(service, {}).setdefault(source, []).append(name)
    counts = Counter[str]()
    for sources in by_service.values():
        counts.update({source: len(names) for source, names in sources.items()})
    each = [
        (f"[{service}](tables/aws/{service}.md)", *(", ".join(sources.get(source, ())) for source in SOURCES))
        for service, sources in by_service.items()
    ]
    rows = [(source, str(counts[source]), about) for source, about in SOURCES.items()]
    reasons = yaml.safe_load(REASONS.read_text())
    text = replace_between_marks(text, "sources", format_grid(("", "tables", ""), rows))
    text = replace_between_marks(text, "tables", format_grid(("service", *SOURCES), each))
    text = replace_between_marks(text, "moto", format_reasons(reasons))
    writes = format_writes(catalog, reasons["emulated"]) + "\n" + format_write_reasons(reasons)
    return replace_between_marks(text, "writes", writes)


def format_writes(catalog: Catalog, emulated: Mapping[str, Collection[str]]) -> str:
    """What may be written, and which server proves it."""
    rows = []
    for service in catalog.list_services("aws"):
        for name in catalog.list_tables("aws", service):
            table = catalog.get_table("aws", service, name)
            verbs: dict[str, list[str]] = {"moto": [], "emulator": []}
            for method in table.methods:
                if method.verb != "SELECT":
                    server = "emulator" if method.name in emulated.get(f"{service}.{name}", ()) else "moto"
                    verbs[server].append(f"EXEC {method.name}" if method.verb == "EXEC" else method.verb)
            if has_own_page(table) and table.tagging and "UPDATE" not in verbs["moto"]:
                verbs["moto" if verbs["moto"] else "emulator"].append("UPDATE of `tags`")
            if has_own_page(table):
                rows.append((f"`{service}.{name}`", ", ".join(verbs["moto"]), ", ".join(verbs["emulator"])))
    return format_grid(("table", "moto", "emulator"), rows)


def format_write_reasons(reasons: Mapping[str, Any]) -> str:
    """What moto does differently from AWS when a row is written."""
    rows = [
        (f"`{name}`", about.format(", ".join(value) if isinstance(value, list) else value))
        for kind, about in WRITE_REASONS.items()
        for name, value in (
            reasons[kind].items()
            if isinstance(reasons[kind], dict)
            else dict.fromkeys(reasons[kind], "").items()
        )
    ]
    return format_grid(("table", "moto, where AWS does otherwise"), sorted(rows))


def format_reasons(reasons: dict[str, dict[str, str | list[str]]]) -> str:
    """Why moto does not confirm a table whose list it has, or not every column."""
    grids = []
    for kind, heads in (
        ("tables", ("table", "why not")),
        ("columns", ("column", "why not")),
        ("missing_calls", ("table", "moto does not have")),
        ("empty_in_list", ("table", "columns that moto's list leaves out and AWS's has")),
    ):
        rows = [
            (f"`{name}`", reason if isinstance(reason, str) else ", ".join(reason))
            for name, reason in reasons[kind].items()
        ]
        grids.append(format_grid(heads, rows))
    return "\n".join(grids)


def replace_between_marks(text: str, name: str, new: str) -> str:
    """A page with `new` between the marks of `name`."""
    begin = BEGIN.format(name)
    before, mark, rest = text.partition(begin)
    assert mark, f"no mark of {name}"
    return f"{before}{begin}{new}{END}{rest.partition(END)[2]}"


def has_own_page(table: Table) -> bool:
    """Whether a table can be written; its page shows the methods and every column's description."""
    return any(method.verb != "SELECT" for method in table.methods)


def build_service_page(
    service: ServiceInfo, tables: list[Table], confirmed: Mapping[str, tuple[str, ...]]
) -> str:
    """The page of a service: a paragraph for each table."""
    lines = [f"# {service.title}\n", *([f"{service.about}\n"] if service.about else [])]
    lines.append(
        "Every table also has `region`, `account_id`, `account` and `data__Identifier`. `DESCRIBE EXTENDED` shows the "
        "description of each column and the call that fills it. [Coverage](../../coverage.md) says what confirms a "
        "table.\n"
    )
    sources = (confirmed.get(f"{table.service}.{table.name}", ()) for table in tables)
    return "\n".join([*lines, *map(build_table_paragraph, tables, sources)])


def format_sources(sources: tuple[str, ...]) -> str:
    return f"Confirmed by: {', '.join(sources)}." if sources else "Unconfirmed."


def build_table_paragraph(table: Table, sources: tuple[str, ...]) -> str:
    """The name, the key, the calls and the columns of a table."""
    page = f" [All about it]({table.service}/{table.name}.md)." if has_own_page(table) else ""
    calls = [f"`{table.list.call}`"]
    parents: dict[str, list[str]] = {}
    for parent in table.list.parents:
        of = f"row of `{table.service}.{parent.table}`" if parent.table else ""
        of = of or (f"of {', '.join(parent.values)}" if parent.values else "account")
        parents.setdefault(of, []).append(parent.column)
    calls[0] += " and".join(
        f" for each {each} ({format_list(tuple(names))})" for each, names in parents.items()
    )
    if table.describe:
        many = f"{table.describe.batch} rows" if table.describe.batch else "row"
        calls.append(f"`{table.describe.call}` for each {many}")
    calls += [f"`{extra.call}` for each row" for extra in table.extras.values()]
    if table.tags:
        calls.append(f"`{table.tags.call}` for each row")
    common = (ColumnSource.REGION, ColumnSource.ACCOUNT_ID, ColumnSource.ACCOUNT, ColumnSource.KEY)
    columns = ", ".join(
        f"`{c.name}` {shorten_type(format_column_type(c))}"
        for c in table.visible_columns
        if c.source not in common
    )
    where = f" Global: it is read once, in {table.home}." if table.home else ""
    if table.home and not table.region_column and says_region(table):
        where = " Global: each list is read in the region of its parent."
    return (
        f"## {table.name}\n\n{table.about}{page}\n\n"
        f"Key: {format_list(table.key)}. Calls: {', '.join(calls)}.{where} "
        f"{format_sources(sources)}\n\n{columns}\n"
    )


def build_table_page(table: Table, sources: tuple[str, ...]) -> str:
    """The page of one table."""
    facts = [f"Key: {format_list(table.key)}, which is also `data__Identifier`."]
    if table.cloudformation:
        facts.append(f"CloudFormation: `{table.cloudformation}`.")
    if table.state.column:
        facts.append(f"State: `{table.state.column}`; busy states: {format_list(table.state.busy)}.")
    facts.append(format_sources(sources))
    methods = [
        (m.name, m.verb, f"`{m.call}`", format_list(m.required), " or ".join(m.until)) for m in table.methods
    ]
    return "\n".join(
        [
            f"# {table.full_name}\n",
            f"{table.about}\n",
            "\n".join(facts) + "\n",
            "## Columns\n",
            format_columns(table),
            *format_nested_types(table),
            *format_filters(table),
            "## Methods\n",
            format_grid(("method", "verb", "call", "required", "done when"), methods),
            "## Permissions\n",
            format_grid(("to", "IAM actions"), [(m.name, format_list(m.permissions)) for m in table.methods]),
        ]
    )


def build_type_list(catalog: Catalog) -> str:
    """The tables of awscc, a line for each service; pages of their own would repeat CloudFormation's reference."""
    catalog.reveal("awscc")
    rows = [
        (f"`{service}`", format_list(catalog.list_tables("awscc", service)))
        for service in catalog.list_services("awscc")
    ]
    return (
        "# awscc\n\nThe types of CloudFormation that [Cloud Control](../cloud-control.md) reads and writes. "
        "`DESCRIBE awscc.sqs.queues` shows the columns of one.\n\n" + format_grid(("service", "tables"), rows)
    )


def build_provider_table_page(name: str, table: ProviderTable) -> str:
    """The page of a table such as `aws.regions`."""
    rows = [(f"`{name}`", f"`{format_type(pa.string())}`", about) for name, about in table.columns.items()]
    return "\n".join(
        [
            f"# {name}\n",
            f"{table.description}\n",
            f"Key: {format_list(tuple(table.columns)[:1])}. It belongs to no service and has no methods.\n",
            "## Columns\n",
            format_grid(("name", "type", "description"), rows),
        ]
    )


def format_columns(table: Table) -> str:
    calls = {
        ColumnSource.LIST: f"`{table.list.call}`",
        ColumnSource.DESCRIBE: f"`{table.describe.call}` for each row" if table.describe else "",
        ColumnSource.PARENT: "none",
        ColumnSource.TAGS: f"`{table.tags.call}` for each row" if table.tags else "",
        ColumnSource.REGION: "none",
        ColumnSource.ACCOUNT: "none",
        ColumnSource.ACCOUNT_ID: "none if an ARN is read, otherwise `GetCallerIdentity` once a session",
        ColumnSource.KEY: "as the key",
    }
    rows = [
        (f"`{c.name}`", f"`{shorten_type(format_column_type(c))}`", c.description, calls.get(c.source, ""))
        for c in table.visible_columns
    ]
    return format_grid(("name", "type", "description", "call"), rows)


def format_nested_types(table: Table) -> list[str]:
    """The types that are too long for the table of columns."""
    long = [c for c in table.columns if len(format_type(c.type)) > LONGEST_TYPE]
    lines = [line for column in long for line in format_type_tree(column.name, column.type, "")]
    return ["### Nested types\n", "```text", *lines, "```\n"] if lines else []


def format_type_tree(name: str, type: pa.DataType, indent: str) -> list[str]:
    """A type with one line for each of its members."""
    inner, suffix = type, ""
    while pa.types.is_list(inner):
        inner, suffix = inner.value_type, suffix + "[]"
    if not pa.types.is_struct(inner):
        return [f"{indent}{name} {format_type(type)}"]
    members = (format_type_tree(member.name, member.type, indent + "    ") for member in inner)
    return [f"{indent}{name} STRUCT{suffix}", *(line for lines in members for line in lines)]


def format_filters(table: Table) -> list[str]:
    if not table.list.filters:
        return []
    conditions = {
        FilterOperator.EQUAL: "`{0} =`",
        FilterOperator.CONTAINS: "the common prefix of `{0} IN`, or of both ends of a range",
        FilterOperator.PREFIX: "`{0} =`, and the start of a `LIKE`",
        FilterOperator.AFTER: "`{0} >`, `>=`, `=`, `BETWEEN`",
        FilterOperator.BEFORE: "`{0} <`, `<=`, `=`, `BETWEEN`",
    }
    rows = [
        (
            conditions[f.op].format(f.column) + (", `IN`" if f.most else ""),
            f"`{f.label}` of `{table.list.call}`",
        )
        for f in table.list.filters
    ]
    text = "Conditions that narrow the list. [SQL](../../../sql.md#which-calls) says how.\n"
    return ["## Filters\n", text, format_grid(("condition", "parameter"), rows)]


def format_column_type(column: Column) -> str:
    return "JSON" if column.is_json else format_type(column.type)


def format_type(type: pa.DataType) -> str:
    return duckdb_types.format_duckdb_type(type, read_keywords())


def shorten_type(text: str) -> str:
    """A type as the table of columns shows it: in full, or its outermost part."""
    if len(text) <= LONGEST_TYPE:
        return text
    return text.partition("(")[0] + "(…)" + ("[]" if text.endswith("[]") else "")


def format_list(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def format_grid(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    pages = build_pages()
    for file, text in pages.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for file in DOCS.glob("tables/**/*.md"):
        if file not in pages:
            file.unlink()


if __name__ == "__main__":
    main()
