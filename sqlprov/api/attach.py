"""A DuckDB connection that already exists in, live tables in it out."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence

from sqlprov.api.connection import account
from sqlprov.catalog import Catalog
from sqlprov.duck import attachment
from sqlprov.duck.attachment import Attachment, DuckDBPyConnection
from sqlprov.errors import InterfaceError
from sqlprov.settings import Settings


def attach(
    con: DuckDBPyConnection,
    services: Sequence[str] | None = None,
    *,
    regions: str | Sequence[str],
    as_: str = "aws",
    local: bool = False,
    endpoint_url: str | None = None,
    profile: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Attachment:
    """Make live tables appear in a DuckDB connection, for it and all its cursors, to be read.

    What is attached by that name already is replaced. Every read of a table is made anew: a relation such as
    `con.sql(…)` runs each time that it is shown or fetched.

    Args:
        con: in memory, a file, or read-only.
        services: services whose tables are attached, such as ["sagemaker"]; all of them without it.
        regions: the regions whose rows the tables hold; "all" for every region of the partition.
        as_: name of the database that holds them.
        local: read the local SageMaker that comes with sqlprov, without an account.
        endpoint_url: URL of another server that speaks the API; boto3's AWS_ENDPOINT_URL works too.
        profile: AWS profile; boto3's AWS_PROFILE works too.
        settings: further settings, by name with or without `sqlprov_`, as SET writes them.

    Raises:
        InterfaceError: the connection has such a database already, or is closed, or none of DuckDB.
        RegionError: no region, or one that does not exist.
        UnknownName, DataError: a service or setting that does not exist, or does not fit.
        CredentialsError: the profile does not exist.
    """
    chosen = Settings()
    for name, value in (settings or {}).items():
        chosen = chosen.with_value(name, str(value))
    if chosen.regions:
        raise InterfaceError("The regions are an argument of attach(), not a setting of it.")
    cloud, emulator = account(local, endpoint_url, profile)
    wanted = [services] if isinstance(services, str) else services
    places = [regions] if isinstance(regions, str) else regions
    try:
        made = Attachment(con, Catalog(), cloud, wanted, places, as_, chosen)
    except BaseException:
        if emulator:
            emulator.stop()
        raise
    if emulator:
        weakref.finalize(made, emulator.stop)
    return made


def detach(con: DuckDBPyConnection, as_: str = "aws") -> None:
    """Take the live tables out of a DuckDB connection; harmless if they are not there.

    Raises:
        InterfaceError: the database of that name was not made by `attach`.
    """
    attachment.detach(con, as_)
