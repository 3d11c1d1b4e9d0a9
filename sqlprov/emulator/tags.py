"""AddTags, ListTags and DeleteTags, which name a resource by its ARN."""

from __future__ import annotations

from sqlprov.emulator.api_model import load_resource_kinds
from sqlprov.emulator.context import Context, Members, Operation, make_not_found_error, parse_tags
from sqlprov.emulator.errors import make_validation_error
from sqlprov.emulator.pages import cut_page
from sqlprov.emulator.store import Record

_MOST = 50  # tags of a resource, and of a page of ListTags (documented as the least value of MaxResults)


def add_tags(context: Context, region: str, parameters: Members) -> Members:
    record = _find(context, region, parameters["ResourceArn"])
    tags = record.tags | parse_tags(parameters)
    if len(tags) > _MOST:
        raise make_validation_error(f"The resource would have {len(tags)} tags; it can have {_MOST}.")
    _replace(context, record, tags)
    return {"Tags": to_list(tags)}


def list_tags(context: Context, region: str, parameters: Members) -> Members:
    tags = _find(context, region, parameters["ResourceArn"]).tags
    keys, token = cut_page("ListTags", region, parameters, sorted(tags), _MOST, context.options)
    return {"Tags": to_list({key: tags[key] for key in keys})} | token


def delete_tags(context: Context, region: str, parameters: Members) -> Members:
    record = _find(context, region, parameters["ResourceArn"])
    tags = {key: value for key, value in record.tags.items() if key not in parameters["TagKeys"]}
    _replace(context, record, tags)
    return {}


def to_list(tags: dict[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def _replace(context: Context, record: Record, tags: dict[str, str]) -> None:
    if tags != record.tags:
        context.store.put([Record(record.kind.noun, record.region, record.members, tags)])


def _find(context: Context, region: str, resource: str) -> Record:
    """The resource of an ARN; the case of the name does not matter."""
    *_, arn_region, account, path = resource.split(":", 5)
    part, _, name = path.partition("/")
    noun = next((kind.noun for kind in load_resource_kinds().values() if kind.arn_part == part), "")
    if not noun or account != context.store.account or arn_region != region:
        raise make_validation_error(f"Could not find resource with ARN {resource}")
    record = context.store.get_by_arn_name(noun, region, name)
    if record is None:
        raise make_not_found_error(context, noun, region, name)
    return record


OPERATIONS: dict[str, Operation] = {"AddTags": add_tags, "ListTags": list_tags, "DeleteTags": delete_tags}
