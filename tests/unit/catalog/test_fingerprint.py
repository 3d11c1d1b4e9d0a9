from __future__ import annotations

from pathlib import Path

import pytest

from sqlprov.catalog import Catalog

LINE = "  keys: {list: ListKeys, key: key_id}\n"


def test_the_fingerprint_changes_with_any_resource_file_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "aws").mkdir()
    file = tmp_path / "aws" / "kms.yaml"
    file.write_text(f"title: KMS\ntables:\n{LINE}")
    before = Catalog([tmp_path]).fingerprint
    assert Catalog([tmp_path]).fingerprint == before
    file.write_text(f"title: KMS\ntables:\n{LINE}{LINE.replace('keys', 'others')}")
    assert Catalog([tmp_path]).fingerprint != before


def test_models_that_a_user_adds_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.loaders.Loader.CUSTOMER_DATA_PATH", str(tmp_path / "models"))
    before = Catalog([]).fingerprint
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "service-2.json").write_text("{}")
    assert Catalog([]).fingerprint != before
