from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from doc_blocks import ROOT

SOURCE = ROOT / "sqlprov"
FILES = sorted(SOURCE.rglob("*.py"))

# A part may import those before it; `aws` and `sql` do not know each other.
LEVELS = (
    "version records private_files arrow_functions",
    "errors",
    "settings",
    "catalog",
    "plan",
    "aws sql",
    "duck",
    "local",
    "api",
    "frontends",
)
RANK = {part: rank for rank, parts in enumerate(LEVELS) for part in parts.split()}
ASIDE = {
    "output": {"errors", "arrow_functions"},
    "emulator": {"errors", "catalog", "private_files"},
    "__main__": {"frontends"},
    "spark": {"frontends"},
}
FRONTENDS_MAY_USE = {"api", "catalog", "errors", "local", "output", "private_files"}
FRONTENDS_MAY_USE |= {"records", "settings", "sql", "version"}
MAY_USE_THE_EMULATOR = {"local", "api"}
HOMES = {
    "boto3": set(),  # its clients are botocore's
    "botocore": {"catalog", "aws", "emulator"},
    "sqlglot": {"sql"},
    "duckdb": {"duck"},
    "yaml": {"catalog", "emulator", "frontends"},
    "jinja2": {"frontends"},
    "jmespath": {"aws", "emulator"},
    "regex": {"catalog"},
    "click": {"frontends"},
    "IPython": {"frontends"},
    "mcp": {"frontends"},
    "prompt_toolkit": {"frontends"},
    "pydantic": {"frontends"},
    "uvicorn": {"frontends"},
    "pygments": {"frontends"},
    "rich": {"frontends"},
    "scramp": {"frontends"},
    "platformdirs": {"local", "private_files"},
    "sqlalchemy": {"frontends"},
    "urllib3": {"aws"},
    "pyspark": {"frontends"},
    "pyarrow": {"api", "arrow_functions", "aws", "catalog", "duck", "frontends", "output", "plan", "sql"},
    "orjson": {"aws", "catalog", "duck", "emulator", "frontends", "output"},
    "jsonpatch": {"plan", "emulator"},
    "pandas": set(),  # only the user's own
    "polars": {"api"},
    "moto": {"emulator"},
    "werkzeug": {"emulator"},
}


def find_part(file: Path) -> str:
    """The folder or module directly below `sqlprov`; empty for the package itself."""
    name = file.relative_to(SOURCE).with_suffix("").parts[0]
    return "" if name == "__init__" else name


def list_imports(file: Path) -> Iterator[str]:
    """Full names that a file imports, those within functions and under TYPE_CHECKING included."""
    package = ("sqlprov", *file.relative_to(SOURCE).parent.parts)
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from sqlprov import plan` names a part only in its list.
            yield from (f"{module}.{alias.name}" for alias in node.names)


@cache
def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def list_parts_used(file: Path) -> set[str]:
    """The other parts that a file imports; a name that the package itself offers counts as a part without a place."""
    names = [name.split(".") for name in list_imports(file)]
    return {name[1] for name in names if name[0] == "sqlprov" and len(name) > 1} - {find_part(file)}


def may_import(here: str, there: str) -> bool:
    if here in ASIDE:
        return there in ASIDE[here]
    if here == "frontends":
        return there in FRONTENDS_MAY_USE
    if there not in RANK and there not in ASIDE:
        return False
    if there == "emulator":
        return here in MAY_USE_THE_EMULATOR
    if there == "output":
        return here == "api"
    return RANK[there] < RANK[here]


def test_imports_go_one_way() -> None:
    inner = [file for file in FILES if find_part(file)]  # the package itself offers what its parts define
    wrong = [
        (file.name, used)
        for file in inner
        for used in list_parts_used(file)
        if not may_import(find_part(file), used)
    ]
    assert wrong == []


def test_each_library_is_used_in_its_home_only() -> None:
    used = {(find_part(file), name.split(".")[0]) for file in FILES for name in list_imports(file)}
    others = {
        (here, library) for here, library in used if library not in {*sys.stdlib_module_names, "sqlprov"}
    }
    assert {(here, library) for here, library in others if here not in HOMES.get(library, ())} == set()


def test_connection_names_the_emulator_for_its_type_only() -> None:
    tree = parse(SOURCE / "api" / "connect.py")
    guarded = [
        node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    everywhere = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    emulator = [node for node in everywhere if node.module == "sqlprov.emulator"]
    assert all(any(node in block.body for block in guarded) for node in emulator)


def test_no_module_imports_itself_through_others() -> None:
    files = {
        ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): file
        for file in FILES
    }
    graph = {}
    for name, file in files.items():
        whole = {imported.removeprefix("sqlprov.") for imported in list_imports(file)}
        # `from sqlprov.plan.read import ReadPlan` imports the module `plan.read`.
        graph[name] = {each if each in files else each.rpartition(".")[0] for each in whole} & set(files) - {
            name
        }

    def reach(name: str) -> set[str]:
        seen: set[str] = set()
        ahead = [name]
        while ahead:
            new = graph[ahead.pop()] - seen
            seen |= new
            ahead += new
        return seen

    reached = {name: reach(name) for name in graph}
    circles = [
        {other for other in reached[name] if name in reached[other]}
        for name in graph
        if name in reached[name]
    ]
    assert circles == []


def test_every_part_has_a_place() -> None:
    known = {*RANK, *ASIDE, ""}
    assert {find_part(file) for file in FILES} <= known
