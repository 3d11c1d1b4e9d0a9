"""`sqlprov deploy`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from sqlprov.errors import Error, format_count
from sqlprov.frontends.cli.command import StrictCommand
from sqlprov.frontends.cli.connection_options import ConnectionOptions, add_connection_options, parse_pairs
from sqlprov.frontends.cli.progress import print_waits

if TYPE_CHECKING:
    import sqlprov
    from sqlprov.frontends.deploy.command import StackCommand
    from sqlprov.frontends.deploy.events import Reporter
    from sqlprov.frontends.deploy.planner import Planned

Command = TypeVar("Command", bound="StackCommand")

CHANGES = 2
"""Exit code of a plan with changes."""
ENV_FILE = ".env"

OPTIONS = (
    click.option(
        "-e",
        "--env",
        "--var",
        "var",
        multiple=True,
        callback=parse_pairs,
        metavar="NAME=VALUE",
        help="A variable for the stack's templates. May be repeated.",
    ),
    click.option(
        "--env-file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Variables as lines NAME=VALUE.  [default: .env, if it exists]",
    ),
    click.option("--show-queries", is_flag=True, help="Report each statement before it runs."),
    click.option(
        "--progress/--no-progress",
        default=None,
        help="Print on stderr what a statement waits for.  [default: on a terminal]",
    ),
    click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        help="One line, or one JSON object, an event.",
        show_default=True,
    ),
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Report the statements; run none.")
OUTPUT_FILE = click.option(
    "--output-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the stack's exports as JSON.",
)


def _make_failure_option(*choices: str) -> Callable[..., Any]:
    take_back = ", or take back what this run created" if "rollback" in choices else ""
    return click.option(
        "--on-failure",
        type=click.Choice(choices),
        default="error",
        show_default=True,
        help=f"After a failure: end the command, go on with the other resources{take_back}.",
    )


def _add_stack_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a stack, an environment, OPTIONS and the options of a connection."""
    run = add_connection_options(command)
    for option in reversed(OPTIONS):
        run = option(run)
    run = click.argument("environment", metavar="ENV")(run)
    return click.argument(
        "folder", metavar="STACK_DIR", type=click.Path(exists=True, file_okay=False, path_type=Path)
    )(run)


@click.group()
def deploy() -> None:
    """Plan, build, test and tear down a stack: a folder with a manifest and .iql files, as stackql-deploy has them.

    The state of a stack is AWS itself; there is no state file.
    """


def _open(
    kind: type[Command],
    folder: Path,
    environment: str,
    target: ConnectionOptions,
    *,
    var: dict[str, str],
    env_file: Path | None,
    show_queries: bool,
    progress: bool | None,
    output: str,
    tag_stack: bool = False,
    on_failure: str = "error",
    is_dry: bool = False,
) -> tuple[Command, sqlprov.Connection]:
    from sqlprov.frontends.deploy.events import Reporter
    from sqlprov.frontends.deploy.runner import Runner
    from sqlprov.frontends.deploy.stack import load_stack

    variables = {**_read_env_file(env_file), **var}
    connection = target.connect()
    try:
        stack = load_stack(folder, environment, variables, connection.catalog, tag_stack)
        runner = Runner(connection, Reporter(click.echo, output == "json"), show_queries, is_dry=is_dry)
        return kind(stack, runner, on_failure), connection
    except BaseException:
        connection.close()
        raise


def _read_env_file(file: Path | None) -> dict[str, str]:
    from sqlprov.frontends.templates.variables import read

    if file is None and not Path(ENV_FILE).is_file():
        return {}
    path = file or Path(ENV_FILE)
    if not path.is_file():
        raise click.UsageError(f"--env-file {path}: no such file.")
    return {name: str(value) for name, value in read(path, ".env").items()}


def _run(
    ctx: click.Context,
    kind: type[StackCommand],
    *where: Any,
    dry_run: bool,
    output_file: Path | None = None,
    after: Callable[[StackCommand], None] = lambda command: None,
    **options: Any,
) -> None:
    """Open the stack, run a command or show its statements, and exit with 1 if a resource failed."""
    command, connection = _open(kind, *where, **options)
    shows_waits = sys.stderr.isatty() if options["progress"] is None else options["progress"]
    with connection, print_waits(connection) if shows_waits else nullcontext():
        try:
            with command.runner.reporter.hiding():
                if dry_run:
                    command.show()
                else:
                    command.run()
                    after(command)
                    if output_file:
                        command.write_outputs(output_file)
        except Error:
            if command.failed:  # reported already
                _exit(ctx, command, 1)
            raise
        _exit(ctx, command, 1 if command.failed else 0)


def _exit(ctx: click.Context, command: StackCommand, code: int) -> NoReturn:
    text = f"failed: {', '.join(command.failed)}" if command.failed else ""
    command.runner.reporter.report("ended" if code else "done", text=text)
    ctx.exit(code)


class _WrongPlan(click.UsageError):
    exit_code = 1


@contextmanager
def _exit_with_1() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        raise _WrongPlan(error.format_message(), error.ctx) from None


