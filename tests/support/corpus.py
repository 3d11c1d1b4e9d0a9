"""A .sql file in, its blocks out: each a query with the calls it should make and the rows it should give.

    -- name: a running experiment is found by status
    -- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
    -- rows: ["search-relevance"], ["fraud-xgboost-17"]
    SELECT name FROM aws.sagemaker.inference_experiments WHERE status = 'Running' AND region = 'us-east-1';

A block begins with its name. A line that begins with `--  ` continues the one before it.

    name     a sentence
    setup    statements that are run first, by every cursor
    params   a JSON list for `?`, an object for `$name`
    calls    one line a call, or `none`:
                 Operation region[,region…] {parameters} [each row [x rows]]
             MaxResults, SortBy and SortOrder, which every list sends, are left out; they are compared with what
             EXPLAIN says of them. A call with a page token is not listed: it goes on with the list of the same
             operation, region and parameters, each page once, to the end unless it is `at most`. A region may be
             a pattern (`eu-*`) over the regions that have SageMaker; `!us-east-1` takes one away.
             `each row` is a call for each row that the list gives: `x 2` says for how many with push-down on.
    at most  the same for a statement that a LIMIT or an error ends early: these calls or fewer
    rows     JSON lists, in any order; times in UTC to the millisecond, empty members of structures left out
    in order the same for a query with ORDER BY
    count    the number of rows, where which they are is not told
    then     a query that is run after the statement; rows are what it gives
    error    class of an error and a part of its text; EXPLAIN meets it too, unless `calls` says what precedes it
    explain  `no` for a statement that is not explained
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import boto3

TOKEN = frozenset({"NextToken"})
EVERY_LIST_SENDS = TOKEN | {"MaxResults", "SortBy", "SortOrder"}
DIRECTIVES = {
    *("name", "setup", "params", "calls", "at most", "rows", "in order", "count", "then", "error", "explain"),
}


@dataclass(frozen=True, order=True)
class Call:
    """One call; `rows` tells how many rows it is made for, -1 if that is open. Region is empty for STS."""

    operation: str
    region: str
    parameters: str = "{}"
    each_row: bool = False
    rows: int = -1

    @property
    def planned(self) -> tuple[str, str, str, bool]:
        return self.operation, self.region, self.parameters, self.each_row


@dataclass(frozen=True)
class Block:
    """One query of the corpus; see above. `None` stands for what is not written."""

    file: str
    name: str
    sql: str
    setup: str = ""
    params: Any = None
    calls: tuple[Call, ...] | None = None
    bounded: bool = False
    rows: list[Any] | None = None
    ordered: bool = False
    count: int | None = None
    then: str = ""
    error: tuple[str, str] | None = None
    explained: bool = True


def blocks(folder: Path) -> Iterator[Block]:
    """Every block of every file of the folder."""
    for file in sorted(folder.glob("*.sql")):
        for text in re.split(r"(?m)^(?=-- name:)", file.read_text())[1:]:
            yield _block(file.name, text)


def _block(file: str, text: str) -> Block:
    found: dict[str, str] = {}
    key, sql = "", []
    for line in text.splitlines():
        named = re.match(r"-- ([a-z ]+): ?(.*)", line)
        if named and not sql:
            key = named.group(1)
            assert key in DIRECTIVES, f"{file}: what is {key!r}?"
            found[key] = f"{found[key]}\n{named.group(2)}" if key in found else named.group(2)
        elif line.startswith("--  ") and not sql:
            found[key] += "\n" + line[4:].strip()
        elif line.strip() or sql:
            sql.append(line)
    name = found["name"]
    bounded = "at most" in found
    calls = found.get("calls", found.get("at most"))
    rows = found.get("rows", found.get("in order"))
    kind, _, said = found.get("error", "").partition(": ")
    assert sql, f"{file}: {name} has no query"
    assert {"rows", "in order", "count", "error"} & set(found), f"{file}: {name} expects nothing"
    return Block(
        file=file,
        name=name,
        sql="\n".join(sql).strip().removesuffix(";"),
        setup=found.get("setup", ""),
        params=json.loads(found["params"]) if "params" in found else None,
        calls=None if calls is None else tuple(_calls(calls)),
        bounded=bounded,
        rows=None if rows is None else json.loads(f"[{rows}]"),
        ordered="in order" in found,
        count=int(found["count"]) if "count" in found else None,
        then=found.get("then", ""),
        error=(kind, said) if "error" in found else None,
        explained=found.get("explain") != "no",
    )


def _calls(text: str) -> Iterator[Call]:
    if text == "none":
        return
    for line in re.split(r"\n(?=[A-Z])", text):
        said = re.fullmatch(r"(\w+)(?: ([\w,!*-]+))??(?: ({.*}))?( each row(?: x (\d+))?)?", line, re.DOTALL)
        assert said, f"no call: {line!r}"
        operation, where, parameters, each_row, rows = said.groups()
        plain = canonical(json.loads(parameters or "{}"))
        for region in _regions(where or ""):
            yield Call(operation, region, plain, bool(each_row), int(rows or -1))


def _regions(where: str) -> list[str]:
    if not where:
        return [""]
    patterns = where.split(",")
    found = [pattern for pattern in patterns if "*" not in pattern and not pattern.startswith("!")]
    for pattern in patterns:
        if "*" in pattern:
            found += [region for region in sagemaker_regions() if fnmatch(region, pattern)]
    return [region for region in dict.fromkeys(found) if f"!{region}" not in patterns]


@cache
def sagemaker_regions() -> list[str]:
    """What botocore itself says, not our catalog."""
    return sorted(boto3.Session().get_available_regions("sagemaker", "aws"))


def canonical(parameters: Mapping[str, Any], without: Set[str] = EVERY_LIST_SENDS) -> str:
    """Parameters as one text, without those that every list sends."""
    kept = {name: value for name, value in parameters.items() if name not in without}
    return json.dumps({name: _sent(name, value) for name, value in sorted(kept.items())}, sort_keys=True)


def _sent(name: str, value: Any) -> Any:
    if name.endswith(("After", "Before")) and isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    return plain(value)


def plain(value: Any) -> Any:
    """A value of a result as JSON would have it."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
        return text.replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def in_any_order(rows: list[Any]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True, default=str) for row in rows)
