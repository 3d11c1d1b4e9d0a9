"""Tables made by hand from botocore's models, and reads of them without DuckDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from plan_rows import truth

from sqlprov.aws.read.scan import TableScan
from sqlprov.aws.transport.accounts import Accounts
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.login import LOCAL_NAME
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.column import Column, ColumnSource, TagSpelling
from sqlprov.catalog.columns import TAGS_TYPE
from sqlprov.catalog.read_calls import DescribeCall, ErrorRule, TagsCall
from sqlprov.catalog.service_model import load_model, read_constraint, to_arrow_type, to_snake_case
from sqlprov.catalog.table import IamActions, ListCall, Table
from sqlprov.plan.read import TRUE, Places, Predicate, ReadPlan, Rule, ScanRequest, Scope, plan_read
from sqlprov.settings import Settings

TAGS = pa.list_(pa.struct([("Key", pa.string()), ("Value", pa.string())]))


def own_column(name: str, source: ColumnSource, type_: pa.DataType | None = None, **more: Any) -> Column:
    """A column that is not a member of a row."""
    kind = type_ or pa.string()
    return Column(name, kind, kind, "", source, **more)


def member_columns(shape: Any, source: ColumnSource, **more: Any) -> dict[str, Column]:
    """The columns of a structure's members."""
    return {
        to_snake_case(name): Column(
            to_snake_case(name),
            to_arrow_type(member),
            to_arrow_type(member, as_json=True),
            "",
            source,
            (name,),
            member.name,
            read_constraint(member),
            **more,
        )
        for name, member in shape.members.items()
    }


def find_shape(client: str, call: str, path: Sequence[str]) -> Any:
    """The shape of the rows at `path` in the output of a call."""
    shape = load_model(client).operation_model(call).output_shape
    for member in path:
        shape = shape.members[member]
        while shape.type_name == "list":
            shape = shape.member
    return shape


def build_table(
    client: str,
    name: str,
    key: tuple[str, ...],
    listing: ListCall,
    describe: DescribeCall | None = None,
    columns: Iterable[Column] = (),
    lacks: tuple[str, ...] = (),
    **more: Any,
) -> Table:
    """A table with every member of the list's rows and of the described item; `columns` come on top, or instead."""
    made: dict[str, Column] = {}
    if listing.scalar:
        made[listing.scalar] = own_column(listing.scalar, ColumnSource.LIST, path=(listing.scalar,))
    else:
        made |= member_columns(find_shape(client, listing.call, listing.rows), ColumnSource.LIST)
    if describe and not describe.pairs:
        item = member_columns(find_shape(client, describe.call, describe.item), ColumnSource.DESCRIBE)
        describe = replace(describe, paths={each.name: each.path for each in item.values()})
        made = item | {each: column for each, column in made.items() if each not in lacks}
    for parent in listing.parents:
        made.setdefault(parent.column, own_column(parent.column, ColumnSource.PARENT))
    made |= {column.name: column for column in columns}
    made |= {
        "region": own_column("region", ColumnSource.REGION),
        "account_id": own_column("account_id", ColumnSource.ACCOUNT_ID),
        "account": own_column("account", ColumnSource.ACCOUNT),
        "data__Identifier": own_column("data__Identifier", ColumnSource.KEY),
    }
    for known in (more.pop("arn", ""), f"{to_snake_case(name).rstrip('s')}_arn", "arn"):
        if known in made:
            more["arn"] = known
            break
    arn = more.pop("arn", "")
    tags = more.pop("tags", None)
    service = client.replace("-", "_")
    whole = tuple(made.values())
    return Table(
        "aws",
        service,
        name,
        "",
        key,
        arn,
        whole,
        listing,
        describe,
        tags,
        client=client,
        iam=IamActions(client),
        **more,
    )


@dataclass
class HandRead:
    """What a read returned, and made."""

    rows: list[dict[str, Any]]
    calls: Counter[str]
    requests: list[tuple[str, str, Mapping[str, Any]]]
    plan: ReadPlan
    run: Run

    def values(self, *names: str) -> list[Any]:
        """The rows' values of some columns, sorted."""
        chosen = [tuple(row[name] for name in names) for row in self.rows]
        return sorted(value[0] for value in chosen) if len(names) == 1 else sorted(chosen)


def plan_table(
    table: Table,
    columns: Sequence[str],
    where: Predicate = TRUE,
    regions: tuple[str, ...] = ("us-east-1",),
    **request: Any,
) -> ReadPlan:
    """The plan of a request."""
    scope = Scope("region", Rule.SHOWN, regions)
    return plan_read(
        ScanRequest(table, tuple(columns), where, **request), [scope], Places([((LOCAL_NAME,), regions)])
    )


def read_table(
    url: str,
    table: Table,
    columns: Sequence[str],
    where: Predicate = TRUE,
    regions: tuple[str, ...] = ("us-east-1",),
    settings: Mapping[str, Any] | None = None,
    account_id: str | None = None,
    **request: Any,
) -> HandRead:
    """Read a table of an account, which may be known; the rows are filtered as DuckDB would."""
    plan = plan_table(table, columns, where, regions, **request)
    run = Run(replace(Settings(), **(settings or {})))
    cloud = Cloud(endpoint_url=url, credentials=("test", "test"), account_id=account_id)
    try:
        scan = TableScan(plan, run, Accounts(cloud))
        scan.start()
        batches = list(scan.read_batches())
    finally:
        run.finish()
        cloud.close()
    rows = [row for batch in batches for row in batch.to_pylist() if truth(where, row)]
    calls = [(record.operation, record.region, record.parameters) for record in run.log.calls]
    return HandRead(rows, Counter(operation for operation, _, _ in calls), calls, plan, run)


TAGGED_CLUSTERS = build_table(
    "ecs",
    "clusters",
    ("cluster_arn",),
    ListCall("ListClusters", ("clusterArns",), scalar="cluster_arn"),
    columns=[own_column("tags", ColumnSource.TAGS, TAGS_TYPE)],
    tags=TagsCall(
        *("ListTagsForResource", "resourceArn", "tags", "", ""),
        spelling=TagSpelling("key", "value"),
        missing=(ErrorRule("ClusterNotFoundException"),),
    ),
)
"""A list of bare ARNs, and the tags of each."""
