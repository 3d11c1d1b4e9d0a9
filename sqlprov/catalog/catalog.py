"""Finds the resource files and loads providers, services and tables on first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResourceFileError, UnknownName, suggest

if TYPE_CHECKING:
    from .resource_files import ProviderInfo, ServiceInfo
    from .table import Table

# YAML and botocore are imported where they are used; listing tables needs neither.


class Catalog:
    """The tables that exist: `resources/<provider>/<service>/<table>.yaml`.

    Args:
        folders: folders that hold providers. `None`: the packaged `resources` and those of installed
            packages that the entry point group `sqlprov.resources` names.
    """

    def __init__(self, folders: Sequence[Path] | None = None) -> None:
        self._given = folders
        self._lock = threading.RLock()
        self._tables: dict[tuple[str, str, str], Table] = {}
        self._services: dict[tuple[str, str], ServiceInfo] = {}
        self._providers: dict[str, ProviderInfo] = {}

    def list_providers(self) -> tuple[str, ...]:
        """Names of all providers."""
        return tuple(sorted({provider for provider, _ in self._files}))

    def list_services(self, provider: str) -> tuple[str, ...]:
        """Names of a provider's services; raises UnknownName."""
        provider = self._find_provider(provider)
        return tuple(sorted(service for known, service in self._files if known == provider))

    def list_tables(self, provider: str, service: str) -> tuple[str, ...]:
        """Names of a service's tables; raises UnknownName."""
        return tuple(sorted(self._files[self._find_service(provider, service)]))

    @cached_property
    def services_by_table(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Table name -> the (provider, service) pairs that have such a table."""
        services: dict[str, tuple[tuple[str, str], ...]] = {}
        for key, tables in sorted(self._files.items()):
            for name in tables:
                services[name] = (*services.get(name, ()), key)
        return services

    def get_table(self, provider: str, service: str, name: str) -> Table:
        """A table; raises UnknownName, or ResourceFileError if its file is wrong."""
        key = self._find_service(provider, service)
        name = _find("table", name, self._files[key], ".".join(key))
        with self._lock:
            if (*key, name) not in self._tables:
                from .resource_files import load_table

                file = Path(self._files[key][name])
                self._tables[*key, name] = load_table(file, key[0], self.get_service(*key), name)
            return self._tables[*key, name]

    def get_provider(self, provider: str) -> ProviderInfo:
        """A provider; raises UnknownName, or ResourceFileError if its `_provider.yaml` is wrong."""
        provider = self._find_provider(provider)
        with self._lock:
            if provider not in self._providers:
                from .resource_files import load_provider

                file = self._find_file(Path(provider, "_provider.yaml"))
                self._providers[provider] = load_provider(file, provider)
            return self._providers[provider]

    def get_service(self, provider: str, service: str) -> ServiceInfo:
        """A service; raises UnknownName, or ResourceFileError if its `_service.yaml` is wrong."""
        key = self._find_service(provider, service)
        with self._lock:
            if key not in self._services:
                from .resource_files import load_service

                self._services[key] = load_service(self._find_file(Path(*key, "_service.yaml")), *key)
            return self._services[key]

    @cached_property
    def _folders(self) -> tuple[Path, ...]:
        return (
            tuple(self._given)
            if self._given is not None
            else (_find_packaged_folder(), *_find_installed_folders())
        )

    @cached_property
    def _files(self) -> dict[tuple[str, str], dict[str, str]]:
        """(provider, service) -> table -> file, from file names alone."""
        files: dict[tuple[str, str], dict[str, str]] = {}
        for provider, service, name, file in _list_yaml_files(self._folders):
            tables = files.setdefault((provider, service), {})
            if name.startswith("_"):
                continue
            if name in tables:
                raise ResourceFileError(f"{file}:1: table {name!r} is already in {tables[name]}")
            tables[name] = file
        return files

    def _find_provider(self, written: str) -> str:
        return _find("provider", written, self.list_providers(), "the catalog")

    def _find_service(self, provider: str, written: str) -> tuple[str, str]:
        provider = self._find_provider(provider)
        return provider, _find("service", written, self.list_services(provider), provider)

    def _find_file(self, inside: Path) -> Path:
        """The file in the first folder that has it; a package may add a table to another package's service."""
        for folder in self._folders:
            if (folder / inside).is_file():
                return folder / inside
        raise ResourceFileError(f"{self._folders[0] / inside}:1: expected this file, which names the folder")


def _list_yaml_files(folders: Iterable[Path]) -> Iterator[tuple[str, str, str, str]]:
    """(provider, service, name, path) of each `*/*/*.yaml`; `Path.glob` takes several times as long."""
    for folder in folders:
        for provider in _list_entries(folder):
            for service in _list_entries(provider):
                for file in _list_entries(service):
                    if file.name.endswith(".yaml"):
                        yield provider.name, service.name, file.name.removesuffix(".yaml"), file.path


def _list_entries(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """The entries of a folder by name; none if it is not a folder."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _find(what: str, written: str, known: Iterable[str], place: str) -> str:
    """The known name that equals `written`, ignoring case."""
    names = {name.lower(): name for name in known}
    if written.lower() not in names:
        words = sorted(names.values())
        raise UnknownName(
            f"Unknown {what} {written!r} in {place}; expected {', '.join(words)}.{suggest(written, words)}"
        )
    return names[written.lower()]


def _find_packaged_folder() -> Path:
    """`resources` of the installed wheel, otherwise of the checkout."""
    package = Path(__file__).parents[1]
    return package / "resources" if (package / "resources").is_dir() else package.parent / "resources"


def _find_installed_folders() -> list[Path]:
    """Folders of the packages that the entry points name, found without running their code."""
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    folders = []
    for entry in entry_points(group="sqlprov.resources"):
        spec = find_spec(entry.module)
        folders += [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    return folders
