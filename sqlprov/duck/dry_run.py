"""Lists the calls that a statement would make, for EXPLAIN, dry runs and confirmations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.aws.transport.accounts import Accounts
from sqlprov.aws.transport.run import Run
from sqlprov.aws.write.row_watcher import RowWatcher
from sqlprov.aws.write.target_row import TargetRow
from sqlprov.catalog.table import Table
from sqlprov.errors import DataError
from sqlprov.plan.write.dry_run import simulate
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.redaction import hide_parameters
from sqlprov.plan.write.steps import (
    Request,
    RowWrite,
    Success,
    WriteKind,
    build_parameters,
)
from sqlprov.records import dataclass

STOP_PREFIXES = ("stop", "cancel", "abort", "terminate")
"""Prefixes of methods that stop something."""
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("key", pa.string()),
        ("operation", pa.string()),
        ("region", pa.string()),
        ("account", pa.string()),
        ("parameters", pa.string()),
        ("states", pa.string()),
        ("permissions", pa.string()),
        ("note", pa.string()),
    ]
)
"""Columns of EXPLAIN and dry run of a write; `account` only if there are several."""


@dataclass(frozen=True)
class WritePreview:
    """What a statement would write, before its first writing call.

    Attributes:
        text: the statement as written.
        verb: UPDATE, DELETE or EXEC.
        table: full name.
        rows: number of rows.
        stopped: number of rows that it would stop.
        is_keyed: whether the statement names each row by its key.
        calls: the calls row by row, as EXPLAIN shows them; no others are made.
        digest: of the calls with the values that EXPLAIN hides; it differs if one of them does.
    """

    text: str
    verb: str
    table: str
    rows: int
    stopped: int
    is_keyed: bool
    calls: pa.Table
    digest: bytes


Confirm = Callable[[WritePreview], bool]
"""Decides whether a write is made."""


def build_preview(
    text: str, targets: list[TargetRow], is_keyed: bool, run: Run, accounts: Accounts
) -> WritePreview:
    """The preview to confirm; from here on the targets allow no other calls."""
    rows = _list_rows(targets, run, accounts)
    calls = _build_calls(rows, accounts)
    digest = hashlib.sha256(repr(rows).encode(errors="surrogatepass")).digest()
    operations: list[set[str]] = [set() for _ in targets]
    for row, operation in zip(calls["row"].to_pylist(), calls["operation"].to_pylist(), strict=True):
        operations[row - 1].update([operation] if operation else [])
    for target, confirmed in zip(targets, operations, strict=True):
        target.confirmed = frozenset(confirmed)
    write = targets[0].write
    stops = {method.call for method in write.table.methods if method.name.startswith(STOP_PREFIXES)}
    stopped = sum(bool(confirmed & stops) for confirmed in operations)
    name = write.table.full_name
    return WritePreview(text, write.kind.value, name, len(targets), stopped, is_keyed, calls, digest)


def list_calls(targets: list[TargetRow], run: Run, accounts: Accounts) -> pa.Table:
    """The calls that would be made, one per row of the result; it only makes calls that read."""
    return _build_calls(_list_rows(targets, run, accounts), accounts)


def _build_calls(rows: list[dict[str, Any]], accounts: Accounts) -> pa.Table:
    calls = pa.Table.from_pylist(rows, schema=SCHEMA)
    return calls if len(accounts) > 1 else calls.drop_columns(["account"])


def _list_rows(targets: list[TargetRow], run: Run, accounts: Accounts) -> list[dict[str, Any]]:
    """The same as rows, which also have each call's `values`: its parameters with nothing hidden."""
    return [
        row
        for number, target in enumerate(targets, start=1)
        for row in _list_row(number, target, run, accounts)
    ]


def _list_row(number: int, target: TargetRow, run: Run, accounts: Accounts) -> list[dict[str, Any]]:
    """The calls for one row, as rows of the result; a row without a call if there is none."""
    snapshot = None
    if target.write.kind in (WriteKind.UPDATE, WriteKind.DELETE) or target.write.skips_existing:
        watcher = RowWatcher(target.write, run, accounts.find_cloud(target.write.place))
        snapshot = watcher.read(tags=target.document is not None)
    base = {"row": number, "key": "|".join(target.write.key), **target.write.place}
    try:
        write = target.complete(snapshot)
    except DataError as error:
        return [{**base, "note": str(error)}]
    requests, states, refusal = simulate(write, snapshot)
    end = refusal or next_step(write, snapshot, tuple(requests))
    is_noted = isinstance(end, Success) and write.kind is WriteKind.INSERT
    remarks = end.note if is_noted and isinstance(end, Success) else "; ".join(write.notes)
    note = "; ".join([*filter(None, [remarks, refusal.reason if refusal else ""]), *run.warnings])
    base["states"] = " → ".join(states)
    if not requests:
        return [{**base, "note": note or "no call: the row is already as requested"}]
    return [
        {
            **base,
            "operation": request.operation,
            "parameters": _format_parameters(write, request),
            "values": request.parameters,
            "permissions": ", ".join(_list_permissions(write.table, request)),
            "note": note or None,
        }
        for request in requests
    ]


def _format_parameters(write: RowWrite, request: Request) -> str:
    return orjson.dumps(build_parameters(write, hide_parameters(write, request)), default=str).decode()


def _list_permissions(table: Table, request: Request) -> tuple[str, ...]:
    """IAM actions that a call needs, its own first."""
    own = table.iam.find(request.operation)
    method = next((each for each in table.methods if each.call == request.operation), None)
    others = (
        [each for each in method.permissions if not each.startswith(f"{table.iam.prefix}:")] if method else []
    )
    is_tagged = request.purpose == "create" and request.parameters.get(table.tags_parameter)
    if is_tagged and table.tagging and table.tagging.add:
        others.append(table.iam.find(table.tagging.add))  # a create with tags needs it, too
    return tuple(dict.fromkeys((own, *others)))
