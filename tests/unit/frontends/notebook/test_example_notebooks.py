from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import matplotlib.image
import nbformat
import pytest
from run_notebooks import LANGUAGE, NOTEBOOKS, read_outputs, run_notebooks


@pytest.fixture(scope="module")
def results() -> dict[Path, Any]:
    """Each notebook after a run."""
    return dict(zip(NOTEBOOKS, run_notebooks(NOTEBOOKS), strict=True))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_every_cell_has_the_stored_output(file: Path, results: dict[Path, Any]) -> None:
    stored = nbformat.read(file, as_version=4)
    assert read_outputs(results[file]) == read_outputs(stored), "run `make docs`"


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_a_notebook_names_its_language_for_nbconvert(file: Path) -> None:
    assert nbformat.read(file, as_version=4).metadata.language_info == LANGUAGE


def test_the_timeline_has_a_bar_for_each_experiment_in_the_color_of_its_state(
    results: dict[Path, Any],
) -> None:
    (notebook,) = (each for file, each in results.items() if file.name == "shadow_tests.ipynb")
    pictures = [
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    (picture,) = pictures
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(picture)))
    colors = {tuple(color) for color in (pixels * 255).round().astype(int).reshape(-1, 4)[:, :3].tolist()}
    cancelled, completed, running = (31, 119, 180), (255, 127, 14), (148, 103, 189)
    assert {cancelled, completed, running} <= colors
