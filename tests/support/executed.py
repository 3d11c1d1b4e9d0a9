"""A notebook in, the same notebook with the outputs of a run on a fresh local SageMaker out.

As a program this file runs every notebook of `examples` and writes their outputs anew.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
SECONDS = 120
# What differs from run to run, and what stands for it.
_VARYING = (
    (re.compile(r"\b\d+\.\d\d s\b"), "0.00 s"),
    (re.compile(r"\(request [0-9a-f-]+\)"), "(request 0)"),
)


def executed(files: Sequence[Path]) -> list[Any]:
    """Each of `files` as it is after a run, in a kernel and an empty folder of its own; all at a time.

    Raises:
        CellExecutionError: a cell has failed.
    """

    async def run(file: Path) -> Any:
        notebook = nbformat.read(file, as_version=4)
        with TemporaryDirectory() as folder:
            client = NotebookClient(
                notebook, timeout=SECONDS, record_timing=False, resources={"metadata": {"path": folder}}
            )
            # On stderr kernels warn that they use TCP.
            await client.async_execute(env=_environment(Path(folder)), stderr=subprocess.DEVNULL)
        notebook.metadata.pop("language_info", None)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                # Where a slow statement showed its progress, nothing is left to see.
                cell.outputs = [each for each in cell.outputs if each.get("data", {}).get("text/html") != ""]
                for output in cell.outputs:
                    _settle(output)
        return notebook

    async def run_all() -> list[Any]:
        return await asyncio.gather(*map(run, files))

    return asyncio.run(run_all())


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SQLPROV_"))}
    own = ("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "SQLPROV_STATE_DIR")
    # A kernel keeps its connection file where Jupyter looks for it.
    return kept | {name: str(folder / ".home") for name in own} | {"COLUMNS": "100"}


def _settle(output: Any) -> None:
    """Put what stands for it in the place of what differs from run to run."""
    for kind, text in output.get("data", {}).items():
        if kind.startswith("text/"):
            output.data[kind] = _settled(text)
    if "text" in output:
        output.text = _settled(output.text)


def _settled(text: str) -> str:
    for varying, stands in _VARYING:
        text = varying.sub(stands, text)
    return text


def shown(notebook: Any) -> list[list[dict[str, Any]]]:
    """What each code cell shows: of a picture that it is there, and tables without the order of their rows."""
    return [
        [_compared(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"
    ]


def _compared(output: Any) -> dict[str, Any]:
    if output.output_type == "stream":
        return {output.name: output.text}
    # Calls stand in the order in which they ended.
    return {
        kind: "a picture" if kind.startswith("image/") else sorted(re.split(r"(?=<tr>)|(?<=</tr>)", text))
        for kind, text in output.data.items()
    }


def main() -> None:
    for file, notebook in zip(NOTEBOOKS, executed(NOTEBOOKS), strict=True):
        if shown(notebook) != shown(nbformat.read(file, as_version=4)):
            nbformat.write(notebook, file)


if __name__ == "__main__":
    main()
