"""Finds the rows that a statement writes: DuckDB runs the query for the rows, and `plan.write` turns them
into writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.aws.transport.run import Run
from sqlprov.aws.write.target_row import TargetRow
from sqlprov.catalog.column import TAG_MAP, ColumnSource
from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.table import Table
from sqlprov.duck.place_limit import limits_place
from sqlprov.duck.region_finder import RegionFinder, list_known_regions
from sqlprov.duck.session import Session
from sqlprov.errors import DataError, NotSupportedError, RegionError, format_count, suggest
from sqlprov.plan.read.scope import Scope
from sqlprov.plan.read.steps import ACCOUNT, ACCOUNT_ID, REGION
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.insert import plan_inserts
from sqlprov.plan.write.patch_check import check_patch
from sqlprov.plan.write.steps import RowKey, RowWrite, WriteKind
from sqlprov.plan.write.write_rows import PATCH, WritePlan, check_assignments, plan_exec, plan_updates
from sqlprov.records import dataclass
from sqlprov.settings import OFF
from sqlprov.sql.delete import Delete
from sqlprov.sql.exec import Exec
from sqlprov.sql.insert import Insert
from sqlprov.sql.lexer import TokenKind, quote_path, tokenize
from sqlprov.sql.names import find_live_table
from sqlprov.sql.update import Update

WriteStatement = Insert | Update | Delete | Exec
MAX_ROWS, MAX_KEYED_ROWS = 10, 100
"""Most rows that one statement may write: with any condition; with INSERT or a condition on the key."""


@dataclass(frozen=True)
class QueryResult:
    """All rows of a query, and DuckDB's type of each column."""

    rows: pa.Table
    types: tuple[str, ...]


RunQuery = Callable[[str], QueryResult]
"""Runs a query in DuckDB with the statement's live tables, parameters and regions."""


