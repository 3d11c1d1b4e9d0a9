"""Opens connections: `connect` makes a new one, `attach` adds live tables to an existing DuckDB connection."""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlprov.api.arguments import check_argument, check_texts, refuse_empty
from sqlprov.api.tracebacks import cut_traceback
from sqlprov.catalog import Catalog
from sqlprov.errors import InterfaceError
from sqlprov.settings import Settings

if TYPE_CHECKING:
    from sqlprov.api.connection import Connection
    from sqlprov.aws.transport.accounts import AccountFinder
    from sqlprov.duck.attachment import Attachment, DuckDBPyConnection
    from sqlprov.duck.session import Session
    from sqlprov.emulator import Emulator

_sessions: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
"""Path -> the session of its connections: one DuckDB, as for duckdb.connect(), and one account."""
_opening = threading.Lock()
ACCOUNT_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)
"""Variables of the environment that change which account, endpoint or region a session uses."""


@cut_traceback
def connect(
    database: str | Path = ":memory:",
    *,
    local: bool = False,
    endpoint_url: str | None = None,
    region: str | Sequence[str] | None = None,
    profile: str | Sequence[str] | None = None,
    read_only: bool = False,
    sandbox: bool | str | Path | Sequence[str | Path] = False,
    settings: Mapping[str, str] | None = None,
) -> Connection:
    """Open a connection to the cloud's tables and to DuckDB's `database`.

    Args:
        database: ":memory:" or the path of a DuckDB file. Connections of a process to one file share it.
        local: use the local AWS that comes with sqlprov, without an account, in us-east-1 if no region is configured.
        endpoint_url: URL of another server that speaks the API; boto3's AWS_ENDPOINT_URL works too.
        region: region or regions for statements that name none; the same as `SET sqlprov_regions`.
        profile: AWS profile; boto3's AWS_PROFILE works too. Of several, the first is the session's own, and statements
            that name no account read all; the same as `SET sqlprov_accounts`.
        read_only: refuse every write to the cloud and to files, and open the database's file read-only.
        sandbox: true: SQL uses no file but the database, no network but AWS, and no extension, and cannot change
            DuckDB's settings. Or the file or folder that it may use, too, or several.
        settings: further settings, by name with or without `sqlprov_`, with the values that SET takes.

    Raises:
        ProgrammingError: the database cannot be opened.
        InterfaceError: this process has it open with another account, endpoint, `sandbox` or `read_only`; or an
            argument has another type.
        CredentialsError: the profile does not exist.
        UnknownName, DataError: one of several profiles or a setting that does not exist, or a value that does not fit.

    >>> with connect(local=True) as con:
    ...     con.sql("SELECT endpoint_status FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1' LIMIT 1").fetchone()
    ('InService',)
    """
    check_argument("database", database, str | Path | None, "':memory:' or the path of a file")
    refuse_empty("database", database)
    _check_account(local, endpoint_url, profile, settings)
    check_argument("read_only", read_only, bool, "True or False")
    if not isinstance(sandbox, bool | Path):
        check_texts(
            "sandbox", sandbox, "True, False, or the path of a file or folder, or several", (str, Path)
        )
    chosen = Settings()
    if region is not None:
        check_texts("region", region, "a str or a list of them, such as 'us-east-1'")
        chosen = chosen.with_value("regions", region if isinstance(region, str) else ",".join(region))
    own, accounts = _read_profiles(profile)
    chosen = chosen.with_value("accounts", accounts).with_values(settings or {})
    if read_only:
        chosen = chosen.with_value("read_only", "on")
    database = str(database or ":memory:")
    in_memory = database.startswith(":memory:")
    path = database if in_memory else str(Path(database).resolve())
    folders = [sandbox] if isinstance(sandbox, str | Path) else [] if sandbox is True else sandbox
    files = None if folders is False else tuple(map(str, folders))
    environment = () if local else tuple(map(os.environ.get, ACCOUNT_VARIABLES))
    account = (local, endpoint_url, own, *environment, chosen.read_only, files)
    with _opening:
        session = _sessions.get(path)
        if session is None or session.users < 1:
            # DuckDB has no read-only database in memory.
            duck = _open_duckdb(database, read_only=chosen.read_only and not in_memory)
            from sqlprov.duck.session import Session

            try:
                with _open_accounts(local, endpoint_url, own) as (finder, emulator):
                    finder.check(chosen)
                    session = Session(Catalog(), finder, duck, database, files)
            except BaseException:
                duck.close()
                raise
            session.account, session.emulator = account, emulator
            if path != ":memory:":
                _sessions[path] = session
        elif session.account == account:
            session.accounts.check(chosen)
            session.users += 1
        else:
            raise InterfaceError(
                f"This process has {database!r} open with another account, endpoint, sandbox or read_only. "
                "Connect with the same arguments, or close the other connection first."
            )
    from sqlprov.api.connection import Connection

    return Connection(session, chosen, session.emulator)


