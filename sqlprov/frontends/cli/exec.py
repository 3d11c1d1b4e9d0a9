"""`sqlprov exec`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import click

from sqlprov.errors import Error
from sqlprov.frontends.cli.command import ORDER, StrictCommand
from sqlprov.frontends.cli.connection_options import add_connection_options, parse_pairs
from sqlprov.frontends.cli.script import ExecOptions, run_script
from sqlprov.frontends.cli.sql_source import SqlSource, join_sources, render_sql, use_sql
from sqlprov.output import FORMATS, find_format

_BINARY = ("arrow", "parquet")
_MAX_FILE_NAME = 255  # characters; for a longer name the system raises an error

EXAMPLES = """\b
Examples:
  sqlprov exec --local "SELECT name, status FROM aws.sagemaker.inference_experiments"
  sqlprov exec --local "SELECT name FROM aws.s3.buckets WHERE encryption IS NULL"
  sqlprov exec --region eu-west-1 -o csv --out models.csv "FROM aws.sagemaker.models"
  sqlprov exec -f report.sql --param owner=ada --set regions=all -o jsonl
  sqlprov exec -f create.sql --var-file test.yaml --var Name=churn-2 --dry-run
  sqlprov exec --local --dry-run "DELETE FROM aws.sagemaker.models
                                  WHERE model_name = 'churn-v1' AND region = 'us-east-1'"
  echo "SHOW SERVICES IN aws" | sqlprov exec -f -"""


_FORMATS = "\n".join(f"  {name:<10}{description}" for name, description in FORMATS.items())
_HELP = f"""Run SQL statements, separated by `;`, in order; stop at the first error, unless --continue is given.

SQL comes from the command line (as an argument or with -c), from files (-f FILE) or from standard input (-f -); -c and
-f may be repeated, and run in order. If a statement cannot be parsed, nothing runs. Each statement that has rows prints
them. Several results are separated by an empty line in table, csv and markdown, and follow each other
in json, jsonl and arrow. A parquet file holds one result.

With --var, --var-file or --jinja the SQL is a Jinja template. A value is quoted to fit its place in the SQL
and never becomes SQL.

\b
Formats:
{_FORMATS}

In text, timestamps are ISO 8601 with their zone, nested values JSON, blobs base64.

Errors go to stderr, and so does the outcome of each row that INSERT, UPDATE, DELETE or EXEC wrote.

\b
Exit codes:
  0  done                                   6  the service or the network failed
  1  another error, such as a full disk     7  rows are missing, with --set on_error=warn
  2  wrong usage                            8  a row was not written, or may not have been
  3  rows, with --exit-code               130  Ctrl-C
  4  a statement is wrong                 141  the reader of stdout closed it
  5  no credentials, or access denied     143, 129, 131  SIGTERM, SIGHUP, SIGQUIT

