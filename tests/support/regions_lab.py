"""A live table as the scans see it, beside plain DuckDB tables with the same rows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from sqlprov.sql.regions import Analysis, analyse

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-south-1")
KNOWN = "(SELECT unnest(['us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1', 'ap-south-1']) AS region)"
LIVE = ("e", "p", "m", "q")
SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("status", pa.string()),
        ("n", pa.int64()),
        ("region", pa.string()),
        ("tags", pa.list_(pa.string())),
    ]
)
SECOND = "aws.s.e /* once more */"
"""The second reference to a table whose first has other regions."""
FREE = """
CREATE TABLE aws.main.regions AS SELECT unnest(['us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1', 'ap-south-1',
    'cn-north-1']) AS region, unnest(['aws', 'aws', 'aws', 'aws', 'aws', 'aws-cn']) AS partition;
CREATE TABLE local AS SELECT unnest(['eu-west-1', 'us-west-2']) AS reg, unnest(['n1', 'n2']) AS label;
CREATE TABLE places AS SELECT unnest(['eu-west-1', 'ap-south-1', 'x']) AS region, unnest([1, 2, 3]) AS rank;
CREATE MACRO european(r) AS r LIKE 'eu-%';
"""
VIEWS = {
    "all_e": "SELECT * FROM aws.s.e",
    "european_e": "SELECT * FROM aws.s.e WHERE region LIKE 'eu-%'",
    "west_e": "SELECT * FROM aws.s.e WHERE region = 'us-west-2'",
    "named_e": "SELECT * FROM (SELECT name, region, status FROM aws.s.e) AS named(label, place, status)",
    "deep_e": "SELECT label AS name, place AS region, status FROM named_e WHERE place LIKE '%-1'",
    "tagged_e": "SELECT e.*, tag FROM aws.s.e AS e , unnest(e.tags) AS t(tag)",
    "some_e": "SELECT * FROM aws.s.e ORDER BY name, region LIMIT 3",
}


def rows(table: str, same: bool) -> pa.Table:
    """Every region's rows; with `same`, each region has the same ones."""
    found = []
    for at, region in enumerate(REGIONS):
        shift = 0 if same else at
        for k in range(1 + (LIVE.index(table) + shift) % 3 + 2):
            name, status = f"n{(k * (LIVE.index(table) + 1) + shift) % 5}", "ab"[(k + shift) % 2]
            tags = ["x", region, "y"][: (k + shift) % 4]
            found.append({"name": name, "status": status, "n": k + shift, "region": region, "tags": tags})
    return pa.Table.from_pylist(found, schema=SCHEMA)


class Scan:
    """What DuckDB pulls."""

    def __init__(self, table: pa.Table) -> None:
        self.table, self.projected_schema = table, table.schema

    def to_reader(self) -> pa.RecordBatchReader:
        return self.table.to_reader()


