"""`sqlprov mcp`: the server of the Model Context Protocol."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from typing import Any

import click

from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.cli.connection_options import ConnectionOptions, add_connection_options

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN = "SQLPROV_MCP_TOKEN"


def _parse_address(
    ctx: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or LOOPBACK[0]
    if not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{text!r}: expected a port, or HOST:PORT.")
    if host not in LOOPBACK:
        raise click.BadParameter(
            f"{host!r} is not an address of this machine; expected {', '.join(LOOPBACK)}."
        )
    return host, int(port)


@click.command(cls=StrictCommand)
@add_connection_options
@click.option(
    "--mode",
    type=click.Choice(["read", "propose", "full"]),
    default="read",
    show_default=True,
    help="read: no tool writes; propose: a write is shown first, and made by its token; full: query writes, too.",
)
@click.option(
    "--http",
    callback=_parse_address,
    metavar="[HOST:]PORT",
    help=f"Serve streamable HTTP at /mcp on this machine, to clients that send the token in {TOKEN} as a bearer token; "
    "without it, one is made and printed. [default: stdin and stdout]",
)
@click.option(
    "--max-rows", type=click.IntRange(1), default=1000, show_default=True, help="Rows of one query."
)
@click.option(
    "--max-calls", type=click.IntRange(1), default=2000, show_default=True, help="API calls of one query."
)
@click.option(
    "--max-seconds", type=click.FloatRange(1), default=60, show_default=True, help="Seconds of one query."
)
@click.option(
    "--audit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Append each call of a tool, with its arguments and outcome, as a line of JSON.",
)
def mcp(
    target: ConnectionOptions,
    mode: str,
    http: tuple[str, int] | None,
    max_rows: int,
    max_calls: int,
    max_seconds: float,
    audit: Path | None,
) -> None:
    """Serve tables to an agent over the Model Context Protocol.

    SQL uses no files, no extensions and no network but AWS, as with --sandbox; --allow-file allows some files.
    """
    from sqlprov.frontends.mcp.audit import Audit
    from sqlprov.frontends.mcp.server import build_server, serve_http
    from sqlprov.frontends.mcp.tools import Limits, Mode, Toolbox

    chosen = Mode(mode)
    options: dict[str, Any] = {**vars(target), "sandbox": True}
    if chosen is Mode.READ:
        options["read_only"] = True
    with ConnectionOptions(**options).connect() as connection:
        tools = Toolbox(connection, chosen, Limits(max_rows, max_calls, max_seconds))
        server = build_server(tools, Audit(audit) if audit else None)
        if http is None:
            server.run()
            return
        token = os.environ.get(TOKEN) or secrets.token_urlsafe(24)
        with socket.create_server(
            http, family=socket.AF_INET6 if ":" in http[0] else socket.AF_INET
        ) as listener:
            host, port = listener.getsockname()[:2]
            click.echo(f"http://{f'[{host}]' if ':' in host else host}:{port}/mcp", err=True)
            if not os.environ.get(TOKEN):
                click.echo(f"Authorization: Bearer {token}", err=True)
            serve_http(server, listener, token)
