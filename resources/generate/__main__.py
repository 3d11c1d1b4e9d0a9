"""Drafts a line for each list of botocore that the catalog lacks: `python -m resources.generate [service …]`."""

from __future__ import annotations

import argparse
import sys

from sqlprov.catalog.service_model import get_loader

from .files import File
from .generate import generate

BY_HAND = ("sagemaker",)
"""Clients all of whose lines are settled by hand."""


def main() -> int:
    """Write the lines and print the changes; with --check, write nothing and fail if something would change."""
    parser = argparse.ArgumentParser(prog="python -m resources.generate", description=__doc__)
    parser.add_argument("services", nargs="*", help="botocore's names, such as cognito-idp; all by default")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if a line would change"
    )
    options = parser.parse_args()
    changed = 0
    for client in options.services or list_clients():
        before, after = generate(client)
        for old, new in zip(before, after, strict=True):
            changed += print_changes(old, new)
            if not options.check:
                new.write()
    print(f"{changed} lines changed", file=sys.stderr)
    return int(options.check and changed > 0)


def list_clients() -> list[str]:
    """The clients that the generator covers."""
    known = get_loader().list_available_services("service-2")
    return [client for client in known if client not in BY_HAND]


def print_changes(old: File, new: File) -> int:
    """Print the lines of one file that change; returns how many do."""
    names = [n for n in sorted({*old.lines, *new.lines}) if old.lines.get(n) != new.lines.get(n)]
    if names:
        print("/".join(new.path.parts[-3 if "drafts" in new.path.parts else -2 :]))
    for name in names:
        for sign, file in (("-", old), ("+", new)):
            if name in file.lines:
                print(f"{sign}{file.lines[name]}")
    return len(names)


if __name__ == "__main__":
    sys.exit(main())
