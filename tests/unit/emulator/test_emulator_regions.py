import pytest
from botocore.exceptions import ClientError

from sqlprov.emulator import Fault


@pytest.fixture
def account(em, connect):
    return connect(em, service="account")


@pytest.fixture
def ec2(em, connect):
    return connect(em, service="ec2")


def statuses(account, **parameters):
    pages = account.get_paginator("list_regions").paginate(**parameters)
    return {region["RegionName"]: region["RegionOptStatus"] for page in pages for region in page["Regions"]}


def opted(ec2, **parameters):
    return {
        region["RegionName"]: region["OptInStatus"]
        for region in ec2.describe_regions(**parameters)["Regions"]
    }


def refuse(call, **parameters):
    """The code and the HTTP status with which a call fails."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_every_region_is_enabled_unless_a_test_closes_it(em, account, ec2):
    listed, described = statuses(account), opted(ec2)
    assert listed.keys() == described.keys() and len(listed) > 30
    assert (listed["us-east-1"], listed["eu-south-2"]) == ("ENABLED_BY_DEFAULT", "ENABLED")
    assert (described["us-east-1"], described["eu-south-2"]) == ("opt-in-not-required", "opted-in")
    assert [(call.operation, call.status) for call in em.calls] == [
        ("ListRegions", 200),
        ("DescribeRegions", 200),
    ]


def test_a_closed_region_is_disabled_and_described_only_among_all_regions(em, account, ec2):
    em.options.closed_regions = {"eu-south-2", "us-west-2"}
    assert {name for name, status in statuses(account).items() if status == "DISABLED"} == {
        "eu-south-2",
        "us-west-2",
    }
    assert not em.options.closed_regions & opted(ec2).keys()
    assert opted(ec2, AllRegions=True)["eu-south-2"] == "not-opted-in"


def test_list_regions_filters_by_status_and_pages(em, account):
    enabled = {"RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"]}
    em.options.closed_regions = {"eu-south-2"}
    listed = statuses(account, **enabled, PaginationConfig={"PageSize": 10})
    assert len(em.calls) == 4 and "eu-south-2" not in listed
    assert listed == {name: status for name, status in statuses(account).items() if status != "DISABLED"}
    assert len(statuses(account, RegionOptStatusContains=["ENABLED_BY_DEFAULT"])) == 17
    assert statuses(account, RegionOptStatusContains=["ENABLING"]) == {}
    em.options.sparse_pages = True
    assert account.list_regions()["Regions"] == [] and len(statuses(account)) == len(listed) + 1


def test_parameters_out_of_range_are_refused(account, ec2):
    assert refuse(account.list_regions, MaxResults=51)[0] == "ValidationException"
    assert refuse(account.list_regions, NextToken="x")[0] == "ValidationException"
    assert refuse(ec2.describe_regions, RegionNames=["us-east-1"])[0] == "UnknownParameter"


def test_regional_services_refuse_the_credentials_in_a_closed_region(em, connect):
    em.options.closed_regions = {"eu-south-2"}

    def client(service):
        return connect(em, "eu-south-2", service)

    assert refuse(client("sagemaker").list_models) == ("UnrecognizedClientException", 400)
    assert refuse(client("ec2").describe_regions) == ("AuthFailure", 401)
    assert refuse(client("sts").get_caller_identity) == ("InvalidClientTokenId", 403)
    assert statuses(client("account"))["eu-south-2"] == "DISABLED"
    assert connect(em).list_models()["Models"] == []


@pytest.mark.parametrize(
    ("service", "operation", "method", "denied", "throttled"),
    [
        (
            "account",
            "ListRegions",
            "list_regions",
            "AccessDeniedException",
            ("TooManyRequestsException", 429),
        ),
        (
            "ec2",
            "DescribeRegions",
            "describe_regions",
            "UnauthorizedOperation",
            ("RequestLimitExceeded", 503),
        ),
    ],
)
def test_each_service_has_its_own_codes_for_faults(
    em, connect, service, operation, method, denied, throttled
):
    call = getattr(connect(em, service=service), method)
    for kind, failure in (
        ("access_denied", (denied, 403)),
        ("throttle", throttled),
        ("error500", ("InternalFailure", 500)),
    ):
        em.inject(Fault(kind, operation=operation))
        assert refuse(call) == failure
    em.options.denied_actions = {operation}
    assert refuse(call) == (denied, 403)
    assert [each.error for each in em.calls] == [denied, throttled[0], "InternalFailure", denied]
