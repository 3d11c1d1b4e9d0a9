from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from sqlprov.emulator import Options

NOON = datetime(2025, 5, 1, 12, tzinfo=UTC)


def list_names(sm, **parameters):
    """Names over all pages, and the number of pages."""
    names, pages, token = [], 0, {}
    while True:
        reply = sm.list_inference_experiments(**parameters, **token)
        names += [item["Name"] for item in reply["InferenceExperiments"]]
        pages += 1
        if "NextToken" not in reply:
            return names, pages
        token = {"NextToken": reply["NextToken"]}


def add(em, *names, **members):
    for name in names:
        em.add("InferenceExperiment", "us-east-1", {"Name": name, **members})


def test_a_page_holds_ten_items_without_max_results(em, sm):
    em.fill(25)
    assert len(sm.list_inference_experiments()["InferenceExperiments"]) == 10
    assert list_names(sm, MaxResults=100)[1] == 1
    assert list_names(sm, MaxResults=5)[1] == 5


@pytest.mark.parametrize("order", ["Ascending", "Descending"])
@pytest.mark.parametrize("column", ["Name", "CreationTime", "Status"])
def test_every_order_lists_each_experiment_once_and_sorted(em, sm, column, order):
    em.fill(240)
    names, _ = list_names(sm, SortBy=column, SortOrder=order, MaxResults=7)
    assert len(names) == len(set(names)) == 240
    values = [em.get("InferenceExperiment", "us-east-1", name)[column] for name in names]
    assert values == sorted(values, reverse=order == "Descending")


def test_the_newest_come_first_without_an_order(em, sm):
    for day, name in enumerate(["old", "new"]):
        add(em, name, CreationTime=NOON + timedelta(days=day))
    assert list_names(sm)[0] == ["new", "old"]


def test_a_token_is_valid_after_the_deletion_of_the_item_it_names(em, sm):
    add(em, "a", "b", "c", "d")
    first = sm.list_inference_experiments(MaxResults=2, SortBy="Name", SortOrder="Ascending")
    em.remove("InferenceExperiment", "us-east-1", "b")
    add(em, "aa", "ab")  # at the end of the first page, by place, is now another row
    rest = sm.list_inference_experiments(
        MaxResults=2, SortBy="Name", SortOrder="Ascending", NextToken=first["NextToken"]
    )
    assert [item["Name"] for item in rest["InferenceExperiments"]] == ["c", "d"]


@pytest.mark.parametrize("change", [{"SortBy": "Name"}, {"NameContains": "a"}, {"StatusEquals": "Running"}])
def test_a_token_serves_no_other_query(em, sm, change):
    em.fill(30)
    token = sm.list_inference_experiments()["NextToken"]
    with pytest.raises(ClientError, match="does not belong to this request"):
        sm.list_inference_experiments(NextToken=token, **change)
    assert sm.list_inference_experiments(NextToken=token, MaxResults=3)["InferenceExperiments"]


def test_a_malformed_token_is_refused(sm):
    for token in ("x", "bnVsbA==", "WzFd"):
        with pytest.raises(ClientError, match="Invalid NextToken") as caught:
            sm.list_inference_experiments(NextToken=token)
        assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_filters_by_name_type_and_status_narrow_and_combine(em, sm):
    add(em, "fraud-a", "fraud-b", Status="Running")
    add(em, "fraud-c", "churn", Status="Completed")
    assert sorted(list_names(sm, NameContains="fraud")[0]) == ["fraud-a", "fraud-b", "fraud-c"]
    assert list_names(sm, NameContains="fraud", StatusEquals="Completed", Type="ShadowMode")[0] == ["fraud-c"]
    assert list_names(sm, NameContains="zzz") == ([], 1)


def test_name_contains_respects_case_unless_the_option_says_otherwise(em, sm):
    add(em, "Fraud")
    assert list_names(sm, NameContains="fraud")[0] == []
    em.options.name_contains_ignore_case = True
    assert list_names(sm, NameContains="fRAUD")[0] == ["Fraud"]


