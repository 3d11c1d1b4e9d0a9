"""Children are listed for each row of their parents; batches and lookups, on a small ECS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hand_tables import HandRead, build_table, plan_table, read_table
from json_service import ServiceFailure, run_json_service
from local_sagemaker import connection

import sqlprov
from sqlprov.aws.read.scan import FIRST_LISTS, TableScan
from sqlprov.aws.transport.accounts import Accounts
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.read_calls import DescribeCall, ErrorRule, PageToken
from sqlprov.catalog.table import ErrorRules, ListCall, Parent, Table
from sqlprov.errors import AccessDenied, BrokenReply, OperationalError, ServiceError
from sqlprov.plan.read import TRUE, list_calls
from sqlprov.plan.read.hints import Hints
from sqlprov.plan.read.predicate import And, Compare, In
from sqlprov.settings import Settings

ARN = "arn:aws:ecs:us-east-1:1:"
TOKENS = (PageToken("nextToken", "nextToken"),)
MISSING = ErrorRules(missing=(ErrorRule("ClusterNotFoundException"), ErrorRule("ServiceNotFoundException")))

CLUSTERS = build_table(
    "ecs",
    "clusters",
    ("cluster_arn",),
    ListCall("ListClusters", ("clusterArns",), scalar="cluster_arn", tokens=TOKENS),
    DescribeCall("DescribeClusters", {"clusters": "cluster_arn"}, ("clusters",), {}, batch=100),
    errors=MISSING,
)
BY_CLUSTER = Parent("cluster", "cluster", table="clusters", table_column="cluster_arn", load=lambda: CLUSTERS)
SERVICES = build_table(
    "ecs",
    "services",
    ("cluster", "service_arn"),
    ListCall("ListServices", ("serviceArns",), scalar="service_arn", tokens=TOKENS, parents=(BY_CLUSTER,)),
    DescribeCall(
        "DescribeServices", {"services": "service_arn", "cluster": "cluster"}, ("services",), {}, batch=10
    ),
    errors=MISSING,
)
BY_SERVICE = Parent(
    "serviceName", "service_name", table="services", table_column="service_name", load=lambda: SERVICES
)
TASKS = build_table(
    "ecs",
    "tasks",
    ("cluster", "task_arn"),
    ListCall("ListTasks", ("taskArns",), scalar="task_arn", tokens=TOKENS, parents=(BY_CLUSTER, BY_SERVICE)),
    errors=MISSING,
)


class Ecs:
    """Clusters, each with its services, each with one task; two services a page."""

    def __init__(self, clusters: Mapping[str, int]) -> None:
        self.services = {
            f"{ARN}cluster/{name}": [f"{ARN}service/{name}/s{number:02}" for number in range(count)]
            for name, count in clusters.items()
        }
        self.hidden: set[str] = set()
        self.reason = "MISSING"
        self.operations: dict[str, Callable[[Any], Any]] = {
            "ListClusters": lambda parameters: {"clusterArns": list(self.services)},
            "DescribeClusters": lambda parameters: {
                "clusters": [
                    {"clusterArn": arn, "status": "ACTIVE"}
                    for arn in parameters["clusters"]
                    if arn in self.services
                ]
            },
            "ListServices": self.list_services,
            "DescribeServices": self.describe_services,
            "ListTasks": lambda parameters: {
                "taskArns": [f"{parameters['cluster']}/{parameters['serviceName']}/t"]
            },
        }

    def list_services(self, parameters: Mapping[str, Any]) -> Any:
        if parameters["cluster"] not in self.services:
            raise ServiceFailure("ClusterNotFoundException")
        arns, begin = self.services[parameters["cluster"]], int(parameters.get("nextToken", 0))
        more = {"nextToken": str(begin + 2)} if begin + 2 < len(arns) else {}
        return {"serviceArns": arns[begin : begin + 2], **more}

    def describe_services(self, parameters: Mapping[str, Any]) -> Any:
        assert len(parameters["services"]) <= 10
        if parameters["cluster"] not in self.services:
            raise ServiceFailure("ClusterNotFoundException")
        shown = [
            arn
            for arn in parameters["services"]
            if arn not in self.hidden and arn in self.services[parameters["cluster"]]
        ]
        return {
            "services": [
                {
                    "serviceArn": arn,
                    "clusterArn": parameters["cluster"],
                    "serviceName": arn[-3:],
                    "desiredCount": 2,
                }
                for arn in reversed(shown)
            ],
            "failures": [
                {"arn": arn, "reason": self.reason} for arn in parameters["services"] if arn not in shown
            ],
        }


Read = Callable[..., HandRead]


@pytest.fixture
def ecs() -> Ecs:
    return Ecs({"a": 3, "b": 0, "c": 25})


@pytest.fixture
def read(ecs: Ecs) -> Iterator[Read]:
    with run_json_service(ecs.operations) as url:
        yield lambda table, columns, where=TRUE, **more: read_table(url, table, columns, where, **more)


def cluster(name: str) -> str:
    return f"{ARN}cluster/{name}"


def test_a_child_is_listed_for_each_row_of_its_parent(ecs: Ecs, read: Read) -> None:
    result = read(SERVICES, ("cluster", "service_arn", "region"))
    expected = [(parent, arn, "us-east-1") for parent, arns in ecs.services.items() for arn in arns]
    assert result.values("cluster", "service_arn", "region") == sorted(expected)
    assert result.calls == {"ListClusters": 1, "ListServices": 2 + 1 + 13}


@pytest.mark.parametrize("pushdown", [True, False])
def test_a_condition_on_the_parent_replaces_reading_it(ecs: Ecs, read: Read, pushdown: bool) -> None:
    where = In("cluster", (cluster("a"), cluster("gone")))
    result = read(SERVICES, ("cluster", "service_arn"), where, pushdown=pushdown)
    assert result.values("service_arn") == ecs.services[cluster("a")]
    if pushdown:
        assert result.calls == {"ListServices": 2 + 1}  # a parent that is missing is not a row


def test_a_value_that_may_be_another_spelling_of_the_parent_is_not_sent(read: Read) -> None:
    # ECS takes the name of a cluster too, and its rows would be there only with push-down.
    result = read(SERVICES, ("cluster", "service_arn"), Compare("cluster", "=", "a"))
    assert (result.rows, result.calls) == ([], {"DescribeClusters": 1})


@pytest.mark.parametrize(("name", "calls"), [("A", {"DescribeClusters": 1}), ("a", {"ListServices": 2})])
def test_a_name_in_another_case_than_the_service_stores_is_not_sent(
    ecs: Ecs, read: Read, name: str, calls: dict[str, int]
) -> None:
    described, listed = ecs.operations["DescribeClusters"], ecs.list_services
    lower = {"clusters": [cluster("a")], "cluster": cluster("a")}
    ecs.operations["DescribeClusters"] = lambda _: described(lower)
    ecs.operations["ListServices"] = lambda parameters: listed({**parameters, **lower})
    where = Compare("cluster", "=", cluster(name))
    parent = replace(BY_CLUSTER, load=lambda: replace(CLUSTERS, is_lowercase=True))
    table = replace(SERVICES, list=replace(SERVICES.list, parents=(parent,)))
    result = read(table, ("cluster", "service_arn"), where)
    assert (len(result.rows), result.calls) == (3 if name == "a" else 0, calls)


def test_other_conditions_on_the_parent_choose_its_rows(ecs: Ecs, read: Read) -> None:
    result = read(SERVICES, ("service_arn",), Compare("cluster", ">", cluster("b")))
    assert result.values("service_arn") == ecs.services[cluster("c")]
    assert result.calls == {"ListClusters": 1, "ListServices": 13}


def test_a_parent_of_parents_gives_both_values(ecs: Ecs, read: Read) -> None:
    result = read(TASKS, ("cluster", "service_name", "task_arn"))
    assert len(result.rows) == 28
    assert result.rows[0]["task_arn"] == f"{result.rows[0]['cluster']}/{result.rows[0]['service_name']}/t"
    assert result.calls["ListClusters"] == 1, "the clusters come with the services"
    where = And((Compare("cluster", "=", cluster("a")), Compare("service_name", ">", "s00")))
    few = read(TASKS, ("task_arn",), where)
    assert few.calls == {"ListServices": 2, "DescribeServices": 2, "ListTasks": 2}
    assert len(few.rows) == 2


@pytest.mark.parametrize(("sideways", "lists"), [("on", 2), ("off", 16)])
def test_a_join_lists_the_children_of_the_parents_that_it_leaves(ecs: Ecs, sideways: str, lists: int) -> None:
    ecs.operations["DescribeClusters"] = lambda parameters: {
        "clusters": [
            {"clusterArn": arn, "status": "ACTIVE" if arn == cluster("a") else "INACTIVE"}
            for arn in parameters["clusters"]
        ]
    }
    query = (
        "SELECT service_arn FROM aws.ecs.services s JOIN aws.ecs.clusters c ON s.cluster = c.cluster_arn "
        "WHERE c.status IN"
    )
    with run_json_service(ecs.operations) as url, connection(url, sideways=sideways) as con:
        for states, rows, calls in (("('ACTIVE')", 3, lists), ("('ACTIVE', 'INACTIVE')", 28, 16)):
            result = con.sql(f"{query} {states}")
            assert len(result.fetchall()) == rows
            made = Counter(call.operation for call in result.calls)
            assert made == {"ListClusters": 1, "DescribeClusters": 1, "ListServices": calls}


def test_several_regions_have_their_own_parents(read: Read) -> None:
    result = read(SERVICES, ("region", "service_arn"), regions=("eu-west-1", "us-east-1"))
    assert len(result.rows) == 2 * 28
    assert result.calls["ListServices"] == 2 * 16


def test_like_on_a_parents_column_chooses_the_lists(ecs: Ecs) -> None:
    with (
        run_json_service(ecs.operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):
        result = con.sql("SELECT service_arn FROM aws.ecs.services WHERE cluster LIKE '%/a'")
        assert len(result.fetchall()) == 3
        assert [call.parameters.get("cluster") for call in result.calls][1:] == [cluster("a")] * 2
        named = con.sql("SELECT service_arn FROM aws.ecs.services WHERE cluster = 'a'")
        assert named.fetchall() == []
        assert named.warnings == [
            "aws.ecs.services: cluster holds ARNs, and 'a' is not one. Write the whole ARN, or cluster LIKE '%a'."
        ]


def test_more_lists_than_the_limit_are_an_error_that_names_a_condition(read: Read) -> None:
    with pytest.raises(OperationalError, match=r"2 calls of ListServices.*aws\.ecs\.clusters.*cluster = '…'"):
        read(SERVICES, ("service_arn",), settings={"fan_out": 2})
    named = In("cluster", tuple(map(cluster, "abc")))
    assert len(read(SERVICES, ("service_arn",), named, settings={"fan_out": 2}).rows) == 28


def test_a_list_that_fails_leaves_the_others_and_is_reported(ecs: Ecs, read: Read) -> None:
    listed = ecs.list_services

    def deny_one(parameters: Mapping[str, Any]) -> Any:
        if parameters["cluster"] == cluster("c"):
            raise ServiceFailure("AccessDeniedException")
        return listed(parameters)

    ecs.operations["ListServices"] = deny_one
    with pytest.raises(AccessDenied, match="ecs:ListServices"):
        read(SERVICES, ("service_arn",))
    result = read(SERVICES, ("service_arn",), settings={"on_error": "warn"})
    assert result.values("service_arn") == ecs.services[cluster("a")]
    assert [gap.table for gap in result.run.log.missing] == ["aws.ecs.services"]


def test_a_limit_begins_few_lists_and_counts_only_those(ecs: Ecs) -> None:
    ecs.services = {cluster(f"n{number:02}"): [f"{ARN}service/{number:02}"] for number in range(50)}
    run = Run(Settings(fan_out=10), hints=Hints(limited=True))
    with run_json_service(ecs.operations) as url:
        cloud = Cloud(endpoint_url=url, credentials=("test", "test"))
        scan = TableScan(plan_table(SERVICES, ("service_arn",)), run, Accounts(cloud))
        scan.start()
        assert next(scan.read_batches()).num_rows
        run.finish()
        cloud.close()
    assert Counter(call.operation for call in run.log.calls)["ListServices"] <= FIRST_LISTS


@pytest.mark.parametrize("rest", ["LIMIT 10", "ORDER BY service_arn LIMIT 2"])
def test_a_limit_that_the_allowed_lists_do_not_reach_says_what_to_do(ecs: Ecs, rest: str) -> None:
    ecs.services = {cluster(f"n{number:02}"): [f"{ARN}service/{number:02}"] for number in range(50)}
    with (
        run_json_service(ecs.operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):
        con.sql("SET sqlprov_fan_out = 3")
        assert len(con.sql("SELECT service_arn FROM aws.ecs.services LIMIT 2").fetchall()) == 2
        with pytest.raises(OperationalError) as caught:
            con.sql(f"SELECT service_arn FROM aws.ecs.services {rest}").fetchall()
    assert str(caught.value).startswith(
        "aws.ecs.services needs more than the 3 calls of ListServices that sqlprov_fan_out allows: one for each row "
        "of aws.ecs.clusters, 50 in all. Add a condition such as cluster = '…', or SET sqlprov_fan_out = 50."
    )


JOIN = """
    SELECT c.cluster_name, s.service_arn
    FROM aws.ecs.services s JOIN aws.ecs.clusters c ON s.cluster = c.cluster_arn
    WHERE s.desired_count = 2 ORDER BY ALL"""


@pytest.mark.parametrize("swapped", [False, True])
def test_a_parent_that_the_statement_reads_anyway_is_read_once(ecs: Ecs, swapped: bool) -> None:
    query = JOIN
    if swapped:
        query = JOIN.replace(
            "aws.ecs.services s JOIN aws.ecs.clusters c", "aws.ecs.clusters c JOIN aws.ecs.services s"
        )
    with (
        run_json_service(ecs.operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):

        def count_clusters(calls: Sequence[Any]) -> int:
            return Counter(call.operation for call in calls)["ListClusters"]

        with con.sql(query) as result:
            rows = result.fetchall()
            assert count_clusters(result.calls) == 1
            assert count_clusters(con.sql(f"EXPLAIN {query}").planned) == 1
        assert len(rows) == 28
        con.sql("SET sqlprov_prefetch = off")
        with con.sql(query) as result:
            assert result.fetchall() == rows
            assert count_clusters(result.calls) == 2
            assert count_clusters(con.sql(f"EXPLAIN {query}").planned) == 2


# Batches


def test_a_batch_describes_several_rows_and_finds_each(ecs: Ecs, read: Read) -> None:
    result = read(SERVICES, ("service_arn", "service_name"))
    assert all(row["service_arn"].endswith(row["service_name"]) for row in result.rows)
    assert len(result.rows) == 28
    assert result.calls["DescribeServices"] <= 2 + 13


def test_a_row_that_a_batch_does_not_return_is_gone(ecs: Ecs, read: Read) -> None:
    ecs.hidden = {ecs.services[cluster("c")][7]}
    assert len(read(SERVICES, ("desired_count",)).rows) == 27


def test_another_failure_of_a_batch_is_an_error(ecs: Ecs, read: Read) -> None:
    ecs.hidden, ecs.reason = {ecs.services[cluster("c")][7]}, "ACCESS_DENIED"
    with pytest.raises(ServiceError, match="ACCESS_DENIED"):
        read(SERVICES, ("desired_count",))


def test_a_describe_that_denies_every_row_of_a_list_is_an_error(ecs: Ecs, read: Read) -> None:
    ecs.hidden = {arn for arns in ecs.services.values() for arn in arns}
    with pytest.raises(BrokenReply, match="DescribeServices reports that neither it nor any other row"):
        read(SERVICES, ("desired_count",))


def test_rows_that_are_all_deleted_in_the_meantime_are_not_an_error(ecs: Ecs, read: Read) -> None:
    described = ecs.describe_services

    def delete_first(parameters: Mapping[str, Any]) -> Any:
        ecs.services = {name: [] for name in ecs.services}
        return described(parameters)

    ecs.operations["DescribeServices"] = delete_first
    assert read(SERVICES, ("desired_count",), Compare("cluster", "=", cluster("a"))).rows == []


def test_keys_are_looked_up_in_batches(ecs: Ecs, read: Read) -> None:
    arns = ecs.services[cluster("c")]
    where = And((Compare("cluster", "=", cluster("c")), In("service_arn", (*arns[:12], "arn:none"))))
    result = read(SERVICES, ("cluster", "service_arn", "service_name"), where)
    assert result.calls == {"DescribeServices": 2}
    assert result.values("cluster", "service_arn") == [(cluster("c"), arn) for arn in arns[:12]]
    gone = And((Compare("cluster", "=", cluster("gone")), Compare("service_arn", "=", arns[0])))
    assert read(SERVICES, ("service_name",), gone).rows == []


# EXPLAIN


def explain(table: Table, *columns: str) -> list[str]:
    return [f"{call.operation}, {call.times}" for call in list_calls(plan_table(table, columns))]


def test_explain_names_each_call_what_it_is_for_and_for_how_many_rows() -> None:
    with sqlprov.connect(region="us-east-1") as con:
        ((_, text), _) = con.sql("EXPLAIN SELECT desired_count FROM aws.ecs.services").fetchall()
    assert text.splitlines()[1:5] == [
        "  ListClusters in us-east-1, each page, for cluster_arn of aws.ecs.clusters",
        "  ListServices in us-east-1, each page, for each of aws.ecs.clusters",
        '    {"maxResults":100}',
        "  DescribeServices in us-east-1, in batches of 10, for desired_count",
    ]


def test_the_plan_names_the_parents_and_the_batches() -> None:
    assert explain(SERVICES, "desired_count") == [
        "ListClusters, each page",
        "ListServices, each page, for each of aws.ecs.clusters",
        "DescribeServices, in batches of 10",
    ]
    assert explain(TASKS, "task_arn")[-1] == "ListTasks, each page, for each of aws.ecs.services"


def test_a_list_that_knows_none_of_its_parents_warns(ecs: Ecs) -> None:
    def refuse(parameters: Mapping[str, Any]) -> Any:
        raise ServiceFailure("ClusterNotFoundException")

    operations = {**ecs.operations, "ListServices": refuse}
    with run_json_service(operations) as url, connection(url) as con:
        result = con.sql("SELECT service_arn FROM aws.ecs.services")
        assert result.fetchall() == []
        (warning,) = result.warnings
    assert "ListServices reports that none of the 3 rows of aws.ecs.clusters exists" in warning


def test_a_value_for_which_the_list_is_not_called_warns() -> None:
    operations = {"ListTaskDefinitions": lambda parameters: {"taskDefinitionArns": []}}
    with run_json_service(operations) as url, connection(url) as con:
        result = con.sql("FROM aws.ecs.task_definitions WHERE status IN ('ACTIVE', 'FROZEN')")
        assert result.fetchall() == []
        (warning,) = result.warnings
    assert (
        "status = 'FROZEN' is none of the values for which ListTaskDefinitions is called: ACTIVE, " in warning
    )
