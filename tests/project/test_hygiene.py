from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from doc_blocks import ROOT

import sqlprov

FOLDERS = ("sqlprov", "docs", "examples", "benchmarks")
SOURCES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
TESTS = sorted(ROOT.glob("tests/**/test_*.py"))
MODULES = sorted(
    file
    for folder in ("sqlprov", "resources", "benchmarks", "tests/support")
    for file in (ROOT / folder).rglob("*.py")
)


def list_files() -> list[Path]:
    """The files of the project: those that git tracks or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:  # no checkout, such as an unpacked sdist
        names = [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
        return [path for path in names if "__pycache__" not in path.parts]
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_versions_agree() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert declared == sqlprov.__version__ == newest[1]


def test_only_the_extra_fast_installs_the_compiled_sqlglot_which_others_cannot_extend() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    compiled = [name for name, needs in extras.items() if any("sqlglot[c]" in each for each in needs)]
    assert compiled == ["fast"]
    assert "fast" not in extras["all"][0]
    assert not any("sqlglot[" in each for each in project["dependencies"])


def test_no_comment_leaves_work_for_later() -> None:
    marks = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]))
    for file in list_files():
        if file.suffix != ".png" and "docs/tables" not in file.as_posix():  # AWS's own words
            # The letters of a picture in a notebook may be any.
            text = re.sub(r'"image/png": "[^"]+"', "", file.read_text(errors="ignore"))
            assert not marks.search(text), file


def test_no_file_is_large() -> None:
    for file in list_files():
        assert file.stat().st_size < 200_000, file


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_says_what_it_does_in_its_first_line(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_module_opens_with_what_goes_in_and_comes_out(file: Path) -> None:
    first, _, _ = (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")
    assert not (re.search(r"\bin[,;.]", first) and re.search(r"\bout\b", first)), first


def test_the_name_of_a_class_occurs_once() -> None:
    places: dict[str, list[str]] = {}
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert {name: lines for name, lines in places.items() if len(lines) > 1} == {}


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_tests_are_named_by_sentences_and_have_no_docstrings(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            assert node.name.count("_") >= 3, f"{node.name} is not a sentence"
            assert ast.get_docstring(node) is None, node.name


def test_the_project_names_no_place_outside_itself() -> None:
    outside = re.compile(r"\.\./" + r"shared|/work" + r"/")
    for file in list_files():
        assert not outside.search(file.read_text(errors="ignore")), file


def test_the_licence_is_apache_2() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"
