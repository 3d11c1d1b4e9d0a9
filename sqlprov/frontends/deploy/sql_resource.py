"""A resource whose statements are the blocks of an `.iql` file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlprov.errors import Error, OperationalError, ProgrammingError
from sqlprov.frontends.cli.sql_source import SqlSource
from sqlprov.frontends.deploy.deployable import DELETE_DELAY, DELETE_TRIES, Deployable, State
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.queries import QueryBlock
from sqlprov.frontends.deploy.rendering import Renderer
from sqlprov.frontends.deploy.runner import Row, Runner
from sqlprov.sql.lexer import quote_path
from sqlprov.sql.row_state import find_state_query


class SqlResource(Deployable):
    """A resource whose statements are the blocks of an `.iql` file."""

    def __init__(
        self,
        resource: StackResource,
        context: Mapping[str, Any],
        runner: Runner,
        blocks: Mapping[str, QueryBlock],
        renderer: Renderer,
    ) -> None:
        super().__init__(resource, context, runner)
        self.blocks, self.renderer = blocks, renderer
        self._exports: list[Row] | None = None

    def find_state(self) -> State:
        if "createorupdate" in self.blocks:
            return State.UNCHECKED
        if "statecheck" in self.blocks:
            if "exists" not in self.blocks:
                return State.RIGHT if self._check("statecheck") else State.ABSENT
            if not self._check("exists"):
                return State.ABSENT
            is_right = self.resource.skips_validation or self._check("statecheck")
            return State.RIGHT if is_right else State.WRONG
        if "exports" in self.blocks:
            if self._find_exports():
                return State.RIGHT
            return State.WRONG if "exists" in self.blocks and self._check("exists") else State.ABSENT
        if not self._check("exists"):
            return State.ABSENT
        return State.WRONG if "update" in self.blocks else State.RIGHT

    def create(self) -> None:
        self._write("createorupdate" if "createorupdate" in self.blocks else "create")

    def update(self) -> None:
        if "update" not in self.blocks:
            place = next(block.place for block in self.blocks.values())
            raise ProgrammingError(
                f"{place}: {self.resource.name} exists and is not as it should be, and there is no block "
                "`update` to change it."
            )
        self._write("update")

    def is_right(self) -> bool:
        self._exports = None
        if "statecheck" in self.blocks:
            return self._retry("statecheck", lambda: self._count("statecheck"))
        if "exports" in self.blocks:
            return self._retry("exports", self._find_exports)
        return "exists" not in self.blocks or self._retry("exists", lambda: self._count("exists"))

    def exists(self) -> bool | None:
        if "exists" in self.blocks:
            return self._check("exists")
        if "statecheck" in self.blocks:
            return self._check("statecheck") or None
        return ("exports" in self.blocks and self._find_exports()) or None

    def delete(self) -> str:
        if "delete" not in self.blocks:
            return "kept"
        self._write("delete")
        event = "deleted" if self.runner.effects else "absent"
        name = next((each for each in ("exists", "statecheck") if each in self.blocks), None)
        if name:
            options = self.blocks[name].options
            is_gone = self.runner.retry(
                self.resource,
                lambda: not self._count(name),
                options.get("postdelete_retries", DELETE_TRIES),
                options.get("postdelete_retry_delay", DELETE_DELAY),
            )
            if not is_gone:
                raise OperationalError(
                    f"{self.blocks['delete'].place}: {self.resource.name} was deleted and is still there."
                )
        return event

    def take_back(self) -> tuple[str, str]:
        if self.resource.type != "multi" and "delete" in self.blocks:
            return super().take_back()
        # Other rows of a `multi` resource may be older than the build, and its block deletes all.
        for row in reversed(self.made_rows):
            path = row.table.split(".")
            table = self.runner.connection.catalog.get_table(*path)
            if "delete_resource" not in table.by_method:
                return "kept", f"it stays: {row.table} does not support DELETE"
            place, values = ("", [row.key]) if table.home else (" AND region = ?", [row.key, row.region])
            sql = f'DELETE FROM {quote_path(*path)} WHERE "data__Identifier" = ?{place}'
            with self.runner.awaiting(True):
                self.runner.run(self.resource, SqlSource(sql, lambda _: (None, 1)), values)
        return ("deleted", "") if self.made_rows else ("kept", "it stays: no row that it made is known")

    def settle(self) -> None:
        if "exports" not in self.blocks:
            return
        state = find_state_query(self._render("exports").text, self.runner.connection.catalog)
        if state is None:
            return
        query, busy = state

        def is_settled() -> bool:
            rows = self.runner.run(self.resource, SqlSource(query, lambda _: (None, 1)))
            return not any(row["state"] in busy for row in rows)

        self.wait_until(is_settled, self.blocks["exports"].place)
        self._exports = None

    def read_exports(self) -> list[Row]:
        if self._exports is None:
            self._retry("exports", self._find_exports)
        return self._exports or []

    def run_command(self) -> None:
        """Run the block `command`."""
        self._write("command")

    def list_queries(self) -> Mapping[str, str]:
        return {name: self._render(name).text.strip() for name in self.blocks}

    def plan_calls(self, action: str) -> list[Row]:
        return (
            self.runner.run(self.resource, self._render(action), dry_run=True)
            if action in self.blocks
            else []
        )

    def _find_exports(self) -> bool:
        self._exports = self._run("exports")
        return bool(self._exports)

    def _check(self, name: str) -> bool:
        return self._retry(name, lambda: self._count(name))

    def _retry(self, name: str, check: Callable[[], bool]) -> bool:
        options = self.blocks[name].options
        return self.runner.retry(
            self.resource, check, options.get("retries", 1), options.get("retry_delay", 0)
        )

    def _count(self, name: str) -> bool:
        """Whether the block counts one row; none is 0."""
        rows = self._run(name)
        if not rows:
            return False
        block = self.blocks[name]
        counts = [value for column, value in rows[0].items() if column.lower() == "count"]
        if not counts:
            raise ProgrammingError(
                f"{block.place}: the block `{name}` returned the columns {', '.join(rows[0])}; expected "
                "one called count."
            )
        try:
            count = int(counts[0] or 0)
        except (TypeError, ValueError):  # not a number
            count = -1
        if count not in (0, 1):
            raise ProgrammingError(
                f"{block.place}: the block `{name}` counted {counts[0]!r} rows; expected 0 or 1."
            )
        return count == 1

    def _run(self, name: str) -> list[Row]:
        return self.runner.run(self.resource, self._render(name))

    def _write(self, name: str) -> None:
        options = self.blocks[name].options
        tries, delay = 1 + options.get("retries", 0), options.get("retry_delay", 0)
        self.runner.write(self.resource, self._render(name), tries, delay)

    def _render(self, name: str) -> SqlSource:
        block = self.blocks[name]
        try:
            rendered = self.renderer.render_sql(block.text, self.context)
        except Error as error:
            source = SqlSource(block.text, lambda at: block.find(block.text.count("\n", 0, at) + 1))
            raise source.locate(error) from None
        return SqlSource(rendered.text, lambda at: block.find(rendered.line(at)))
