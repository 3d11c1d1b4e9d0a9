"""`sqlprov serve`: a server for PostgreSQL clients."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlprov.errors import InterfaceError
from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.cli.connection_options import ConnectionOptions, add_connection_options

if TYPE_CHECKING:
    import ssl

_HELP = """Serve the tables to PostgreSQL clients, such as psql, JDBC and BI tools, until Ctrl-C.

On a loopback address anybody on this machine may connect. Any other address needs TLS and users: --tls-cert, --tls-key
and --users, a file that `sqlprov serve adduser` writes. The database of a client is a provider, such as aws, whose
services are its schemas.

\b
Examples:
  sqlprov serve --local
  psql -h 127.0.0.1 -p 5433 -d aws -c "SELECT name FROM s3.buckets"
  sqlprov serve adduser --users users.txt ada
  sqlprov serve --listen 0.0.0.0:5433 --users users.txt --tls-cert cert.pem --tls-key key.pem --read-only --sandbox
"""
_FILE = click.Path(dir_okay=False, path_type=Path)


def _parse_address(ctx: click.Context, parameter: click.Parameter, text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):(\d{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise click.BadParameter(f"{text!r}: expected ADDRESS:PORT, such as 127.0.0.1:5433 or [::1]:5433.")
    return match[1] or match[2], int(match[3])


@click.group("serve", invoke_without_command=True, help=_HELP)
@add_connection_options
@click.option(
    "--listen",
    default="127.0.0.1:5433",
    show_default=True,
    callback=_parse_address,
    metavar="ADDRESS:PORT",
    help="Where to listen; port 0 for a free one.",
)
@click.option("--users", type=_FILE, metavar="FILE", help="Who may log in, with a password.")
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Certificate, as PEM.")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Key of the certificate, as PEM.")
@click.option(
    "--max-connections",
    type=click.IntRange(1, 10_000),
    default=64,
    show_default=True,
    help="Clients at once.",
)
@click.option(
    "--idle-timeout",
    type=click.FloatRange(0),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Disconnect a client after this time of silence; 0: never.",
)
@click.option(
    "--statement-timeout",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    metavar="SECONDS",
    help="Cancel a statement after this time; 0: never.",
)
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    target: ConnectionOptions,
    listen: tuple[str, int],
    users: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    **limits: Any,
) -> None:
    if ctx.invoked_subcommand:
        return
    from sqlprov.frontends.serve.login import ServerOptions
    from sqlprov.frontends.serve.server import Server
    from sqlprov.frontends.serve.users import Users

    host, port = listen
    tls = _load_tls(tls_cert, tls_key)
    options = ServerOptions(host, port, Users(users) if users else None, tls, **limits)
    with target.connect() as connection:
        server = Server(connection, options)
        try:
            address = (
                "{}:{}".format(*server.address) if ":" not in host else "[{}]:{}".format(*server.address)
            )
            click.echo(f"Listening on {address}. Ctrl-C stops the server.", err=True)
            server.run()
        finally:
            server.close()


def _load_tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """The encryption that the options ask for; `None` if they ask for none.

    Raises:
        UsageError: one of the options without the other.
        OSError: a file cannot be read.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key belong together; give both.")
    import ssl

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        tls.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise InterfaceError(f"--tls-cert {certificate}, --tls-key {key}: {error}") from None
    return tls


@serve.command("adduser", cls=StrictCommand)
@click.option(
    "--users", type=_FILE, required=True, metavar="FILE", help="The file to write; created if there is none."
)
@click.argument("name")
def adduser(users: Path, name: str) -> None:
    """Add the user NAME to a file, or give a user another password.

    It asks for the password; without a terminal, it takes the first line of standard input. The file holds no password:
    a SCRAM-SHA-256 verifier only proves one.
    """
    from sqlprov.frontends.serve.users import add_user

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    add_user(users, name, password)
    click.echo(f"{name} may log in to a server that starts with --users {users}.")
