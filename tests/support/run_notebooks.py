"""Runs notebooks on a fresh local SageMaker.

As a program, it runs the notebooks of `examples` and saves their outputs.
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
from doc_blocks import ROOT, normalize_output
from nbclient import NotebookClient

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
SECONDS = 120
LANGUAGE = {"file_extension": ".py", "name": "python", "pygments_lexer": "ipython3"}


def run_notebooks(files: Sequence[Path]) -> list[Any]:
    """Run notebooks at once, each in a kernel and an empty folder of its own; return them with their outputs.

    Raises:
        CellExecutionError: a cell failed.
    """

    async def run(file: Path) -> Any:
        notebook = nbformat.read(file, as_version=4)
        with TemporaryDirectory() as folder:
            client = NotebookClient(
                notebook, timeout=SECONDS, record_timing=False, resources={"metadata": {"path": folder}}
            )
            # Kernels warn on stderr that they use TCP.
            await client.async_execute(env=_environment(Path(folder)), stderr=subprocess.DEVNULL)
        # Without the versions of Python; without the rest, nbconvert colors no code and exports a script as .txt.
        notebook.metadata["language_info"] = LANGUAGE
        for cell in notebook.cells:
            if cell.cell_type == "code":
                # The progress of a slow statement leaves an empty output.
                cell.outputs = [each for each in cell.outputs if each.get("data", {}).get("text/html") != ""]
                for output in cell.outputs:
                    _normalize(output)
        return notebook

    async def run_all() -> list[Any]:
        return await asyncio.gather(*map(run, files))

    return asyncio.run(run_all())


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SQLPROV_"))}
    # HOME, because a kernel writes its connection file where Jupyter looks for it.
    own = ("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "SQLPROV_STATE_DIR")
    return kept | {name: str(folder / ".home") for name in own} | {"COLUMNS": "100"}


def _normalize(output: Any) -> None:
    """Replace what differs between runs."""
    for kind, text in output.get("data", {}).items():
        if kind.startswith("text/"):
            output.data[kind] = normalize_output(text)
    if "text" in output:
        output.text = normalize_output(output.text)


def read_outputs(notebook: Any) -> list[list[dict[str, Any]]]:
    """The outputs of each code cell, in a form to compare."""
    return [
        [_read_output(output) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def _read_output(output: Any) -> dict[str, Any]:
    if output.output_type == "stream":
        return {output.name: output.text}
    # Rows are sorted, because calls are listed in the order in which they ended.
    return {
        kind: "a picture" if kind.startswith("image/") else sorted(re.split(r"(?=<tr>)|(?<=</tr>)", text))
        for kind, text in output.data.items()
    }


def main() -> None:
    for file, notebook in zip(NOTEBOOKS, run_notebooks(NOTEBOOKS), strict=True):
        if read_outputs(notebook) != read_outputs(nbformat.read(file, as_version=4)):
            nbformat.write(notebook, file)


if __name__ == "__main__":
    main()
