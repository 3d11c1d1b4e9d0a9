from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from local_sagemaker import (
    CATALOG,
    EXPERIMENTS,
    LATER,
    REGION,
    connection,
    experiment,
    insert,
    plain_client,
    text,
)
from slices import SWEEP

from sqlprov.api.connection import Connection
from sqlprov.aws.transport import calls
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.aws.write import row_watcher
from sqlprov.aws.write.outcome import Outcome
from sqlprov.aws.write.row_writer import RowWriter, write_rows
from sqlprov.aws.write.target_row import TargetRow
from sqlprov.emulator import Emulator, Fault, Options
from sqlprov.emulator.options import Call
from sqlprov.errors import DatabaseError, WriteError
from sqlprov.plan.write.steps import RowWrite, WriteKind
from sqlprov.settings import Settings

NAMES = ("one", "two", "three")
KEYS = ("AKIAONE", "AKIATWO")
WRITES = (
    "CreateInferenceExperiment",
    "UpdateInferenceExperiment",
    "StartInferenceExperiment",
    "StopInferenceExperiment",
    "DeleteInferenceExperiment",
    "AddTags",
    "DeleteTags",
)
CALLED = {"INSERT": "CreateInferenceExperiment", "DELETE": "DeleteInferenceExperiment"}
CALLED |= {"start": "StartInferenceExperiment", "stop": "StopInferenceExperiment"}
KINDS = (
    *("error500", "error503", "throttle", "reset", "timeout_before"),
    *("error500_after", "reset_after", "timeout_after", "truncated", "html", "empty"),
)
ENDED = ("Stopping", "Completed", "Cancelled")
REACHED = {"Running": ("Starting", "Running"), "Completed": ("Completed",), "Cancelled": ("Cancelled",)}
WORDS = count()
TABLE = CATALOG.get_table("aws", "sagemaker", "inference_experiments")
CHOSEN = {"timeout": 0.25, "settle": 0.05, "await_timeout": 3}
HOLD = 0.4
INTERLEAVED: list[str | None] = []
"""What somebody else did in each step in which both writers wrote at once."""


Endings = dict[str, tuple[str, tuple[str, ...]]]
"""Name -> status and operations of each row that was written."""


@dataclass(frozen=True)
class Ask:
    """One statement, as SQL and as the write of each of its rows; and what an ok row holds afterwards."""

    verb: str
    names: tuple[str, ...]
    sql: str
    writes: tuple[RowWrite, ...]
    description: str | None = None
    tags: tuple[tuple[str, str], ...] | None = None
    desired: str | None = None


def word() -> str:
    """A text that no other statement writes."""
    return f"w{next(WORDS)}"


def where(names: tuple[str, ...]) -> str:
    return f"WHERE region = '{REGION}' AND name IN ({', '.join(map(text, names))})"


some_names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).map(tuple)


@st.composite
def draw_insert(draw: st.DrawFn) -> Ask:
    names, description = draw(some_names), word()
    schedule = {"Schedule": LATER} if draw(st.booleans()) else {}
    one, *more = (insert(experiment(name, Description=description, **schedule)) for name in names)
    sql = ", ".join([one, *(each[each.index("VALUES") + 6 :] for each in more)])
    sent = {"Description": description, **schedule}
    writes = tuple(
        RowWrite(TABLE, WriteKind.INSERT, REGION, (name,), sent | experiment(name)) for name in names
    )
    return Ask("INSERT", names, sql, writes, description)


