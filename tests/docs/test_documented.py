from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from doc_blocks import ROOT, parse_blocks, write_resource_files

from sqlprov import Attachment, Connection, Result, attach, connect, errors
from sqlprov.api import pep249
from sqlprov.api.pep249_cursor import PEP249Cursor
from sqlprov.catalog import Catalog
from sqlprov.emulator import FAULTS, Emulator, Options
from sqlprov.frontends import sqlalchemy
from sqlprov.frontends.cli import cli
from sqlprov.frontends.notebook.arguments import FLAGS, VALUES
from sqlprov.frontends.notebook.magics import SqlprovMagics
from sqlprov.frontends.sqlalchemy.dialect import SWITCHES, TEXTS
from sqlprov.output import FORMATS
from sqlprov.settings import Settings
from sqlprov.sql import STATEMENTS, parse
from sqlprov.sql.show import SHOW_KINDS
from sqlprov.sql.unsupported import _REASONS

DOCS = ROOT / "docs"


def list_words(page: str) -> set[str]:
    """Every `code` word of a page; its blocks do not count."""
    text = re.sub(r"^```.*?^```$", "", (DOCS / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    return {word for span in re.findall(r"`([^`]+)`", text) for word in re.findall(r"[\w.\-]+", span)}


def list_first_cells(page: str) -> set[str]:
    """The `code` words in the first column of a page's tables."""
    cells = re.findall(r"^\| *((?:`[^`|]+`(?:, )?)+)", (DOCS / page).read_text(), flags=re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def list_sql_blocks() -> list[str]:
    return [block.code for block in parse_blocks((DOCS / "sql.md").read_text()) if block.language == "sql"]


def list_kinds() -> set[str]:
    shown = set()
    for code in list_sql_blocks():
        try:
            shown |= {type(statement).__name__ for statement in parse(code)}
        except errors.NotSupportedError:
            shown.add("Unsupported")
    return shown


def find_mappings(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from find_mappings(child)


def list_yaml_keys(folder: Path) -> set[str]:
    """Every key that the loader knows: its error about an unknown key names them."""
    files = write_resource_files(DOCS / "resource-files.md", folder)
    keys: set[str] = set()
    for shown in (ROOT / "resources/aws/_provider.yaml", *ROOT.glob("resources/aws/sagemaker/*.yaml")):
        file = folder / shown.relative_to(ROOT)
        files.append(Path(shutil.copy(shown, file)))
    for file in files:
        text = file.read_text()
        head, below, lines = text.partition("tables:\n")
        for at in range(len(list(find_mappings(yaml.load(head, yaml.BaseLoader))))):
            root = yaml.load(head, yaml.BaseLoader)
            list(find_mappings(root))[at]["no-such-key"] = "x"
            file.write_text(yaml.safe_dump(root) + below + lines)
            keys |= read_known_keys(folder, file)
        file.write_text(text)
    return keys


def read_known_keys(folder: Path, file: Path) -> set[str]:
    """The keys that the loader's error about `file` names; none where any key is allowed."""
    catalog = Catalog([folder / "resources"])
    service = file.stem if file.parent.name == "aws" else file.parent.name
    try:
        catalog.get_provider("aws")
        for table in catalog.list_tables("aws", service) if service == file.stem else [file.stem]:
            catalog.get_table("aws", service, table)
    except errors.ResourceFileError as error:
        named = re.search(r"unknown key 'no-such-key'; expected one of ([^.]+)\.", str(error))
        methods = yaml.safe_load(file.read_text()).get("exec", {})  # permissions may name them
        return set(named[1].split(", ")) - set(methods) if named else set()
    except errors.UnknownName:  # the provider's own file
        return set()
    return set()


def list_public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


ROWS = {
    "settings": ("settings.md", set(Settings.describe())),
    "arguments of connect": ("python.md", set(inspect.signature(connect).parameters)),
    "arguments of attach": ("notebooks.md", set(inspect.signature(attach).parameters)),
    "options of the local SageMaker": ("emulator.md", {option.name for option in fields(Options)}),
    "faults of the local SageMaker": ("emulator.md", set(FAULTS)),
}
MENTIONS = {
    "attributes of an error": ("errors.md", set(vars(errors.OperationalError("")))),
    "attributes of an attachment": ("notebooks.md", {*list_public(Attachment), "name", "tables", "regions"}),
    "what PEP 249 asks of the module": ("python.md", set(pep249.__all__)),
    "public methods": (
        "python.md",
        set().union(*map(list_public, (Connection, PEP249Cursor, Result))) - {"of"},
    ),
    "what is public of the local SageMaker": ("emulator.md", list_public(Emulator) - {"account_id"}),
}


@pytest.mark.parametrize("what", ROWS)
def test_every_name_has_a_row_in_a_table_of_its_page(what: str) -> None:
    page, names = ROWS[what]
    assert names - list_first_cells(page) == set()


@pytest.mark.parametrize("what", MENTIONS)
def test_every_name_is_mentioned_on_its_page(what: str) -> None:
    page, names = MENTIONS[what]
    assert names - list_words(page) == set()


@pytest.mark.parametrize("kind", STATEMENTS, ids=lambda kind: kind.__name__)
def test_every_kind_of_statement_has_a_block(kind: type) -> None:
    assert kind.__name__ in list_kinds()


@pytest.mark.parametrize("noun", SHOW_KINDS)
def test_everything_that_can_be_shown_has_a_block_and_its_columns(noun: str) -> None:
    assert any(f"SHOW {noun}" in code for code in list_sql_blocks())
    assert {*SHOW_KINDS[noun].columns, *SHOW_KINDS[noun].extended} <= list_words("sql.md")


@pytest.mark.parametrize("verb", [" ".join(verb) for verb in _REASONS])
def test_everything_that_is_refused_has_a_block(verb: str) -> None:
    assert any(code.startswith(verb) for code in list_sql_blocks())


def test_the_documented_formats_are_those_there_are() -> None:
    assert list_first_cells("cli.md") == set(FORMATS)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_documented_with_its_root(name: str) -> None:
    root = getattr(errors, name).__base__.__name__
    assert f"| `{name}` | `{root}` |" in (DOCS / "errors.md").read_text()


def test_every_option_of_the_magics_is_documented_on_its_page_and_in_its_own_help() -> None:
    options = {f"--{name}" for name in (*FLAGS, *VALUES)}
    assert options == {cell for cell in list_first_cells("notebooks.md") if cell.startswith("--")}
    assert options == set(re.findall(r"--[\w-]+", inspect.getdoc(SqlprovMagics.sqlprov) or ""))


def test_every_key_of_a_resource_file_is_documented(tmp_path: Path) -> None:
    keys = list_yaml_keys(tmp_path)
    assert {
        *(
            "about",
            "filters",
            "absent",
            "path",
            "until",
            "insert",
            "from",
            "missing",
            "busy",
            "client",
            "keys",
        )
    } <= keys
    assert keys <= list_first_cells("resource-files.md")


@pytest.mark.parametrize("page", ["docs/resource-files.md", "CONTRIBUTING.md"])
def test_every_resource_file_of_a_page_loads(page: str, tmp_path: Path) -> None:
    assert write_resource_files(ROOT / page, tmp_path)
    catalog = Catalog([tmp_path / "resources"])
    for service in catalog.list_services("aws"):
        for name in catalog.list_tables("aws", service):
            table = catalog.get_table("aws", service, name)
            assert [parent.load() for parent in table.list.parents if parent.load] or not table.list.parents


def test_every_part_of_a_sqlalchemy_url_is_documented() -> None:
    written = set(re.findall(r"[?&`](\w+)=…|\?(\w+)=1", (DOCS / "sqlalchemy.md").read_text()))
    assert {*TEXTS, *SWITCHES, "region"} <= {name for pair in written for name in pair}
    assert {*sqlalchemy.__all__} - {"Dialect"} <= list_words("sqlalchemy.md")


@pytest.mark.parametrize("command", cli.commands)
def test_every_command_has_a_heading(command: str) -> None:
    assert f"## sqlprov {command}\n" in (DOCS / "cli.md").read_text()


def test_every_subcommand_is_documented() -> None:
    local = cli.get_command(click.Context(cli), "local")
    assert isinstance(local, click.Group)
    pages = (DOCS / "cli.md").read_text() + (DOCS / "emulator.md").read_text()
    for name in local.commands:
        assert f"sqlprov local {name}" in pages
