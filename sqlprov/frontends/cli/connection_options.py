"""The options of every command that connects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from sqlprov.errors import Error
from sqlprov.records import dataclass
from sqlprov.settings import ORGANIZATION, PREFIX, Settings

if TYPE_CHECKING:
    import sqlprov


def parse_pairs(ctx: click.Context, parameter: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    """Name -> value of each NAME=VALUE.

    Raises:
        BadParameter: a pair has no name or no `=`, or its name is given before.
    """
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r}: expected NAME=VALUE.")
        if name in values:
            raise click.BadParameter(f"{name} is given twice; give it once.")
        values[name] = value
    return values


def _parse_settings(ctx: click.Context, parameter: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    parts = [pair.partition("=") for pair in pairs]
    pairs = [f"{name.lower().removeprefix(PREFIX)}{equals}{value}" for name, equals, value in parts]
    values = parse_pairs(ctx, parameter, pairs)
    for name, value in values.items():
        try:
            Settings().with_value(name, value)
        except Error as error:
            raise click.BadParameter(str(error)) from None
    return {f"{PREFIX}{name}": value for name, value in values.items()}


def _complete_region(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from sqlprov.catalog.regions import list_regions

    return [each.region for each in list_regions() if each.region.startswith(incomplete)]


def _complete_setting(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    names = [name.removeprefix(PREFIX) for name in Settings.describe()]
    return [f"{name}=" for name in names if name.startswith(incomplete)]


OPTIONS = (
    click.option(
        "--database",
        default=":memory:",
        metavar="FILE",
        help="DuckDB file whose tables and views a statement can use; created if there is none.",
    ),
    click.option("--local", is_flag=True, help="Use the local AWS: no account, no network."),
    click.option("--endpoint-url", metavar="URL", help="Send every call to this server instead of AWS."),
    click.option(
        "--region",
        multiple=True,
        metavar="REGION",
        shell_complete=_complete_region,
        help="Region for statements that name none; may be repeated. [default: boto3's]",
    ),
    click.option(
        "--profile",
        multiple=True,
        metavar="NAME",
        help="Profile in ~/.aws/config; may be repeated, to read several accounts. [default: AWS_PROFILE]",
    ),
    click.option(
        "--organization",
        is_flag=True,
        help="Read every active account of the organization, through sqlprov_role; as --set accounts=organization.",
    ),
    click.option("--read-only", is_flag=True, help="Refuse every write to the cloud and to files."),
    click.option("--sandbox", is_flag=True, help="SQL uses no files, no extensions and no network but AWS."),
    click.option(
        "--allow-file",
        multiple=True,
        metavar="PATH",
        help="--sandbox, but for this file or folder. May be repeated.",
    ),
    click.option(
        "--set",
        multiple=True,
        callback=_parse_settings,
        metavar="NAME=VALUE",
        shell_complete=_complete_setting,
        help="A setting, such as concurrency=4; SHOW SETTINGS lists them. May be repeated.",
    ),
)


@dataclass(frozen=True)
class ConnectionOptions:
    """The values of OPTIONS, each under its own name."""

    database: str
    local: bool
    endpoint_url: str | None
    region: tuple[str, ...]
    profile: tuple[str, ...]
    organization: bool
    read_only: bool
    sandbox: bool
    allow_file: tuple[str, ...]
    set: dict[str, str]

    def connect(self) -> sqlprov.Connection:
        """Open a connection.

        Raises:
            UsageError: an option is empty, or the options contradict each other.
            Error: as `sqlprov.connect`.
        """
        import sqlprov
        from sqlprov.api.arguments import refuse_empty

        for field in fields(self):
            try:
                refuse_empty(f"--{field.name.replace('_', '-')}", getattr(self, field.name))
            except Error as error:
                raise click.UsageError(str(error)) from None
        if self.local and (self.endpoint_url or self.profile):
            raise click.UsageError("--local takes neither --endpoint-url nor --profile.")
        return sqlprov.connect(
            self.database,
            local=self.local,
            endpoint_url=self.endpoint_url,
            region=list(self.region) or None,
            profile=list(self.profile) or None,
            read_only=self.read_only,
            sandbox=self.allow_file or self.sandbox,
            settings={**({"accounts": ORGANIZATION} if self.organization else {}), **self.set},
        )


def add_connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command OPTIONS; it receives their values as `target`."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        target = ConnectionOptions(
            **{field.name: options.pop(field.name) for field in fields(ConnectionOptions)}
        )
        command(*arguments, target=target, **options)

    for option in reversed(OPTIONS):
        run = option(run)
    return run
