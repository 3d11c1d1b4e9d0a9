"""The table `<provider>.accounts`: the accounts that statements read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.aws.read.matching import select_matches
from sqlprov.catalog.provider_tables import ACCOUNTS, PROVIDER_TABLES
from sqlprov.duck.account_scope import read_ids
from sqlprov.duck.table_source import TableSource
from sqlprov.plan.read.domain import drop_column, list_columns
from sqlprov.plan.read.predicate import Predicate
from sqlprov.plan.read.steps import ACCOUNT_ID

if TYPE_CHECKING:
    from sqlprov.aws.transport.accounts import AccountFinder
    from sqlprov.aws.transport.run import Run

COLUMNS = tuple(PROVIDER_TABLES[ACCOUNTS].columns)


class AccountsTable(TableSource):
    """The accounts of a statement. Calls are made for those of the organization, and for ids that are not known.

    Args:
        provider: such as aws.
        finder: finds the accounts.
        find_run: returns the statement whose id the filter carries.

    Attributes:
        carrier: as of LiveTable.
        view: the select list of the public view.
    """

    def __init__(
        self,
        provider: str,
        finder: AccountFinder,
        find_run: Callable[[AccountsTable, Predicate], Run],
    ) -> None:
        self.carrier, self.view = f"__ctx_{provider}__accounts", ", ".join(COLUMNS)
        self._finder, self._find_run, self._name = finder, find_run, f"{provider}.accounts"
        super().__init__(pa.schema([(name, pa.string()) for name in (*COLUMNS, self.carrier)]))

    def scan(self, names: tuple[str, ...], where: Predicate) -> Iterator[pa.RecordBatch]:
        run = self._find_run(self, where)
        where = drop_column(where, self.carrier)
        try:
            accounts = {each.name: each for each in self._finder.choose(run)}
            if ACCOUNT_ID in {*names, *list_columns(where)}:
                accounts = read_ids(run, self._name, accounts)
        except BaseException as error:
            run.error = run.error or error
            raise
        rows = [
            {
                "account": each.name,
                ACCOUNT_ID: each.account_id or None,
                "profile": each.profile or None,
                "role": each.role or None,
                "status": each.status or None,
                self.carrier: run.id,
            }
            for each in accounts.values()
        ]
        table = pa.Table.from_pylist(rows, schema=self.schema)
        return (select_matches(batch, where).select(names) for batch in table.to_batches())
