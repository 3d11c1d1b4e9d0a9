"""The tables that every provider has outside its services. Their rows come from the session, not from a list call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from sqlprov.records import dataclass

REGIONS, ACCOUNTS = "regions", "accounts"


@dataclass(frozen=True)
class ProviderTable:
    """A table of a provider, such as `aws.regions`.

    Attributes:
        about: what it holds, in a phrase that names it.
        description: the same in sentences, with the calls that reading it makes.
        columns: the columns, the key first, each with its description; all are strings.
        calls: column -> the operation that may be called for it.
    """

    about: str
    description: str
    columns: Mapping[str, str]
    calls: Mapping[str, str] = field(default_factory=dict)


PROVIDER_TABLES = {
    REGIONS: ProviderTable(
        "botocore's list of regions",
        "Every region known to botocore, in every partition. Reading it makes no call.",
        {
            "region": "Name of the region, such as us-east-1.",
            "partition": "Partition it belongs to, such as aws, aws-cn or aws-us-gov; credentials are of one "
            "partition.",
            "description": "Its full name, such as US East (N. Virginia).",
            "opt_in_status": "Whether the session's own account has enabled it, such as ENABLED, ENABLED_BY_DEFAULT or "
            "DISABLED; NULL until a statement in this session has asked AWS.",
        },
    ),
    ACCOUNTS: ProviderTable(
        "the list of the session's accounts",
        "The accounts that statements read (sqlprov_accounts). Calls list those of the organization, and find ids that "
        "are not known.",
        {
            "account": "Its name: that of the organization or the profile, or its id.",
            "account_id": "Its id, of 12 digits.",
            "profile": "Profile whose credentials it is read with; NULL if none is named.",
            "role": "ARN of the role that is assumed in it; NULL if none is.",
            "status": "Its state in the organization, such as ACTIVE; NULL if the organization was not asked.",
        },
        {"account_id": "GetCallerIdentity", "status": "ListAccounts"},
    ),
}
