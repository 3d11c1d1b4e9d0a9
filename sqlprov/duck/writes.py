"""A statement that writes in, its outcomes out: rows read by DuckDB, drafted by `plan`, written by `cloud`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.aws.read.batches import build_array, get_path
from sqlprov.aws.run import Run
from sqlprov.aws.write.waiting import RowFailed
from sqlprov.aws.write.writing import Outcome, OutcomeStatus, RowWriter, write_rows
from sqlprov.catalog.table import ColumnSource, Table
from sqlprov.duck.session import Session, quoted
from sqlprov.errors import DataError, NotSupportedError, RegionError, WriteError, format_count, suggest
from sqlprov.plan.write.diff import diff_values, parse_tags
from sqlprov.plan.write.dry_run import simulate
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.insert import plan_inserts
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.patch import apply_patch
from sqlprov.plan.write.patch_check import check_patch
from sqlprov.plan.write.steps import Request, RowWrite, Snapshot, Success, WriteKind
from sqlprov.plan.write.write_rows import PATCH, WritePlan, check_assignments, plan_exec, plan_updates
from sqlprov.sql.delete import Delete
from sqlprov.sql.exec import Exec
from sqlprov.sql.insert import Insert
from sqlprov.sql.lexer import TokenKind
from sqlprov.sql.names import find_live_table
from sqlprov.sql.update import Update


@dataclass(frozen=True)
class Asked:
    """The whole answer of a query: its rows, and DuckDB's type of each column."""

    rows: pa.Table
    types: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """What a statement would write, rehearsed, before its first writing call.

    Attributes:
        text: the statement as written.
        verb: UPDATE, DELETE or EXEC.
        table: full name.
        rows: how many rows it means.
        stopped: how many of them it would stop.
        calls: the calls row by row, as EXPLAIN shows them; no others are made.
    """

    text: str
    verb: str
    table: str
    rows: int
    stopped: int
    calls: pa.Table


Confirm = Callable[[Proposal], bool]
Ask = Callable[[str], Asked]
"""Has DuckDB run a query, with the live tables it names, their regions, and the parameters."""
Statement = Insert | Update | Delete | Exec

CAP, KEYED_CAP = 10, 100
"""Rows that one statement may write: with any condition; with INSERT or a condition on the key."""
ENDING = ("stop", "cancel", "abort", "terminate")
"""How methods begin that end what runs."""
OWN_ROWS = "sqlprov_rows"
"""Name under which RETURNING finds the rows."""
PLAN = pa.schema(
    [
        ("row", pa.int64()),
        ("key", pa.string()),
        ("operation", pa.string()),
        ("region", pa.string()),
        ("parameters", pa.string()),
        ("states", pa.string()),
        ("permissions", pa.string()),
        ("note", pa.string()),
    ]
)
"""Columns of EXPLAIN and dry run of a write."""


@dataclass
class Target:
    """One row to be written: the write, or how it is made from the row as described; and what the row was.

    `shown` are the operations that were confirmed; `None` if nobody was asked.
    """

    write: RowWrite
    document: str | None = None
    read: dict[str, Any] = field(default_factory=dict)
    shown: frozenset[str] | None = None

    def check(self, found: Snapshot | None) -> None:
        """Raise Stopped if the row as described is not the one that the statement read."""
        table = self.write.table
        if found is None:
            if self.write.kind is WriteKind.DELETE:
                return
            raise RowFailed(f"{self.write.shown} does not exist any more")
        assert table.describe is not None, "only tables that can be described are written"
        for name, value in self.read.items():
            if table.by_name[name].source is ColumnSource.TAGS:
                now, changed = found.tags, parse_tags(value) != found.tags
            else:
                now = get_path(found.described, table.describe.paths[name])
                changed = _changed(table, name, value, now)
            if changed:
                raise RowFailed(
                    f"{self.write.shown} was changed since it was read: {name} is {now!r}, was {value!r}"
                )

    def made(self, found: Snapshot | None) -> RowWrite:
        """The write, once the row is known that a patch document changes."""
        if self.document is None or found is None:
            return self.write
        change = apply_patch(self.write.table, found, self.document)
        return replace(
            self.write, values=change.changes, tags=change.tags, desired=change.desired, reason=change.reason
        )