@st.composite
def draw_update(draw: st.DrawFn) -> Ask:
    names = draw(some_names)
    what = draw(st.sets(st.sampled_from(["description", "tags", "desired_state"]), min_size=1))
    description = draw(st.sampled_from([word(), word(), "same"])) if "description" in what else None
    tags = None
    if "tags" in what:
        tags = tuple(
            (key, draw(st.sampled_from(["same", word()]))) for key in draw(st.sets(st.sampled_from("abc")))
        )
    desired = (
        draw(st.sampled_from(["Running", "Completed", "Cancelled"])) if "desired_state" in what else None
    )
    parts = [f"description = '{description}'"] if description else []
    if tags is not None:
        written = ", ".join(f'{{"Key": "{key}", "Value": "{value}"}}' for key, value in tags)
        parts.append(f"tags = '[{written}]'")
    parts += [f"desired_state = '{desired}'"] if desired else []
    sql = f"UPDATE {EXPERIMENTS} SET {', '.join(parts)} {where(names)}"
    values = {"Description": description} if description else {}
    wanted = None if tags is None else dict(tags)
    writes = tuple(
        RowWrite(TABLE, WriteKind.UPDATE, REGION, (name,), values, tags=wanted, desired=desired)
        for name in names
    )
    return Ask("UPDATE", names, sql, writes, description, tags and tuple(sorted(tags)), desired)


@st.composite
def draw_delete(draw: st.DrawFn) -> Ask:
    names = draw(some_names)
    writes = tuple(RowWrite(TABLE, WriteKind.DELETE, REGION, (name,), {}) for name in names)
    return Ask("DELETE", names, f"DELETE FROM {EXPERIMENTS} {where(names)}", writes)


@st.composite
def draw_exec(draw: st.DrawFn) -> Ask:
    name, method = draw(st.sampled_from(NAMES)), draw(st.sampled_from(["start", "stop"]))
    actions = {"production": "Retain", "shadow": "Remove"}
    given = {"Name": name} | ({"ModelVariantActions": actions} if method == "stop" else {})
    written = ", ".join(f"@{parameter} = {text(value)}" for parameter, value in given.items())
    write = RowWrite(TABLE, WriteKind.EXEC, REGION, (name,), given, method=method)
    return Ask(method, (name,), f"EXEC {EXPERIMENTS}.{method} {written}", (write,))


asks = st.one_of(draw_insert(), draw_insert(), draw_update(), draw_update(), draw_delete(), draw_exec())