{EXAMPLES}"""


def _parse_variables(ctx: click.Context, parameter: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    variables = parse_pairs(ctx, parameter, pairs)
    for name in variables:
        if not name.isidentifier():
            raise click.BadParameter(f"{name!r}: expected a name of letters, digits and _.")
    return variables


def _parse_sql(ctx: click.Context, parameter: click.Parameter, words: Sequence[str]) -> str | None:
    if len(words) > 1:
        raise click.UsageError(f'Your shell split the SQL into {len(words)} words: put it in quotes, "…".')
    return words[0] if words else None


@click.command("exec", cls=StrictCommand, help=_HELP)
@click.argument("sql", required=False, nargs=-1, metavar="[SQL]", callback=_parse_sql)
@click.option(
    "-c",
    "--command",
    multiple=True,
    metavar="SQL",
    help="SQL, like the argument. May be repeated, as may -f.",
)
@add_connection_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(list(FORMATS)),
    metavar="FORMAT",
    help="Format of the rows.  [default: by the suffix of --out, otherwise table]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to FILE; it is created or replaced only after every statement has run.",
)
@click.option(
    "-f",
    "--file",
    type=click.File("rb"),
    multiple=True,
    metavar="FILE|-",
    help="Read SQL from FILE, or from stdin. May be repeated.",
)
@click.option(
    "--param",
    multiple=True,
    callback=parse_pairs,
    metavar="NAME=VALUE",
    help="Text for the parameter $NAME. May be repeated.",
)
@click.option(
    "--var",
    multiple=True,
    callback=_parse_variables,
    metavar="NAME=VALUE",
    help="Text for {{ NAME }} in a Jinja template; it cannot become SQL. May be repeated.",
)
@click.option(
    "--var-file",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Variables for the template, from a .json, .yaml or .env file. May be repeated.",
)
@click.option("--jinja", is_flag=True, help="The SQL is a template, even without variables.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show each statement and, for a write to the cloud, its calls without making them.",
)
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Print on stderr what a statement waits for: the states of rows, the start of the local AWS. "
    "[default: on a terminal]",
)
@click.option(
    "--errors",
    type=click.Choice(["text", "json"]),
    default="text",
    metavar="text|json",
    help="How errors, warnings and outcomes are printed on stderr; json: one object a line.",
)
@click.option("--continue", "keep_going", is_flag=True, help="Run the statements after one that failed, too.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with 3 if a statement returned rows, for a check that should find none.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print each call on stderr.")
@click.pass_context
def execute(ctx: click.Context, /, **values: Any) -> None:
    try:
        values["output"] = find_format(values["out"] or Path(), values["output"])
    except Error as error:
        raise click.UsageError(f"--out {error}") from None
    sources = _read_sources(ctx.meta[ORDER], values)
    options = ExecOptions(**{field.name: values[field.name] for field in fields(ExecOptions)})
    if options.output in _BINARY and not options.out and sys.stdout.isatty():
        raise click.UsageError(f"{options.output} cannot be shown on a terminal: add --out FILE.")
    if options.verbose:
        logger = logging.getLogger("sqlprov")
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.setLevel(logging.INFO)
    ctx.exit(run_script(join_sources(sources), options))


def _read_sources(order: Sequence[str], values: Mapping[str, Any]) -> list[SqlSource]:
    """The SQL of the argument, or of each -c and -f in the order in which they are written."""
    sql, commands, files = values["sql"], values["command"], values["file"]
    if sql is not None and commands:
        raise click.UsageError("SQL is given twice: as an argument and with -c.")
    if (sql is None) == (not commands and not files):
        raise click.UsageError("Give SQL in quotes, or -f FILE, or -f - to read standard input.")
    if sum(file.name == "<stdin>" for file in files) > 1:
        raise click.UsageError("-f - is given twice; standard input can be read once.")
    texts = {"sql": iter([sql]), "command": iter(commands), "file": iter(files)}
    written = [next(texts[name]) for name in order if name in texts and values[name] is not None]
    for text in written:
        if isinstance(text, str) and _is_file(text):
            raise click.UsageError(f"{text} is a file; run it with -f {text}.")
    scripts = [(text, None) if isinstance(text, str) else (_read_file(text), text.name) for text in written]
    if not (values["var"] or values["var_file"] or values["jinja"]):
        return [use_sql(*script) for script in scripts]
    return render_sql(scripts, _read_variables(values["var_file"]) | values["var"], values["var"])


def _is_file(text: str) -> bool:
    return len(text) < _MAX_FILE_NAME and len(text.split()) == 1 and Path(text).is_file()


def _read_file(file: BinaryIO) -> str:
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file.name} is not UTF-8: {error}") from None


def _read_variables(files: Sequence[Path]) -> dict[str, Any]:
    from sqlprov.frontends.templates.variables import read

    variables: dict[str, Any] = {}
    for file in files:
        try:
            variables |= read(file)
        except Error as error:
            raise click.UsageError(str(error)) from None
    return variables
