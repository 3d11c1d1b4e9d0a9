"""Runs the code blocks of Markdown pages, and the examples.

The `sh`, `sql`, `python` and `ipython` blocks of a page run from top to bottom. The `sh` blocks share a folder, the
`sql` blocks a connection, and the `python` and `ipython` blocks their variables. The `text` block below a block is its
output.
As a program, this module updates the `text` blocks and the outputs of the examples.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import forked

import sqlprov
from sqlprov.emulator import Emulator, Options
from sqlprov.output import write

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLES = sorted([*ROOT.glob("examples/**/*.py"), *ROOT.glob("examples/**/*.sql")])
# A page, which tests/independent/test_dashboard.py opens.
EXAMPLES.remove(ROOT / "examples" / "dashboard" / "app.py")
RUN = ("sh", "sql", "python", "ipython")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROFILES = "".join(
    f"[profile {name}]\nregion = {region}\naws_access_key_id = example\naws_secret_access_key = example\n"
    for name, region in (("prod", "us-east-1"), ("audit", "eu-west-1"))
)
# Text that differs between runs, and its replacement.
_VARYING: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b\d+(\.\d+)? ms\b"), "0 ms"),
    (re.compile(r"\b\d+\.\d\d s\b"), "0.00 s"),
    (re.compile(r"^Out\[\d+\]: *\n?", re.MULTILINE), ""),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:8123"),
    (re.compile(r"\(request [0-9a-f-]+\)"), "(request 0)"),
    (re.compile(r"(?<== )'q\d+' *"), lambda match: "'q1'".ljust(len(match[0]))),
)


@dataclass(frozen=True)
class DocBlock:
    """A fenced block.

    Attributes:
        line: of the fence, from 1.
        output: the `text` block below it, if any.
        span: the offsets of that text in the page.
    """

    language: str
    code: str
    line: int
    output: str | None
    span: tuple[int, int]


def parse_blocks(page: str) -> list[DocBlock]:
    """The blocks of a page, without outputs."""
    fences = list(_FENCE.finditer(page))
    blocks: list[DocBlock] = []
    for at, fence in enumerate(fences):
        below = fences[at + 1] if at + 1 < len(fences) else None
        if fence[1] == "text" and blocks and blocks[-1].span == fence.span(2):
            continue
        has_output = (
            below is not None and below[1] == "text" and not page[fence.end() : below.start()].strip()
        )
        line = page.count("\n", 0, fence.start()) + 1
        if below is not None and has_output:
            blocks.append(DocBlock(fence[1], fence[2], line, below[2], below.span(2)))
        else:
            blocks.append(DocBlock(fence[1], fence[2], line, None, (-1, -1)))
    return blocks


def write_resource_files(page: Path, folder: Path) -> list[Path]:
    """Write the resource files that a page shows, with what they need, and return their paths."""
    files = []
    for block in parse_blocks(page.read_text()):
        place, _, text = block.code.partition("\n")
        if block.language == "yaml" and place.startswith("# resources/"):
            file = folder / place.removeprefix("# ")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            files.append(file)
    for service in [file.parent for file in files if file.parent.name != "aws"]:
        head = ROOT / "resources" / "aws" / f"{service.name}.yaml"
        text = head.read_text().partition("tables:\n")[0] if head.exists() else "title: The service\n"
        files.append(service.with_suffix(".yaml"))
        files[-1].write_text(text)
    return files


def normalize_output(text: str) -> str:
    """Replace what differs between runs."""
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return text


class PageRunner:
    """Runs the blocks of one page, with their shared state."""

    def __init__(self) -> None:
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._connection: sqlprov.Connection | None = None

    def run(self, block: DocBlock) -> str:
        """The output of a block."""
        output = {"sh": self._sh, "sql": self._sql, "python": self._python, "ipython": self._ipython}[
            block.language
        ](block.code)
        return normalize_output(output.replace(str(Path.cwd()), "/home/you"))

    def _sh(self, code: str) -> str:
        done = subprocess.run(
            ["bash", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
        )
        assert done.returncode == 0, f"exit code {done.returncode}:\n{code}\n{done.stdout}"
        return done.stdout

    def _sql(self, code: str) -> str:
        self._connection = self._connection or sqlprov.connect(local=True)
        printed = io.BytesIO()
        try:
            for result in self._connection.run(code):
                if result.has_rows:
                    printed.write(b"\n" if printed.tell() else b"")
                    write(result, "table", printed)
        except sqlprov.Error as error:
            printed.write(f"Error: {error}\n".encode())
        return printed.getvalue().decode()

    def _python(self, code: str) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, "<block>", "exec"), self._names)
        return printed.getvalue()

    def _ipython(self, code: str) -> str:
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell.instance(user_ns=self._names)
        shell.history_manager.enabled = False
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            shell.run_cell(code).raise_error()
        return printed.getvalue()


@contextlib.contextmanager
def sandbox() -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty home folder, and an environment with `sqlprov` on the path and the emulator as AWS account."""
    with TemporaryDirectory() as name, Emulator(Options()) as account:
        account.seed_local()
        home = Path(name).resolve()
        tools = home / ".tools"
        tools.mkdir()
        sqlprov = shlex.join(forked.command("-m", "sqlprov"))
        (tools / "sqlprov").write_text(f'#!/bin/sh\nexec {sqlprov} "$@"\n')
        (tools / "sqlprov").chmod(0o700)
        (tools / "config").write_text(_PROFILES)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "XDG_", "SQLPROV_", "COLUMNS"))
        }
        yield (
            home,
            kept
            | {
                "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(home),
                "AWS_CONFIG_FILE": str(tools / "config"),
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_ENDPOINT_URL": account.url,
                "AWS_ACCESS_KEY_ID": "example",
                "AWS_SECRET_ACCESS_KEY": "example",
                "AWS_EC2_METADATA_DISABLED": "true",
                "PYTHONUNBUFFERED": "1",  # text and bytes in the order in which a terminal shows them
                # JupySQL reports its use to its authors otherwise.
                "PLOOMBER_STATS_ENABLED": "false",
            },
        )


