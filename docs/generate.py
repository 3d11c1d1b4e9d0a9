"""The catalog, the settings and the results of the benchmark in; docs/tables/** and the tables of two pages out."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from sqlprov.catalog import Catalog
from sqlprov.catalog.regions import ABOUT, COLUMNS, REGIONS
from sqlprov.catalog.table import ColumnSource, FilterOperator, Table
from sqlprov.duck.vocabulary import read_keywords
from sqlprov.settings import Settings
from sqlprov.sql import duckdb_types

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results.json"
BEGIN, END = "<!-- {}: written by `make docs` -->\n", "<!-- end -->"
LONGEST_TYPE = 60
"""Characters of a type beyond which only its outermost kind stands in the table."""


def pages() -> dict[Path, str]:
    """Every generated file and what belongs into it."""
    catalog = Catalog()
    found = {
        DOCS / "settings.md": settings((DOCS / "settings.md").read_text()),
        DOCS / "performance.md": measured((DOCS / "performance.md").read_text()),
    }
    for provider in catalog.list_providers():
        for service in catalog.list_services(provider):
            for name in catalog.list_tables(provider, service):
                table = catalog.get_table(provider, service, name)
                found[DOCS / "tables" / provider / service / f"{name}.md"] = page(table)
        found[DOCS / "tables" / provider / f"{REGIONS}.md"] = regions_page(provider)
    return found


def settings(text: str) -> str:
    """The page of the settings with its table written anew."""
    rows = [
        (f"`{name}`", f"`{default}`" if default else "", about)
        for name, (default, about) in Settings.describe().items()
    ]
    return between(text, "settings", grid(("setting", "default", ""), rows))


def measured(text: str) -> str:
    """The page of the benchmark with its table written anew."""
    results = json.loads(RESULTS.read_text())
    rows = [tuple(finding["shown"]) for finding in results["findings"]]
    libraries = ", ".join(f"{name} {version}" for name, version in results["libraries"].items())
    around = (
        f"\nMedians of {results['pairs']} runs of each, in turns, unless the last table says otherwise, "
        f"on {results['cores']} cores; Python {results['python']}, {libraries}.\n"
    )
    return between(text, "results", grid(("case", "measured", "", "bar", ""), rows) + around)


def between(text: str, name: str, new: str) -> str:
    """A page with `new` between the marks of `name`."""
    begin = BEGIN.format(name)
    before, found, rest = text.partition(begin)
    assert found, f"no mark of {name}"
    return f"{before}{begin}{new}{END}{rest.partition(END)[2]}"


def page(table: Table) -> str:
    """The page of one table."""
    return "\n".join(
        [
            f"# {table.full_name}\n",
            f"{table.about}\n",
            *facts(table),
            "## Columns\n",
            columns(table),
            *nested(table),
            *filters(table),
            "## Methods\n",
            "This version reads; only the methods with `SELECT` can be used.\n",
            methods(table),
            "## Permissions\n",
            grid(("to", "IAM actions"), [(m.name, listed(m.permissions)) for m in table.methods]),
        ]
    )


def regions_page(provider: str) -> str:
    """The page of a provider's table of regions."""
    kind = f"`{format_duckdb_type(pa.string())}`"
    rows = [(f"`{name}`", kind, about) for name, about in COLUMNS.items()]
    return "\n".join(
        [
            f"# {provider}.{REGIONS}\n",
            f"{ABOUT}\n",
            f"Key: {listed(tuple(COLUMNS)[:1])}. It belongs to no service and has no methods.\n",
            "## Columns\n",
            grid(("name", "type", "description"), rows),
        ]
    )


def facts(table: Table) -> list[str]:
    lines = [f"Key: {listed(table.key)}, which is also `data__Identifier`."]
    if table.cloudformation:
        lines.append(f"CloudFormation: `{table.cloudformation}`.")
    if table.state.column:
        lines.append(f"State: `{table.state.column}`; these pass by themselves: {listed(table.state.busy)}.")
    return ["\n".join(lines) + "\n"]


def columns(table: Table) -> str:
    calls = {
        ColumnSource.LIST: f"`{table.list.call}`",
        ColumnSource.DESCRIBE: f"`{table.describe.call}` a row" if table.describe else "",
        ColumnSource.TAGS: f"`{table.tags.call}` a row" if table.tags else "",
        ColumnSource.REGION: "none",
        ColumnSource.ACCOUNT: "from the ARN, else `GetCallerIdentity` a session",
        ColumnSource.KEY: "as the key",
    }
    rows = [
        (f"`{c.name}`", short(format_duckdb_type(c.type)), c.description, calls[c.source])
        for c in table.columns
    ]
    return grid(("name", "type", "description", "call"), rows)


def format_duckdb_type(kind: pa.DataType) -> str:
    return duckdb_types.format_duckdb_type(kind, read_keywords())


def nested(table: Table) -> list[str]:
    """The types that are too long for the table of columns."""
    long = [
        c for c in table.columns if short(format_duckdb_type(c.type)) != f"`{format_duckdb_type(c.type)}`"
    ]
    lines = [line for column in long for line in tree(column.name, column.type, "")]
    return ["### Nested types\n", "```text", *lines, "```\n"] if lines else []


def tree(name: str, kind: pa.DataType, indent: str) -> list[str]:
    """A type with one line for each of its members."""
    inner, suffix = kind, ""
    while pa.types.is_list(inner):
        inner, suffix = inner.value_type, suffix + "[]"
    if not pa.types.is_struct(inner):
        return [f"{indent}{name} {format_duckdb_type(kind)}"]
    members = [line for member in inner for line in tree(member.name, member.type, indent + "    ")]
    return [f"{indent}{name} STRUCT{suffix}", *members]


def filters(table: Table) -> list[str]:
    if not table.list.filters:
        return []
    forms = {
        FilterOperator.EQUAL: "`{} =`",
        FilterOperator.CONTAINS: "what many `{}` of `IN`, or both ends of a range, begin with",
        FilterOperator.AFTER: "`{0} >`, `>=`, `=`, `BETWEEN`",
        FilterOperator.BEFORE: "`{0} <`, `<=`, `=`, `BETWEEN`",
    }
    rows = [
        (forms[f.op].format(f.column), f"`{f.parameter}` of `{table.list.call}`") for f in table.list.filters
    ]
    text = "Conditions that narrow what is listed; how, says [SQL](../../../sql.md#which-calls).\n"
    return ["## Filters\n", text, grid(("condition", "parameter"), rows)]


def methods(table: Table) -> str:
    rows = [(m.name, m.verb, f"`{m.call}`", listed(m.required), " or ".join(m.until)) for m in table.methods]
    return grid(("method", "verb", "call", "required", "done when"), rows)


def short(kind: str) -> str:
    """A type as it stands in the table of columns: in full, or its outermost kind."""
    if len(kind) <= LONGEST_TYPE:
        return f"`{kind}`"
    return "`" + kind.partition("(")[0] + "(…)" + ("[]" if kind.endswith("[]") else "") + "`"


def listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def grid(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    wanted = pages()
    for file, text in wanted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for file in DOCS.glob("tables/**/*.md"):
        if file not in wanted:
            file.unlink()


if __name__ == "__main__":
    main()