class TargetReader:
    """Finds the rows that one statement writes.

    Args:
        session: the tables.
        statement: the statement.
        path: the schema that USE chose.
        run_query: runs a query in DuckDB.
        run: the statement's run; from here on, it uses no kept reply, sees sensitive text, and fails if a read is
            incomplete.
        zone: time zone of times without one.
        parameters: the parameters of the statement.
    """

    def __init__(
        self,
        session: Session,
        statement: WriteStatement,
        path: tuple[str, ...],
        run_query: RunQuery,
        run: Run,
        zone: str,
        parameters: Any,
    ) -> None:
        self.session, self.statement, self.path = session, statement, path
        if isinstance(statement, Exec):
            self.table, _ = statement.resolve(session.catalog, path)
        else:
            self.table = _find_table(session, statement.target, path)
        self.run_query, self.run, self.zone, self.parameters = run_query, run, zone, parameters
        self.accounts = session.accounts.choose(run)
        run.settings = replace(run.settings, cache=OFF, show_sensitive=True)
        if run.is_tolerant:
            # An incomplete read would choose other rows: `NOT IN (SELECT …)` would match more.
            run.settings = replace(run.settings, on_error="fail")

    def read(self) -> list[TargetRow]:
        """The rows to write; if this raises, nothing has been written.

        Raises:
            Error: the rows cannot be read completely, or do not fit.
        """
        statement = self.statement
        if isinstance(statement, Insert):
            targets = self._read_inserts(statement)
        elif isinstance(statement, Exec):
            targets = self._read_exec(statement)
        else:
            targets = (
                self._read_updates(statement)
                if isinstance(statement, Update)
                else self._read_deletes(statement)
            )
            # Unsorted, EXPLAIN might number them in a different order than the statement itself.
            targets.sort(key=lambda target: target.write.row_key)
        self._check_count(targets)
        return targets

    def _read_inserts(self, statement: Insert) -> list[TargetRow]:
        rows = self._to_input_rows(self.run_query(statement.source))
        listed = statement.columns is not None
        if statement.columns is not None:
            if len(statement.columns) != len(rows.names):
                raise DataError(
                    f"INSERT INTO {self.table.full_name} names {format_count(len(statement.columns), 'column')}; "
                    f"its query returns {len(rows.names)}."
                )
            rows = replace(rows, names=statement.columns)
        else:
            _check_account_columns(statement, rows.names)
        plan = plan_inserts(self.table, rows, listed, self._get_default_region(), self._get_only_account())
        if statement.skips_existing:
            self._skip_existing(statement, plan)
        return self._to_targets(plan)

    def _skip_existing(self, statement: Insert, plan: WritePlan) -> None:
        """Make the inserts leave existing rows as they are, which needs their keys."""
        key, table = self.table.key, self.table
        if other := sorted(statement.conflict - {REGION, ACCOUNT, ACCOUNT_ID, *key}):
            raise NotSupportedError(
                f"ON CONFLICT names {', '.join(other)}; expected the key of {table.full_name}: {', '.join(key)}."
            )
        if lacking := next((write.lacking for write in plan.writes if write.lacking), ""):
            raise NotSupportedError(
                f"INSERT OR IGNORE needs the key of each row, and the service sets {lacking} of {table.full_name}. "
                "SELECT shows whether a row exists."
            )
        plan.writes = [replace(write, skips_existing=True) for write in plan.writes]

    def _read_exec(self, statement: Exec) -> list[TargetRow]:
        table, method = statement.resolve(self.session.catalog, self.path)
        rows = self._to_input_rows(self.run_query(statement.build_values_query()))
        if statement.json is not None:
            rows = _expand_json(rows)
        return self._to_targets(
            plan_exec(table, method, rows, self._get_default_region(), self._get_only_account())
        )

    def _to_targets(self, plan: WritePlan) -> list[TargetRow]:
        self.run.warnings += plan.warnings
        known = list_known_regions(self.run.settings.region_names())
        unknown = [
            f"Unknown region {write.region!r} in row {number}.{suggest(write.region, known)}"
            for number, write in enumerate(plan.writes, start=1)
            if write.region not in known
        ]
        if unknown:
            advice = "SELECT region FROM aws.regions lists them; SET sqlprov_regions adds a new one."
            raise RegionError(" ".join((*unknown, advice)))
        return [
            TargetRow(replace(write, account=self.accounts.find(write.account, number).name))
            for number, write in enumerate(plan.writes, start=1)
        ]

    def _get_only_account(self) -> str | None:
        return next(iter(self.accounts)).name if len(self.accounts) == 1 else None

    def _get_default_region(self) -> str | None:
        if self.table.home and not self.table.region_column:
            return self.session.planner.regions.find_home(self.table, self.run)
        finders = (RegionFinder(account.cloud) for account in self.accounts)
        default = {each for finder in finders for each in finder.find_default(self.run, self.table.client)}
        return default.pop() if len(default) == 1 else None

    def _read_updates(self, statement: Update) -> list[TargetRow]:
        assigned = [column for column, _ in statement.assignments]
        is_patch = any(name.lower() in (PATCH.lower(), "patchdocument") for name in assigned)
        if is_patch and len(assigned) > 1:
            raise NotSupportedError(f"{PATCH} must be alone in SET; the document contains all changes.")
        if not is_patch:
            check_assignments(self.table, assigned)
        result, keys, values = self._read_matches(statement)
        rows = self._to_input_rows(result, last=len(assigned))
        if is_patch:
            return self._read_patches(rows, keys, values)
        plan = plan_updates(self.table, assigned, replace(rows, names=tuple(assigned)), keys)
        by_key = dict(zip(keys, values, strict=True))
        self.run.warnings += plan.warnings
        return [TargetRow(write, values=by_key[write.row_key]) for write in plan.writes]

    def _read_patches(
        self, rows: InputRows, keys: Sequence[RowKey], values: Sequence[dict[str, Any]]
    ) -> list[TargetRow]:
        targets: dict[RowKey, TargetRow] = {}
        for key, (document,), row_values in zip(keys, rows.rows, values, strict=True):
            if not isinstance(document, str):
                raise DataError(
                    f"{PATCH} is {document!r}; expected text, a JSON array of RFC 6902 operations."
                )
            write = _make_write(self.table, WriteKind.UPDATE, key)
            target = TargetRow(write, document, row_values)
            if targets.setdefault(key, target).document != document:
                raise DataError(f"{target.write.label} is matched twice, with different values.")
        plan = WritePlan()
        for document in dict.fromkeys(target.document or "" for target in targets.values()):
            errors, warnings = check_patch(self.table, document)
            plan.errors += errors
            plan.warnings += warnings
        plan.raise_errors()
        self.run.warnings += plan.warnings
        return list(targets.values())

    def _read_deletes(self, statement: Delete) -> list[TargetRow]:
        _, keys, values = self._read_matches(statement)
        return [
            TargetRow(_make_write(self.table, WriteKind.DELETE, key), values=row_values)
            for key, row_values in dict(zip(keys, values, strict=True)).items()
        ]

    def _read_matches(
        self, statement: Update | Delete
    ) -> tuple[QueryResult, list[RowKey], list[dict[str, Any]]]:
        """The rows that match WHERE: the query's result, and the account, region, key and watched values of each.

        Raises:
            NotSupportedError: rows in several accounts or regions, and no condition on them.
        """
        table, key = self.table, self.table.key
        watched = self._list_watched(statement)
        name = quote_path(table.provider, table.service, table.name)
        result = self.run_query(statement.build_rows_query(name, (*key, *watched)))
        assigned = len(statement.assignments) if isinstance(statement, Update) else 0
        width = 2 + len(key) + len(watched)
        if len(result.types) != width + assigned:
            raise DataError("An expression in SET returns several columns; expected one.")
        columns = [column.to_pylist() for column in result.rows.columns[:width]]
        rows = list(zip(*columns, strict=True)) if result.rows.num_rows else []
        needed = [at for at, name in enumerate(key, 2) if table.needs_key(name)]
        if any(row[at] is None for row in rows for at in (0, 1, *needed)):
            raise DataError(f"Nothing was written. A row has no {' or no '.join(key)}; exclude it in WHERE.")
        keys = [
            (
                str(row[0]),
                str(row[1]),
                tuple("" if part is None else str(part) for part in row[2 : 2 + len(key)]),
            )
            for row in rows
        ]
        values = [dict(zip(watched, row[2 + len(key) :], strict=True)) for row in rows]
        self._check_accounts(statement, keys)
        self._check_regions(statement, keys)
        return result, keys, values

    def _check_accounts(self, statement: Update | Delete, keys: list[RowKey]) -> None:
        """Refuse to write in several accounts without a condition on them."""
        accounts = sorted({account for account, _, _ in keys})
        if len(accounts) < 2:
            return
        every = [each.name for each in self.accounts]
        scopes = self._list_scopes(ACCOUNT)
        if scopes and all(scope.rule.is_condition and {*every} - {*scope.values} for scope in scopes):
            return
        if self._limits(statement, keys, ACCOUNT, every):
            return
        names = f"{', '.join(accounts[:-1])} and {accounts[-1]}"
        raise NotSupportedError(f"Nothing was written. The rows are in {names}; name the accounts in WHERE.")

    def _list_scopes(self, column: str) -> list[Scope]:
        """The scopes of the scans of the table."""
        of_table = (scope for name, scope in self.run.scopes if name == self.table.full_name)
        return [scope for scope in of_table if scope.column == column]

    def _limits(
        self, statement: Update | Delete, keys: list[RowKey], column: str, every: Sequence[str]
    ) -> bool:
        """Whether WHERE rejects each row in at least one of the accounts, or of the regions."""
        rows = list(dict.fromkeys(keys))
        run_query = self.run_query
        return limits_place(statement, self.table, rows, column, every, lambda text: run_query(text).rows)

    def _check_regions(self, statement: Update | Delete, keys: list[RowKey]) -> None:
        """Refuse to write in several regions, or in another than the session's, without a condition on region."""
        regions = sorted({region for _, region, _ in keys})
        if not regions or self.table.home:
            return
        default = self.session.planner.regions.find_default(self.run, self.table.client)
        if (len(regions) == 1 and regions[0] in default) or self._limits_region(statement, keys):
            return
        names = f"{', '.join(regions[:-1])} and {regions[-1]}" if len(regions) > 1 else regions[0]
        raise NotSupportedError(f"Nothing was written. The rows are in {names}; name the regions in WHERE.")

    def _limits_region(self, statement: Update | Delete, keys: list[RowKey]) -> bool:
        """Whether WHERE rejects the rows in at least one region of the account."""
        finder, run, table = self.session.planner.regions, self.run, self.table
        every = frozenset(finder.find_all(run, table.client, may_call=False))
        scopes = self._list_scopes(REGION)
        if scopes and all(not scope.rule.is_session and every - set(scope.values) for scope in scopes):
            return True
        return self._limits(statement, keys, REGION, finder.find_all(run, may_call=False))

    def _list_watched(self, statement: Update | Delete) -> list[str]:
        """The columns that must not change between the read and the first call."""
        table = self.table
        # SET also takes `ModelVariants` and `data__ModelVariants`.
        named = {word.removeprefix("data__").replace("_", "") for word in statement.words}
        named |= {TAGS} if TAG_MAP in statement.words else set()
        desired = table.write.desired.column if table.write.desired else ""
        return [
            name
            for name, column in table.by_name.items()
            if (name in table.paths or column.source is ColumnSource.TAGS)
            and name not in (*table.key, REGION)
            and (name == table.created or name.lower().replace("_", "") in named)
            # It shows the status, which changes automatically; each row checks again whether it can be reached.
            and not (name == desired and isinstance(statement, Update))
        ]

    def _to_input_rows(self, result: QueryResult, last: int | None = None) -> InputRows:
        """The rows of a query, or their `last` columns."""
        start = 0 if last is None else len(result.types) - last
        columns = result.rows.columns[start:]
        return InputRows(
            tuple(result.rows.schema.names[start:]),
            tuple(field.type for field in result.rows.schema)[start:],
            tuple(type == "JSON" for type in result.types[start:]),
            tuple(zip(*map(_to_list, columns), strict=True)) if columns else (),
            self.zone,
        )

    def _check_count(self, targets: list[TargetRow]) -> None:
        limit = self.run.settings.max_writes or (MAX_KEYED_ROWS if self._is_keyed(targets) else MAX_ROWS)
        if len(targets) > limit:
            raise DataError(
                f"The statement would write {len(targets)} rows, more than {limit}; nothing was written. "
                f"SET sqlprov_max_writes = {len(targets)} allows it."
            )

    def _is_keyed(self, targets: list[TargetRow]) -> bool:
        """Whether the statement names its rows: it looked up keys, or contains every key.

        Many keys are read with one list, which is cheaper, so the calls alone do not prove it.
        """
        if isinstance(self.statement, Insert | Exec):
            return True
        if all(call.operation != self.table.list.call for call in self.run.log.calls):
            return True
        return self.names_rows(targets)

    def names_rows(self, targets: list[TargetRow]) -> bool:
        """Whether the condition has the whole key of each row as a literal or parameter."""
        if isinstance(self.statement, Insert | Exec):
            return True
        kinds = (TokenKind.STRING, TokenKind.NUMBER)
        texts = {token.value for token in tokenize(self.statement.where or "") if token.kind in kinds}
        texts.update(_collect_texts(self.parameters))
        keys = [target.write.key for target in targets]
        return all("|".join(key) in texts or texts.issuperset(filter(None, key)) for key in keys)


