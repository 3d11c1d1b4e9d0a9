"""`sqlprov exec`: a script in, each statement's rows out, in order, until the first error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from sqlprov.errors import Error, WriteError
from sqlprov.output import FORMATS
from sqlprov.settings import PREFIX, Settings

if TYPE_CHECKING:
    import sqlprov

_BINARY = ("arrow", "parquet")
_SEPARATED = ("table", "csv", "markdown")

EXAMPLES = """\b
Examples:
  sqlprov exec --local "SELECT name, status FROM aws.sagemaker.inference_experiments
                        WHERE region = 'us-east-1'"
  sqlprov exec --region eu-west-1 -o csv --out models.csv "FROM aws.sagemaker.models"
  sqlprov exec -f report.sql --param owner=ada --set regions=all -o jsonl
  sqlprov exec --local --dry-run "DELETE FROM aws.sagemaker.models
                                  WHERE model_name = 'churn-v1' AND region = 'us-east-1'"
  echo "SHOW SERVICES IN aws" | sqlprov exec -f -"""


def _listed(words: Mapping[str, str]) -> str:
    return "\n".join(f"  {word:<10}{about}" for word, about in words.items())


_HELP = f"""Run SQL statements, separated by `;`, in order; stop at the first error.

SQL comes from the command line, from a file (-f FILE) or from standard input (-f -). Each statement that has
rows prints them. Several results are separated by an empty line in table, csv and markdown, follow each other
in json, jsonl and arrow, and do not fit into one parquet file.

\b
Formats:
{_listed(FORMATS)}

In text, timestamps are ISO 8601 with their zone, nested values JSON, blobs base64.

Errors go to stderr, and so does what became of each row that INSERT, UPDATE, DELETE or EXEC wrote. Exit
codes: 0 done; 1 an error, a row that is not ok, or, after --set on_error=warn, rows are missing; 2 wrong
usage; 130 Ctrl-C; 141 the reader of stdout has gone; 143 SIGTERM.