@dataclass
class Lab:
    """Runs statements as the engine would: questions, splice, and scans that know their default region."""

    same: bool = False
    default: str = REGIONS[0]
    unresolved: str | None = None
    relied: frozenset[str] = frozenset()
    scopes: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.live = duckdb.connect()
        self.plain = duckdb.connect()
        for connection in (self.live, self.plain):
            connection.execute("SET threads = 1; ATTACH ':memory:' AS aws; CREATE SCHEMA aws.s")
            connection.execute(FREE)
        cursor = self.live.cursor()
        cursor.execute("USE aws.s")
        for name in LIVE:
            table = rows(name, self.same)
            cursor.from_arrow(LiveTable(self, name, table)).create_view(name)
            self.plain.from_arrow(table).create(f"full_{name}")
            self.plain.execute(
                f"CREATE VIEW aws.s.{name} AS SELECT * FROM memory.main.full_{name} "
                f"WHERE getvariable('only_{name}') IS NULL OR region = getvariable('only_{name}')"
            )
        self.plain.execute(
            "CREATE VIEW aws.s.e2 AS SELECT * FROM memory.main.full_e "
            "WHERE getvariable('only_e2') IS NULL OR region = getvariable('only_e2')"
        )
        for connection in (self.live, self.plain):
            for name, text in VIEWS.items():
                connection.execute(f"CREATE VIEW {name} AS {text}")

    def close(self) -> None:
        self.live.close()
        self.plain.close()

    def run(self, text: str, parameters: list[Any] | None = None) -> Counter[str] | None:
        """The rows, or `None` if a scan refuses because the statement does not tell its regions."""
        analysis = analysed(text)
        try:
            answers = [self.answer(question, parameters) for question in analysis.questions]
            text = analysis.splice(answers)
        except duckdb.Error:
            analysis = analysis.refused()
        self.unresolved, self.relied, self.scopes = analysis.unresolved, analysis.relied, {}
        try:
            return Counter(map(repr, self.live.execute(text, parameters).fetchall()))
        except duckdb.Error as error:
            if "REGION" in str(error):
                return None
            raise

    def answer(self, question: str, parameters: list[Any] | None) -> list[str]:
        (statement,) = self.live.extract_statements(question)
        values = {str(at): value for at, value in enumerate(parameters or [], 1)}
        used = {name: values[name] for name in statement.named_parameters if name in values}
        return [row[0] for row in self.live.execute(statement, used or None).fetchall()]

    def expected(self, text: str, defaults: set[str], parameters: list[Any] | None = None) -> Counter[str]:
        """The rows that plain DuckDB finds if the tables `defaults` hold the default region and the others all."""
        text = text.replace(SECOND, "aws.s.e2")
        for name in (*LIVE, "e2"):
            value = f"'{self.default}'" if name in defaults else "NULL"
            self.plain.execute(f"SET VARIABLE only_{name} = {value}")
        return Counter(map(repr, self.plain.execute(text, parameters).fetchall()))


class LiveTable(ds.Dataset):
    """A scan's scope is what its filter says of region, else the default region."""

    def __init__(self, lab: Lab, name: str, table: pa.Table) -> None:
        self.lab, self.name, self.table = lab, name, table

    @property
    def schema(self) -> pa.Schema:
        return SCHEMA

    def scanner(self, columns: list[str] | None = None, filter: Any = None, **_: Any) -> Scan:
        table = self.table
        # DuckDB adds `region IS NOT NULL` by itself below a correlated sub-query.
        if "region" in re.sub(r"is_valid\(region\)", "", str(filter)):
            kind = "filtered"
        elif self.lab.unresolved is not None:
            raise ValueError(f"REGION {self.lab.unresolved}")
        elif self.name in self.lab.relied:
            raise ValueError("REGION not pushed")
        else:
            kind = "default"
            table = table.filter(pa.compute.field("region") == self.lab.default)
        self.lab.scopes.setdefault(self.name, set()).add(kind)
        if filter is not None:
            table = table.filter(filter)
        return Scan(table.select(columns or SCHEMA.names))


def live(parts: tuple[str, ...]) -> bool:
    return parts[-1].lower() in LIVE and tuple(part.lower() for part in parts[:-1]) in ((), ("aws", "s"))


def free(parts: tuple[str, ...]) -> bool:
    return parts in (("aws", "regions"), ("local",), ("places",), ("x.csv",))


def view(parts: tuple[str, ...]) -> str | None:
    return "r LIKE 'eu-%'" if parts == ("european",) else inline(parts)


def inline(parts: tuple[str, ...]) -> str | None:
    return VIEWS.get(parts[-1]) if parts[:-1] in ((), ("memory",), ("main",), ("memory", "main")) else None


def analysed(text: str) -> Analysis:
    return analyse(text, live, free, KNOWN, view, inline)


def spliced(text: str, *answers: list[str]) -> str:
    analysis = analysed(text)
    assert analysis.unresolved is None
    return analysis.splice(answers or [["eu-west-1"]] * len(analysis.questions))


def question(text: str) -> str:
    (only,) = analysed(text).questions
    return only.replace(KNOWN, "known")
