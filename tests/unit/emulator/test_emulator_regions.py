import pytest
from client_errors import code_of, error_of

from sqlprov.emulator import Fault


@pytest.fixture
def account(em, connect):
    return connect(em, service="account")


@pytest.fixture
def ec2(em, connect):
    return connect(em, service="ec2")


def list_regions(account, **parameters):
    pages = account.get_paginator("list_regions").paginate(**parameters)
    return {region["RegionName"]: region["RegionOptStatus"] for page in pages for region in page["Regions"]}


def describe_regions(ec2, **parameters):
    regions = ec2.describe_regions(**parameters)["Regions"]
    return {region["RegionName"]: region["OptInStatus"] for region in regions}


def test_every_region_is_enabled_unless_a_test_closes_it(em, account, ec2):
    listed, described = list_regions(account), describe_regions(ec2)
    assert listed.keys() == described.keys() and len(listed) > 30
    assert (listed["us-east-1"], listed["eu-south-2"]) == ("ENABLED_BY_DEFAULT", "ENABLED")
    assert (described["us-east-1"], described["eu-south-2"]) == ("opt-in-not-required", "opted-in")
    assert [(call.operation, call.status) for call in em.calls] == [
        ("ListRegions", 200),
        ("DescribeRegions", 200),
    ]


def test_a_closed_region_is_disabled_and_described_only_among_all_regions(em, account, ec2):
    em.options.closed_regions = {"eu-south-2", "us-west-2"}
    listed = list_regions(account)
    assert {name for name, status in listed.items() if status == "DISABLED"} == em.options.closed_regions
    assert not em.options.closed_regions & describe_regions(ec2).keys()
    assert describe_regions(ec2, AllRegions=True)["eu-south-2"] == "not-opted-in"


def test_list_regions_filters_by_status_and_pages(em, account):
    em.options.closed_regions = {"eu-south-2"}
    enabled = {"RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"]}
    listed = list_regions(account, **enabled, PaginationConfig={"PageSize": 10})
    assert len(em.calls) == 4 and "eu-south-2" not in listed
    assert listed == {name: status for name, status in list_regions(account).items() if status != "DISABLED"}
    assert len(list_regions(account, RegionOptStatusContains=["ENABLED_BY_DEFAULT"])) == 17
    assert list_regions(account, RegionOptStatusContains=["ENABLING"]) == {}
    em.options.sparse_pages = True
    assert account.list_regions()["Regions"] == [] and len(list_regions(account)) == len(listed) + 1


def test_invalid_parameters_are_refused(account, ec2):
    assert code_of(account.list_regions, MaxResults=51) == "ValidationException"
    assert code_of(account.list_regions, NextToken="x") == "ValidationException"
    assert code_of(ec2.describe_regions, RegionNames=["us-east-1"]) == "UnknownParameter"


def test_regional_services_refuse_the_credentials_in_a_closed_region(em, connect):
    em.options.closed_regions = {"eu-south-2"}
    for service, operation, code, status in (
        ("sagemaker", "list_models", "UnrecognizedClientException", 400),
        ("ec2", "describe_regions", "AuthFailure", 401),
        ("sts", "get_caller_identity", "InvalidClientTokenId", 403),
        ("account", "list_regions", "", 200),
    ):
        call = getattr(connect(em, "eu-south-2", service), operation)
        assert error_of(call)[::2] == (code, status)
    assert connect(em).list_models()["Models"] == []


@pytest.mark.parametrize(
    ("service", "operation", "denied", "throttled"),
    [
        ("account", "ListRegions", "AccessDeniedException", ("TooManyRequestsException", 429)),
        ("ec2", "DescribeRegions", "UnauthorizedOperation", ("RequestLimitExceeded", 503)),
    ],
)
def test_each_service_has_its_own_codes_for_faults(em, connect, service, operation, denied, throttled):
    call = getattr(connect(em, service=service), operation.replace("Regions", "_regions").lower())
    for kind, error in (
        ("access_denied", (denied, 403)),
        ("throttle", throttled),
        ("error500", ("InternalFailure", 500)),
    ):
        em.inject(Fault(kind, operation=operation))
        assert error_of(call)[::2] == error
    em.options.denied_actions = {operation}
    assert error_of(call)[::2] == (denied, 403)
    assert [each.error for each in em.calls] == [denied, throttled[0], "InternalFailure", denied]