def _make_write(table: Table, kind: WriteKind, key: RowKey) -> RowWrite:
    account, region, parts = key
    return RowWrite(table, kind, region, parts, {}, account=account)


def _collect_texts(value: Any) -> Iterator[str]:
    """The strings and integers among parameters, also inside lists."""
    if isinstance(value, str | int):
        yield str(value)
    elif isinstance(value, Mapping):
        yield from _collect_texts(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from _collect_texts(part)


def _to_list(column: pa.ChunkedArray) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (OverflowError, ValueError) as error:
        raise DataError(f"A value of the rows is out of range: {error}") from None


def _find_table(session: Session, target: tuple[str, ...], path: tuple[str, ...]) -> Table:
    table = find_live_table(session.catalog, target, path)
    assert table is not None, "only statements on live tables are written here"
    if all(method.verb == "SELECT" for method in table.methods):
        raise NotSupportedError(
            f"{table.full_name} can only be read: its resource file declares no INSERT, UPDATE or DELETE."
        )
    return table


def _check_account_columns(statement: Insert, names: Sequence[str]) -> None:
    """Refuse a copy that names another account by its id only: SELECT * has the old account's name beside it."""
    has_both = {ACCOUNT, ACCOUNT_ID} <= {*map(str.lower, names)}
    if has_both and statement.computes(ACCOUNT_ID) and not statement.computes(ACCOUNT):
        raise NotSupportedError(
            f"Nothing was written. Without a column list, {ACCOUNT} says where a row goes, and {ACCOUNT_ID} is left "
            f"out. Write '…' AS {ACCOUNT}, which may be the account's id."
        )


def _expand_json(rows: InputRows) -> InputRows:
    """The parameters of EXEC with the members of `@@json` after the others."""
    at = next(index for index, name in enumerate(rows.names) if name.lower() == "@@json")
    text = rows.rows[0][at]
    try:
        members = orjson.loads(text) if isinstance(text, str) else text
    except orjson.JSONDecodeError as error:
        raise DataError(f"@@json is not valid JSON: {error}") from None
    if not isinstance(members, dict):
        raise DataError(f"@@json is {text!r}; expected a JSON object.")
    others = [index for index in range(len(rows.names)) if index != at]
    repeated = {rows.names[index].lower() for index in others} & {name.lower() for name in members}
    if repeated:
        raise DataError(f"EXEC sets {', '.join(sorted(repeated))} twice, as @name and in @@json.")
    texts = tuple(orjson.dumps(value).decode() for value in members.values())
    return InputRows(
        (*(rows.names[index] for index in others), *members),
        (*(rows.types[index] for index in others), *(pa.string() for _ in members)),
        (*(rows.json[index] for index in others), *(True for _ in members)),
        ((*(rows.rows[0][index] for index in others), *texts),),
        rows.zone,
    )
