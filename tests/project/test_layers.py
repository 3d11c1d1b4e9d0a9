from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from blocks import ROOT

SOURCE = ROOT / "sqlprov"
FILES = sorted(SOURCE.rglob("*.py"))

# A part may import those above it; parts of one line do not know each other.
LEVELS = (
    ("version",),
    ("errors",),
    ("settings",),
    ("catalog",),
    ("plan",),
    ("aws", "sql"),
    ("duck",),
    ("local",),
    ("api",),
    ("frontends",),
)
RANK = {part: rank for rank, parts in enumerate(LEVELS) for part in parts}
ASIDE = {
    "output": {"errors"},
    "emulator": {"errors"},
    "__main__": {"frontends"},
}
MAY_USE_THE_EMULATOR = {"emulator", "local", "api", "frontends"}
HOMES = {
    "boto3": {"aws"},
    "botocore": {"catalog", "aws", "emulator"},
    "sqlglot": {"sql"},
    "duckdb": {"duck", "api"},
    "yaml": {"catalog", "frontends"},
    "jinja2": {"frontends"},
    "dotenv": {"frontends"},
    "regex": {"catalog"},
    "substrait": {"duck"},
    "click": {"frontends"},
    "IPython": {"frontends"},
    "prompt_toolkit": {"frontends"},
    "pygments": {"frontends"},
    "rich": {"frontends", "output"},
    "platformdirs": {"local"},
    "sqlalchemy": {"frontends"},
}


def part(file: Path) -> str:
    """The folder or module directly below `sqlprov`; empty for the package itself."""
    name = file.relative_to(SOURCE).with_suffix("").parts[0]
    return "" if name == "__init__" else name


def imports(file: Path) -> Iterator[str]:
    """Full names of the modules a file imports, those within functions included."""
    package = ("sqlprov", *file.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from sqlprov import engine` names a part only in its list.
            yield from (f"{module}.{alias.name}" for alias in node.names)


def parts_used(file: Path) -> set[str]:
    names = [name.split(".") for name in imports(file)]
    used = {name[1] for name in names if name[0] == "sqlprov" and len(name) > 1}
    return {name for name in used if (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file()} - {
        part(file)
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_go_one_way(file: Path) -> None:
    here, used = part(file), parts_used(file)
    if here == "":
        return  # the package hands on what its parts offer
    if here in ASIDE:
        assert used <= ASIDE[here]
        return
    for there in used - {"output", "emulator"}:
        assert RANK[there] < RANK[here], f"{here} imports {there}"
    if "output" in used:
        assert here in ("api", "frontends")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nothing_but_the_local_switch_imports_the_emulator(file: Path) -> None:
    if "emulator" in parts_used(file):
        assert part(file) in MAY_USE_THE_EMULATOR


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_each_library_is_used_in_its_home_only(file: Path) -> None:
    for name in imports(file):
        library = name.split(".")[0]
        assert part(file) in HOMES.get(library, {part(file)}), f"{file} imports {name}"


def test_connection_names_the_emulator_for_its_type_only() -> None:
    tree = ast.parse((SOURCE / "api" / "connection.py").read_text())
    guarded = [
        node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    everywhere = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    emulator = [node for node in everywhere if node.module == "sqlprov.emulator"]
    assert all(any(node in block.body for block in guarded) for node in emulator)


def test_every_part_has_a_place() -> None:
    known = {*RANK, *ASIDE, ""}
    assert {part(file) for file in FILES} <= known
