"""IPython and Jupyter in, the magics %sqlprov and %%sqlprov in them out: `%load_ext sqlprov`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext sqlprov` calls: adds the magics, completion in them, and results as text."""
    from sqlprov.frontends.notebook.completing import add_completion
    from sqlprov.frontends.notebook.magics import SqlprovMagics
    from sqlprov.frontends.notebook.text import add_text

    magics = SqlprovMagics(shell)
    shell.register_magics(magics)
    add_completion(shell, magics.completion)
    add_text(shell)
