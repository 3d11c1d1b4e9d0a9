"""`sqlprov local`: resets the local AWS, or serves it to other programs."""

from __future__ import annotations

import errno
import os

import click

from sqlprov.errors import InterfaceError
from sqlprov.frontends.cli.command import StrictCommand


@click.group()
def local() -> None:
    """Manage the local AWS of `--local`.

    SageMaker's experiments, models and endpoints are sqlprov's own. Their state is kept between commands in the
    user's state folder; SQLPROV_STATE_DIR names another. Everything else is moto's, in the extra `local`: pip install
    '.[local]'. It begins with the sample data in each command.
    """


@local.command(cls=StrictCommand)
def reset() -> None:
    """Delete the state of SageMaker; the next --local starts with the sample data again."""
    from sqlprov import local as endpoint

    removed = endpoint.reset()
    click.echo(f"{'Removed' if removed else 'There was no'} {endpoint.find_state_path()}")


@local.command(cls=StrictCommand)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="a free one", metavar="N")
def serve(port: int) -> None:
    """Serve the local AWS on the loopback interface until Ctrl-C, for any AWS client."""
    from sqlprov import local as endpoint

    try:
        endpoint.serve_local(port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise InterfaceError(
            f"Cannot listen on port {port}: {os.strerror(error.errno)}. Choose another port, or omit --port for "
            "a free one."
        ) from None