@pytest.mark.parametrize("sort", ["CreationTime", "Name"])
@pytest.mark.parametrize("member", ["CreationTime", "LastModifiedTime"])
def test_time_bounds_are_exclusive_or_inclusive_as_the_option_says(em, sm, member, sort):
    for hours in range(5):
        add(em, f"e{hours}", CreationTime=NOON + timedelta(hours=hours))
    bounds = {f"{member}After": NOON + timedelta(hours=1), f"{member}Before": NOON + timedelta(hours=3)}
    assert sorted(list_names(sm, SortBy=sort, MaxResults=1, **bounds)[0]) == ["e2"]
    em.options.inclusive_bounds = True
    assert sorted(list_names(sm, SortBy=sort, MaxResults=1, **bounds)[0]) == ["e1", "e2", "e3"]
    contradiction = {f"{member}After": NOON + timedelta(hours=3), f"{member}Before": NOON}
    assert list_names(sm, SortBy=sort, **contradiction)[0] == []


def test_bounds_truncated_to_seconds_include_an_experiment_of_the_same_second(em, send):
    add(em, "late", CreationTime=1_700_000_000.5)
    body = {"CreationTimeAfter": 1_700_000_000.7}
    assert b"late" not in send("ListInferenceExperiments", body)[2]
    em.options.truncate_bounds_to_seconds = True
    assert b"late" in send("ListInferenceExperiments", body)[2]


@pytest.mark.parametrize(
    ("options", "expected"), [(Options(sparse_pages=True), 6), (Options(largest_page=7), 5)]
)
def test_a_page_may_be_empty_or_hold_fewer_items_than_max_results(em, sm, options, expected):
    em.fill(30)
    em.options = options
    names, pages = list_names(sm, MaxResults=10)
    assert (len(set(names)), pages) == (30, expected)


def test_an_item_has_the_members_that_aws_documents(em, sm):
    add(em, "full", Status="Completed", StatusReason="done", Description="d", Tags={"a": "b"})
    (item,) = sm.list_inference_experiments()["InferenceExperiments"]
    assert set(item) == {
        *("Name", "Type", "Status", "StatusReason", "Description"),
        *("CreationTime", "CompletionTime", "LastModifiedTime", "RoleArn"),
    }


@pytest.mark.parametrize(
    ("noun", "plural", "part"),
    [
        ("Model", "models", "model"),
        ("EndpointConfig", "endpoint_configs", "endpoint-config"),
        ("Endpoint", "endpoints", "endpoint"),
    ],
)
def test_the_other_kinds_page_filter_and_sort_alike(em, sm, noun, plural, part):
    for number in range(12):
        time = NOON + timedelta(minutes=number)
        em.add(noun, "us-east-1", {f"{noun}Name": f"n{number:02}", "CreationTime": time})
    pages = sm.get_paginator(f"list_{plural}").paginate(
        SortBy="Name", SortOrder="Descending", NameContains="n0", PaginationConfig={"PageSize": 3}
    )
    items = [item for page in pages for item in page[f"{noun}s"]]
    assert [item[f"{noun}Name"] for item in items] == [f"n{number:02}" for number in range(9, -1, -1)]
    assert items[0][f"{noun}Arn"] == f"arn:aws:sagemaker:us-east-1:123456789012:{part}/n09"
    late = getattr(sm, f"list_{plural}")(CreationTimeAfter=NOON + timedelta(minutes=9))
    assert len(late[f"{noun}s"]) == 2


def test_endpoints_are_filtered_by_their_own_status_member(em, sm):
    em.add("Endpoint", "us-east-1", {"EndpointName": "up"})
    em.add("Endpoint", "us-east-1", {"EndpointName": "down", "EndpointStatus": "Failed"})
    (item,) = sm.list_endpoints(StatusEquals="Failed", SortBy="Status")["Endpoints"]
    assert item["EndpointName"] == "down"


def test_an_experiment_moves_in_the_order_when_its_state_changes(em, sm):
    add(em, "a", Status="Running")
    add(em, "b", Status="Stopping")
    by_status = {"SortBy": "Status", "SortOrder": "Ascending"}
    assert list_names(sm, **by_status)[0] == ["a", "b"]
    add(em, "b", Status="Cancelled")
    assert list_names(sm, **by_status)[0] == ["b", "a"]
