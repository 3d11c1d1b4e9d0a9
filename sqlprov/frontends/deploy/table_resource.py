"""A resource that is one row of a live table: its statements follow from the table and the properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlprov.catalog.methods import MISSING
from sqlprov.errors import Error, OperationalError, ProgrammingError, suggest
from sqlprov.frontends.cli.sql_source import SqlSource
from sqlprov.frontends.deploy.deployable import DELETE_DELAY, DELETE_TRIES, Deployable, State, normalize_name
from sqlprov.frontends.deploy.filters import to_json
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.runner import Row, Runner, fill_parameters
from sqlprov.sql.lexer import quote_identifier, quote_path

if TYPE_CHECKING:
    from sqlprov.api.connection import Difference


class TableResource(Deployable):
    """A resource whose properties are the values of one row of a live table."""

    def __init__(
        self,
        resource: StackResource,
        context: Mapping[str, Any],
        runner: Runner,
        values: Mapping[str, Any],
        find: Mapping[str, Any],
        where: str,
        place: str,
    ) -> None:
        super().__init__(resource, context, runner)
        self.place = place
        self.table = runner.connection.catalog.get_table(*resource.table.split("."))
        self.sql_name = quote_path(*resource.table.split("."))
        self.region = str(values.get("region") or context.get("region") or "") or None
        self.values = {name: _to_text(value) for name, value in values.items() if name != "region"}
        self.condition = where
        self.identity = {name: _to_text(value) for name, value in find.items()}
        self.is_found = bool(find)
        if not (where or find):
            self.identity = self._find_key()
        self.is_there = False
        self.made = ""
        self.differences: tuple[Difference, ...] = ()

    def check(self) -> None:
        """Raise the errors of an INSERT of the properties, without a call."""
        self._compare(None)

    def find_state(self) -> State:
        row = self._read(self._list_columns())
        self.is_there, self.differences = row is not None, self._compare(row)
        if row is None:
            if similar := self._describe_similar():
                raise ProgrammingError(similar)
            return State.ABSENT
        return State.WRONG if self.differences and not self.resource.skips_validation else State.RIGHT

    def _compare(self, row: Row | None) -> tuple[Difference, ...]:
        # A token belongs to the call that made the row: `uuid()` makes another in each build.
        tokens = self.table.by_method["create_resource"].tokens if row else ()
        values = {name: value for name, value in self.values.items() if name not in tokens}
        with self._located():
            return self.runner.connection.compare(self.resource.table, values, row, self.region)

    def settle(self) -> None:
        state = self.table.state
        if not state.busy:
            return
        sql = f"SELECT {quote_identifier(state.column)} AS state FROM {self.sql_name} {self._where}"

        def is_settled() -> bool:
            return not any(row["state"] in state.busy for row in self._run(sql, self._parameters))

        self.wait_until(is_settled, self.place)

    def list_differences(self) -> tuple[Difference, ...]:
        return self.differences

    def list_uncompared(self) -> list[str]:
        given, create = set(map(normalize_name, self.values)), self.table.by_method["create_resource"]
        compared = {*create.attributes, self.table.write.insert.name}  # by the name the row is found
        parts = [part.name for part in create.parameters if not part.column and part.name not in compared]
        return [name for name in parts if normalize_name(name) in given]

    def finds_made(self) -> bool:
        if not self._is_there() and self.made:
            self.identity, self.condition = {"data__Identifier": self.made}, ""
        return self._is_there()

    def explain(self) -> str:
        if self.is_there:
            return f": {', '.join(each.path for each in self.differences)}"
        key = self._describe_find()
        made = f". The row that it made is {self.made!r}: change `find`, or delete it" if self.made else ""
        return (
            f": no row of {self.resource.table} has {key} (a service may write a value in its own way){made}"
        )

    def _describe_find(self) -> str:
        return " and ".join(f"{name} = {value!r}" for name, value in self.identity.items()) or self.condition

    def create(self) -> None:
        self._run(*self._build_insert())
        self.made = self.runner.connection.outcomes[0].key

    def update(self) -> None:
        fixed = [each.path for each in self.differences if each.is_fixed]
        if fixed and not self.resource.may_replace:
            raise ProgrammingError(
                f"{self.place}: {', '.join(fixed)} of {self.resource.name} cannot be updated. With `replace: true` "
                "the resource is deleted and made again."
            )
        if fixed:
            self.delete()
            self.create()
        else:
            self._run(*self._build_update())

    def is_right(self) -> bool:
        return self.find_state() is State.RIGHT

    def exists(self) -> bool | None:
        if self._is_there():
            return True
        if similar := self._describe_similar():
            self.runner.reporter.report("warning", self.resource.name, similar)
        return False

    def _is_there(self) -> bool:
        return self._read(self.table.key) is not None

    def _describe_similar(self) -> str:
        """Why a row may be the one that is sought: it has what `find` says but for case, dots and slashes, or in its
        ARN, as a service may write it. Empty if there is none."""
        texts = [name for name in self.identity if pa.types.is_string(self.table.by_name[name].type)]
        if not self.is_found or not texts:
            return ""
        names = ", ".join(map(quote_identifier, texts))
        conditions = [
            _build_similar(quote_identifier(name)) if name in texts
            else f"{quote_identifier(name)} = ?"
            for name in self.identity
        ]  # fmt: skip
        sql = f"SELECT {names} FROM {self.sql_name} {self._build_where(conditions)}"
        for row in self._run(sql, self._parameters):
            found = " and ".join(f"{name} = {row[name]!r}" for name in texts)
            return (
                f"{self.place}: {self.resource.name}: no row of {self.resource.table} has {self._describe_find()}, but "
                f"one has {found}. If that is another resource, give `find` a condition instead, such as "
                "`find: \"name = 'x'\"`; if the service has written this one so, write that under `find`."
            )
        return ""

    def delete(self) -> str:
        with self.runner.awaiting(True):
            self._run(*self._build_delete())
        if not self.runner.retry(self.resource, lambda: not self._is_there(), DELETE_TRIES, DELETE_DELAY):
            raise OperationalError(f"{self.place}: {self.resource.name} was deleted and is still there.")
        return "deleted"

    def read_exports(self) -> list[Row]:
        columns = ", ".join(quote_identifier(column) for column, _ in self.resource.exports)
        return self._run(f"SELECT {columns or '1'} FROM {self.sql_name} {self._where}", self._parameters)

    def list_queries(self) -> Mapping[str, str]:
        exists = f"SELECT count(*) AS count FROM {self.sql_name} {self._where}"
        return {
            "exists": fill_parameters(exists, self._parameters),
            "create": fill_parameters(*self._build_insert()),
            "delete": fill_parameters(*self._build_delete()),
        }

    def plan_calls(self, action: str) -> list[Row]:
        replace = self._build_delete, self._build_insert
        builds = {"create": (self._build_insert,), "update": (self._build_update,), "replace": replace}[
            action
        ]
        return [row for build in builds for row in self._run(*build(), dry_run=True)]

    def _build_insert(self) -> tuple[str, list[Any]]:
        values = {**self.values, **({"region": self.region} if self.region else {})}
        columns = ", ".join(map(quote_identifier, values))
        return f"INSERT INTO {self.sql_name} ({columns}) VALUES ({', '.join('?' * len(values))})", [
            *values.values()
        ]

    def _build_update(self) -> tuple[str, list[Any]]:
        changed = {normalize_name(each.parameter) for each in self.differences}
        values = {name: value for name, value in self.values.items() if normalize_name(name) in changed}
        sets = ", ".join(f"{quote_identifier(name)} = ?" for name in values)
        return f"UPDATE {self.sql_name} SET {sets} {self._where}", [*values.values(), *self._parameters]

    def _build_delete(self) -> tuple[str, list[Any]]:
        return f"DELETE FROM {self.sql_name} {self._where}", self._parameters

    def _find_key(self) -> dict[str, str | None]:
        """The key's columns with the values of the properties for them."""
        table = self.table
        create = table.by_method.get("create_resource")
        names = {part.column: part.name for part in create.parameters} if create else {}
        given = {normalize_name(name): value for name, value in self.values.items()}
        key: dict[str, str | None] = {}
        for column in table.key:
            for name in (column, names.get(column, "")):
                value = given.get(normalize_name(name))
                if value is not None:
                    key[column] = value.lower() if table.is_lowercase else value
        if missing := [column for column in table.key if column not in key]:
            known = {*names.values(), *table.by_name}
            spelled = set(map(normalize_name, known))
            wrong = next((name for name in self.values if normalize_name(name) not in spelled), "")
            typo = f" It has no {wrong!r}.{suggest(wrong, known)}" if wrong else ""
            raise ProgrammingError(
                f"{self.place}: no property of {self.resource.name} is {' or '.join(missing)}, the key of "
                f"{self.resource.table}.{typo} If the service makes it, name the columns that identify the row under "
                "`find`, such as `find: {cidr_block: 10.0.0.0/16}`, or a condition."
            )
        return key

    def _list_columns(self) -> tuple[str, ...]:
        """The key, and the columns that hold the properties: others may need calls of their own."""
        table = self.table
        create = table.by_method.get("create_resource")
        columns = {normalize_name(column.name): column.name for column in table.columns}
        columns |= {
            normalize_name(p.name): p.column for p in (create.parameters if create else ()) if p.column
        }
        named = (columns.get(normalize_name(name), "") for name in self.values)
        return tuple(dict.fromkeys([*table.key, *filter(table.by_name.get, named)]))

    @property
    def _where(self) -> str:
        return self._build_where([f"{quote_identifier(name)} = ?" for name in self.identity])

    def _build_where(self, conditions: list[str]) -> str:
        """WHERE with conditions on the columns of `identity`, whose parameters are `_parameters`."""
        conditions = [*conditions, *([f"({self.condition})"] if self.condition else [])]
        # Without the rows that a service keeps after their delete.
        marks = self.table.write.delete.marks
        conditions += [f"{quote_identifier(marks)} IS NULL"] if marks else []
        state = quote_identifier(self.table.state.column)
        conditions += [f"{state} IS DISTINCT FROM ?" for _ in self._deleted_states]
        return f"WHERE {' AND '.join([*conditions, *(['region = ?'] if self.region else [])])}"

    @property
    def _deleted_states(self) -> tuple[str, ...]:
        delete = self.table.by_method.get("delete_resource")
        return tuple(state for state in (delete.until if delete else ()) if state != MISSING)

    @property
    def _parameters(self) -> list[Any]:
        return [*self.identity.values(), *self._deleted_states, *([self.region] if self.region else [])]

    def _read(self, names: Iterable[str]) -> Row | None:
        """The row's values of some columns, as Python has them; `None` if there is no row."""
        connection = self.runner.connection
        before = connection.settings
        connection.settings = before.with_value("show_sensitive", "on")
        try:
            with self._located():
                columns = ", ".join(map(quote_identifier, names))
                sql = f"SELECT {columns} FROM {self.sql_name} {self._where}"
                self.runner.show(self.resource, sql, self._parameters)
                rows = connection.sql(sql, self._parameters).arrow()
        finally:
            connection.settings = before
        if rows.num_rows > 1:
            raise ProgrammingError(
                f"{self.place}: {self.resource.name} is found {rows.num_rows} times in {self.resource.table}; name "
                "columns under `find` that identify one row."
            )
        return rows.to_pylist()[0] if rows.num_rows else None

    def _run(self, sql: str, parameters: list[Any], dry_run: bool = False) -> list[Row]:
        source = SqlSource(sql, lambda _: (None, 1))
        with self._located():
            return self.runner.run(self.resource, source, parameters, dry_run)

    @contextmanager
    def _located(self) -> Iterator[None]:
        try:
            yield
        except Error as error:
            if not str(error).startswith(self.place):
                error.args = (f"{self.place}: {self.resource.name}: {error}", *error.args[1:])
            raise


def _build_similar(name: str) -> str:
    """The condition that a text is another but for case, dots and slashes, or that it is an ARN that ends with it."""
    text = f"lower(trim({name}, './'))"
    end = f"CASE WHEN {text} LIKE 'arn:%' THEN regexp_extract({text}, '[^/:]*$') END"
    return f"lower(trim(?, './')) IN ({text}, {end})"


def _to_text(value: Any) -> str | None:
    """A property as an INSERT takes it."""
    if value is None or isinstance(value, str):
        return value
    return to_json(value)