def run_command(*command: str | Path, stderr: int = subprocess.PIPE) -> str:
    """The output of a program in a sandbox, which must succeed; stderr must be empty unless it is redirected."""
    with sandbox() as (home, env):
        done = subprocess.run(
            command, cwd=home, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=600
        )
    assert (done.returncode, done.stderr or "") == (0, ""), done.stderr or done.stdout
    return done.stdout


def run_page(file: Path) -> list[tuple[DocBlock, str]]:
    """Each block of a page that can run, and its output; in a process of its own."""
    runnable = [block for block in parse_blocks(file.read_text()) if block.language in RUN]
    if not runnable:
        return []
    # JupySQL prints further lines at exit.
    outputs = json.loads(run_command(*forked.command(__file__, str(file))).splitlines()[0])
    return list(zip(runnable, outputs, strict=True))


def run_example(file: Path) -> str:
    """The output of an example on the local SageMaker; a script's variables are in a YAML file of the same name."""
    if file.suffix == ".sql":
        variables = file.with_suffix(".yaml")
        words = ("--var-file", variables) if variables.exists() else ()
        # The outcomes of written rows go to stderr.
        return normalize_output(
            run_command("sqlprov", "exec", "--local", "-f", file, *words, stderr=subprocess.STDOUT)
        )
    return normalize_output(run_command(*forked.command(str(file))))


def update() -> None:
    """Update the outputs of pages and examples."""
    for file in EXAMPLES:
        file.with_suffix(".txt").write_text(run_example(file))
    for file in PAGES:
        text = file.read_text()
        new, end = "", 0
        for block, output in run_page(file):
            if block.output is not None and normalize_output(block.output) != output:
                start, stop = block.span
                new += text[end:start] + output
                end = stop
        file.write_text(new + text[end:])


def main(arguments: list[str]) -> None:
    if not arguments:
        update()
        return
    runner = PageRunner()
    outputs = [runner.run(b) for b in parse_blocks(Path(arguments[0]).read_text()) if b.language in RUN]
    print(json.dumps(outputs))


if __name__ == "__main__":
    main(sys.argv[1:])
