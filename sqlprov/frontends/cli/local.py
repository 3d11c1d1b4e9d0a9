"""The local SageMaker's own commands: start afresh, serve to other programs."""

from __future__ import annotations

import click


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

    endpoint.serve_local(port)
