"""Finds the resource files and loads providers, services and tables on first use."""

from __future__ import annotations

import itertools
import os
import re
import sys
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlprov.records import dataclass

from ..errors import ResourceFileError, UnknownName, suggest
from .yaml_nodes import fail_decoding, parse_file, parse_text

if TYPE_CHECKING:
    from .resource_files import ProviderInfo, ServiceInfo
    from .table import Table
    from .yaml_nodes import Node

# YAML and botocore are imported where they are used; listing tables needs neither.

_TABLES = re.compile(r"^tables:[ \t]*(?:#.*)?\n", re.MULTILINE)
DRAFTS = "drafts"
"""The folder of the checkout that holds lines with doubts; they do not ship."""
_OTHER_TABLES = r"""(?m)^[ \t]*["']?tables\b.*"""
# A line indented further belongs to the table above, whose loading refuses it; other text has no name.
_LINE = re.compile(r"^  (\w+):.*(?:\n {3,}[^\s#].*)*|^[ \t]*[^\s#].*", re.MULTILINE)
_EXPECTED = "expected `tables:` on its own line, then `  name: {…}` on one line for each table"
# YAML's plain scalars of one line; any other text is for YAML.
_HEAD = r"(?m)^(title|about):(.*(?:\n[ \t]+.*)*)"
_PLAIN = r"""[^\s"'>|&*!%@`{[#](?:(?!: | #)[^\n])*"""
_NOTE = re.compile(r"^([\w.]+): (.*)$", re.MULTILINE)
DESCRIPTIONS = "_descriptions.txt"
"""The file of the descriptions that no line writes: they come from botocore's model, which listing does not load."""
UNORDERED = "_unordered.yaml"
"""The file of the lists in which the order does not count."""
EXAMPLES = "_examples.yaml"
"""The file of values that create a row, as JSON."""
ON_REQUEST = ("awscc",)
"""The providers that exist only once a statement names them: their tables repeat those of another provider."""
MAX_KNOWN = 12
"""How many names a message lists."""
_ABOUT = r"""(?m)^about:[ ]*(.*)$|[{,][ ]*about:[ ]*(?:"([^"]*)"|'([^']*)'|([^,}]*))"""


