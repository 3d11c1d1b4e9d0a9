from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from doc_blocks import ROOT

QUERY = "SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'"


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=clean | env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_what_it_needs_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    resources = {str(file.relative_to(ROOT)) for file in ROOT.glob("resources/aws/**/*.yaml")}
    assert "sqlprov/py.typed" in names
    assert {f"sqlprov/{name}" for name in resources} <= set(names)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"sqlprov"}
    assert not [name for name in names if "/test" in name or "drafts" in name or "generate" in name]


def test_an_installed_wheel_needs_no_checkout(wheel: Path, tmp_path: Path) -> None:
    venv, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    # With its dependencies, as pyproject.toml names them: one that is missing there is missing here.
    pip = ("-m", "pip", "--python", python, "--disable-pip-version-check")
    run(sys.executable, *pip, "install", "--quiet", wheel, cwd=tmp_path)

    where = run(python, "-c", "import sqlprov; print(sqlprov.__file__)", cwd=empty).strip()
    assert Path(where).is_relative_to(venv)
    out = run(
        venv / "bin" / "sqlprov", "exec", "--local", "-o", "csv", QUERY,
        cwd=empty, SQLPROV_STATE_DIR=str(tmp_path / "state"), AWS_EC2_METADATA_DISABLED="true",
    )  # fmt: skip
    assert "fraud-lightgbm,Completed" in out.splitlines()
    assert run(venv / "bin" / "sqlprov", "--version", cwd=empty) == run(
        python, "-c", "import sqlprov; print('sqlprov', sqlprov.__version__)", cwd=empty
    )