class _PlanCommand(StrictCommand):
    """A command whose wrong usage ends with 1, because 2 stands for changes."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _exit_with_1():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _exit_with_1():
            return super().invoke(ctx)


@deploy.command(cls=_PlanCommand)
@_add_stack_options
@click.option("--tag-stack", is_flag=True, help="Plan the tag sqlprov:stack, as build writes it.")
@click.pass_context
def plan(
    ctx: click.Context, /, folder: Path, environment: str, target: ConnectionOptions, **options: Any
) -> None:
    """Show what a build would do; write nothing. Exit with 2 if there are changes."""
    from sqlprov.frontends.deploy.planner import BuildPlanner

    planner, connection = _open(BuildPlanner, folder, environment, target, is_dry=True, **options)
    reporter = planner.runner.reporter
    with connection, reporter.hiding():
        planner.run()
    rows = planner.rows
    if options["output"] == "json":
        for row in rows:
            details = {name: value for name, value in vars(row).items() if name != "resource"}
            reporter.report("planned", row.resource, **details)
    else:
        _print_plan(rows, reporter)
    ctx.exit(CHANGES if any(row.action not in ("none", "skip") for row in rows) else 0)


def _print_plan(rows: Sequence[Planned], reporter: Reporter) -> None:
    import pyarrow as pa

    import sqlprov
    from sqlprov.output import write

    names = ("resource", "action", "field", "old", "new", "calls")
    cells = [{name: reporter.hide(getattr(row, name)) for name in names} for row in rows]
    table = pa.Table.from_pylist(cells, pa.schema([(name, pa.string()) for name in names]))
    with sqlprov.connect() as connection:
        text = io.BytesIO()
        write(next(connection.run("FROM plan", variables={"plan": table})), "table", text)
    click.echo(text.getvalue().decode(), nl=False)
    if actions := sorted({action for row in rows for action in row.permissions}):
        click.echo(f"\nPermissions: {', '.join(actions)}")


@deploy.command(cls=StrictCommand)
@_add_stack_options
@DRY_RUN
@OUTPUT_FILE
@_make_failure_option("error", "ignore", "rollback")
@click.option(
    "--tag-stack", is_flag=True, help="Tag each row of a `table:` resource with sqlprov:stack = NAME/ENV."
)
@click.pass_context
def build(
    ctx: click.Context, /, folder: Path, environment: str, target: ConnectionOptions, **options: Any
) -> None:
    """Create what does not exist and update what differs, in the order of the manifest."""
    from sqlprov.frontends.deploy.builder import Builder

    _run(ctx, Builder, folder, environment, target, **options)


@deploy.command(cls=StrictCommand)
@_add_stack_options
@DRY_RUN
@OUTPUT_FILE
@_make_failure_option("error", "ignore")
@click.option("--tag-stack", is_flag=True, help="Expect the tag sqlprov:stack, as build writes it.")
@click.pass_context
def test(
    ctx: click.Context, /, folder: Path, environment: str, target: ConnectionOptions, **options: Any
) -> None:
    """Check that each resource is as it should be."""
    from sqlprov.frontends.deploy.checker import Checker

    _run(ctx, Checker, folder, environment, target, **options)


@deploy.command(cls=StrictCommand)
@_add_stack_options
@DRY_RUN
@_make_failure_option("error", "ignore")
@click.option(
    "--tagged",
    is_flag=True,
    help="Also delete rows with the stack's tag that the manifest no longer names. Asks first.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def teardown(
    ctx: click.Context,
    /,
    folder: Path,
    environment: str,
    target: ConnectionOptions,
    tagged: bool,
    yes: bool,
    **options: Any,
) -> None:
    """Delete the resources in reverse order, and wait until each is gone."""
    from sqlprov.frontends.deploy.teardown import Teardown

    def delete_tagged(command: StackCommand) -> None:
        if tagged:
            _delete_tagged(command, yes)

    _run(ctx, Teardown, folder, environment, target, after=delete_tagged, **options)


def _delete_tagged(command: StackCommand, yes: bool) -> None:
    from sqlprov.frontends.deploy.tagged import delete_row, find_tagged_rows

    reporter = command.runner.reporter
    rows, unread = find_tagged_rows(command.stack, command.runner)
    command.failed += unread
    for row in rows:
        reporter.report("tagged", text=str(row))
    if rows and not yes and not click.confirm(f"Delete {format_count(len(rows), 'row')}?", err=True):
        reporter.report("kept", text="Not confirmed; nothing more was deleted.")
        return
    for row in rows:
        try:
            delete_row(row, command.runner)
        except Error as error:
            reporter.report("failed", text=f"{row}: {error}")
            command.failed.append(str(row))
        else:
            reporter.report("deleted", text=str(row))


@deploy.command(cls=StrictCommand)
@click.argument("name")
@click.option(
    "--table",
    "tables",
    multiple=True,
    required=True,
    metavar="TABLE",
    help="A table whose row the stack makes. May be repeated.",
)
def init(name: str, tables: Sequence[str]) -> None:
    """Write a stack's folder NAME, with a resource for each table and an example of each required value."""
    from sqlprov.catalog import Catalog
    from sqlprov.frontends.deploy.scaffold import write_stack

    for line in write_stack(Path(name), tables, Catalog()):
        click.echo(line)
