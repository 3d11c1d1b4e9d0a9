"""The descriptions of tables: noun phrases about their rows."""

from __future__ import annotations

import re

import pytest

from resources.generate.descriptions import describe_rows
from resources.generate.files import RESOURCES
from sqlprov.catalog import Catalog


@pytest.mark.parametrize(
    ("documentation", "rows"),
    [
        ("<p>Returns a list of the existing Amplify apps.</p>", "Amplify apps."),
        ("Lists the branches of an Amplify app.", "Branches of an Amplify app."),
        ("Gets information about the Auto Scaling groups in the account and Region.", "Auto Scaling groups."),
        ("Describes the specified bundle tasks or all of your bundle tasks.", "Bundle tasks."),
        ("This API is in preview. <p>This API returns a paginated list of all hosts in your account.</p>", "Hosts."),
        ("Lists, in descending order, the executors that joined a session.", "Executors that joined a session."),
        ("Given a pool ID, returns a list of users and their basic details in a pool.", "Users in a pool."),
        ("Lists the findings for the specified Amazon detector, sorted by time.", "Findings for an Amazon detector."),
        ("Lists the jobs of an Cloud9 app for your <b>Amazon Web Services</b> account.", "Jobs of a Cloud9 app."),
        ("Returns an array of WebACLSummary objects for the web ACLs that you manage.", "Web ACLs that you manage."),
        ("Returns a list of DBParameterGroup descriptions.", "Some things."),
        ("Lists the resources that can be sorted by name.", "Resources that can be sorted by name."),
        ("List of answers for a particular workload.", "Answers for a workload."),
        ("Indicates whether EBS encryption is enabled.", "Whether EBS encryption is enabled."),
        ("We recommend the newer call. Use this operation to list jobs.", "Jobs."),
        ("This operation is no longer current.", "Some things."),
        ("", "Some things."),
    ],
)  # fmt: skip
def test_the_first_sentence_that_says_what_the_rows_are_becomes_a_noun_phrase(
    documentation: str, rows: str
) -> None:
    assert describe_rows(documentation, "some_things") == rows


CATALOG = Catalog([RESOURCES])
ABOUTS = {
    f"{service}.{table}": about
    for service in CATALOG.list_services("aws")
    for table, about in CATALOG.list_descriptions("aws", service).items()
}
VERBS = (
    r"(Lists?(?! of)|Returns?|Retrieves?|Describes?|Gets?|Provides?|Displays?|Shows?|Obtains?|This|An?|Your) "
)


def test_every_table_has_a_description_that_reads_as_one() -> None:
    assert len(ABOUTS) > 3000
    odd = {
        name: about
        for name, about in ABOUTS.items()
        if not re.fullmatch(r"[A-Z0-9].*[^ ,;:]\.", about)
        or re.match(VERBS, about)
        or re.search(
            r"<\w|[Tt]his (operation|action|API)|[Ww]e recommend|Amazon Web Services|\.\.$|\b(and|or|the|a|an)\.$",
            about,
        )
    }
    assert odd == {}