class Writing:
    """One statement that writes.

    Args:
        session: the tables.
        statement: what was asked.
        path: what USE chose.
        ask: has DuckDB run a query.
        run: the statement's run; from here on it tolerates no incomplete read.
        zone: time zone of times that name none.
        parameters: the values that come with the statement.
    """

    def __init__(
        self,
        session: Session,
        statement: Statement,
        path: tuple[str, ...],
        ask: Ask,
        run: Run,
        zone: str,
        parameters: Any = None,
    ) -> None:
        self.session, self.statement, self.path = session, statement, path
        if isinstance(statement, Exec):
            self.table, _ = statement.resolve(session.catalog, path)
        else:
            self.table = _live(session, statement.target, path)
        self.ask, self.run, self.zone, self.parameters = ask, run, zone, parameters
        self.warnings = run.warnings
        if run.tolerant:
            # A read with gaps would choose other rows: `NOT IN (SELECT …)` more of them.
            run.settings = replace(run.settings, on_error="fail")

    # Rows

    def targets(self) -> list[Target]:
        """The rows to be written; nothing has been written when this raises.

        Raises:
            Error: the rows cannot be read completely, or do not fit.
        """
        if isinstance(self.statement, Insert):
            found = self._inserts(self.statement)
        elif isinstance(self.statement, Update):
            found = self._updates(self.statement)
        elif isinstance(self.statement, Delete):
            found = self._deletes(self.statement)
        else:
            found = self._execution(self.statement)
        if isinstance(self.statement, Update | Delete):
            # As they come, they would be numbered otherwise by EXPLAIN than by the statement itself.
            found.sort(key=lambda target: (target.write.region, target.write.key))
        self._check_cap(found)
        return found

    def _inserts(self, statement: Insert) -> list[Target]:
        given = self._given(self.ask(statement.source))
        listed = statement.columns is not None
        if statement.columns is not None:
            if len(statement.columns) != len(given.names):
                raise DataError(
                    f"INSERT INTO {self.table.full_name} names {format_count(len(statement.columns), 'column')}; "
                    f"its query gives {len(given.names)}."
                )
            given = replace(given, names=statement.columns)
        return self._drafted(plan_inserts(self.table, given, listed, self._region()))

    def _execution(self, statement: Exec) -> list[Target]:
        table, method = statement.resolve(self.session.catalog, self.path)
        given = self._given(self.ask(statement.build_values_query()))
        if statement.json is not None:
            given = _opened(given)
        return self._drafted(plan_exec(table, method, given, self._region()))

    def _drafted(self, drafts: WritePlan) -> list[Target]:
        self.warnings += drafts.warnings
        known = self.session.regions_known(self.run)
        wrong = [
            f"Unknown region {write.region!r} in row {number}.{suggest(write.region, known)}"
            for number, write in enumerate(drafts.writes, start=1)
            if write.region not in known
        ]
        if wrong:
            advice = "SELECT region FROM aws.regions lists them; SET sqlprov_regions makes a new one known."
            raise RegionError(" ".join((*wrong, advice)))
        return [Target(write) for write in drafts.writes]

    def _updates(self, statement: Update) -> list[Target]:
        assigned = [column for column, _ in statement.assignments]
        document = any(name.lower() in (PATCH.lower(), "patchdocument") for name in assigned)
        if document and len(assigned) > 1:
            raise NotSupportedError(f"{PATCH} stands alone in SET: the document says all that changes.")
        if not document:
            check_assignments(self.table, assigned)
        asked, keys, read = self._found(statement)
        given = self._given(asked, last=len(assigned))
        if document:
            return self._patches(given, keys, read)
        drafts = plan_updates(self.table, assigned, replace(given, names=tuple(assigned)), keys)
        by_key = dict(zip(keys, read, strict=True))
        self.warnings += drafts.warnings
        return [Target(write, read=by_key[write.region, write.key]) for write in drafts.writes]

    def _patches(
        self,
        given: InputRows,
        keys: Sequence[tuple[str, tuple[str, ...]]],
        read: Sequence[dict[str, Any]],
    ) -> list[Target]:
        found: dict[tuple[str, tuple[str, ...]], Target] = {}
        for key, row, values in zip(keys, given.rows, read, strict=True):
            if not isinstance(row[0], str):
                raise DataError(
                    f"{PATCH} is {row[0]!r}; expected a text, a JSON array of RFC 6902 operations."
                )
            target = Target(RowWrite(self.table, WriteKind.UPDATE, *key, {}), row[0], values)
            if found.setdefault(key, target).document != row[0]:
                raise DataError(f"{target.write.shown} is matched twice, with different values.")
        drafts = WritePlan()
        for document in dict.fromkeys(target.document or "" for target in found.values()):
            faults, warnings = check_patch(self.table, document)
            drafts.faults += faults
            drafts.warnings += warnings
        self.warnings += drafts.checked().warnings
        return list(found.values())

    def _deletes(self, statement: Delete) -> list[Target]:
        _, keys, read = self._found(statement)
        rows = dict(zip(keys, read, strict=True))
        return [
            Target(RowWrite(self.table, WriteKind.DELETE, region, key, {}), read=values)
            for (region, key), values in rows.items()
        ]

    def _found(
        self, statement: Update | Delete
    ) -> tuple[Asked, list[tuple[str, tuple[str, ...]]], list[dict[str, Any]]]:
        """The rows that meet WHERE: the query's result, region and key of each, and its values as read.

        Raises:
            NotSupportedError: rows in several regions, and no condition on region.
        """
        table, key = self.table, self.table.key
        watched = self._watched(statement)
        name = ".".join(quoted(part) for part in (table.provider, table.service, table.name))
        asked = self.ask(statement.build_rows_query(name, (*key, *watched)))
        rows = asked.rows
        assigned = len(statement.assignments) if isinstance(statement, Update) else 0
        if len(asked.types) != 1 + len(key) + len(watched) + assigned:
            raise DataError("An expression of SET stands for several columns; expected one value each.")
        width = 1 + len(key) + len(watched)
        columns = [column.to_pylist() for column in rows.columns[:width]]
        found = list(zip(*columns, strict=True)) if rows.num_rows else []
        keys = [(str(row[0]), tuple(str(part) for part in row[1 : 1 + len(key)])) for row in found]
        read = [dict(zip(watched, row[1 + len(key) :], strict=True)) for row in found]
        regions = sorted({region for region, _ in keys})
        if len(regions) > 1 and "region" not in statement.words:
            raise NotSupportedError(
                f"The rows lie in {', '.join(regions)}: say in WHERE which regions are meant. Nothing was written."
            )
        return asked, keys, read

    def _watched(self, statement: Update | Delete) -> list[str]:
        """The columns that must not change between the read and the first call."""
        table = self.table
        assert table.describe is not None, "only tables that can be described are written"
        # SET takes `ModelVariants` and `data__ModelVariants` too.
        named = {word.removeprefix("data__").replace("_", "") for word in statement.words}
        desired = table.write.desired.column if table.write.desired else ""
        return [
            name
            for name, column in table.by_name.items()
            if (name in table.describe.paths or column.source is ColumnSource.TAGS)
            and name not in (*table.key, "region")
            and (name == "creation_time" or name.lower().replace("_", "") in named)
            # It shows the status, which moves by itself: whether it can be reached is decided anew.
            and not (name == desired and isinstance(statement, Update))
        ]

    def _given(self, asked: Asked, last: int | None = None) -> InputRows:
        """The rows of a query, or its `last` columns."""
        start = 0 if last is None else len(asked.types) - last
        columns = asked.rows.columns[start:]
        return InputRows(
            tuple(asked.rows.schema.names[start:]),
            tuple(field.type for field in asked.rows.schema)[start:],
            tuple(kind == "JSON" for kind in asked.types[start:]),
            tuple(zip(*(_listed(column) for column in columns), strict=True)) if columns else (),
            self.zone,
        )

    def _region(self) -> str | None:
        default = self.session.regions(self.table.client, self.run).default
        return default[0] if len(default) == 1 else None

    def _check_cap(self, targets: list[Target]) -> None:
        cap, count = (
            self.run.settings.max_writes or (KEYED_CAP if self._keyed(targets) else CAP),
            len(targets),
        )
        if count > cap:
            raise DataError(
                f"The statement would write {count} rows, more than {cap}: nothing was written. "
                f"SET sqlprov_max_writes = {count} allows it."
            )

    def _keyed(self, targets: list[Target]) -> bool:
        """Whether the statement names its rows: a condition on the key made look-ups, or every key is given.

        Many keys are read by one list, which is cheaper: the calls alone do not tell.
        """
        if isinstance(self.statement, Insert | Exec):
            return True
        if all(call.operation != self.table.list.call for call in self.run.calls):
            return True
        texts = {token.value for token in self.statement.tokens if token.kind is TokenKind.STRING}
        texts.update(_texts(self.parameters))
        return all("|".join(target.write.key) in texts for target in targets)

    # Writing

    def write(self, targets: list[Target]) -> list[Outcome]:
        """Write the rows; the outcomes are also noted in the run.

        Raises:
            WriteError: not every row is ok.
        """
        returning = getattr(self.statement, "returning", None)
        wait = self.statement.wait or self.run.settings.await_
        writers = [
            RowWriter(
                target.write,
                row,
                self.run,
                self.session.cloud,
                check=target.check,
                made=target.made if target.document is not None else None,
                wait=wait,
                reading=returning is not None,
                tagged=any(
                    target.write.table.by_name[name].source is ColumnSource.TAGS for name in target.read
                ),
                shown=target.shown,
            )
            for row, target in enumerate(targets, start=1)
        ]
        self.run.writing = True
        outcomes = write_rows(writers, self.run)
        self.run.outcomes.extend(outcomes)
        bad = [outcome for outcome in outcomes if outcome.status is not OutcomeStatus.OK]
        if bad:
            listed = "\n".join(
                f"  row {one.row}, {one.key!r} in {one.region}: {one.status.value}. {one.reason}"
                for one in bad
            )
            be = "is" if len(bad) == 1 else "are"
            told = "".join(f"\n  Warning: {warning}" for warning in self.warnings)
            raise WriteError(
                f"{format_count(len(bad), 'row')} of {len(outcomes)} {be} not ok.\n{listed}{told}",
                outcomes,
                self.warnings,
            )
        return outcomes

    def read_back(self, outcomes: list[Outcome]) -> pa.Table:
        """The rows as they are now (of DELETE: as they were), with the columns of the table."""
        table = self.table
        found = [(one, one.found) for one in outcomes if one.found is not None]
        columns = [
            build_array(column, [_value(table, column.name, *each) for each in found])
            for column in table.columns
        ]
        return pa.Table.from_arrays(columns, names=[column.name for column in table.columns])

    def _permissions(self, request: Request) -> tuple[str, ...]:
        """IAM actions of the statement's method that a call needs, its own first."""
        own = f"{self.table.iam}:{request.operation}"
        for method in self.table.methods:
            if method.call == request.operation:
                return (
                    own,
                    *(action for action in method.permissions if not action.startswith(self.table.iam)),
                )
        return (own,)

    # Rehearsal

    def proposed(self, targets: list[Target]) -> Proposal:
        """What would be done, for whoever confirms it; from here on the targets allow no other call."""
        calls = self.rehearse(targets)
        made: dict[int, set[str]] = {}
        for row, operation in zip(calls["row"].to_pylist(), calls["operation"].to_pylist(), strict=True):
            made.setdefault(row, set()).update([operation] if operation else [])
        for number, target in enumerate(targets, start=1):
            target.shown = frozenset(made[number])
        ending = {method.call for method in self.table.methods if method.name.startswith(ENDING)}
        return Proposal(
            self.statement.text,
            targets[0].write.kind.value,
            self.table.full_name,
            len(targets),
            sum(bool(operations & ending) for operations in made.values()),
            calls,
        )

    def rehearse(self, targets: list[Target]) -> pa.Table:
        """The calls that would be made, one row each; only reads are made to tell."""
        rows: list[dict[str, Any]] = []
        for number, target in enumerate(targets, start=1):
            writer = RowWriter(target.write, number, self.run, self.session.cloud)
            found = None
            if target.write.kind in (WriteKind.UPDATE, WriteKind.DELETE):
                found = writer.look(tags=True if target.document is not None else None)
            base: dict[str, Any] = {
                "row": number,
                "key": "|".join(target.write.key),
                "region": target.write.region,
            }
            try:
                write = target.made(found)
            except DataError as error:
                rows.append({**base, "note": str(error)})
                continue
            requests, states, refusal = simulate(write, found)
            base["states"] = " → ".join(states)
            end = refusal or next_step(write, found, tuple(requests))
            told = (
                end.note
                if isinstance(end, Success) and write.kind is WriteKind.INSERT
                else "; ".join(write.notes)
            )
            notes = [*([told] if told else []), *([refusal.reason] if refusal else []), *self.warnings]
            rows += [
                {
                    **base,
                    "operation": request.operation,
                    "parameters": orjson.dumps(dict(request.parameters), default=str).decode(),
                    "permissions": ", ".join(self._permissions(request)),
                    "note": "; ".join(notes) or None,
                }
                for request in requests
            ]
            if not requests:
                rows.append({**base, "note": "; ".join(notes) or "no call: the row is as asked already"})
        return pa.Table.from_pylist(rows, schema=PLAN)


