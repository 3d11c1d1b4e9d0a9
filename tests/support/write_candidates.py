"""Tries the writes that a line might have: `python tests/support/write_candidates.py ecs glue.crawlers`.

For each table that moto confirms and that cannot be written, `CreateX` and `DeleteX` are added to a copy of its line,
and the checks of `test_write_round_trips.py` run. Prints the words of the lines that pass, and why others do not;
nothing is written. Read the documentation of what passes: moto does not show a create that returns a row that exists.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import write_round_trips
import yaml
from confirmations import MOTO, read_reasons
from write_round_trips import RESOURCES, MotoCatalog, MotoService, OpenService, RoundTrip

from sqlprov.catalog.nouns import flatten, list_nouns, strip_noun
from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import Table
from sqlprov.errors import ResourceFileError

sys.path.insert(0, str(Path(__file__).parents[1] / "independent"))
_CREATING, _DELETING = re.compile("creat|pending|provision", re.I), re.compile("delet", re.I)
_READY = re.compile("active|available|completed?|created|deployed|enabled|in_?service|ready|running", re.I)


def find_operation(table: Table, *verbs: str) -> str:
    """The operation of a verb and a noun of the table; empty if there is none."""
    known = {flatten(name): name for name in load_model(table.client).operation_names}
    nouns = sorted(list_nouns(table.name, table.list.call), key=lambda noun: noun.endswith("s"))
    names = (flatten(verb) + noun for verb in verbs for noun in nouns)
    return next((known[name] for name in names if name in known), "")


def propose(table: Table) -> Iterator[str]:
    """The words to try, the most certain first."""
    create, delete = find_operation(table, "create"), find_operation(table, "delete")
    if not create or not delete:
        return
    states = table.by_name[table.state.column].constraint.enum if table.state.column else ()
    creating = [state for state in table.state.busy if _CREATING.match(state)]
    deleting = [state for state in table.state.busy if _DELETING.match(state)]
    ready = [state for state in states if _READY.fullmatch(state)]
    inserts, deletes = f"call: {create}", delete
    if len(ready) == 1:
        inserts += f", via: {creating[0]}" if len(creating) == 1 else ""
        inserts += f", until: {ready[0]}"
    if "deleted" in states:
        via = f", via: {deleting[0]}" if len(deleting) == 1 else ""
        deletes = f"{{call: {delete}{via}, until: [deleted, missing]}}"
    elif len(deleting) == 1:
        deletes = f"{{call: {delete}, via: {deleting[0]}}}"
    operation = load_model(table.client).operation_model(create)
    nouns = list_nouns(table.name, table.list.call)
    names = [name for name in operation.input_shape.members if strip_noun(name, nouns) == "name"]
    if len(names) == 1:
        yield f"write: {{insert: {{{inserts}, name: {names[0]}}}, delete: {deletes}}}"
    insert = create if inserts == f"call: {create}" else f"{{{inserts}}}"
    yield f"write: {{insert: {insert}, delete: {deletes}}}"


def add_words(line: str, words: str) -> str:
    """A line with further words."""
    end = line.rindex("}", 0, line.index("  #") if "  #" in line else len(line))
    return f"{line[:end]}, {words}{line[end:]}"


def try_words(service: str, name: str, words: str, folder: Path, services: OpenService) -> str:
    """Why a line with these words does not pass; empty if it does."""
    from test_write_round_trips import CHECKS

    file = folder / "aws" / f"{service}.yaml"
    lines = (RESOURCES / f"{service}.yaml").read_text("utf-8").split("\n")
    lines = [add_words(line, words) if line.startswith(f"  {name}:") else line for line in lines]
    file.write_text("\n".join(lines), "utf-8")
    try:
        table = MotoCatalog([folder]).get_table("aws", service, name)
        create = table.by_method["create_resource"]
        if "name:" in words and (not create.returns or create.tokens):
            return "needs no name"
        if not (create.returns or table.errors.exists):
            return f"{create.call} names no error for a row that exists"
        if create.returns and not (create.tokens or table.errors.exists or service == "ec2"):
            return f"{create.call} may return a row that exists"
        trip = services.open(service)
        trip.con._session.catalog._tables.clear()  # the catalog of the copy reads the line again
        trip.con._session.catalog._files.clear()
        MotoCatalog.get_table.cache_clear()
        for check in CHECKS:
            if reason := run_check(check, trip, table):
                return f"{check}: {reason}"
    except ResourceFileError as error:
        return str(error).partition(": ")[2]
    return ""


def run_check(check: str, service: MotoService, table: Table) -> str:
    """Why a check fails, although moto may have one of its known faults; empty if it passes."""
    from test_write_round_trips import CHECKS

    name = f"{table.service}.{table.name}"
    faults = [
        ("", ""),
        ("tokenless", "yes"),
        ("changed", "unknown"),
        ("changed", "failed"),
    ]
    if check == "round trip":
        faults[1:] = [("replaced", "yes"), ("untagged", "yes")]
    reasons = []
    for kind, status in faults if "insert" in check or check == "round trip" else faults[:1]:
        if kind and not isinstance(read_reasons()[kind], dict):
            read_reasons()[kind] = dict.fromkeys(read_reasons()[kind], "yes")
        before = {kind: read_reasons()[kind].get(name)} if kind else {}
        if kind:
            read_reasons()[kind][name] = status
        try:
            CHECKS[check](RoundTrip(service, table))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            reasons.append(f"{type(error).__name__}: {str(error).split('assert')[0].strip()[:300]}")
            if kind and before[kind] is None:
                del read_reasons()[kind][name]
            continue
        if kind and before[kind] is None:
            print(f"FAULT {kind}: {name}: {status}", flush=True)
        return ""
    return reasons[0]


def main(names: list[str]) -> None:
    confirmed = yaml.safe_load((RESOURCES / "_confirmed.yaml").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path) / "resources"
        shutil.copytree(RESOURCES.parent, folder)
        write_round_trips.CATALOG = MotoCatalog([folder])
        with OpenService() as services:
            for service, _, only in (name.partition(".") for name in names):
                tables = MotoCatalog([RESOURCES.parent])
                for name in [only] if only else tables.list_tables("aws", service):
                    if MOTO not in confirmed.get(f"{service}.{name}", ()):
                        continue
                    table = tables.get_table("aws", service, name)
                    if any(method.verb != "SELECT" for method in table.methods):
                        continue
                    for words in propose(table):
                        reason = try_words(service, name, words, folder, services)
                        print(f"{'no' if reason else 'OK'} {service}.{name} {words} {reason}", flush=True)
                        if not reason:
                            break


if __name__ == "__main__":
    main(sys.argv[1:])
