"""Every table that moto serves equals what boto3 reads there, or has a reason; the file of confirmations is true."""

from __future__ import annotations

import pytest
from confirmations import (
    CATALOG,
    MOTO,
    confirm,
    find_left_out,
    read_reasons,
    select_reasons,
)
from moto_comparison import Verdict, compare_service
from slices import take_slice

from sqlprov.emulator.moto_app import WRONG_FILTERS

CONFIRMED = CATALOG.list_confirmations("aws")
FEWEST = 500

# moto compares the name of another resource, or a state that it does not show.
IGNORED_FILTERS = {
    "bedrock": {"ListCustomModels": {"nameContains"}},
    "events": {"ListReplays": {"State"}},
    "sagemaker": {"ListModelCards": {"ModelCardStatus"}},
}


@pytest.mark.parametrize("service", take_slice(CATALOG.list_services("aws"), 30))
def test_a_table_equals_what_boto3_reads_from_moto_or_has_a_reason(service: str) -> None:
    compared = compare_service(service, find_left_out(service))
    details = "\n".join(f"{name}: {each}" for name, each in compared.items())
    equal = {name: each for name, each in compared.items() if each.verdict is Verdict.EQUAL}
    unserved = {name for name, each in compared.items() if each.verdict is Verdict.UNSERVED}
    assert set(select_reasons("tables", service)) == set(compared) - set(equal) - unserved, details
    missing = {name: sorted(each.missing_calls) for name, each in equal.items() if each.missing_calls}
    assert missing == select_reasons("missing_calls", service)
    sparse = {name: sorted(each.empty_in_list) for name, each in equal.items() if each.empty_in_list}
    assert sparse == select_reasons("empty_in_list", service), (
        "if AWS's list lacks them too, say so in `lacks`"
    )
    wrong: dict[str, set[str]] = {}
    for name, each in compared.items():
        wrong.setdefault(CATALOG.get_table("aws", service, name).list.call, set()).update(each.wrong_filters)
    of_service = WRONG_FILTERS if service == "ec2" else IGNORED_FILTERS.get(service, {})
    known = {call: names for call, names in of_service.items() if call in wrong}
    assert {call: names for call, names in wrong.items() if names} == known
    written = {name: list(words) for name, words in CONFIRMED.items() if name.partition(".")[0] == service}
    assert written == confirm(service, equal), f"run `make confirm`\n{details}"


def test_most_tables_that_moto_lists_are_equal() -> None:
    assert len([name for name, words in CONFIRMED.items() if MOTO in words]) >= FEWEST


def test_reasons_are_of_tables_that_exist() -> None:
    for kind in read_reasons().values():
        for name in kind:
            service, table, *column = name.split(".")
            assert set(column) <= set(CATALOG.get_table("aws", service, table).by_name)