def _texts(value: Any) -> Iterator[str]:
    """The texts among parameters, those within lists too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from _texts(part)


def _listed(column: pa.ChunkedArray) -> list[Any]:
    try:
        found: list[Any] = column.to_pylist()
    except (OverflowError, ValueError) as error:
        raise DataError(f"A value of the rows is beyond what can be written: {error}") from None
    return found


def _changed(table: Table, name: str, read: Any, now: Any) -> bool:
    """Whether a value is another than was read; what no call takes, such as a variant's Status, moves by itself."""
    for method in (table.by_method.get("create_resource"), table.by_method.get("update_resource")):
        for part in method.parameters if method else ():
            if part.column == name and method:
                return any(diff_values(read, now, method.input_shape.members[part.name], name))
    return bool(build_array(table.by_name[name], [now]).to_pylist()[0] != read)


def _live(session: Session, target: tuple[str, ...], path: tuple[str, ...]) -> Table:
    table = find_live_table(session.catalog, target, path)
    assert table is not None, "only a statement on a live table comes here"
    return table


def _value(table: Table, name: str, outcome: Outcome, found: Snapshot) -> Any:
    """The value of a column of a row as described, as the service's JSON has it."""
    column = table.by_name[name]
    describe = table.describe
    assert describe is not None, "only tables that can be described are written"
    match column.source:
        case ColumnSource.REGION:
            return outcome.region
        case ColumnSource.KEY:
            return outcome.key
        case ColumnSource.TAGS:
            tags = found.tags
            return None if tags is None else [{"Key": key, "Value": value} for key, value in tags.items()]
        case ColumnSource.ACCOUNT:
            arn = get_path(found.described, describe.paths[table.arn]) if table.arn else None
            return str(arn).split(":")[4] if arn else None
    return get_path(found.described, describe.paths[name])


def _opened(given: InputRows) -> InputRows:
    """The values of EXEC with the members of `@@json` beside the others, which come first."""
    at = next(index for index, name in enumerate(given.names) if name.lower() == "@@json")
    text = given.rows[0][at]
    try:
        members = orjson.loads(text) if isinstance(text, str) else text
    except orjson.JSONDecodeError as error:
        raise DataError(f"@@json is no JSON: {error}") from None
    if not isinstance(members, dict):
        raise DataError(f"@@json is {text!r}; expected a JSON object.")
    names = [name for index, name in enumerate(given.names) if index != at]
    twice = {name.lower() for name in names} & {name.lower() for name in members}
    if twice:
        raise DataError(f"EXEC gives {', '.join(sorted(twice))} twice, as @name and in @@json.")
    keep = [index for index in range(len(given.names)) if index != at]
    texts = tuple(orjson.dumps(value).decode() for value in members.values())
    return InputRows(
        (*names, *members),
        (*(given.types[index] for index in keep), *(pa.string() for _ in members)),
        (*(given.json[index] for index in keep), *(True for _ in members)),
        ((*(given.rows[0][index] for index in keep), *texts),),
        given.zone,
    )
