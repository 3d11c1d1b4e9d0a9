"""References with their conditions and links in; what is asked, spliced, left to DuckDB and refused out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from sqlprov.sql.regions_model import Part, Ref, World
from sqlprov.sql.regions_text import Source

ADVICE = "write region = '…' or region IN ('…') for it, or SET sqlprov_regions = 'all'"


@dataclass(frozen=True)
class Edit:
    """The table's name at `start`..`end` becomes a query over some regions.

    Attributes:
        alias: what must follow it.
        condition: the regions, over a column `region`; empty if the answer to `question` tells them.
        question: index of a question.
    """

    start: int
    end: int
    alias: str
    condition: str = ""
    question: int = -1


@dataclass(frozen=True)
class Decision:
    """What becomes of each reference; see `Analysis`."""

    questions: tuple[str, ...]
    conditions: tuple[str, ...]
    edits: tuple[Edit, ...]
    unresolved: str | None
    relied: frozenset[str]


def decide(world: World, source: Source) -> Decision:
    """Carry the conditions over the links, and see which references are left without."""
    parts = {ref: _reached(ref, world) for ref in world.refs}
    unrestricted = {ref.table for ref, conditions in parts.items() if not conditions}
    questions: dict[str, str] = {}
    edits: list[Edit] = []
    trouble = _trouble(world, parts)
    for ref, conditions in parts.items():
        # A scan does not tell which reference it serves. Where all of a table's have a condition, a scan without
        # one is an error (`relied`); where one has none, DuckDB is not relied on for the others.
        relies = ref.table not in unrestricted
        if not conditions or (relies and all(part.pushed and part in ref.parts for part in conditions)):
            continue
        edit = _edit(ref, source)
        asked = sorted({part.question for part in conditions if part.question is not None})
        if edit is not None and all(part.direct is not None for part in conditions):
            direct = dict.fromkeys(str(part.direct) for part in conditions)
            edits.append(replace(edit, condition=" AND ".join(direct)))
        elif edit is not None and asked:
            question = _all(asked, world.known)
            written = dict.fromkeys(part.asked for part in conditions if part.question is not None)
            questions.setdefault(question, " AND ".join(written))
            edits.append(replace(edit, question=list(questions).index(question)))
        elif not (relies and any(part.pushed for part in ref.parts)):
            trouble.append((conditions[0].text, ref))
    relied = frozenset(ref.table for ref in world.refs) - unrestricted
    unresolved = _sentence(*trouble[0]) if trouble else None
    return Decision(tuple(questions), tuple(questions.values()), tuple(edits), unresolved, relied)


def _trouble(world: World, parts: dict[Ref, list[Part]]) -> list[tuple[str, Ref | None]]:
    """The conditions that limit a reference without any that tells its regions."""
    found: list[tuple[str, Ref | None]] = []
    for problem in world.problems:
        lost = [ref for ref in world.refs if ref in problem.refs and not parts[ref]]
        if lost or not problem.refs:
            found.append((problem.text, lost[0] if lost else None))
    for link in world.links:
        for ref, other, filters in (
            (link.left, link.right, link.filters_left),
            (link.right, link.left, link.filters_right),
        ):
            if filters and parts[other] and not parts[ref]:
                found.append((link.text, ref))
    return found


def _reached(ref: Ref, world: World) -> list[Part]:
    """The conditions of `ref` and of all whose regions limit it."""
    found, waiting = [ref], [ref]
    while waiting:
        here = waiting.pop()
        for link in world.links:
            for source, target, flows in (
                (link.left, link.right, link.down),
                (link.right, link.left, link.up),
            ):
                if flows and target is here and source not in found:
                    found.append(source)
                    waiting.append(source)
    return [part for source in found for part in source.parts]


def _edit(ref: Ref, source: Source) -> Edit | None:
    span = source.path(ref.node) if ref.editable else None
    if span is None or (ref.qualified and not ref.node.alias):
        return None
    return Edit(*span, source.alias(ref.node))


def _all(questions: list[str], known: str) -> str:
    if len(questions) == 1:
        return questions[0]
    conditions = " AND ".join(f"region IN ({question})" for question in questions)
    return f"SELECT region FROM {known} AS known(region) WHERE {conditions}"


def _sentence(condition: str, ref: Ref | None) -> str:
    short = condition if len(condition) <= 120 else f"{condition[:117]}…"
    if ref is None:
        return f"Which regions {short} means cannot be told before the statement runs: {ADVICE}."
    alias = " and name it by an alias" if ref.qualified and not ref.node.alias else ""
    advice = ADVICE.replace(" for it", f" for it within the {_inner(ref)}") if _inner(ref) else ADVICE
    return f"Which regions of {ref.name} are meant by {short} cannot be told beforehand: {advice}{alias}."


def _inner(ref: Ref) -> str:
    """What a reader would call the query that reads the table; empty if it is the statement's own."""
    query = ref.node.find_ancestor(exp.Select)
    around = query.find_ancestor(exp.Select, exp.CTE) if query is not None else None
    if isinstance(around, exp.CTE):
        return f"query {around.alias!r}"
    return "sub-query that reads it" if around is not None else ""
