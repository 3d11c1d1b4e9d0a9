"""The command `sqlprov`: prints rows on stdout and errors on stderr.

Exit codes: 0; 2 for wrong usage; for errors, those of `reports`; 130 after Ctrl-C; 143, 129 and 131 after SIGTERM,
SIGHUP and SIGQUIT; 141 when the reader of stdout has closed it, as a shell reports SIGPIPE: the statements after it
have not run.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from sqlprov.frontends.cli import import_hooks, streams
from sqlprov.frontends.cli.exec import EXAMPLES
from sqlprov.frontends.cli.reports import TextReport, find_exit_code
from sqlprov.frontends.error_data import to_error
from sqlprov.version import VERSION

_COMMANDS = ("deploy", "doctor", "exec", "inventory", "local", "mcp", "policy", "repl", "serve", "tables")
"""Each is in the module of its name, and has that name; that of `exec` is `execute`."""
_EXEC_OPTION = r"-c|-f|--command(=|$)|--file(=|$)"
_GROUP_OPTIONS = ("-h", "--help", "--version")
_ENDINGS = {int(signal.SIGTERM): "Terminated.", int(signal.SIGHUP): "Hung up.", int(signal.SIGQUIT): "Quit."}


class _Commands(click.Group):
    """Turns every error of a command into a message on stderr and an exit code, without a traceback.

    Without a command the arguments are those of `exec` if they hold SQL or SQL is piped in, otherwise of `repl`.
    """

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; all of them take 20 ms."""
        if cmd_name not in self.commands:
            return None
        module = import_module(f"sqlprov.frontends.cli.{cmd_name}")
        command: click.Command = getattr(module, "execute" if cmd_name == "exec" else cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and len(args[0].split()) > 1:
            raise click.UsageError('SQL needs a command: sqlprov exec "SELECT …".', ctx)
        no_command = not args or (args[0].startswith("-") and args[0] not in _GROUP_OPTIONS)
        if no_command and (args or not ctx.resilient_parsing):
            if any(re.match(_EXEC_OPTION, word) for word in args):
                args = ["exec", *args]
            else:
                at_terminal = sys.stdin.isatty() or ctx.resilient_parsing
                script = [word for word in args if word not in ("-y", "--yes")]  # exec never asks
                args = ["repl", *args] if at_terminal else ["exec", *script, "-f", "-"]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and the options of `repl`, which need no command."""
        items = super().shell_complete(ctx, incomplete)
        repl = self.get_command(ctx, "repl")
        return items + (repl.shell_complete(ctx, incomplete) if repl and incomplete.startswith("-") else [])

    def invoke(self, ctx: click.Context) -> Any:
        for number in _ENDINGS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
                signal.signal(number, _terminate)
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Terminated as end:
            _exit_at_once(_ENDINGS[end.number], 128 + end.number)
        except (KeyboardInterrupt, click.Abort):
            _exit_at_once("Cancelled.", 130)
        except BrokenPipeError:
            ctx.exit(141)
        except Exception as error:
            failure = to_error(error)
            TextReport().print_error(failure)
            ctx.exit(find_exit_code(failure))
        return result


class Terminated(KeyboardInterrupt):
    """A signal of _ENDINGS; it ends calls like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _terminate(number: int, _: object) -> NoReturn:
    raise Terminated(number)


def _exit_at_once(text: str, code: int) -> NoReturn:
    """Exit without interpreter shutdown.

    Python aborts while DuckDB's thread is in C++ code. With `sys.exit`, Ctrl-C during a `list_sort` of 60 million
    numbers ended with SIGABRT in 1 of 5 runs and printed an error of DuckDB in 3; with `os._exit` in none.
    """
    with suppress(OSError):  # nobody reads stderr
        click.echo(text, err=True)
    os._exit(code)


@click.group(
    cls=_Commands,
    commands={name: click.Command(name) for name in _COMMANDS},  # their names; `get_command` imports them
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXAMPLES,
)
@click.version_option(VERSION, message="sqlprov %(version)s")
def cli() -> None:
    """Query and manage cloud resources with SQL: AWS resources as tables in DuckDB.

    Without a command `sqlprov` starts a shell and takes the options of `sqlprov repl`. `sqlprov exec` runs SQL, and so
    do `sqlprov -c SQL` and SQL piped into `sqlprov`.

    With --local it needs no AWS account: it starts a local AWS with sample data. Otherwise it uses the
    credentials, profile and region of the AWS CLI and boto3.
    """


def main() -> NoReturn:
    """The command `sqlprov`."""
    streams.install()
    import_hooks.install()
    code: Any = 1
    try:
        cli(prog_name="sqlprov")
    except SystemExit as end:
        code = end.code
    except OSError as error:  # of --help, or of the message of another error
        with suppress(OSError):
            click.echo(f"Error: {error.filename}: {error.strerror}.", err=True)
    # Every command closes what it opens; to free each object of the libraries would take 0.1 s.
    os._exit(code)
