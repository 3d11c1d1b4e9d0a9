"""The tables sqlprov.errors and sqlprov.outcomes, which report on the previous statement, sqlprov.tables and
`<provider>.regions`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlprov.catalog.provider_tables import PROVIDER_TABLES, REGIONS
from sqlprov.catalog.regions import list_regions
from sqlprov.sql.text_table import build_table

if TYPE_CHECKING:
    from sqlprov.aws.transport.clients import Cloud
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog import Catalog

RowsOf = Callable[["Run"], list[dict[str, Any]]]


def _make_string_schema(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


def _list_missing(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "table": gap.table,
            "account": gap.account,
            "region": gap.region,
            "operation": gap.error.operation,
            "code": gap.error.code,
            "message": str(gap.error),
            "request_id": gap.error.request_id,
            "permission": gap.error.permission,
        }
        for gap in run.log.missing
    ]


def _list_outcomes(run: Run) -> list[dict[str, Any]]:
    return [{**vars(outcome), "status": outcome.status.value} for outcome in run.outcomes]


STATUS_TABLES: dict[str, tuple[pa.Schema, RowsOf]] = {
    "errors": (
        _make_string_schema(
            "table", "account", "region", "operation", "code", "message", "request_id", "permission"
        ),
        _list_missing,
    ),
    "outcomes": (
        pa.schema([("row", pa.int64()), *_make_string_schema("table", "account", "region", "key", "status")])
        .append(pa.field("operations", pa.list_(pa.string())))
        .append(pa.field("reason", pa.string())),
        _list_outcomes,
    ),
}
"""Name -> columns, and the function that lists the rows of a statement."""

REGIONS_SCHEMA = _make_string_schema(*PROVIDER_TABLES[REGIONS].columns)


def build_regions_table(cloud: Cloud) -> Any:
    """The table `<provider>.regions`; with the account's statuses once a statement has asked for them."""
    from sqlprov.duck.live_table import StatusTable

    def read(*_: Any) -> pa.Table:
        statuses = cloud.region_statuses or {}
        rows = [{**asdict(region), "opt_in_status": statuses.get(region.region)} for region in list_regions()]
        return build_table(rows, REGIONS_SCHEMA)

    return StatusTable("regions", REGIONS_SCHEMA, read, carrier="")


TABLES = "tables"
TABLES_SCHEMA = _make_string_schema("provider", "service", "table", "description")


def build_tables_table(catalog: Catalog) -> Any:
    """The table sqlprov.tables: every live table, also those that DuckDB does not know yet. It loads none."""
    from sqlprov.duck.live_table import StatusTable

    def read(*_: Any) -> pa.Table:
        rows = [
            {"provider": provider, "service": service, "table": table, "description": about or None}
            for provider in catalog.list_providers()
            for service in catalog.list_services(provider)
            for table, about in catalog.list_descriptions(provider, service).items()
        ]
        return build_table(rows, TABLES_SCHEMA)

    return StatusTable(TABLES, TABLES_SCHEMA, read, carrier="")
