"""Writes a package that adds tables to sqlprov."""

from __future__ import annotations

from pathlib import Path

NAME = "many_tables"
LISTS = {"models": "ListModels", "endpoints": "ListEndpoints", "endpoint_configs": "ListEndpointConfigs"}


def add_services(folder: Path, services: int, tables: int) -> Path:
    """Write `services` further services, each with `tables` tables of one line; returns the PYTHONPATH to them."""
    write_services(_add_package(folder) / "aws", services, tables)
    return folder


def write_services(provider: Path, services: int, tables: int) -> None:
    """Write files of services in the folder of a provider: service_0.yaml and so on, of SageMaker's lists."""
    provider.mkdir(parents=True)
    for number in range(services):
        lines = [
            f"title: Service {number}",
            f"about: Service number {number}.",
            "client: sagemaker",
            "tables:",
        ]
        for at in range(tables):
            noun = sorted(LISTS)[at % len(LISTS)]
            name = noun if at < len(LISTS) else f"{noun}_{at}_of_{number}"
            lines.append(f"  {name}: {{list: {LISTS[noun]}, key: {noun.removesuffix('s')}_name}}")
        (provider / f"service_{number}.yaml").write_text("\n".join([*lines, ""]))


def _add_package(folder: Path) -> Path:
    package, info = folder / NAME, folder / f"{NAME}-1.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").touch()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[sqlprov.resources]\n{NAME} = {NAME}\n")
    return package
