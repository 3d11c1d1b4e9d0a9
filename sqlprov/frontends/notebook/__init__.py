"""The magics %sqlprov and %%sqlprov for IPython and Jupyter: `%load_ext sqlprov`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magics, completion in them, and results as text; `%load_ext sqlprov` calls it."""
    from sqlprov.frontends.notebook.completion import add_completion
    from sqlprov.frontends.notebook.display import add_text
    from sqlprov.frontends.notebook.magics import SqlprovMagics

    magics = SqlprovMagics(shell)
    shell.register_magics(magics)
    add_completion(shell, magics.completion)
    add_text(shell)
