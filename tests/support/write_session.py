"""A connection for tests of writes: experiments in any state, statements, and the calls that the service received."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from experiment_members import VARIANTS, sampling

import sqlprov
from sqlprov.aws.transport import calls
from sqlprov.aws.write.outcome import Outcome, OutcomeStatus
from sqlprov.emulator import Call, Emulator, Options
from sqlprov.errors import WriteError

OK, FAILED, PARTIAL, UNKNOWN = OutcomeStatus
REGION, TABLE = "us-east-1", "aws.sagemaker.inference_experiments"
LIST, DESCRIBE, TAGS = "ListInferenceExperiments", "DescribeInferenceExperiment", "ListTags"
CREATE, UPDATE, DELETE = (f"{verb}InferenceExperiment" for verb in ("Create", "Update", "Delete"))
START, STOP = "StartInferenceExperiment", "StopInferenceExperiment"
READS = ("List", "Describe", "Get")

BEGIN = time.time() // 1 + 86400
END = BEGIN + 4 * 86400
ROLE = "arn:aws:iam::123456789012:role/SageMakerExecution"
_numbers = itertools.count(1)


RETAIN = {"production": "Retain", "shadow": "Retain"}
LASTING, HELD = 0.15, 1000.0
"""Seconds that a busy state lasts: one that passes during a test, and one that does not."""
BUSY = {"Creating": "Created", "Updating": "Created", "Starting": "Running"}
"""What a busy state leads to; Stopping is handled separately."""
STABLE = ("Created", "Running", "Completed", "Cancelled")
STATES = (*BUSY, "Stopping", *STABLE)
LATER = END + 86400
STOPPING = {"ModelVariantActions": RETAIN, "DesiredState": "Completed"}
MEMBERS: dict[str, Any] = {
    "Type": "ShadowMode",
    "Description": "old",
    "RoleArn": ROLE,
    "EndpointName": "search",
    "Schedule": {"StartTime": BEGIN, "EndTime": END},
    "DataStorageConfig": {"Destination": "s3://bucket/prefix"},
    "ModelVariants": VARIANTS,
    "ShadowModeConfig": sampling(50),
}
"""A valid experiment but for its name."""


def literal(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text.replace("'", "''") + "'"


def insert(*names: str, region: str = REGION, **members: Any) -> str:
    """The INSERT of experiments that differ in their names."""
    given = MEMBERS | members
    columns = ", ".join(["Name", *given, "region"])
    rows = ", ".join(f"({', '.join(map(literal, (name, *given.values(), region)))})" for name in names)
    return f"INSERT INTO {TABLE} ({columns}) VALUES {rows}"


def by_name(name: str) -> str:
    return f"name = '{name}' AND region = '{REGION}'"


@dataclass
class WriteSession:
    """A connection to a local SageMaker, and somebody else who uses it."""

    em: Emulator
    con: sqlprov.Connection
    other_client: Any

    def reset(self) -> None:
        self.em.options = Options()
        self.em.clear_faults()
        self.em.reset_calls()

    def set(self, **settings: object) -> None:
        for name, value in settings.items():
            self.con.sql(f"SET sqlprov_{name} = '{value}'")

    def experiment(self, state: str = "Created", lasting: float = 0.0, **members: Any) -> str:
        """The name of a new one; a busy state is reached by a call, and left after `lasting` seconds."""
        name = f"trial-{next(_numbers)}"
        given = {"Name": name, **MEMBERS, "Tags": {"team": "core"}, **members}
        self.em.options.transition = lasting
        if state == "Creating":
            tags = [{"Key": key, "Value": value} for key, value in given.pop("Tags").items()]
            self.other_client.create_inference_experiment(Tags=tags, **given)
        elif state in ("Updating", "Starting", "Stopping"):
            self.em.add("InferenceExperiment", REGION, {**given, "Status": _BEFORE[state]})
            call = getattr(self.other_client, _CALLS[state])
            call(Name=name, **({"ModelVariantActions": RETAIN} if state == "Stopping" else {}))
        else:
            self.em.add("InferenceExperiment", REGION, {**given, "Status": state})
        self.em.reset_calls()
        return name

    def write(self, sql: str, parameters: Any = None) -> tuple[Outcome, ...]:
        """The outcomes of a statement that begins its writes."""
        try:
            self.con.sql(sql, parameters)
        except WriteError as error:
            assert error.outcomes == self.con.outcomes
            return error.outcomes
        return self.con.outcomes

    def write_one(self, sql: str) -> Outcome:
        outcomes = self.write(sql)
        assert len(outcomes) == 1
        return outcomes[0]

    def update(self, name: str, assignments: str) -> Outcome:
        return self.write_one(f"UPDATE {TABLE} SET {assignments} WHERE {by_name(name)}")

    def delete(self, name: str) -> Outcome:
        return self.write_one(f"DELETE FROM {TABLE} WHERE {by_name(name)}")

    def record(self, name: str, region: str = REGION) -> dict[str, Any]:
        record = self.em.get("InferenceExperiment", region, name)
        assert record is not None, f"{name} does not exist"
        return record

    def exists(self, name: str, region: str = REGION) -> bool:
        return self.em.get("InferenceExperiment", region, name) is not None

    @property
    def calls(self) -> list[Call]:
        """The calls that write."""
        return [call for call in self.em.calls if not call.operation.startswith(READS)]

    @property
    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        return [(call.operation, call.parameters) for call in self.calls]

    @property
    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]

    @property
    def committed(self) -> list[str]:
        return [call.operation for call in self.calls if call.committed]

    def change(self, name: str, **members: Any) -> None:
        """Change a row as somebody else would; it then stays in its state."""
        record = self.record(name)
        kept = {key: record[key] for key in (*MEMBERS, "CreationTime", "Status", "Tags") if key in record}
        self.em.add("InferenceExperiment", REGION, {"Name": name, **kept, **members})

    @contextmanager
    def interfere(self, operation: str, act: Callable[[], object], at: int = 1) -> Iterator[None]:
        """Has somebody else `act` when call number `at` of `operation` is over, before sqlprov sees its reply."""
        numbers = itertools.count(1)
        choose = calls.choose_sender

        def choose_sender(client: Any, name: str, *rest: Any) -> Callable[..., Any]:
            send = choose(client, name, *rest)
            if name != operation or next(numbers) != at:
                return send

            def send_and_act(*arguments: Any) -> Any:
                try:
                    return send(*arguments)
                finally:
                    act()

            return send_and_act

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(calls, "choose_sender", choose_sender)
            yield
        assert next(numbers) > at, f"call {at} of {operation} was not made"


_BEFORE = {"Updating": "Created", "Starting": "Created", "Stopping": "Running"}
_CALLS = {
    "Updating": "update_inference_experiment",
    "Starting": "start_inference_experiment",
    "Stopping": "stop_inference_experiment",
}


def strip_passing_members(record: dict[str, Any]) -> dict[str, Any]:
    passing = {"Status", "LastModifiedTime", "CompletionTime", "EndpointMetadata"}
    kept = {member: value for member, value in record.items() if member not in passing}
    kept["ModelVariants"] = [
        {member: value for member, value in one.items() if member != "Status"}
        for one in kept["ModelVariants"]
    ]
    return kept


def settle(db: WriteSession, name: str) -> str:
    """The state that the row ends in."""
    while (state := db.record(name)["Status"]).endswith("ing") and state != "Running":
        time.sleep(0.01)
    return str(state)
