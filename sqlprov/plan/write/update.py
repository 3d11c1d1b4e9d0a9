"""Decides the next step of an UPDATE: all checks first, then the update, the tags and the transition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.method import Method, Parameter
from sqlprov.catalog.packing import PATCH_DOCUMENT
from sqlprov.catalog.write_rules import Transition
from sqlprov.errors import suggest
from sqlprov.plan.write.diff import (
    diff_parameters,
    diff_values,
    is_covered,
    is_empty,
    is_reserved,
    merge,
    parse_tags,
    prune,
    spell_tags,
)
from sqlprov.plan.write.steps import (
    Refusal,
    Request,
    RowWrite,
    Snapshot,
    Step,
    Success,
    Wait,
    build_key_parameters,
)
from sqlprov.plan.write.tagging import next_tag_step
from sqlprov.plan.write.transitions import (
    build_transition,
    find_transition,
    format_exec,
    has_transition,
    is_final,
)


def next_update_step(write: RowWrite, now: Snapshot | None, done: tuple[Request, ...]) -> Step:
    """The next step; the read may be older than the acknowledged calls, so `done` decides what has been done."""
    if now is None:
        return Refusal(f"{write.label} does not exist")
    if has_transition(write.table, done):
        return Success("; ".join(write.notes))
    if PATCH_DOCUMENT in write.values:
        return _next_patch_step(write, done)
    row = _RowUpdate(write, now, done)
    refusal = row.check_values() or row.check_desired_state() or row.check_reason()
    if refusal:
        return refusal
    tags = next_tag_step(write, now, done)
    if isinstance(tags, Refusal):
        return tags
    if (row.fields or row.transition) and (obstacle := row.check_state()):
        return obstacle
    if row.fields:
        return row.build_request()
    if tags:
        return tags
    if row.transition and write.desired:
        return build_transition(write, now, row.transition, write.desired, write.reason)
    return Success("; ".join((*write.notes, *(() if done else ("nothing changes",)))))


def _next_patch_step(write: RowWrite, done: tuple[Request, ...]) -> Step:
    """The update with a patch document that the service applies itself."""
    update = write.table.by_method["update_resource"]
    if done:
        return Success("; ".join(write.notes))
    parameters = {**build_key_parameters(write, update), **write.values}
    return Request(update.call, write.region, parameters, "update")


class _RowUpdate:
    """The UPDATE of one row in its present state.

    Attributes:
        values: the final values; NULL is `''` where the update accepts it.
        fields: paths that the update has to change; none after the update.
        transition: the transition to make; `None` if there is none or the row has reached the state.
    """

    def __init__(self, write: RowWrite, now: Snapshot, done: tuple[Request, ...]) -> None:
        self.write, self.now, self.done, self.table = write, now, done, write.table
        self.state = now.get_state(self.table)
        self.update = self.table.by_method.get("update_resource")
        self.is_updated = any(request.purpose == "update" for request in done)
        self.values = {
            name: "" if value is None and self._accepts_empty(name) else value
            for name, value in write.values.items()
        }
        self.fields = self._find_fields()
        self.transition = self._find_transition()

    def _find_fields(self) -> tuple[str, ...]:
        if self.update is None or self.is_updated:
            return ()
        # A parameter without a column always counts as a change.
        sent = [part for part in self.update.parameters if self.values.get(part.name) is not None]
        unseen = [part.name for part in sent if not part.column]
        return (*diff_parameters(self.table, self.update, self.values, self.now), *unseen)

    def _find_transition(self) -> Transition | None:
        desired = self.write.desired
        transition = find_transition(self.table, desired) if desired else None
        if transition is None or desired == self.state:
            return None
        method = self.table.by_method[transition.method]
        return None if method.via == self.state and len(method.until) == 1 else transition

    def check_values(self) -> Refusal | None:
        """Refuse members that no update changes, and NULL for members that cannot be unset."""
        if self.is_updated:
            return None
        table, create = self.table, self.table.by_method.get("create_resource")
        members = self.update.input_shape.members if self.update else {}
        for name, value in self.values.items():
            if self.update and name in members and self._find_column(name) not in table.key:
                if value is None and self._is_unset(name):
                    text = "cannot be unset; write a value instead of NULL"
                    return Refusal(f"{self._format_path(name)} {text}")
            elif create and name in create.input_shape.members:
                if diff_parameters(table, create, {name: value}, self.now):
                    text = "cannot be changed after the row was created; DELETE it and INSERT it again"
                    return Refusal(f"{self._format_path(name)} {text}")
            else:
                return Refusal(f"{table.full_name} has no {name!r} to change.{suggest(name, members)}")
        return None

    def _is_unset(self, member: str) -> bool:
        """Whether NULL would unset the member, in a way that the update does not have."""
        assert self.update is not None, "only an update has members"
        if (
            self.update.packing
        ):  # it removes properties, but not one of which nobody knows whether it is there
            return not self._find_column(member)
        return bool(diff_parameters(self.table, self.update, {member: None}, self.now))

    def check_desired_state(self) -> Refusal | None:
        """Refuse a desired state that no call leads to, unless the row is in it."""
        table, desired = self.table, self.write.desired
        if desired is None or desired == self.state or self.done or find_transition(table, desired):
            return None
        rule = table.write.desired
        if rule is None:
            return Refusal(f"{table.full_name} has no desired state")
        ends = [end for each in rule.by for end in table.by_method[each.method].until]
        return Refusal(
            f"{rule.column} cannot become {desired!r}; expected {_join_or(ends)}.{suggest(desired, ends)}"
        )

    def check_reason(self) -> Refusal | None:
        """Refuse a reason if no call sends it."""
        table, reason = self.table, self.write.reason
        rule = table.write.desired
        if reason is None:
            return None
        if rule is None or not rule.reason:
            return Refusal(f"{table.full_name} does not take a reason")
        sender = self.transition
        under_way = sender and table.by_method[sender.method].via == self.state
        if (sender and sender.reason and not under_way) or reason == self.now.get_column(table, rule.reason):
            return None
        ends = [end for each in rule.by if each.reason for end in table.by_method[each.method].until]
        if sender and sender.reason:
            return Refusal(f"{rule.reason} is sent with the call that stops; the row is already {self.state}")
        state = f"; the row is {self.state}" if is_final(table, self.state) else ""
        return Refusal(
            f"{rule.reason} is only sent with a call that stops: SET {rule.column} = {_join_or(ends)} "
            f"in the same statement{state}"
        )

    def check_state(self) -> Wait | Refusal | None:
        """A wait for the present state to pass, or a refusal if it does not allow the change."""
        table, state = self.table, self.state
        if state not in table.state.busy:
            return self._check_transition() or self._check_ambiguity() or self._check_fields()
        if is_final(table, state) and not self.fields and self.transition:
            under_way = table.by_method[self.transition.method].via == state
            return Wait((state,)) if under_way else self._check_transition()
        if is_final(table, state):
            return self._check_fields()
        return Wait(tuple(busy for busy in table.state.busy if not is_final(table, busy)))

    def build_request(self) -> Request:
        """The update call: the key, the changes, and the members that must be sent with them."""
        assert self.update is not None, "only an update has fields"
        parameters: dict[str, Any] = build_key_parameters(self.write, self.update)
        changed = {path.partition(".")[0] for path in self.fields}
        rule, nesting = self.table.write.update, self.update.nesting
        when, is_whole = rule.when, rule.whole or (nesting is not None and nesting.is_whole)
        for part in self.update.parameters:
            is_written = part.column == TAGS and self.table.tagging is not None  # by their own calls
            is_known = is_whole or part.name in self.update.arguments
            is_kept = part.required or (is_known and not is_written and self._shows(part))
            if part.name not in parameters and (part.name in changed or is_kept):
                allowed = when.get(self.state, ()) if when else (part.name,)
                shape = self.update.input_shape.members[part.name]
                parameters[part.name] = prune(self._build_value(part.name), shape, allowed, part.name)
        self._keep_previous(self.update, parameters)
        return Request(self.update.call, self.write.region, parameters, "update")

    def _shows(self, part: Parameter) -> bool:
        """Whether the row has a value of a member as the update takes it; SSM shows policies as a list, not as text."""
        value = self.now.get_column(self.table, part.column)
        is_text = self.update is not None and self.update.input_shape.members[part.name].kind == "string"
        return not is_empty(value) and not (is_text and isinstance(value, list))

    def _keep_previous(self, update: Method, parameters: dict[str, Any]) -> None:
        """Ask the service to keep the values that the statement leaves alone and the row may not show."""
        previous = self.table.write.update.previous
        for name, flag in previous.items():
            if (item := update.input_shape.members[name].item) is None:
                if not any(other in parameters for other in previous if previous[other] == flag):
                    parameters[flag] = True
                continue
            naming = next(iter(item.members))
            now = {
                each[naming]: each for each in self.now.get_column(self.table, self._find_column(name)) or ()
            }
            parameters[name] = [
                {naming: each[naming], flag: True}
                if each[naming] in now and not any(diff_values(each, now[each[naming]], item, name))
                else each
                for each in parameters.get(name, now.values())
            ]

    def _check_transition(self) -> Refusal | None:
        """Refuse a transition that cannot be made in this state."""
        table, transition, state = self.table, self.transition, self.state
        rule = table.write.desired
        if transition is None or rule is None or state in transition.from_:
            return None
        advice = "" if is_final(table, state) else ", which it has not reached; DELETE removes the row"
        return Refusal(
            f"{rule.column} cannot become {self.write.desired!r} in state {state}; "
            f"{transition.method} is called in state {_join_or(transition.from_, quote='')}{advice}"
        )

    def _check_ambiguity(self) -> Refusal | None:
        """Refuse a change that is ambiguous together with the transition."""
        transition, desired = self.transition, self.write.desired
        if transition is None or desired is None:
            return None
        members = (path.partition(".")[0] for path in self.fields)
        member = next((member for member in members if member in transition.instead), None)
        if member is None:
            return None
        call = build_transition(self.write, self.now, transition, desired, self.write.reason)
        items = {transition.instead[member]: self._build_value(member)}
        statement = format_exec(self.write, transition.method, {**call.parameters, **items})
        return Refusal(
            f"{self._format_path(member)} and {transition.method} together in one UPDATE are ambiguous: they "
            f"do not say what happens to each item; write this instead, with an action for each: {statement}"
        )

    def _check_fields(self) -> Refusal | None:
        """Refuse fields that cannot change in this state."""
        when, state = self.table.write.update.when, self.state
        if not when and state not in self.table.state.busy:
            return None
        allowed = when.get(state, ())
        refused = [path for path in self.fields if not is_covered(path, allowed)]
        if not refused:
            return None
        members = {path.partition(".")[0] for path in refused}
        states = [other for other, paths in when.items() if other != state and members <= set(paths)]
        text = f"{', '.join(map(self._format_path, refused))} cannot be changed in state {state}"
        text += f"; only {', '.join(map(self._format_path, allowed))} can" if allowed else ""
        return Refusal(text + (f"; it can in state {_join_or(states, quote='')}" if states else ""))

    def _build_value(self, member: str) -> Any:
        """The whole value to send for a member of the update."""
        assert self.update is not None, "only an update has fields"
        column = self._find_column(member)
        described = self.now.get_column(self.table, column)
        if column == TAGS and self.update.packing:  # those of AWS stay
            spelling, tags = self.table.tag_spelling, self.now.tags or {}
            reserved = {key: tag for key, tag in tags.items() if is_reserved(key)}
            return spell_tags(reserved | parse_tags(self.values.get(member), spelling), spelling)
        shape = self.update.input_shape.members[member]
        return merge(self.values.get(member, described), described, shape, member)

    def _accepts_empty(self, member: str) -> bool:
        """Whether the update takes `''` for an optional text."""
        shape = self.update.input_shape if self.update and not self.update.packing else None
        if shape is None or member not in shape.members or member in shape.required:
            return False
        return shape.members[member].kind == "string" and shape.members[member].constraint.accepts("")

    def _format_path(self, path: str) -> str:
        """A path as SQL writes it: the column, then AWS's names."""
        member, dot, rest = path.partition(".")
        return f"{self._find_column(member) or member}{dot}{rest}"

    def _find_column(self, member: str) -> str:
        """The column of a member of the update or the create; empty if none holds it."""
        for method in (self.update, self.table.by_method.get("create_resource")):
            for part in method.parameters if method else ():
                if part.name == member and part.column:
                    return part.column
        return ""


def _join_or(words: Iterable[str], quote: str = "'") -> str:
    return " or ".join(f"{quote}{word}{quote}" for word in words)