class Machine(RuleBasedStateMachine):
    """Two writers and somebody else write the same few names, while calls are lost and refused."""

    def __init__(self, em: Emulator, writers: tuple[Callable[[Ask], Endings], ...], other: Any) -> None:
        super().__init__()
        self.em, self.writers, self.other = em, writers, other
        em.clear_faults()
        em.options = Options()
        em.reset_calls()
        for name in NAMES:
            if em.get("InferenceExperiment", REGION, name):
                em.remove("InferenceExperiment", REGION, name)

    @initialize(states=st.lists(st.sampled_from([None, "Created", "Running"]), min_size=3, max_size=3))
    def some_are_there(self, states: list[str | None]) -> None:
        for name, state in zip(NAMES, states, strict=True):
            if state:
                made = {**experiment(name), "Status": state, "Tags": {"a": "same", "d": "old"}}
                self.em.add("InferenceExperiment", REGION, made)

    @rule(
        kind=st.sampled_from(KINDS),
        operation=st.sampled_from([*WRITES, "DescribeInferenceExperiment", "ListTags"]),
        at=st.integers(1, 2),
        times=st.integers(1, 2),
    )
    def something_will_go_wrong(self, kind: str, operation: str, at: int, times: int) -> None:
        self.em.inject(Fault(kind, at, operation, times=times, hold=HOLD))

    @rule(
        kind=st.sampled_from([kind for kind in KINDS if "after" in kind]), operation=st.sampled_from(WRITES)
    )
    def an_answer_will_be_lost(self, kind: str, operation: str) -> None:
        self.em.inject(Fault(kind, 1, operation, hold=HOLD))

    @rule(transition=st.sampled_from([0.0, 0.03]))
    def states_last(self, transition: float) -> None:
        self.em.options = Options(transition=transition)

    @rule(which=st.sampled_from([0, 1]), ask=asks)
    def one_writes(self, which: int, ask: Ask) -> None:
        seen = len(self.em.calls)
        outcomes = self.writers[which](ask)
        self.check(which, ask, outcomes, seen)

    @rule(
        rounds=st.lists(
            st.tuples(
                asks, asks, st.sampled_from([None, *CALLED]), st.sampled_from(NAMES), st.integers(0, 4)
            ),
            min_size=1,
            max_size=6,
        )
    )
    def all_write_at_once(self, rounds: list[tuple[Ask, Ask, str | None, str, int]]) -> None:
        for each in rounds:
            self.one_round(*each)

    def one_round(self, first: Ask, second: Ask, third: str | None, name: str, lag: int) -> None:
        seen = len(self.em.calls)
        result: list[Endings] = [{}, {}]

        def write(which: int, ask: Ask) -> None:
            result[which] = self.writers[which](ask)

        threads = [threading.Thread(target=write, args=pair) for pair in enumerate((first, second))]
        for thread in threads:
            thread.start()
        if third:
            time.sleep(lag * 0.005)
            self.somebody_else_writes(third, name)
        for thread in threads:
            thread.join()
        INTERLEAVED.append(third)
        for which, ask in enumerate((first, second)):
            self.check(which, ask, result[which], seen)

    @rule(verb=st.sampled_from([*CALLED, "UPDATE"]), name=st.sampled_from(NAMES))
    def somebody_else_writes(self, verb: str, name: str) -> None:
        calls = {
            "INSERT": lambda: self.other.create_inference_experiment(**experiment(name, Description=word())),
            "UPDATE": lambda: self.other.update_inference_experiment(Name=name, Description=word()),
            "DELETE": lambda: self.other.delete_inference_experiment(Name=name),
            "start": lambda: self.other.start_inference_experiment(Name=name),
            "stop": lambda: self.other.stop_inference_experiment(
                Name=name, ModelVariantActions={"production": "Retain", "shadow": "Retain"}
            ),
        }
        with contextlib.suppress(ClientError, BotoCoreError):
            calls[verb]()

    def check(self, which: int, ask: Ask, outcomes: Endings, seen: int) -> None:
        for name in ask.names:
            about = [call for call in self.em.calls[seen:] if concerns(call, name)]
            sent = [call for call in about if call.access_key == KEYS[which]]
            ours = [call for call in sent if call.committed]
            others = [call for call in about if call.access_key != KEYS[which] and call.committed]
            status, operations = outcomes.get(name, ("failed", ()))
            detail = f"{ask} {name}: {status} {operations}; ours {ours}; others {others}"
            if status == "failed":
                assert not ours, detail
            elif status == "partial":
                assert ours and set(operations) & {call.operation for call in ours}, detail
            elif status == "ok":
                self.stands(ask, name, ours, others, any(c.status != 400 for c in sent), detail)

    def stands(
        self, ask: Ask, name: str, ours: list[Call], others: list[Call], lost: bool, detail: str
    ) -> None:
        """An acknowledged write is in the record, or somebody else has written since."""
        record = self.em.get("InferenceExperiment", REGION, name)
        detail = f"{detail}; record {record}"
        if ask.verb == "INSERT":
            assert any(call.operation == CALLED["INSERT"] for call in ours), detail
        if ask.verb in ("start", "stop") and not lost:  # see test_an_exec_that_was_not_made_is_not_ok
            assert any(call.operation == CALLED[ask.verb] for call in (*ours, *others)), detail
        if ask.description not in (None, "same"):
            assert any(call.parameters.get("Description") == ask.description for call in ours), detail
        if others:
            return
        if ask.verb == "DELETE":
            assert record is None, detail
            return
        assert record is not None, detail
        if ask.description is not None:
            assert record.get("Description") == ask.description, detail
        if ask.tags is not None:
            assert tuple(sorted((tag["Key"], tag["Value"]) for tag in record["Tags"])) == ask.tags, detail
        if ask.desired:
            passing = ("Stopping",) if any(c.operation == CALLED["stop"] for c in ours) else ()
            assert record["Status"] in (*REACHED[ask.desired], *passing), detail
        if ask.verb == "start":
            assert record["Status"] in ("Starting", "Running"), detail
        if ask.verb == "stop":
            assert record["Status"] in ENDED, detail


