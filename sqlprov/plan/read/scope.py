"""Predicate and the session's regions in, the regions of one demand out."""

from __future__ import annotations

from dataclasses import dataclass

from sqlprov.errors import RegionError, suggest
from sqlprov.plan.read.domain import accepts, columns_of, conjuncts, domain
from sqlprov.plan.read.predicate import And, Compare, In, IsNull, Not, Or, Predicate


@dataclass(frozen=True)
class Regions:
    """What a session knows about regions.

    Attributes:
        known: every region that may be named, in every partition, sorted.
        every: the regions that 'all' and an open condition mean: those of the session's partition where the
            service is offered.
        default: the regions of a statement that names none; empty if there are none.
        unresolved: why a demand without a region condition cannot be answered; `None` if it can.
        relied: last names of the tables that have a region condition wherever they are read.
    """

    known: tuple[str, ...]
    every: tuple[str, ...]
    default: tuple[str, ...]
    unresolved: str | None = None
    relied: frozenset[str] = frozenset()


def scope(predicate: Predicate, regions: Regions, table: str) -> tuple[str, ...]:
    """The regions whose rows a demand on `table` means, sorted.

    Raises:
        RegionError: it names a region that does not exist, or it does not say which and there is no default.
    """
    # A region is never NULL, and DuckDB adds IS NOT NULL by itself to what it joins on: that says nothing.
    said = And(tuple(part for part in conjuncts(predicate) if part != Not(IsNull("region"))))
    if "region" not in columns_of(said):
        return _default(regions, table)
    names = named(predicate)
    for name in names:
        if name not in regions.known:
            raise RegionError(
                f"Unknown region {name!r}.{suggest(name, regions.known)} "
                "SELECT region FROM aws.regions lists them; SET sqlprov_regions makes a new one known."
            )
    candidates = {*regions.every, *regions.default, *names}
    values = domain(predicate, "region").values
    if values is not None:
        candidates &= values
    return tuple(region for region in sorted(candidates) if accepts(predicate, "region", region))


def _default(regions: Regions, table: str) -> tuple[str, ...]:
    if regions.unresolved:
        raise RegionError(regions.unresolved)
    if table.rpartition(".")[2] in regions.relied:
        raise RegionError(
            f"The condition on region does not reach {table}: write it next to the table, as in "
            f"(SELECT * FROM {table} WHERE region = '…' or region IN ('…')), or SET sqlprov_regions = 'all'."
        )
    if not regions.default:
        raise RegionError(
            f"No region for {table}. Write WHERE region = 'us-east-1' (or IN, or another condition on region), "
            "SET sqlprov_regions = 'us-east-1' (or 'all'), pass --region or connect(region=…), or set AWS_REGION."
        )
    return regions.default


def bounded(predicate: Predicate) -> str:
    """The comparisons that limit the region, as SQL, if one of them is no more than a bound; else empty."""
    limits = [part for part in conjuncts(predicate) if "region" in columns_of(part)]
    compared = [part for part in limits if isinstance(part, Compare)]
    if compared != [part for part in limits if part != Not(IsNull("region"))]:
        return ""
    if all(part.op in ("=", "<>") for part in compared):
        return ""
    return " AND ".join(f"region {part.op} '{part.value}'" for part in compared)


def named(predicate: Predicate) -> tuple[str, ...]:
    """Regions that a condition must equal; a name in `<>`, NOT IN or a range need not exist."""
    return _compared(predicate, equal=True)


def excluded(predicate: Predicate) -> tuple[str, ...]:
    """Regions that a condition must differ from, in `<>` or NOT IN."""
    return _compared(predicate, equal=False)


def _compared(predicate: Predicate, *, equal: bool) -> tuple[str, ...]:
    names: list[str] = []
    for part, wanted in _leaves(predicate, True):
        match part:
            case Compare("region", "=", value) if wanted is equal:
                names.append(value)
            case Compare("region", "<>", value) if wanted is not equal:
                names.append(value)
            case In("region", values) if wanted is equal:
                names.extend(values)
    return tuple(dict.fromkeys(names))


def _leaves(predicate: Predicate, wanted: bool) -> list[tuple[Predicate, bool]]:
    """The comparisons, each with whether it is to be met rather than not to be met."""
    match predicate:
        case Not(part):
            return _leaves(part, not wanted)
        case And(parts) | Or(parts):
            return [leaf for part in parts for leaf in _leaves(part, wanted)]
    return [(predicate, wanted)]
