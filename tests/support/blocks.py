"""A page of Markdown in, its code blocks run and what they print out.

`sh`, `sql`, `python` and `ipython` blocks are run from top to bottom: the `sh` blocks of a page share a folder, its
`sql` blocks a connection, its `python` blocks and its `ipython` blocks, which are cells of a notebook, their variables.
What a block prints stands in the `text` block below it.
As a program this file writes those `text` blocks anew, and the output of the examples.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlprov
from sqlprov.emulator import Emulator, Options
from sqlprov.output import write

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLES = sorted([*ROOT.glob("examples/**/*.py"), *ROOT.glob("examples/**/*.sql")])
RUN = ("sh", "sql", "python", "ipython")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROFILES = "".join(
    f"[profile {name}]\nregion = {region}\naws_access_key_id = example\naws_secret_access_key = example\n"
    for name, region in (("prod", "us-east-1"), ("audit", "eu-west-1"))
)
# What differs from run to run, and what stands for it.
_VARYING: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b\d+(\.\d+)? ms\b"), "0 ms"),
    (re.compile(r"\b\d+\.\d\d s\b"), "0.00 s"),
    (re.compile(r"^Out\[\d+\]: *\n?", re.MULTILINE), ""),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:8123"),
    (re.compile(r"\(request [0-9a-f-]+\)"), "(request 0)"),
    (re.compile(r"(?<== )'q\d+' *"), lambda found: "'q1'".ljust(len(found[0]))),
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `shown` is the `text` block below it, and `place` where that stands in the page."""

    language: str
    code: str
    line: int
    shown: str | None
    place: tuple[int, int]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, without those that show what another prints."""
    fences = list(_FENCE.finditer(page))
    found = []
    for at, fence in enumerate(fences):
        below = fences[at + 1] if at + 1 < len(fences) else None
        if fence[1] == "text" and found and found[-1].place == fence.span(2):
            continue
        shows = below is not None and below[1] == "text" and not page[fence.end() : below.start()].strip()
        line = page.count("\n", 0, fence.start()) + 1
        if below is not None and shows:
            found.append(Block(fence[1], fence[2], line, below[2], below.span(2)))
        else:
            found.append(Block(fence[1], fence[2], line, None, (-1, -1)))
    return found


def plain(text: str) -> str:
    """`text` without what differs from run to run."""
    for varying, stands in _VARYING:
        text = varying.sub(stands, text)
    return text


class Page:
    """What the blocks of one page share."""

    def __init__(self) -> None:
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._connection: sqlprov.Connection | None = None

    def run(self, block: Block) -> str:
        """What the block prints."""
        printed = {
            "sh": self._sh,
            "sql": self._sql,
            "python": self._python,
            "ipython": self._ipython,
        }[block.language](block.code)
        return plain(printed.replace(str(Path.cwd()), "/home/you"))

    def _sh(self, code: str) -> str:
        done = subprocess.run(
            ["bash", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
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
def workplace() -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty home, and an environment with `sqlprov` on the path and an AWS account that is a local SageMaker."""
    with TemporaryDirectory() as name, Emulator(Options()) as account:
        account.seed_local()
        home = Path(name).resolve()
        tools = home / ".tools"
        tools.mkdir()
        (tools / "sqlprov").write_text(f'#!/bin/sh\nexec {sys.executable} -W error -m sqlprov "$@"\n')
        (tools / "sqlprov").chmod(0o700)
        (tools / "config").write_text(_PROFILES)
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "XDG_", "SQLPROV_", "COLUMNS"))
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
                # JupySQL reports its use to its makers, unless it is told not to.
                "PLOOMBER_STATS_ENABLED": "false",
            },
        )


def printed_by(*command: str | Path, stderr: int = subprocess.PIPE) -> str:
    """What a program prints in a workplace; it must end well, and say nothing on stderr unless it goes elsewhere."""
    with workplace() as (home, env):
        done = subprocess.run(
            command, cwd=home, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=110
        )
    assert (done.returncode, done.stderr or "") == (0, ""), done.stderr or done.stdout
    return done.stdout


def page_run(file: Path) -> list[tuple[Block, str]]:
    """Each block of a page that can be run, and what it prints; in a process of its own."""
    runnable = [block for block in blocks(file.read_text()) if block.language in RUN]
    if not runnable:
        return []
    # What stands below the first line, JupySQL says when the program ends.
    printed = json.loads(printed_by(sys.executable, "-W", "error", __file__, file).splitlines()[0])
    return list(zip(runnable, printed, strict=True))


def example_run(file: Path) -> str:
    """What an example prints on the local SageMaker; variables of a script stand beside it."""
    if file.suffix == ".sql":
        variables = file.with_suffix(".yaml")
        words = ("--var-file", variables) if variables.exists() else ()
        # What became of the rows that a script writes stands on stderr.
        return plain(printed_by("sqlprov", "exec", "--local", "-f", file, *words, stderr=subprocess.STDOUT))
    return plain(printed_by(sys.executable, "-W", "error", file))


def update() -> None:
    """Write what pages and examples print where they show it."""
    for file in EXAMPLES:
        file.with_suffix(".txt").write_text(example_run(file))
    for file in PAGES:
        text = file.read_text()
        new, end = "", 0
        for block, printed in page_run(file):
            if block.shown is not None and plain(block.shown) != printed:
                start, stop = block.place
                new += text[end:start] + printed
                end = stop
        file.write_text(new + text[end:])


def main(arguments: list[str]) -> None:
    if not arguments:
        update()
        return
    page = Page()
    printed = [page.run(b) for b in blocks(Path(arguments[0]).read_text()) if b.language in RUN]
    print(json.dumps(printed))


if __name__ == "__main__":
    main(sys.argv[1:])
