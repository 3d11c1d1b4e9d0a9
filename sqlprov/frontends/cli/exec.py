"""`sqlprov exec`: words of the command line in, a script and how to run it out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from sqlprov.errors import Error
from sqlprov.frontends.cli.connecting import connecting, pairs
from sqlprov.frontends.cli.script import Asked, run
from sqlprov.frontends.cli.source import Source, rendered, written
from sqlprov.output import FORMATS

_BINARY = ("arrow", "parquet")
_LONGEST_NAME = 255  # of a file; for a longer one the system has an error of its own

EXAMPLES = """\b
Examples:
  sqlprov exec --local "SELECT name, status FROM aws.sagemaker.inference_experiments
                        WHERE region = 'us-east-1'"
  sqlprov exec --region eu-west-1 -o csv --out models.csv "FROM aws.sagemaker.models"
  sqlprov exec -f report.sql --param owner=ada --set regions=all -o jsonl
  sqlprov exec -f create.sql --var-file test.yaml --var Name=churn-2 --dry-run
  sqlprov exec --local --dry-run "DELETE FROM aws.sagemaker.models
                                  WHERE model_name = 'churn-v1' AND region = 'us-east-1'"
  echo "SHOW SERVICES IN aws" | sqlprov exec -f -"""


def _listed(words: Mapping[str, str]) -> str:
    return "\n".join(f"  {word:<10}{about}" for word, about in words.items())


_HELP = f"""Run SQL statements, separated by `;`, in order; stop at the first error.

SQL comes from the command line, from a file (-f FILE) or from standard input (-f -). Each statement that has
rows prints them. Several results are separated by an empty line in table, csv and markdown, follow each other
in json, jsonl and arrow, and do not fit into one parquet file.

With --var, --var-file or --jinja the SQL is a Jinja template. A value is written as the place of its
{{{{ NAME }}}} demands and never becomes SQL.

\b
Formats:
{_listed(FORMATS)}

In text, timestamps are ISO 8601 with their zone, nested values JSON, blobs base64.

Errors go to stderr, and so does what became of each row that INSERT, UPDATE, DELETE or EXEC wrote. Exit
codes: 0 done; 1 an error, a row that is not ok, or, after --set on_error=warn, rows are missing; 2 wrong
usage; 130 Ctrl-C; 141 the reader of stdout has gone; 143 SIGTERM.

{EXAMPLES}"""


def _variables(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    found = pairs(ctx, parameter, given)
    for name in found:
        if not name.isidentifier():
            raise click.BadParameter(f"{name!r}: expected a name of letters, digits and _.")
    return found


def _one_word(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> str | None:
    if len(given) > 1:
        raise click.UsageError(f'The shell has cut the SQL into {len(given)} words: put it in quotes, "…".')
    return given[0] if given else None


@click.command("exec", help=_HELP)
@click.argument("sql", required=False, nargs=-1, metavar="[SQL]", callback=_one_word)
@click.option("-c", "--command", metavar="SQL", help="SQL, as the argument.")
@connecting
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
    callback=pairs,
    metavar="NAME=VALUE",
    help="Text that $NAME stands for; bound, never pasted. May be repeated.",
)
@click.option(
    "--var",
    multiple=True,
    callback=_variables,
    metavar="NAME=VALUE",
    help="Text for {{ NAME }} of a Jinja template; it cannot become SQL. May be repeated.",
)
@click.option(
    "--var-file",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Variables of a template, from a .json, .yaml or .env file. May be repeated.",
)
@click.option("--jinja", is_flag=True, help="The SQL is a template, also without variables.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show each statement and, of a write to the cloud, the calls instead of making them.",
)
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Tell on stderr which rows are waited for, and their states. [default: on a terminal]",
)
@click.option("-v", "--verbose", is_flag=True, help="Show each call on stderr.")
@click.pass_context
def execute(ctx: click.Context, /, **options: Any) -> None:
    command = options.pop("command")
    if command is not None and options["sql"] is not None:
        raise click.UsageError("SQL is given twice: as an argument and with -c.")
    asked = Asked(**options | {"sql": options["sql"] if command is None else command})
    source = _source(asked)
    if asked.output in _BINARY and not asked.out and sys.stdout.isatty():
        raise click.UsageError(f"{asked.output} is not text for a terminal: add --out FILE.")
    if asked.verbose:
        logger = logging.getLogger("sqlprov")
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.setLevel(logging.INFO)
    if not run(source, asked):
        ctx.exit(1)


def _source(asked: Asked) -> Source:
    if (asked.sql is None) == (asked.file is None):
        raise click.UsageError("Give SQL in quotes, or -f FILE, or -f - to read standard input.")
    text, file = asked.sql or "", None
    if len(text) < _LONGEST_NAME and len(text.split()) == 1 and Path(text).is_file():
        raise click.UsageError(f"{text} is a file: -f {text} runs it.")
    if asked.file is not None:
        file = asked.file.name
        try:
            text = asked.file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise click.UsageError(f"{file} is not UTF-8: {error}") from None
    if not (asked.var or asked.var_file or asked.jinja):
        return written(text, file)
    return rendered(text, file, _from_files(asked.var_file) | asked.var, asked.var)


def _from_files(files: Sequence[Path]) -> dict[str, Any]:
    from sqlprov.frontends.templates.variables import read

    found: dict[str, Any] = {}
    for file in files:
        try:
            found |= read(file)
        except Error as error:
            raise click.UsageError(str(error)) from None
    return found
