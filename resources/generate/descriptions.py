"""Describes the rows of a new table from the documentation of its list; a description that is there stays."""

from __future__ import annotations

import re

from sqlprov.catalog import Catalog
from sqlprov.catalog.catalog import DESCRIPTIONS
from sqlprov.catalog.service_model import load_model, read_paragraphs

from .files import RESOURCES, read_file, read_own_files

_LEAD = re.compile(
    r"(?:(?:the|this) (?:\w+ )?(?:operation|action|API) )?(?:lists|returns|retrieves|describes|gets|provides) "
    r"(?:(?:all|any|of|the|your|an?|list|array|summary|existing|information|details|about|for) )*",
    re.IGNORECASE,
)
"""How a sentence begins that says what the operation returns."""
_ACRONYM = re.compile(r"\b(?:acl|ai|api|aws|db|dns|iam|id|idc|ip|kms|sdi|sop|sql|ssl|tls|vpc|xss)(?=s?\b)")


def describe_tables(catalog: Catalog) -> dict[str, str]:
    """`service.table` -> its description, for the tables whose lines write none."""
    lines = (RESOURCES / "aws" / DESCRIPTIONS).read_text("utf-8").splitlines()
    known = dict(line.split(": ", 1) for line in lines if not line.startswith("#"))
    descriptions = {}
    for service in catalog.list_services("aws"):
        path = RESOURCES / "aws" / f"{service}.yaml"
        words = {line.name: line.parsed for line in read_file(path).lines.values()}
        words |= read_own_files(path.with_suffix(""))
        for name in sorted(name for name in words if "about" not in words[name]):
            table = catalog.get_table("aws", service, name)
            operation = load_model(table.client).operation_model(table.list.call)
            key = f"{service}.{name}"
            descriptions[key] = known.get(key) or describe_rows(operation.documentation, name)
    return descriptions


def describe_rows(documentation: str, table: str) -> str:
    """`Returns a list of the existing Amplify apps.` -> `Amplify apps.`

    If the first sentence does not say what the rows are, the words of the table's name do.
    """
    first = next(iter(read_paragraphs(documentation)), "").replace("Amazon Web Services", "AWS")
    text = re.split(r"[.,;:](?: |$)", first)[0]
    lead = _LEAD.match(text)
    name = _ACRONYM.sub(lambda match: match[0].upper(), table.replace("_", " "))
    phrase = text[lead.end() :] if lead else name
    return f"{phrase[:1].upper()}{phrase[1:]}."
