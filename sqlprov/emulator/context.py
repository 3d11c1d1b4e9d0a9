"""What every operation stands on: the store, the options, the account and the time of the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlprov.emulator.api_model import Kind
from sqlprov.emulator.errors import ApiError, invalid
from sqlprov.emulator.options import Options
from sqlprov.emulator.store import Change, Record, Store

ACCOUNT = "123456789012"
DAY = 86400.0

Members = dict[str, Any]


@dataclass
class World:
    """The service as one request finds it.

    Args:
        now: epoch seconds, to the millisecond.
        stale: Describe replies still to be given of the state before a Stop, by noun, region and name.
        unseen: Describe calls that do not see what was created yet, by noun, region and name.
    """

    store: Store
    options: Options
    now: float = 0.0
    stale: dict[tuple[str, str, str], list[Record]] = field(default_factory=dict)
    unseen: dict[tuple[str, str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What an operation answers (a dict, or JSON already encoded), and what it changes."""

    body: Members | bytes
    changes: Sequence[Change] = ()


Operation = Callable[[World, str, Members], Reply]


def arn(kind: Kind, region: str, name: str) -> str:
    """SageMaker spells names in ARNs in lower case."""
    return f"arn:aws:sagemaker:{region}:{ACCOUNT}:{kind.arn_part}/{name.lower()}"


def missing(kind: Kind, region: str, name: str) -> ApiError:
    """Inference experiments answer with a code of their own, the older types with a text."""
    where = arn(kind, region, name)
    if kind.noun == "InferenceExperiment":
        return ApiError("ResourceNotFound", f"Inference experiment {where} does not exist.")
    return invalid(f'Could not find {kind.words} "{where}".')


def exists(kind: Kind, region: str, name: str) -> ApiError:
    where = arn(kind, region, name)
    if kind.noun == "InferenceExperiment":
        return ApiError("ResourceInUse", f"Inference experiment {where} already exists.")
    return invalid(f'Cannot create already existing {kind.words} "{where}".')


def find(world: World, kind: Kind, region: str, name: str) -> Record:
    """Raises ApiError if there is none."""
    record = world.store.get(kind, region, name)
    if record is None:
        raise missing(kind, region, name)
    return record


def described(world: World, kind: Kind, region: str, name: str) -> Record:
    """As `find`; a new one may be seen late."""
    left = world.unseen.pop((kind.noun, region, name), 0)
    if left:
        world.unseen[kind.noun, region, name] = left - 1
        raise missing(kind, region, name)
    return find(world, kind, region, name)


def check_room(world: World, kind: Kind, region: str, name: str) -> None:
    """Raises ApiError if the name is taken, in any case since ARNs have none, or the region is full."""
    shelf = world.store.shelf(kind, region)
    if shelf.by_arn_name(name.lower()) is not None:
        raise exists(kind, region, name)
    world.unseen[kind.noun, region, name] = world.options.late_describe
    limit, used = world.options.limit, len(shelf.records)
    if limit and used >= limit:
        raise ApiError(
            "ResourceLimitExceeded",
            f"The account-level service limit 'Number of {kind.words}s' is {limit} {kind.words}s, with current "
            f"utilization of {used} {kind.words}s and a request delta of 1 {kind.words}s.",
        )


def given_tags(given: Members) -> dict[str, str]:
    """The tags of a request; raises ApiError for a key that is doubled or AWS's own."""
    tags: dict[str, str] = {}
    for tag in given.get("Tags") or []:
        key = tag["Key"]
        if key in tags:
            raise invalid(f"Duplicate tag key {key!r} found.")
        if key.lower().startswith("aws:"):
            raise invalid("aws: prefixed tag key names are not allowed for external use.")
        tags[key] = tag["Value"]
    return tags


def present(given: Members, *leave_out: str) -> Members:
    """The members that were given a value."""
    return {name: value for name, value in given.items() if value is not None and name not in leave_out}
