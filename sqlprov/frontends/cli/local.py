"""The local SageMaker's own commands: start afresh, serve to other programs."""

from __future__ import annotations

import errno
import os

import click

from sqlprov.errors import InterfaceError


@click.group()
def local() -> None:
    """The local SageMaker, which `sqlprov exec --local` talks to.

    Its state is kept between commands in the user's state directory; SQLPROV_STATE_DIR names another.
    """


@local.command()
def reset() -> None:
    """Forget what was written; the next --local starts with the sample data again."""
    from sqlprov import local as endpoint

    found = endpoint.reset()
    click.echo(f"{'Removed' if found else 'There was no'} {endpoint.state_path()}")


@local.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="a free one", metavar="N")
def serve(port: int) -> None:
    """Serve the local SageMaker alone, on the loopback interface, until Ctrl-C; any AWS client may use it."""
    from sqlprov import local as endpoint

    try:
        endpoint.serve_local(port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise InterfaceError(
            f"Port {port} cannot be served on: {os.strerror(error.errno)}. Choose another with --port, or leave "
            "--port out for a free one."
        ) from None
