from __future__ import annotations

import sys
from itertools import islice

from sqlprov.plan.read.steps import KeyRead, ListRead, Places, Steps

ACCOUNTS = tuple(f"a{number}" for number in range(1_000))
REGIONS = tuple(f"r{number}" for number in range(30))


def test_every_region_of_an_account_comes_before_the_next_account() -> None:
    places = Places([(("a", "b"), ("r1", "r2")), (("c",), ("r3",)), (("d",), ())])
    pairs = [(place["account"], place["region"]) for place in places]
    assert pairs == [("a", "r1"), ("a", "r2"), ("b", "r1"), ("b", "r2"), ("c", "r3")]
    assert len(places) == 5 and places.accounts == ("a", "b", "c")
    assert places.regions == {"r1", "r2", "r3"}


def test_each_place_has_every_list_and_lookup() -> None:
    steps = Steps(
        Places([(("a", "b"), ("r",))]), (ListRead({"bucket": "x"}, {"Bucket": "x"}), KeyRead({}, (("k",),)))
    )
    assert list(steps) == [
        ListRead({"account": "a", "region": "r", "bucket": "x"}, {"Bucket": "x"}),
        KeyRead({"account": "a", "region": "r"}, (("k",),)),
        ListRead({"account": "b", "region": "r", "bucket": "x"}, {"Bucket": "x"}),
        KeyRead({"account": "b", "region": "r"}, (("k",),)),
    ]
    assert len(steps) == 4 and steps[1] == list(steps)[1]


def test_the_places_of_an_organization_are_made_only_when_they_are_used() -> None:
    steps = Steps(Places([(ACCOUNTS, REGIONS)]), (ListRead({}, {}),))
    assert len(steps) == 30_000
    held = [steps.places, steps, *vars(steps).values(), *vars(steps.places).values()]
    assert sum(map(sys.getsizeof, held)) < 2_000
    assert [step.account_region for step in islice(steps, 2) if isinstance(step, ListRead)] == [
        ("a0", "r0"),
        ("a0", "r1"),
    ]


def test_steps_are_equal_if_their_places_and_calls_are() -> None:
    one, two = (Steps(Places([(("a",), (region,))]), (ListRead({}, {}),)) for region in ("r", "s"))
    assert one == Steps(Places([(("a",), ("r",))]), (ListRead({}, {}),))
    assert one != two and one != Steps() and not Steps()
