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
        (
            "Lists the branches of an Amplify app, sorted by name. It has pages.",
            "Branches of an Amplify app.",
        ),
        ("This API returns details about all <b>Amazon Web Services</b> hosts.", "AWS hosts."),
        ("This operation is no longer current.", "Some things."),
        ("", "Some things."),
    ],
)
def test_the_rest_of_the_first_sentence_describes_the_rows_of_a_new_table(
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
        if not re.fullmatch(r"i?[A-Z0-9].*[^ ,;:]\.", about)
        or re.match(VERBS, about)
        or re.search(
            r"<\w|[Tt]his (operation|action|API)|[Ww]e recommend|Amazon Web Services|\.\.$|\b(and|or|the|a|an)\.$",
            about,
        )
    }
    assert odd == {}
