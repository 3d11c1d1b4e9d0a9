"""Which of botocore's clients a request may come from."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from botocore.loaders import Loader

from sqlprov.emulator.exchange import HttpRequest

_HEAD = 4096  # bytes of a model that hold its metadata, in all but a few files
_NAMES = re.compile(rb'"(signingName|endpointPrefix|targetPrefix)"\s*:\s*"([^"]+)"')


def list_clients(request: HttpRequest, among: Collection[str]) -> Iterator[str]:
    """The clients whose signing name, or for an unsigned request whose target, the request has."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[0]
    for client in sorted(among):
        names = read_names(client)
        if request.scope is not None:
            fits = request.scope.service == names.get("signingName", names["endpointPrefix"])
        else:
            fits = target == names.get("targetPrefix", "")
        if fits:
            yield client


@cache
def list_all_clients() -> dict[str, list[str]]:
    """Signing name -> clients, for all of botocore's services."""
    clients: dict[str, list[str]] = {}
    for folder in sorted(Path(Loader.BUILTIN_DATA_PATH).iterdir()):
        if folder.is_dir() and any(folder.glob("*/service-2.json*")):
            names = read_names(folder.name)
            clients.setdefault(names.get("signingName", names["endpointPrefix"]), []).append(folder.name)
    return clients


@cache
def read_names(client: str) -> dict[str, str]:
    """signingName, endpointPrefix and targetPrefix of a client. Parsing all models would take 9 s, this 0.2 s."""
    newest = max((Path(Loader.BUILTIN_DATA_PATH) / client).glob("*/service-2.json*"))
    data = newest.read_bytes()
    if newest.suffix == ".gz":
        data = zlib.decompressobj(wbits=31).decompress(data, _HEAD)
    names = _find_names(data[:_HEAD])
    if "endpointPrefix" not in names:
        data = newest.read_bytes()
        names = _find_names(zlib.decompress(data, wbits=31) if newest.suffix == ".gz" else data)
    return names


def _find_names(data: bytes) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in _NAMES.findall(data)}
