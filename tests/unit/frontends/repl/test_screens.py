from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_the_screens_in_the_docs_come_from_a_real_run() -> None:
    spec = importlib.util.spec_from_file_location("screens", ROOT / "docs" / "screens.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = module.draw_screens()
    kept = {file.stem: file.read_text() for file in (ROOT / "docs" / "screens").glob("*.svg")}
    assert set(drawn) == set(kept), "`make docs` draws them again"
    for name, svg in drawn.items():
        assert svg == kept[name], f"{name}: `make docs` draws it again"
    page = (ROOT / "docs" / "repl.md").read_text()
    assert all(f"(screens/{name}.svg)" in page for name in kept)
