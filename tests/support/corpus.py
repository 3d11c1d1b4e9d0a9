"""Reads the blocks of .sql files: each is a query with the calls that it makes and the rows that it returns.

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
             MaxResults, SortBy and SortOrder, which every list sends, are left out; they are compared with
             EXPLAIN. A call with a page token is left out: it continues the list of the same operation, region and
             parameters, each page once, to the end unless it is `at most`. A region may be a pattern (`eu-*`) over
             the regions that have SageMaker; `!us-east-1` removes one.
             `each row` is a call for each row of the list: `x 2` says for how many with push-down on.
    at most  the same for a statement that a LIMIT or an error ends early: these calls or fewer
    rows     JSON lists, in any order; times in UTC to the millisecond, empty members of structures left out
    in order the same for a query with ORDER BY
    count    the number of rows, where any rows will do
    then     a query that is run after the statement; `rows` are its rows
    error    class of an error and a part of its text; EXPLAIN raises it too, unless `calls` says what precedes it
    explain  `no` for a statement that is not explained, or the calls that EXPLAIN names if the run may make others
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
    *("name", "setup", "params", "calls", "at most", "rows", "in order", "count", "then", "error", "explain")
}


@dataclass(frozen=True, order=True)
class ExpectedCall:
    """One call; `rows` is the number of rows it is made for, -1 for any. Region is empty for STS."""

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
    """One query of the corpus; see above. `None` stands for a line that is missing."""

    file: str
    name: str
    sql: str
    setup: str = ""
    params: Any = None
    calls: tuple[ExpectedCall, ...] | None = None
    bounded: bool = False
    rows: list[Any] | None = None
    ordered: bool = False
    count: int | None = None
    then: str = ""
    error: tuple[str, str] | None = None
    explained: bool = True
    planned: tuple[ExpectedCall, ...] | None = None


def read_blocks(folder: Path) -> Iterator[Block]:
    """Every block of every file of the folder."""
    for file in sorted(folder.glob("*.sql")):
        for text in re.split(r"(?m)^(?=-- name:)", file.read_text())[1:]:
            yield _parse_block(file.name, text)


def _parse_block(file: str, text: str) -> Block:
    lines: dict[str, str] = {}
    key, sql = "", []
    for line in text.splitlines():
        match = re.match(r"-- ([a-z ]+): ?(.*)", line)
        if match and not sql:
            key = match.group(1)
            assert key in DIRECTIVES, f"{file}: unknown directive {key!r}"
            lines[key] = f"{lines[key]}\n{match.group(2)}" if key in lines else match.group(2)
        elif line.startswith("--  ") and not sql:
            lines[key] += "\n" + line[4:].strip()
        elif line.strip() or sql:
            sql.append(line)
    name = lines["name"]
    bounded = "at most" in lines
    calls = lines.get("calls", lines.get("at most"))
    rows = lines.get("rows", lines.get("in order"))
    kind, _, message = lines.get("error", "").partition(": ")
    explained = lines.get("explain")
    assert sql, f"{file}: {name} has no query"
    assert {"rows", "in order", "count", "error"} & set(lines), f"{file}: {name} expects nothing"
    return Block(
        file=file,
        name=name,
        sql="\n".join(sql).strip().removesuffix(";"),
        setup=lines.get("setup", ""),
        params=json.loads(lines["params"]) if "params" in lines else None,
        calls=None if calls is None else tuple(_parse_calls(calls)),
        bounded=bounded,
        rows=None if rows is None else json.loads(f"[{rows}]"),
        ordered="in order" in lines,
        count=int(lines["count"]) if "count" in lines else None,
        then=lines.get("then", ""),
        error=(kind, message) if "error" in lines else None,
        explained=explained != "no",
        planned=None if explained in (None, "no") else tuple(_parse_calls(explained)),
    )


def _parse_calls(text: str) -> Iterator[ExpectedCall]:
    if text == "none":
        return
    for line in re.split(r"\n(?=[A-Z])", text):
        match = re.fullmatch(r"(\w+)(?: ([\w,!*-]+))??(?: ({.*}))?( each row(?: x (\d+))?)?", line, re.DOTALL)
        assert match, f"not a call: {line!r}"
        operation, where, parameters, each_row, rows = match.groups()
        text = format_parameters(json.loads(parameters or "{}"))
        for region in _expand_regions(where or ""):
            yield ExpectedCall(operation, region, text, bool(each_row), int(rows or -1))


def _expand_regions(where: str) -> list[str]:
    if not where:
        return [""]
    patterns = where.split(",")
    regions = [pattern for pattern in patterns if "*" not in pattern and not pattern.startswith("!")]
    for pattern in patterns:
        if "*" in pattern:
            regions += [region for region in list_sagemaker_regions() if fnmatch(region, pattern)]
    return [region for region in dict.fromkeys(regions) if f"!{region}" not in patterns]


@cache
def list_sagemaker_regions() -> list[str]:
    """The regions from botocore, not from our catalog."""
    return sorted(boto3.Session().get_available_regions("sagemaker", "aws"))


def format_parameters(parameters: Mapping[str, Any], without: Set[str] = EVERY_LIST_SENDS) -> str:
    """Parameters as one text, without those of every list."""
    kept = {name: value for name, value in parameters.items() if name not in without}
    return json.dumps(
        {name: _format_value(name, value) for name, value in sorted(kept.items())}, sort_keys=True
    )


def _format_value(name: str, value: Any) -> Any:
    if name.endswith(("After", "Before")) and isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    return to_json(value)


def to_json(value: Any) -> Any:
    """A value of a result as JSON would have it."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
        return text.replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def count_rows(rows: list[Any]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True, default=str) for row in rows)
