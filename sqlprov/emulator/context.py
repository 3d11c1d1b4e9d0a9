"""The context of every operation: the store, the options, the time, and the checks that operations share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlprov.emulator.api_model import build_arn, load_resource_kinds
from sqlprov.emulator.errors import ApiError, make_validation_error
from sqlprov.emulator.options import Options
from sqlprov.emulator.store import Record, Store

DAY = 86400.0

Members = dict[str, Any]


@dataclass
class Context:
    """An account at the time of one request.

    Args:
        now: epoch seconds, to the millisecond.
        stale: what the next Describe calls after a Stop still return, by noun, region and name.
        unseen: number of Describe calls that do not see a new resource yet, by noun, region and name.
    """

    store: Store
    options: Options
    now: float = 0.0
    stale: dict[tuple[str, str, str], list[Record]] = field(default_factory=dict)
    unseen: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def build_arn(self, noun: str, region: str, name: str) -> str:
        return build_arn(self.store.account, noun, region, name)


Operation = Callable[[Context, str, Members], Members | bytes]
"""Returns the reply as a dict, or as encoded JSON."""


def make_not_found_error(context: Context, noun: str, region: str, name: str) -> ApiError:
    """Inference experiments have their own error code, the older kinds only a message."""
    arn = context.build_arn(noun, region, name)
    if noun == "InferenceExperiment":
        return ApiError("ResourceNotFound", f"Inference experiment {arn} does not exist.")
    return make_validation_error(f'Could not find {load_resource_kinds()[noun].words} "{arn}".')


def find(context: Context, noun: str, region: str, name: str) -> Record:
    """Raises ApiError if it does not exist."""
    record = context.store.get(noun, region, name)
    if record is None:
        raise make_not_found_error(context, noun, region, name)
    return record


def make_describe(noun: str, expand: Callable[[Context, Record], Members]) -> Operation:
    """The Describe operation of a kind; depending on the options, it sees a new resource late and a stopped
    one stale.

    Args:
        expand: returns all members of a record, with those that are derived.
    """
    kind = load_resource_kinds()[noun]

    def describe(context: Context, region: str, parameters: Members) -> Members:
        name = parameters[kind.key]
        if unseen := context.unseen.pop((noun, region, name), 0):
            context.unseen[noun, region, name] = unseen - 1
            raise make_not_found_error(context, noun, region, name)
        record = find(context, noun, region, name)
        if stale := context.stale.get((noun, region, name)):
            record = stale.pop()
        members = expand(context, record)
        return {name: members[name] for name in kind.describe_members if name in members}

    return describe


def check_new_name(context: Context, noun: str, region: str, name: str) -> None:
    """Raises ApiError if the name is taken (ignoring case, because ARNs do) or the region is full."""
    words = load_resource_kinds()[noun].words
    if context.store.get_by_arn_name(noun, region, name) is not None:
        arn = context.build_arn(noun, region, name)
        if noun == "InferenceExperiment":
            raise ApiError("ResourceInUse", f"Inference experiment {arn} already exists.")
        raise make_validation_error(f'Cannot create already existing {words} "{arn}".')
    context.unseen[noun, region, name] = context.options.late_describe
    limit = context.options.limit
    if limit and (used := context.store.count(noun, region)) >= limit:
        raise ApiError(
            "ResourceLimitExceeded",
            f"The account-level service limit 'Number of {words}s' is {limit} {words}s, with current "
            f"utilization of {used} {words}s and a request delta of 1 {words}s.",
        )


def parse_tags(parameters: Members) -> dict[str, str]:
    """The tags of a request; raises ApiError for a key that is repeated or reserved to AWS."""
    tags: dict[str, str] = {}
    for tag in parameters.get("Tags", []):
        key = tag["Key"]
        if key in tags:
            raise make_validation_error(f"Duplicate tag key {key!r} found.")
        if key.lower().startswith("aws:"):
            raise make_validation_error("aws: prefixed tag key names are not allowed for external use.")
        tags[key] = tag["Value"]
    return tags


def omit(parameters: Members, *names: str) -> Members:
    """The members without some."""
    return {name: value for name, value in parameters.items() if name not in names}