@cut_traceback
def attach(
    con: DuckDBPyConnection,
    services: str | Sequence[str],
    *,
    regions: str | Sequence[str],
    as_: str = "aws",
    local: bool = False,
    endpoint_url: str | None = None,
    profile: str | Sequence[str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Attachment:
    """Add read-only live tables to a DuckDB connection, for it and all its cursors.

    An attachment of the same name is replaced. Every read of a table calls the API again, unless `settings` has a
    `cache`: a relation such as `con.sql(…)` runs each time it is shown or fetched.

    Args:
        con: in memory, a file, or read-only.
        services: services whose tables are attached, and single tables, such as ["sagemaker", "iam.roles"]. Only
            these are loaded.
        regions: the regions whose rows the tables hold; "all" for every region of the account.
        as_: name of the database that holds the tables.
        local: read the local AWS that comes with sqlprov, without an account.
        endpoint_url: URL of another server that speaks the API; boto3's AWS_ENDPOINT_URL works too.
        profile: AWS profile, or several, whose rows the tables hold; boto3's AWS_PROFILE works too.
        settings: further settings, by name with or without `sqlprov_`, with the values that SET takes.

    Raises:
        InterfaceError: the connection has another database of that name, is closed, or is not a DuckDB connection; no
            service; an argument has another type.
        RegionError: no region, or one that does not exist.
        UnknownName, DataError: a service, table or setting that does not exist, or a value that does not fit.
        ResourceFileError: the resource file of a table in `services` is wrong. One of a service is left out, with a
            warning.
        CredentialsError: the profile does not exist.
    """
    from sqlprov.duck.attachment import Attachment

    check_texts("services", services, "a str or a list of them, such as 'sagemaker'")
    check_texts("regions", regions, "a str or a list of them, such as 'us-east-1' or 'all'")
    check_argument("as_", as_, str, "the name of a database, such as 'aws'")
    _check_account(local, endpoint_url, profile, settings)
    own, accounts = _read_profiles(profile)
    chosen = Settings().with_value("accounts", accounts).with_values(settings or {})
    if chosen.regions:
        raise InterfaceError("The regions are an argument of attach(), not one of its settings.")
    services = [services] if isinstance(services, str) else services
    regions = [regions] if isinstance(regions, str) else regions
    with _open_accounts(local, endpoint_url, own) as (finder, emulator):
        finder.check(chosen)
        attachment = Attachment(con, Catalog(), finder, services, regions, as_, chosen)
    if emulator:
        weakref.finalize(attachment, emulator.stop)
    return attachment


def detach(con: DuckDBPyConnection, as_: str = "aws") -> None:
    """Remove the live tables from a DuckDB connection; harmless if there are none.

    Raises:
        InterfaceError: `attach` did not make the database of that name.
    """
    from sqlprov.duck import attachment

    attachment.detach(con, as_)


def _check_account(local: object, endpoint_url: object, profile: object, settings: object) -> None:
    check_argument("local", local, bool, "True or False")
    check_argument("endpoint_url", endpoint_url, str | None, "a URL, such as 'http://localhost:4566'")
    refuse_empty("endpoint_url", endpoint_url)
    if profile is not None:
        check_texts("profile", profile, "the name of a profile, such as 'prod', or a list of them")
    check_argument("settings", settings, Mapping | None, "a mapping, such as {'max_calls': '100'}")


def _read_profiles(profile: str | Sequence[str] | None) -> tuple[str | None, str]:
    """The profile of the session's own identity, and the accounts as SET takes them, if there are several."""
    profiles = [profile] if isinstance(profile, str) else list(profile or ())
    return next(iter(profiles), None), ",".join(profiles) if len(profiles) > 1 else ""


def _open_duckdb(database: str, *, read_only: bool) -> DuckDBPyConnection:
    """As `open_database`. DuckDB opens on another core while Python imports what a connection needs."""
    from sqlprov.duck.database import open_database

    opened: Future[DuckDBPyConnection] = Future()

    def work() -> None:
        try:
            opened.set_result(open_database(database, read_only=read_only))
        except BaseException as error:
            opened.set_exception(error)

    # Not an executor's thread, which cannot start once the main thread has ended.
    threading.Thread(target=work, name="sqlprov-open", daemon=True).start()
    importlib.import_module("sqlprov.api.connection")
    return opened.result()


@contextmanager
def _open_accounts(
    local: bool, endpoint_url: str | None, profile: str | None
) -> Iterator[tuple[AccountFinder, Emulator | None]]:
    """The API to call; and the local AWS to stop after use, if it was started. An error in the block stops it.

    Raises:
        InterfaceError: `local` with one of the others.
    """
    from sqlprov.aws.transport.accounts import AccountFinder
    from sqlprov.aws.transport.clients import Cloud

    if not local:
        yield AccountFinder(Cloud(profile=profile, endpoint_url=endpoint_url)), None
        return
    if endpoint_url or profile:
        raise InterfaceError("local=True takes neither endpoint_url nor profile.")
    from sqlprov.local import CREDENTIALS, LOCAL_REGION, start_emulator

    emulator = start_emulator()
    try:
        cloud = Cloud(endpoint_url=emulator.url, credentials=CREDENTIALS, fallback_region=LOCAL_REGION)
        yield AccountFinder(cloud), emulator
    except BaseException:
        emulator.stop()
        raise
