"""A folder in, a package in it out that adds tables to sqlprov as any installed package may."""

from __future__ import annotations

from pathlib import Path

from sqlprov.catalog import Catalog

NAME = "many_tables"


def with_tables(folder: Path, count: int) -> Path:
    """The PYTHONPATH with which sqlprov knows `count` tables more: copies of `models` under other names."""
    text = Path(Catalog().get_table("aws", "sagemaker", "models").file).read_text()
    tables = folder / NAME / "aws" / "sagemaker"
    tables.mkdir(parents=True)
    (folder / NAME / "__init__.py").touch()
    for number in range(count):
        (tables / f"table_{number}.yaml").write_text(text)
    info = folder / f"{NAME}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[sqlprov.resources]\n{NAME} = {NAME}\n")
    return folder
