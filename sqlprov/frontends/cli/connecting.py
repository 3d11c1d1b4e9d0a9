"""Options that every command with a connection has in; the connection out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from sqlprov.errors import Error
from sqlprov.settings import PREFIX, Settings

if TYPE_CHECKING:
    import sqlprov


def pairs(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE words as a mapping.

    Raises:
        BadParameter: a word is none.
    """
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r}: expected NAME=VALUE.")
        found[name] = value
    return found


def _settings(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    found = pairs(ctx, parameter, given)
    for name, value in found.items():
        try:
            Settings().with_value(name, value)
        except Error as error:
            raise click.BadParameter(str(error)) from None
    return {f"{PREFIX}{name.lower().removeprefix(PREFIX)}": value for name, value in found.items()}


def _regions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from sqlprov.catalog import Catalog

    return [each.region for each in Catalog().list_regions() if each.region.startswith(incomplete)]


def _names_of_settings(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    names = [name.removeprefix(PREFIX) for name in Settings.describe()]
    return [f"{name}=" for name in names if name.startswith(incomplete)]


OPTIONS = (
    click.option("--local", is_flag=True, help="Use the local SageMaker: no AWS account, no network."),
    click.option("--endpoint-url", metavar="URL", help="Send every call to this server instead of AWS."),
    click.option(
        "--region",
        multiple=True,
        metavar="REGION",
        shell_complete=_regions,
        help="Region of statements that name none; may be repeated. [default: boto3's]",
    ),
    click.option("--profile", metavar="NAME", help="Profile of ~/.aws/config. [default: AWS_PROFILE]"),
    click.option("--read-only", is_flag=True, help="Refuse every write to the cloud."),
    click.option(
        "--set",
        multiple=True,
        callback=_settings,
        metavar="NAME=VALUE",
        shell_complete=_names_of_settings,
        help="A setting, such as concurrency=4; SHOW SETTINGS lists them. May be repeated.",
    ),
)


@dataclass(frozen=True)
class Way:
    """Where to connect to and how, as the options say."""

    local: bool
    endpoint_url: str | None
    region: tuple[str, ...]
    profile: str | None
    read_only: bool
    set: dict[str, str]

    def connection(self) -> sqlprov.Connection:
        """A new connection.

        Raises:
            UsageError: the options contradict each other.
            Error: as `sqlprov.connect`.
        """
        import sqlprov

        if self.local and (self.endpoint_url or self.profile):
            raise click.UsageError("--local is an endpoint of its own and needs no profile.")
        return sqlprov.connect(
            local=self.local,
            endpoint_url=self.endpoint_url,
            region=list(self.region) or None,
            profile=self.profile,
            read_only=self.read_only,
            settings=self.set,
        )


def connecting(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options that say what to connect to; it gets them as `way`."""

    @wraps(command)
    def taking(*arguments: Any, **options: Any) -> None:
        way = Way(**{field.name: options.pop(field.name) for field in fields(Way)})
        command(*arguments, way=way, **options)

    for option in reversed(OPTIONS):
        taking = option(taking)
    return taking
