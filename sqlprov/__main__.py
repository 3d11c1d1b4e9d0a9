"""The command `sqlprov`, also as `python -m sqlprov`."""

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the command."""
    # The objects of the libraries and of the models stay; searching them for garbage takes 0.06 s of a start.
    gc.set_threshold(200_000)
    from sqlprov.frontends.cli import main

    main()


if __name__ == "__main__":
    main()