{EXAMPLES}"""


def _pairs(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r}: expected NAME=VALUE.")
        pairs[name] = value
    return pairs


def _settings(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    pairs = _pairs(ctx, parameter, given)
    for name, value in pairs.items():
        try:
            Settings().changed(name, value)
        except Error as error:
            raise click.BadParameter(str(error)) from None
    return {f"{PREFIX}{name.lower().removeprefix(PREFIX)}": value for name, value in pairs.items()}


@dataclass(frozen=True)
class _Asked:
    """The options, each under its own name."""

    sql: str | None
    local: bool
    endpoint_url: str | None
    region: tuple[str, ...]
    profile: str | None
    output: str
    out: Path | None
    file: BinaryIO | None
    param: dict[str, str]
    set: dict[str, str]
    dry_run: bool
    read_only: bool
    verbose: bool


@click.command("exec", help=_HELP)
@click.argument("sql", required=False)
@click.option("--local", is_flag=True, help="Use the local SageMaker: no AWS account, no network.")
@click.option("--endpoint-url", metavar="URL", help="Send every call to this server instead of AWS.")
@click.option(
    "--region",
    multiple=True,
    metavar="REGION",
    help="Region of statements that name none; may be repeated. [default: boto3's]",
)
@click.option("--profile", metavar="NAME", help="Profile of ~/.aws/config. [default: AWS_PROFILE]")
@click.option(
    "-o",
    "--output",
    type=click.Choice(list(FORMATS)),
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="How rows are printed, on a terminal and elsewhere.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Print into FILE, which appears, or is replaced, only when every statement has run.",
)
@click.option(
    "-f", "--file", type=click.File("rb"), metavar="FILE|-", help="Read SQL from FILE, or from stdin."
)
@click.option(
    "--param",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="Text that $NAME stands for; bound, never pasted. May be repeated.",
)
@click.option(
    "--set",
    multiple=True,
    callback=_settings,
    metavar="NAME=VALUE",
    help="A setting, such as concurrency=4; SHOW SETTINGS lists them. May be repeated.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show the calls of a write to the cloud instead of making them."
)
@click.option("--read-only", is_flag=True, help="Refuse every write to the cloud.")
@click.option("-v", "--verbose", is_flag=True, help="Show each call on stderr.")
@click.pass_context
def execute(ctx: click.Context, /, **options: Any) -> None:
    asked = _Asked(**options)
    script = _script(asked)
    if asked.local and (asked.endpoint_url or asked.profile):
        raise click.UsageError("--local is an endpoint of its own and needs no profile.")
    if asked.output in _BINARY and not asked.out and sys.stdout.isatty():
        raise click.UsageError(f"{asked.output} is not text for a terminal: add --out FILE.")
    if asked.verbose:
        logger = logging.getLogger("sqlprov")
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.setLevel(logging.INFO)
    if not _run(script, asked):
        ctx.exit(1)


def _script(asked: _Asked) -> str:
    if (asked.sql is None) == (asked.file is None):
        raise click.UsageError("Give SQL in quotes, or -f FILE, or -f - to read standard input.")
    if asked.file is None:
        return asked.sql or ""
    try:
        return asked.file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{asked.file.name} is not UTF-8: {error}") from None


def _run(script: str, asked: _Asked) -> bool:
    """Print the rows of each statement; tells whether all of them were there."""
    import sqlprov

    connection = sqlprov.connect(
        local=asked.local,
        endpoint_url=asked.endpoint_url,
        region=list(asked.region) or None,
        profile=asked.profile,
        read_only=asked.read_only,
        settings=asked.set,
    )
    try:
        with _stream(asked.out) as stream:
            results = connection.run(script, asked.param or None, dry_run=asked.dry_run)
            complete = _print_all(results, asked.output, stream)
    except KeyboardInterrupt:
        _tell(connection.outcomes)
        raise
    except WriteError as error:
        _tell(error.outcomes)
        connection.close()
        raise WriteError(str(error).partition("\n")[0], error.outcomes) from None
    except Exception:
        connection.close()
        raise
    # After Ctrl-C the process ends at once: closing might wait for a call in flight.
    connection.close()
    return complete


def _print_all(results: Iterator[sqlprov.Result], format: str, stream: BinaryIO) -> bool:
    complete = True
    printed = 0
    for result in results:
        if result.has_rows:
            _print(result, format, stream, printed)
            printed += 1
        for warning in result.warnings:
            click.echo(f"Warning: {warning}", err=True)
        _tell(result.outcomes)
        if not result.complete:
            complete = False
            for missing in result.errors:
                where = f"{missing.table}, {missing.region}"
                click.echo(f"Warning: rows are missing: {where}: {missing.error}", err=True)
    return complete


def _tell(outcomes: Sequence[Any]) -> None:
    """What became of each row that was written, a line each on stderr."""
    for one in outcomes:
        made = f" ({', '.join(one.operations)})" if one.operations else ""
        reason = f": {one.reason}" if one.reason else ""
        click.echo(f"{one.status.value:<8}{one.key} in {one.region}{made}{reason}", err=True)


def _print(result: sqlprov.Result, format: str, stream: BinaryIO, printed: int) -> None:
    from sqlprov.output import write

    if printed and format == "parquet":
        raise Error(
            "A Parquet file holds one result, and this script has a second: its statement has run, its rows "
            "were not written. Use another format, or one script for each result."
        )
    if printed and format in _SEPARATED:
        stream.write(b"\n")
    try:
        write(result, format, stream)
    finally:
        stream.flush()  # what an error leaves stands above its message


@contextmanager
def _stream(out: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file beside `out` that takes its name when all went well."""
    if out is None:
        yield sys.stdout.buffer
    elif out.exists() and not out.is_file():  # a pipe or a device: nothing to rename
        with out.open("wb") as stream:
            yield stream
    else:
        target = out.resolve()  # a link stays a link
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as stream:
                yield stream
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
