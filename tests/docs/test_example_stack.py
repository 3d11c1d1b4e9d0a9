from __future__ import annotations

import shutil
from pathlib import Path

from doc_blocks import ROOT
from local_sagemaker import connection
from stacks import build_ok, run_stack

from sqlprov.emulator import Emulator


def test_the_example_stack_is_built_changed_and_torn_down(tmp_path: Path) -> None:
    stack = shutil.copytree(ROOT / "examples/stack", tmp_path / "stack")
    with Emulator() as em, connection(em.url) as con:
        assert build_ok(con, stack).names("created") == ["model", "config", "endpoint"]
        manifest = stack / "stackql_manifest.yml"
        manifest.write_text(
            manifest.read_text().replace("- {Key: stack,", "- {Key: owner, Value: ada}\n      - {Key: stack,")
        )
        planned = run_stack(con, stack, "plan").plan
        assert [(each.resource, each.action, each.field) for each in planned] == [
            ("model", "update", "Tags"),
            ("config", "none", ""),
            ("endpoint", "none", ""),
        ]
        assert build_ok(con, stack).names("updated") == ["model"]
        assert run_stack(con, stack, "test").names("passed") == ["model", "config", "endpoint"]
        assert build_ok(con, stack, command="teardown").names("deleted") == ["endpoint", "config", "model"]
