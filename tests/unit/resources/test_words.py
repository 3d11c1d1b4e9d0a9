"""Nouns of operation names."""

from __future__ import annotations

import pytest

from resources.generate.words import to_plural, to_singular


@pytest.mark.parametrize(
    "noun",
    [
        *("web_acls", "vpcs", "rest_apis", "metrics", "policies", "addresses", "databases", "event_buses"),
        *("clusters_v2", "groups_for_user", "open_id_connect_providers"),
    ],
)
def test_a_noun_has_a_singular_and_a_plural(noun: str) -> None:
    assert to_singular(noun) != noun
    assert to_plural(to_singular(noun)) == noun


@pytest.mark.parametrize("noun", ["instance_information", "pricing_data", "alarm_history", "time_series"])
def test_a_noun_without_a_plural_stays(noun: str) -> None:
    assert to_plural(noun) == to_singular(noun) == noun