@dataclass
class ServiceFiles:
    """The files of a service, as far as listing needs them.

    Attributes:
        heads: (file, text above `tables:`) of each folder that has a `<service>.yaml`.
        tables: name -> places; a table with several places cannot be loaded.
        errors: what is wrong outside the lines; no table can be loaded.
    """

    heads: list[tuple[str, str]] = field(default_factory=list)
    tables: dict[str, list[TablePlace]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


class TablePlace(NamedTuple):
    """Where a table is written.

    Attributes:
        file: its own file, or the service's.
        line: in the service's file; 0 for its own file.
        text: the line; empty for its own file.
    """

    file: str
    line: int = 0
    text: str = ""

    def parse(self) -> Node:
        """The words of the table."""
        if not self.line:
            return parse_file(Path(self.file))
        if "\n" in self.text.strip():
            raise ResourceFileError(f"{self.file}:{self.line + 1}: expected one line for each table")
        ((_, words),) = parse_text(self.text, self.file, self.line - 1).read_pairs().items()
        return words


class Catalog:
    """The tables that exist: a line of `resources/<provider>/<service>.yaml`, or a file
    `resources/<provider>/<service>/<table>.yaml`.

    Args:
        folders: folders that hold providers. `None`: the packaged `resources` and those of installed
            packages that the entry point group `sqlprov.resources` names.
    """

    def __init__(self, folders: Sequence[Path] | None = None) -> None:
        self._given = folders
        self._lock = threading.RLock()
        self._files: dict[tuple[str, str], ServiceFiles] = {}
        self._tables: dict[tuple[str, str, str], Table] = {}
        self._services: dict[tuple[str, str], ServiceInfo] = {}
        self._providers: dict[str, ProviderInfo] = {}
        self._notes: dict[tuple[str, str], Mapping[str, str]] = {}
        self._hidden = set(ON_REQUEST)

    def list_providers(self) -> tuple[str, ...]:
        """Names of the providers; of those ON_REQUEST, only the ones that were named."""
        return tuple(sorted(self._places.keys() - self._hidden))

    def reveal(self, text: str) -> tuple[str, ...]:
        """Add the providers ON_REQUEST that `text` names, and return them."""
        named = {name for name in self._hidden & self._places.keys() if name in text.lower()}
        self._hidden -= named
        return tuple(sorted(named))

    def list_services(self, provider: str) -> tuple[str, ...]:
        """Names of a provider's services; raises UnknownName."""
        return tuple(self._places[self._find_provider(provider)])

    def list_titles(self, provider: str) -> Mapping[str, tuple[str, str]]:
        """Service -> its title and its description, without checking its file; raises UnknownName."""
        return {
            service: self._read_title(self._find_service(provider, service))
            for service in self.list_services(provider)
        }

    def _read_title(self, key: tuple[str, str]) -> tuple[str, str]:
        head = next((text for _, text in self._get_files(key).heads if text.strip()), "")
        texts = {name: text.strip() for name, text in re.findall(_HEAD, head)}
        if all(re.fullmatch(_PLAIN, text) for text in texts.values()):
            return texts.get("title", ""), texts.get("about", "")
        try:
            info = self.get_service(*key)
        except ResourceFileError:  # a statement that names one of its tables raises it
            return "", ""
        return info.title, info.about

    def list_tables(self, provider: str, service: str) -> tuple[str, ...]:
        """Names of a service's tables; raises UnknownName."""
        return tuple(sorted(self._get_files(self._find_service(provider, service)).tables))

    def list_descriptions(self, provider: str, service: str) -> Mapping[str, str]:
        """Table -> its description; empty for a table of another package whose line writes none."""
        return {
            name: self.get_description(provider, service, name)
            for name in self.list_tables(provider, service)
        }

    def get_description(self, provider: str, service: str, table: str) -> str:
        """As `list_descriptions`, of one table, whose name has to be as `list_tables` writes it."""
        key = self._find_service(provider, service)
        known = self._read_notes(key[0], DESCRIPTIONS)
        return _find_about(self._get_files(key).tables[table][0]) or known.get(f"{key[1]}.{table}", "")

    def list_confirmations(self, provider: str) -> Mapping[str, tuple[str, ...]]:
        """`service.table` -> what its rows or its list were compared with, beside botocore's model.

        A table of which only the model is known is not there.
        """
        notes = self._read_notes(self._find_provider(provider), "_confirmed.yaml")
        return {name: tuple(words.strip("[]").split(", ")) for name, words in notes.items()}

    def list_unordered(self, table: Table) -> tuple[str, ...]:
        """The parameters of a table's create that are lists without an order, as CloudFormation's schemas say."""
        notes = self._read_notes(self._find_provider(table.provider), UNORDERED)
        names = notes.get(f"{table.service}.{table.name}", "").strip("[]")
        return tuple(names.split(", ")) if names else ()

    def read_example(self, table: Table) -> Mapping[str, Any]:
        """Parameter -> value of what the service needs to create a row beside what its model requires."""
        import orjson

        notes = self._read_notes(self._find_provider(table.provider), EXAMPLES)
        return dict(orjson.loads(notes.get(f"{table.service}.{table.name}", "{}")))

    def _read_notes(self, provider: str, file: str) -> Mapping[str, str]:
        """`service.table` -> text, as `file` in the provider's folders says."""
        if (provider, file) not in self._notes:
            files = [folder / provider / file for folder in self.folders]
            text = "".join(file.read_text("utf-8", "replace") for file in files if file.is_file())
            self._notes[provider, file] = dict(_NOTE.findall(text))
        return self._notes[provider, file]

    def get_table(self, provider: str, service: str, name: str) -> Table:
        """A table; raises UnknownName, or ResourceFileError if its line or file is wrong."""
        key = self._find_service(provider, service)
        self.check_files(*key, name)
        tables = self._get_files(key).tables
        name = _find("table", name, tables, ".".join(key))
        with self._lock:
            if (*key, name) not in self._tables:
                from .list_call import Siblings
                from .resource_files import load_table

                place, *others = tables[name]
                if others:
                    raise ResourceFileError(
                        f"{others[0].file}:{others[0].line or 1}: table {name!r} is already in {place.file}"
                    )
                siblings = Siblings(name, tables, lambda other: self.get_table(*key, other))
                about = self._read_notes(key[0], DESCRIPTIONS).get(f"{key[1]}.{name}", "")
                self._tables[*key, name] = load_table(
                    place.parse(), key[0], self.get_service(*key), siblings, about
                )
            return self._tables[*key, name]

    def check_files(self, provider: str, service: str, table: str) -> None:
        """Raise ResourceFileError if the service's files have text from which `table` should perhaps be read.

        Raises UnknownName if there is no such service.
        """
        key = self._find_service(provider, service)
        files = self._get_files(key)
        if files.errors:
            raise ResourceFileError(files.errors[0])
        if table.lower() in map(str.lower, files.tables):
            return
        for place in itertools.chain(*files.tables.values()):
            if "\n" in place.text:
                place.parse()
        if not files.tables:
            self.get_service(*key)  # its head may say why, as `table:` does

    def get_provider(self, provider: str) -> ProviderInfo:
        """A provider; raises UnknownName, or ResourceFileError if its `_provider.yaml` is wrong."""
        provider = self._find_provider(provider)
        with self._lock:
            if provider not in self._providers:
                from .resource_files import load_provider

                files = [folder / provider / "_provider.yaml" for folder in self.folders]
                file = next(filter(Path.is_file, files), None)
                if file is None:
                    raise ResourceFileError(f"{files[0]}:1: expected this file, which describes the provider")
                self._providers[provider] = load_provider(file, provider)
            return self._providers[provider]

    def get_service(self, provider: str, service: str) -> ServiceInfo:
        """A service; raises UnknownName, or ResourceFileError if the head of its file is wrong."""
        key = self._find_service(provider, service)
        with self._lock:
            if key not in self._services:
                from .resource_files import load_service

                # A package may add tables to another package's service, and needs no head for that.
                heads = [head for head in self._get_files(key).heads if head[1].strip()]
                if not heads:
                    file = self.folders[0] / key[0] / f"{key[1]}.yaml"
                    raise ResourceFileError(f"{file}:1: expected this file, which describes the service")
                self._services[key] = load_service(*heads[0], *key)
            return self._services[key]

    @property
    def fingerprint(self) -> str:
        """A text that changes with what the tables are made of."""
        from .fingerprint import compute_fingerprint

        return compute_fingerprint(self.folders)

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """The folders that hold providers."""
        return (
            tuple(self._given)
            if self._given is not None
            else (find_packaged_folder(), *_find_installed_folders(tuple(sys.path)))
        )

    @cached_property
    def _places(self) -> dict[str, dict[str, list[str]]]:
        """Provider -> service -> its files and folders, from file names alone."""
        places: dict[str, dict[str, list[str]]] = {}
        for folder in self.folders:
            for provider in _list_entries(folder):
                if provider.name == DRAFTS:
                    continue
                for entry in _list_entries(provider):
                    service = entry.name.removesuffix(".yaml")
                    if entry.name[0] not in "_." and (service != entry.name or entry.is_dir()):
                        places.setdefault(provider.name, {}).setdefault(service, []).append(entry.path)
        return {provider: dict(sorted(services.items())) for provider, services in places.items()}

    def _get_files(self, key: tuple[str, str]) -> ServiceFiles:
        if key not in self._files:
            self._files[key] = _read_files(self._places[key[0]][key[1]])
        return self._files[key]

    def _find_provider(self, written: str) -> str:
        return _find("provider", written, self._places, "the catalog")

    def _find_service(self, provider: str, written: str) -> tuple[str, str]:
        provider = self._find_provider(provider)
        return provider, _find("service", written, self._places[provider], provider)


def _read_files(places: Iterable[str]) -> ServiceFiles:
    """The heads and tables in the files and folders of one service."""
    files = ServiceFiles()
    for place in places:
        if not place.endswith(".yaml"):
            for entry in _list_entries(Path(place)):
                if entry.name.endswith(".yaml"):
                    files.tables.setdefault(entry.name.removesuffix(".yaml"), []).append(
                        TablePlace(entry.path)
                    )
            continue
        try:
            text = Path(place).read_text("utf-8")
        except UnicodeDecodeError as error:
            files.errors.append(str(fail_decoding(place, error)))
            text = Path(place).read_text("utf-8", "replace")
        head, tables = _split_head(text)
        files.heads.append((place, head))
        other = None if tables else re.search(_OTHER_TABLES, head)
        if other:
            line = head.count("\n", 0, other.start()) + 1
            files.errors.append(f"{place}:{line}: {_EXPECTED}, found {other[0]!r}")
        elif not text.strip():
            files.errors.append(f"{place}:1: {_EXPECTED}, found an empty file")
        line = head.count("\n") + 2
        at = 0
        for match in _LINE.finditer(tables):
            line += tables.count("\n", at, match.start())
            at = match.start()
            if not match[1]:
                files.errors.append(f"{place}:{line}: {_EXPECTED}, found {match[0]!r}")
                continue
            files.tables.setdefault(match[1], []).append(TablePlace(place, line, match[0]))
    return files


def _split_head(text: str) -> tuple[str, str]:
    """The head of a service's file, and its tables."""
    match = _TABLES.search(text)
    return (text[: match.start()], text[match.end() :]) if match else (text, "")


def _find_about(place: TablePlace) -> str:
    # A byte that is not UTF-8 fails the statement that names the table.
    text = place.text or Path(place.file).read_text("utf-8", "replace")
    match = re.search(_ABOUT, text)
    return next((part.strip() for part in match.groups() if part), "") if match else ""


def _list_entries(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """The entries of a folder by name; none if it is not a folder."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _find(what: str, written: str, known: Collection[str], place: str) -> str:
    """The known name that equals `written`, ignoring case."""
    if written in known:
        return written
    names = {name.lower(): name for name in known}
    if written.lower() not in names:
        words = sorted(names.values())
        expected = f"; expected {', '.join(words)}" if len(words) <= MAX_KNOWN else ""
        raise UnknownName(f"Unknown {what} {written!r} in {place}{expected}.{suggest(written, words)}")
    return names[written.lower()]


def find_packaged_folder() -> Path:
    """`resources` of the installed wheel, otherwise of the checkout."""
    package = Path(__file__).parents[1]
    return package / "resources" if (package / "resources").is_dir() else package.parent / "resources"


@cache
def _find_installed_folders(path: tuple[str, ...]) -> list[Path]:
    """Folders of the packages on Python's `path` that the entry points name, found without running their code.

    Reading the entry points of a hundred packages takes 10 ms, a quarter of the time to connect.
    """
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    folders = []
    for entry in entry_points(group="sqlprov.resources"):
        spec = find_spec(entry.module)
        folders += [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    return folders
