from __future__ import annotations

import subprocess
import sys

LISTED = "print(sorted(name for name in dir(pc) if hasattr(getattr(pc, name), '__arrow_compute_function__')))"


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_command_makes_a_function_of_pyarrow_on_its_first_use() -> None:
    install = "from sqlprov.frontends.cli import import_hooks; import_hooks.install()\n"
    names = eval(run_python(f"import pyarrow.compute as pc\n{LISTED}"))
    assert len(names) > 200
    first = run_python(f"{install}import pyarrow.compute as pc\n{LISTED}")
    used = run_python(
        f"{install}import pyarrow.compute as pc\nfor name in {names}: getattr(pc, name)\n{LISTED}\n"
        "print(pc.and_([True], [False]), pc.round([1.25], ndigits=1)[0], hasattr(pc, 'no_such_function'))"
    )
    assert "'utf8_upper'" not in first
    assert used.startswith(f"{names}\n[\n  false\n] 1.2 False")


def test_the_command_makes_all_functions_if_pyarrow_has_changed() -> None:
    code = (
        "from sqlprov.frontends.cli import import_hooks; import_hooks.install()\n"
        "import_hooks._AlmostEmpty.list_functions = lambda self: []\n"
        f"import pyarrow.compute as pc\n{LISTED}"
    )
    assert "'utf8_upper'" in run_python(code)
