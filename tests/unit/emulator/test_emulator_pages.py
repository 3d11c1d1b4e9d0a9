import threading
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from sqlprov.emulator import Options

NOON = datetime(2025, 5, 1, 12, tzinfo=UTC)


def listed(sm, **parameters):
    """Names over all pages, and the number of pages."""
    names, pages, token = [], 0, {}
    while True:
        reply = sm.list_inference_experiments(**parameters, **token)
        names += [item["Name"] for item in reply["InferenceExperiments"]]
        pages += 1
        if "NextToken" not in reply:
            return names, pages
        token = {"NextToken": reply["NextToken"]}


def put(em, *names, **members):
    for name in names:
        em.add("InferenceExperiment", "us-east-1", {"Name": name, **members})


def test_a_page_holds_ten_items_unless_asked_otherwise(em, sm):
    em.fill(25)
    assert len(sm.list_inference_experiments()["InferenceExperiments"]) == 10
    assert listed(sm, MaxResults=100)[1] == 1
    assert listed(sm, MaxResults=5)[1] == 5


def test_a_last_full_page_has_no_token(em, sm):
    put(em, "a", "b")
    assert "NextToken" not in sm.list_inference_experiments(MaxResults=2)


@pytest.mark.parametrize("order", ["Ascending", "Descending"])
@pytest.mark.parametrize("column", ["Name", "CreationTime", "Status"])
def test_every_order_gives_each_row_once_and_sorted(em, sm, column, order):
    em.fill(240)
    names, _ = listed(sm, SortBy=column, SortOrder=order, MaxResults=7)
    assert len(names) == len(set(names)) == 240
    values = [em.get("InferenceExperiment", "us-east-1", name)[column] for name in names]
    assert values == sorted(values, reverse=order == "Descending")


def test_the_newest_come_first_when_no_order_is_asked(em, sm):
    for day, name in enumerate(["old", "new"]):
        put(em, name, CreationTime=NOON + timedelta(days=day))
    assert listed(sm)[0] == ["new", "old"]


def test_regions_are_separate_and_one_name_may_stand_in_each(em, connect):
    for region in ("us-east-1", "eu-west-1"):
        em.add("InferenceExperiment", region, {"Name": "twin", "Description": region})
    for region in ("us-east-1", "eu-west-1"):
        found = connect(em, region).list_inference_experiments()["InferenceExperiments"]
        assert [item["Description"] for item in found] == [region]


def test_paging_misses_nothing_that_stays_while_rows_come_and_go(em, sm):
    em.fill(200)
    stay = set(listed(sm, MaxResults=100)[0])
    ended = threading.Event()

    def churn():
        number = 0
        while not ended.is_set():
            put(em, f"guest-{number}", CreationTime=NOON - timedelta(days=number % 800))
            em.remove("InferenceExperiment", "us-east-1", f"guest-{number}")
            number += 1
            ended.wait(0.001)

    guest = threading.Thread(target=churn)
    guest.start()
    try:
        for _ in range(4):
            names, _pages = listed(sm, MaxResults=10, SortBy="CreationTime")
            assert len(names) == len(set(names))
            assert stay <= set(names)
    finally:
        ended.set()
        guest.join()


def test_a_token_holds_when_the_row_it_names_is_gone(em, sm):
    put(em, "a", "b", "c", "d")
    first = sm.list_inference_experiments(MaxResults=2, SortBy="Name", SortOrder="Ascending")
    em.remove("InferenceExperiment", "us-east-1", "b")
    put(em, "aa")
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


def test_an_invented_token_is_refused(sm):
    for token in ("x", "bnVsbA==", "WzFd"):
        with pytest.raises(ClientError, match="Invalid NextToken") as caught:
            sm.list_inference_experiments(NextToken=token)
        assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_filters_by_name_type_and_status_narrow_and_combine(em, sm):
    put(em, "fraud-a", "fraud-b", Status="Running")
    put(em, "fraud-c", "churn", Status="Completed")
    assert listed(sm, NameContains="fraud", SortBy="Name", SortOrder="Ascending")[0] == [
        "fraud-a",
        "fraud-b",
        "fraud-c",
    ]
    assert listed(sm, NameContains="fraud", StatusEquals="Completed", Type="ShadowMode")[0] == ["fraud-c"]
    assert listed(sm, NameContains="zzz") == ([], 1)


def test_name_contains_minds_case_unless_the_option_says_not(em, sm):
    put(em, "Fraud")
    assert listed(sm, NameContains="fraud")[0] == []
    em.options.name_contains_ignore_case = True
    assert listed(sm, NameContains="fRAUD")[0] == ["Fraud"]


