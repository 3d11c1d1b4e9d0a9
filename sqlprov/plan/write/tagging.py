"""Decides the next tag call of an UPDATE."""

from __future__ import annotations

from sqlprov.plan.write.diff import drop_reserved, is_reserved, parse_tags, spell_tags
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Snapshot

_MAX_TAGS = 50


def next_tag_step(write: RowWrite, now: Snapshot, done: tuple[Request, ...]) -> Request | Refusal | None:
    """AddTags, then DeleteTags; in reverse order only if old and new tags together would exceed 50."""
    call, table = write.table.tagging, write.table
    if write.tags is None:
        return None
    if call is None or not call.add or not call.remove:
        return Refusal(f"{table.full_name} has no tags")
    if now.tags is None:
        return Refusal(f"the tags of {write.label} were not read")
    current, wanted = _find_current_tags(write, now, done), dict(write.tags)
    refused = [key for key in wanted if is_reserved(key) and wanted[key] != current.get(key)]
    if refused:
        return Refusal(f"tag {refused[0]!r} cannot be set: keys that begin with `aws:` belong to AWS")
    count = len(drop_reserved(wanted))
    if count > _MAX_TAGS:
        return Refusal(f"{count} tags were given; a resource can have {_MAX_TAGS}")
    add = {key: value for key, value in wanted.items() if current.get(key) != value}
    remove = [key for key in drop_reserved(current) if key not in wanted]
    tagged = now.tagged or call.fill(
        table.arn, lambda name: now.get_column(table, name) or write.get_key(name)
    )
    resource = call.build_parameters(tagged)
    if remove and (not add or len(current | add) > _MAX_TAGS):
        return Request(call.remove, write.region, resource | call.build_keys(remove), "untag")
    if add:
        return Request(call.add, write.region, resource | {call.added: spell_tags(add, call.spelling)}, "tag")
    return None


def _find_current_tags(write: RowWrite, now: Snapshot, done: tuple[Request, ...]) -> dict[str, str]:
    """The tags as read, with the changes of the acknowledged calls: the read may be older than these."""
    call, tags = write.table.tagging, dict(now.tags or {})
    for request in done:
        if call and request.purpose == "tag":
            tags |= parse_tags(request.parameters[call.added], call.spelling)
        if call and request.purpose == "untag":
            tags = {key: tags[key] for key in tags if key not in call.read_keys(request.parameters)}
    return tags
