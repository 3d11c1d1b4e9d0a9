"""One row's UPDATE in, its next step out: first everything is checked, then Update, the tags and the move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlprov.catalog.table import Parameter
from sqlprov.catalog.write_rules import Transition
from sqlprov.errors import suggest
from sqlprov.plan.write.diff import diff_parameters, is_covered, merge, prune
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
    """Calls are acknowledged before they are seen: what is `done` is never asked of a read."""
    if now is None:
        return Refusal(f"{write.shown} does not exist")
    if has_transition(write.table, done):
        return Success("; ".join(write.notes))
    row = _Row(write, now, done)
    problem = row.unsettable() or row.unreachable() or row.unheard_reason()
    if problem:
        return problem
    tags = next_tag_step(write, now, done)
    if isinstance(tags, Refusal):
        return tags
    if row.fields or row.move:
        waiting = row.blocked()
        if waiting:
            return waiting
    if row.fields:
        return row.request()
    if tags:
        return tags
    if row.move and write.desired:
        return build_transition(write, now, row.move, write.desired, write.reason)
    return Success("; ".join((*write.notes, *(() if done else ("nothing changes",)))))


@dataclass(frozen=True)
class _Row:
    """One row on its way."""

    write: RowWrite
    now: Snapshot
    done: tuple[Request, ...]

    @property
    def state(self) -> str:
        return self.now.state(self.write.table)

    @property
    def values(self) -> dict[str, Any]:
        """The values to end with; a text that may be empty is unset by sending it empty."""
        return {
            name: "" if value is None and self._may_be_empty(name) else value
            for name, value in self.write.values.items()
        }

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths that an Update has to change; none once it was made."""
        update = self.write.table.by_method.get("update_resource")
        if update is None or any(request.purpose == "update" for request in self.done):
            return ()
        # What no column shows is a change whenever it is asked for.
        unseen = [p.name for p in update.parameters if self.values.get(p.name) is not None and not p.column]
        return (*diff_parameters(self.write.table, update, self.values, self.now), *unseen)

    @property
    def move(self) -> Transition | None:
        """The move to make; `None` if there is none or the state is reached already."""
        table, desired = self.write.table, self.write.desired
        move = find_transition(table, desired) if desired else None
        if move is None or desired == self.state:
            return None
        ends = table.by_method[move.method]
        return None if ends.via == self.state and len(ends.until) == 1 else move

    def unsettable(self) -> Refusal | None:
        """Members that no update changes, and NULL where it unsets nothing."""
        table = self.write.table
        if any(request.purpose == "update" for request in self.done):
            return None
        update, create = table.by_method.get("update_resource"), table.by_method.get("create_resource")
        for name, value in self.values.items():
            if (
                update
                and name in update.input_shape.members
                and _column(update.parameters, name) not in table.key
            ):
                if value is None and diff_parameters(table, update, {name: value}, self.now):
                    return Refusal(f"{self._shown(name)} cannot be unset; write a value instead of NULL")
            elif create and name in create.input_shape.members:
                if diff_parameters(table, create, {name: value}, self.now):
                    return Refusal(
                        f"{self._shown(name)} cannot be changed after the row was created; "
                        "DELETE it and INSERT it anew"
                    )
            else:
                known = update.input_shape.members if update else ()
                return Refusal(f"{table.full_name} has no {name!r} to change.{suggest(name, known)}")
        return None

    def unreachable(self) -> Refusal | None:
        """A desired state that no call leads to; the one it has is no change."""
        desired, declared = self.write.desired, self.write.table.write.desired
        if (
            desired is None
            or desired == self.state
            or self.done
            or find_transition(self.write.table, desired)
        ):
            return None
        if declared is None:
            return Refusal(f"{self.write.table.full_name} has no desired state")
        methods = self.write.table.by_method
        ends = [end for move in declared.by for end in methods[move.method].until]
        return Refusal(
            f"{declared.column} cannot become {desired!r}; expected {_either(ends)}.{suggest(desired, ends)}"
        )

    def unheard_reason(self) -> Refusal | None:
        """A reason with no call that would carry it."""
        table, reason = self.write.table, self.write.reason
        declared = table.write.desired
        if reason is None:
            return None
        if declared is None or not declared.reason:
            return Refusal(f"{table.full_name} takes no reason")
        carrier = self.move
        passing = carrier and table.by_method[carrier.method].via == self.state
        if (carrier and carrier.reason and not passing) or reason == self.now.value(table, declared.reason):
            return None
        ends = [end for m in declared.by if m.reason for end in table.by_method[m.method].until]
        if carrier and carrier.reason:
            return Refusal(
                f"{declared.reason} is sent with the call that stops; the row is {self.state} already"
            )
        return Refusal(
            f"{declared.reason} is only sent with a call that stops: SET {declared.column} = {_either(ends)} "
            f"in the same statement{self._unless_ended()}"
        )

    def blocked(self) -> Wait | Refusal | None:
        """What stands between the row as it is and the first call: a state to wait for, or one that forbids it."""
        table, state = self.write.table, self.state
        waits = Wait(tuple(busy for busy in table.state.busy if not is_final(table, busy)))
        if state not in table.state.busy:
            return self._wrong_way() or self._both() or self._forbidden()
        if is_final(table, state) and not self.fields and self.move:
            ends = table.by_method[self.move.method]
            return Wait((state,)) if ends.via == state else self._wrong_way()
        return self._forbidden() if is_final(table, state) else waits

    def request(self) -> Request:
        """The Update: the key, what changes, and what has to be sent with it."""
        update = self.write.table.by_method["update_resource"]
        parameters: dict[str, Any] = build_key_parameters(self.write, update)
        changed = {path.partition(".")[0] for path in self.fields}
        for part in update.parameters:
            if part.name not in parameters and (part.name in changed or part.required):
                shape = update.input_shape.members[part.name]
                value = self._sent(part.name)
                parameters[part.name] = prune(value, shape, self._allowed(part.name), part.name)
        return Request(update.call, self.write.region, parameters, "update")

    def _wrong_way(self) -> Refusal | None:
        """The move cannot be made from this state."""
        desired, declared, state = self.write.desired, self.write.table.write.desired, self.state
        if self.move is None or declared is None or state in self.move.from_:
            return None
        never = (
            "" if is_final(self.write.table, state) else ", which it has not reached; DELETE removes the row"
        )
        return Refusal(
            f"{declared.column} cannot become {desired!r} in state {state}; "
            f"{self.move.method} is called in state {_either(self.move.from_, quote='')}{never}"
        )

    def _both(self) -> Refusal | None:
        """A member whose change and the move in one statement have more than one meaning."""
        if self.move is None or self.write.desired is None:
            return None
        both = [path.partition(".")[0] for path in self.fields if path.partition(".")[0] in self.move.instead]
        if not both:
            return None
        call = build_transition(self.write, self.now, self.move, self.write.desired, self.write.reason)
        items = {self.move.instead[both[0]]: self._sent(both[0])}
        statement = format_exec(self.write, self.move.method, {**call.parameters, **items})
        return Refusal(
            f"{self._shown(both[0])} and {self.move.method} in one UPDATE do not say what becomes of each item; "
            f"write it, with the action for each: {statement}"
        )

    def _forbidden(self) -> Refusal | None:
        """Fields that may not change in this state."""
        when = self.write.table.write.update.when
        if not when and self.state not in self.write.table.state.busy:
            return None
        allowed = when.get(self.state, ())
        wrong = [path for path in self.fields if not is_covered(path, allowed)]
        if not wrong:
            return None
        members = {path.partition(".")[0] for path in wrong}
        states = [state for state, paths in when.items() if state != self.state and members <= set(paths)]
        here = ", ".join(self._shown(path) for path in allowed)
        text = f"{', '.join(map(self._shown, wrong))} cannot be changed in state {self.state}"
        text += f"; only {here} can" if here else ""
        return Refusal(text + (f"; in state {_either(states, quote='')} it can" if states else ""))

    def _sent(self, member: str) -> Any:
        """The whole value to send for a member of the update."""
        update = self.write.table.by_method["update_resource"]
        described = self.now.value(self.write.table, _column(update.parameters, member))
        return merge(
            self.values.get(member, described), described, update.input_shape.members[member], member
        )

    def _allowed(self, member: str) -> tuple[str, ...]:
        when = self.write.table.write.update.when
        return when.get(self.state, ()) if when else (member,)

    def _may_be_empty(self, member: str) -> bool:
        """Whether an update takes `''` for an optional text."""
        update = self.write.table.by_method.get("update_resource")
        if (
            update is None
            or member not in update.input_shape.members
            or member in update.input_shape.required
        ):
            return False
        shape = update.input_shape.members[member]
        return shape.kind == "string" and shape.constraint.accepts("")

    def _shown(self, path: str) -> str:
        """A path as SQL writes it: the column, then AWS's own names."""
        member, dot, rest = path.partition(".")
        for method in ("update_resource", "create_resource"):
            called = self.write.table.by_method.get(method)
            column = _column(called.parameters, member) if called else ""
            if column:
                return f"{column}{dot}{rest}"
        return path

    def _unless_ended(self) -> str:
        return f"; the row is {self.state}" if is_final(self.write.table, self.state) else ""


def _column(inputs: Iterable[Parameter], member: str) -> str:
    return next((part.column for part in inputs if part.name == member), "")


def _either(words: Iterable[str], quote: str = "'") -> str:
    return " or ".join(f"{quote}{word}{quote}" for word in words)
