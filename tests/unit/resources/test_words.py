"""Nouns of operation names."""

from __future__ import annotations

import pytest

from resources.generate.words import to_noun, to_plural, to_singular

NOUNS = {
    "WebACLs": "web_acls",
    "IPSets": "ip_sets",
    "Vpcs": "vpcs",
    "DBInstances": "db_instances",
    "Ipv6Pools": "ipv6_pools",
    "RestApis": "rest_apis",
    "Topics": "topics",
    "Metrics": "metrics",
    "Policies": "policies",
    "Aliases": "aliases",
    "Addresses": "addresses",
    "Databases": "databases",
    "EventBuses": "event_buses",
    "Analyses": "analyses",
    "ClustersV2": "clusters_v2",
    "GroupsForUser": "groups_for_user",
    "ListenerCertificates": "listener_certificates",
    "OpenIDConnectProviders": "open_id_connect_providers",
}


@pytest.mark.parametrize(("noun", "name"), NOUNS.items())
def test_a_noun_keeps_its_plural(noun: str, name: str) -> None:
    assert to_noun(noun) == name
    assert to_singular(name) != name
    assert to_plural(to_singular(name)) == name


@pytest.mark.parametrize("noun", ["instance_information", "pricing_data", "alarm_history", "time_series"])
def test_a_noun_without_a_plural_stays(noun: str) -> None:
    assert to_plural(noun) == to_singular(noun) == noun
