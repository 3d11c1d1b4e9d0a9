"""AddTags, ListTags and DeleteTags, which know a resource by its ARN."""

from __future__ import annotations

from sqlprov.emulator.api_model import kinds
from sqlprov.emulator.context import ACCOUNT, Members, Operation, Reply, World, given_tags, missing
from sqlprov.emulator.errors import invalid
from sqlprov.emulator.pages import cut_page
from sqlprov.emulator.store import Record, put

_MOST = 50  # tags of a resource, and of a page of ListTags (documented as the least value of MaxResults)


def add(world: World, region: str, given: Members) -> Reply:
    record = _find(world, region, given["ResourceArn"])
    before = record.tags or {}
    tags = before | given_tags(given)
    if len(tags) > _MOST:
        raise invalid(f"The resource would have {len(tags)} tags; it can have {_MOST}.")
    reply: Members = {"Tags": as_list(tags)}
    return Reply(reply, [] if tags == before else [put(_tagged(record, tags))])


def list_(world: World, region: str, given: Members) -> Reply:
    record = _find(world, region, given["ResourceArn"])
    tags = record.tags or {}
    keys, token = cut_page("ListTags", region, given, sorted(tags), _MOST, world.options)
    reply: Members = {"Tags": as_list({key: tags[key] for key in keys})}
    if token:
        reply["NextToken"] = token
    return Reply(reply)


def delete(world: World, region: str, given: Members) -> Reply:
    record = _find(world, region, given["ResourceArn"])
    before = record.tags or {}
    tags = {key: value for key, value in before.items() if key not in given["TagKeys"]}
    return Reply({}, [] if tags == before else [put(_tagged(record, tags))])


def as_list(tags: dict[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def _tagged(record: Record, tags: dict[str, str]) -> Record:
    return Record(record.kind, record.region, record.members, tags)


def _find(world: World, region: str, resource: str) -> Record:
    """The resource of an ARN, whatever the case of the name in it."""
    *_, arn_region, account, path = resource.split(":", 5)
    part, _, name = path.partition("/")
    kind = next((kind for kind in kinds().values() if kind.arn_part == part), None)
    if kind is None or account != ACCOUNT or arn_region != region:
        raise invalid(f"Could not find resource with ARN {resource}")
    record = world.store.shelf(kind, region).by_arn_name(name.lower())
    if record is None:
        raise missing(kind, region, name)
    return record


OPERATIONS: dict[str, Operation] = {"AddTags": add, "ListTags": list_, "DeleteTags": delete}