@pytest.mark.parametrize("sort", ["CreationTime", "Name"])
@pytest.mark.parametrize("member", ["CreationTime", "LastModifiedTime"])
def test_time_bounds_are_exclusive_or_inclusive_as_the_option_says(em, sm, member, sort):
    for hours in range(5):
        put(em, f"e{hours}", CreationTime=NOON + timedelta(hours=hours))
    bounds = {f"{member}After": NOON + timedelta(hours=1), f"{member}Before": NOON + timedelta(hours=3)}
    assert sorted(listed(sm, SortBy=sort, MaxResults=1, **bounds)[0]) == ["e2"]
    em.options.inclusive_bounds = True
    assert sorted(listed(sm, SortBy=sort, MaxResults=1, **bounds)[0]) == ["e1", "e2", "e3"]


def test_bounds_cut_to_seconds_let_a_row_of_the_same_second_through(em, send):
    put(em, "late", CreationTime=1_700_000_000.5)
    body = {"CreationTimeAfter": 1_700_000_000.7}
    assert b"late" not in send("ListInferenceExperiments", body)[2]
    em.options.truncate_bounds_to_seconds = True
    assert b"late" in send("ListInferenceExperiments", body)[2]


def test_bounds_that_exclude_each_other_give_nothing(em, sm):
    em.fill(50)
    assert listed(sm, CreationTimeAfter=NOON, CreationTimeBefore=NOON - timedelta(days=1))[0] == []


def test_sparse_pages_are_empty_and_not_the_end(em, sm):
    em.fill(30)
    em.options = Options(sparse_pages=True)
    first = sm.list_inference_experiments(MaxResults=10)
    assert first["InferenceExperiments"] == [] and "NextToken" in first
    names, pages = listed(sm, MaxResults=10)
    assert (len(set(names)), pages) == (30, 6)


def test_a_page_may_hold_fewer_items_than_are_asked_for(em, sm):
    em.fill(30)
    em.options = Options(largest_page=7)
    names, pages = listed(sm, MaxResults=10)
    assert (len(set(names)), pages) == (30, 5)


def test_an_item_has_what_aws_gives_and_no_more(em, sm):
    put(em, "full", Status="Completed", StatusReason="done", Description="d", Tags={"a": "b"})
    (item,) = sm.list_inference_experiments()["InferenceExperiments"]
    assert set(item) == {
        *("Name", "Type", "Status", "StatusReason", "Description"),
        *("CreationTime", "CompletionTime", "LastModifiedTime", "RoleArn"),
    }


@pytest.mark.parametrize("noun", ["Model", "EndpointConfig", "Endpoint"])
def test_the_other_types_page_filter_and_sort_alike(em, sm, noun):
    for number in range(12):
        time = NOON + timedelta(minutes=number)
        em.add(noun, "us-east-1", {f"{noun}Name": f"n{number:02}", "CreationTime": time})
    operation = {"Model": "models", "EndpointConfig": "endpoint_configs", "Endpoint": "endpoints"}[noun]
    pages = sm.get_paginator(f"list_{operation}").paginate(
        SortBy="Name", SortOrder="Descending", NameContains="n0", PaginationConfig={"PageSize": 3}
    )
    items = [item for page in pages for item in page[f"{noun}s"]]
    assert [item[f"{noun}Name"] for item in items] == [f"n{number:02}" for number in range(9, -1, -1)]
    part = {"Model": "model", "EndpointConfig": "endpoint-config", "Endpoint": "endpoint"}[noun]
    assert items[0][f"{noun}Arn"] == f"arn:aws:sagemaker:us-east-1:123456789012:{part}/n09"
    assert (
        len(getattr(sm, f"list_{operation}")(CreationTimeAfter=NOON + timedelta(minutes=9))[f"{noun}s"]) == 2
    )


def test_endpoints_are_filtered_by_their_own_status_member(em, sm):
    em.add("Endpoint", "us-east-1", {"EndpointName": "up"})
    em.add("Endpoint", "us-east-1", {"EndpointName": "down", "EndpointStatus": "Failed"})
    found = sm.list_endpoints(StatusEquals="Failed", SortBy="Status")["Endpoints"]
    assert [item["EndpointName"] for item in found] == ["down"]


def test_a_row_moves_in_the_order_when_its_state_changes(em, sm):
    put(em, "a", Status="Running")
    put(em, "b", Status="Stopping")
    by_status = {"SortBy": "Status", "SortOrder": "Ascending"}
    assert listed(sm, **by_status)[0] == ["a", "b"]
    put(em, "b", Status="Cancelled")
    assert listed(sm, **by_status)[0] == ["b", "a"]


def test_many_rows_added_at_once_are_found_in_order(em, sm):
    put(em, "zz")
    assert listed(sm, SortBy="Name", SortOrder="Ascending")[0] == ["zz"]
    em.fill(2000, regions=("us-east-1", "eu-west-1"))
    names, _ = listed(sm, SortBy="Name", SortOrder="Ascending", MaxResults=100)
    assert names == sorted(names) and 800 < len(names) < 1200
