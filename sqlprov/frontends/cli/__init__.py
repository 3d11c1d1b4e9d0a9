"""Words of a command line in; rows on stdout, errors on stderr and an exit code out.

Exit codes: 0, 1 for an error or an incomplete result, 2 for wrong usage, 130 after Ctrl-C, 143 after SIGTERM, 141
when the reader of stdout has gone (as a shell reports SIGPIPE: statements that would have followed have not run).
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from sqlprov import __version__
from sqlprov.errors import Error, InterfaceError
from sqlprov.frontends.cli.doctor import doctor
from sqlprov.frontends.cli.exec import EXAMPLES, execute
from sqlprov.frontends.cli.local import local
from sqlprov.frontends.cli.repl import repl
from sqlprov.frontends.cli.tables import tables

_OF_EXEC = re.compile(r"-c|-f|--command(=|$)|--file(=|$)")
_OF_GROUP = ("-h", "--help", "--version")


class _Commands(click.Group):
    """Turns whatever a command raises into text on stderr and an exit code, never a traceback.

    Without a command the words are those of `exec` if they hold SQL, or SQL comes through a pipe; else of `repl`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        unsaid = not args or (args[0].startswith("-") and args[0] not in _OF_GROUP)
        if unsaid and (args or not ctx.resilient_parsing):
            if any(_OF_EXEC.match(word) for word in args):
                args = ["exec", *args]
            else:
                at_terminal = sys.stdin.isatty() or ctx.resilient_parsing
                script = [word for word in args if word not in ("-y", "--yes")]  # which asks nothing anyway
                args = ["repl", *args] if at_terminal else ["exec", *script, "-f", "-"]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and the options that need none: those of the shell."""
        found = super().shell_complete(ctx, incomplete)
        return found + (repl.shell_complete(ctx, incomplete) if incomplete.startswith("-") else [])

    def invoke(self, ctx: click.Context) -> Any:
        signal.signal(signal.SIGTERM, _terminate)
        try:
            found = super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Terminated:
            _exit_at_once("Terminated.", 143)
        except (KeyboardInterrupt, click.Abort):
            _exit_at_once("Cancelled.", 130)
        except BrokenPipeError:
            # Python flushes stdout once more on its way out, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(141)
        except ModuleNotFoundError as error:
            library = (error.name or "").partition(".")[0]
            _fail(ctx, InterfaceError(f"{library} is not installed. Run: pip install 'sqlprov[all]'"))
        except Exception as error:
            _fail(ctx, error)
        return found


def _fail(ctx: click.Context, error: Exception) -> NoReturn:
    text = str(error)
    if not isinstance(error, (Error, OSError)):
        logging.getLogger("sqlprov").info("", exc_info=error)
        text = f"{type(error).__name__}: {text}\nThis is a fault of sqlprov; -v shows where it happened."
    click.echo(f"Error: {text}", err=True)
    ctx.exit(1)


class Terminated(KeyboardInterrupt):
    """SIGTERM came: calls under way end as after Ctrl-C."""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def _exit_at_once(text: str, code: int) -> NoReturn:
    """Exit without ending the interpreter, which aborts if a thread is still in DuckDB's C++ code."""
    click.echo(text, err=True)
    sys.stderr.flush()
    os._exit(code)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXAMPLES,
)
@click.version_option(__version__, message="sqlprov %(version)s")
def cli() -> None:
    """Query and manage cloud resources with SQL: every AWS resource type is a table in DuckDB.

    `sqlprov` alone is a shell; its options are those of `sqlprov repl`. `sqlprov exec` runs SQL; `sqlprov -c SQL`
    and SQL that is piped into `sqlprov` mean the same.

    With --local it needs no AWS account: it starts a local SageMaker with sample data. Else credentials, profile
    and region are those of the AWS CLI and boto3.
    """


for command in (execute, repl, doctor, tables, local):
    cli.add_command(command)


def main() -> NoReturn:
    """The command `sqlprov`."""
    cli(prog_name="sqlprov")
    raise AssertionError("click ends by SystemExit")