def concerns(call: Call, name: str) -> bool:
    if call.operation not in WRITES:
        return False
    arn = str(call.parameters.get("ResourceArn", ""))
    return call.parameters.get("Name") == name or arn.endswith(f"/{name}")


def by_sql(con: Connection, ask: Ask) -> Endings:
    """None if the statement was refused before."""
    try:
        outcomes = con.sql(ask.sql).outcomes
    except WriteError as error:
        outcomes = list(error.outcomes)
    except DatabaseError:
        outcomes = []
    return list_endings(outcomes)


def by_writes(cloud: Cloud, chosen: Settings, ask: Ask) -> Endings:
    """What a statement does once its rows are known, which costs a fifth of the whole."""
    run = Run(chosen)
    writers = [RowWriter(TargetRow(write), row, run, cloud) for row, write in enumerate(ask.writes, start=1)]
    try:
        return list_endings(write_rows(writers, run))
    finally:
        run.finish()


def list_endings(outcomes: Iterable[Outcome]) -> Endings:
    return {one.key: (one.status.value, one.operations) for one in outcomes}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts and looks that suit a server in the same process."""
    monkeypatch.setattr(row_watcher, "FIRST_DELAY", 0.005)
    for which in calls.FIRST_PAUSE:
        monkeypatch.setitem(calls.FIRST_PAUSE, which, 0.002)


@pytest.fixture
def other(em: Emulator) -> Iterator[Any]:
    client = plain_client(em.url)
    yield client
    client.close()


def interleave(machine: Callable[[], Machine], first: int, times: int) -> None:
    """Let both writers write at once that many times, as the numbers from `first` on choose."""
    INTERLEAVED.clear()
    for number in itertools.count(first):
        run_state_machine_as_test(
            seed(number)(lambda: machine()),
            settings=settings(
                max_examples=5,
                stateful_step_count=25,
                deadline=None,
                database=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
        if len(INTERLEAVED) >= times:
            return


PARTS = 4
"""Parts of the thousand interleavings; `make test` runs one."""


@pytest.mark.parametrize("part", range(PARTS if SWEEP else 1))
def test_in_a_thousand_interleavings_acknowledged_writes_stand_and_failed_ones_were_never_made(
    em: Emulator, other: Any, quick: None, part: int
) -> None:
    chosen = Settings(regions=REGION)
    for name, value in CHOSEN.items():
        chosen = chosen.with_value(name, str(value))
    clouds = [Cloud(endpoint_url=em.url, credentials=(key, "secret")) for key in KEYS]
    writers = tuple(partial(by_writes, cloud, chosen) for cloud in clouds)
    interleave(lambda: Machine(em, writers, other), part * 1000, 1000 // PARTS)


def test_what_a_statement_acknowledges_stands_and_what_failed_was_never_made(
    em: Emulator, other: Any, quick: None
) -> None:
    with connection(em.url, KEYS[0], **CHOSEN) as one, connection(em.url, KEYS[1], **CHOSEN) as two:
        writers = (partial(by_sql, one), partial(by_sql, two))
        interleave(lambda: Machine(em, writers, other), 0, 100 if SWEEP else 40)


@pytest.mark.parametrize(("status", "method"), [("Running", "start"), ("Completed", "stop")])
@pytest.mark.parametrize("kind", ["reset", "error500"])
def test_an_exec_that_was_not_made_is_not_ok(
    em: Emulator, con: Connection, status: str, method: str, kind: str
) -> None:
    em.add("InferenceExperiment", REGION, {"Name": "one", "Status": status})
    em.inject(Fault(kind, operation=CALLED[method]))
    actions = """, @ModelVariantActions = '{"production": "Remove", "shadow": "Promote"}'"""
    with pytest.raises(WriteError):
        con.sql(f"EXEC {EXPERIMENTS}.{method} @Name = 'one'{actions if method == 'stop' else ''}")
