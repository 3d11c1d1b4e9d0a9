from __future__ import annotations

import pytest
from experiment_members import VARIANTS, sampling, variant
from experiment_snapshots import TABLE, brief, delete, execute, snapshot, update

from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.steps import RowWrite, Wait

STATES = ("Creating", "Updating", "Starting", "Created", "Running", "Stopping", "Completed", "Cancelled")
LATER = 1736500000.0
RETAIN = {"production": "Retain", "shadow": "Retain"}
BIGGER = [VARIANTS[0], variant("shadow", ModelName="model-new")]
STORAGE = {"Destination": "s3://b/other"}

# fmt: off
CELLS = [
  # what changes                      Creating Updating Starting Created  Running  Stopping Completed Cancelled
  ("nothing", update(),              "ok       ok       ok       ok       ok       ok       ok        ok"),
  ("the same values", update(Description="old", ModelVariants=VARIANTS, tags={"team": "core"}),
                                     "ok       ok       ok       ok       ok       ok       ok        ok"),
  ("tags", update(tags={"team": "edge"}),
                                     "AddTags  AddTags  AddTags  AddTags  AddTags  AddTags  AddTags   AddTags"),
  ("fewer tags", update(tags={}),
                     "DeleteTags DeleteTags DeleteTags DeleteTags DeleteTags DeleteTags DeleteTags DeleteTags"),
  ("description", update(Description="new"),
                                     "wait     wait     wait     Update   Update   refuse   refuse    refuse"),
  ("description to NULL", update(Description=None),
                                     "wait     wait     wait     Update   Update   refuse   refuse    refuse"),
  ("end of the schedule", update(Schedule={"EndTime": LATER}),
                                     "wait     wait     wait     Update   Update   refuse   refuse    refuse"),
  ("start of the schedule", update(Schedule={"StartTime": LATER}),
                                     "wait     wait     wait     Update   refuse   refuse   refuse    refuse"),
  ("both ends of the schedule", update(Schedule={"StartTime": LATER, "EndTime": LATER}),
                                     "wait     wait     wait     Update   refuse   refuse   refuse    refuse"),
  ("schedule to NULL", update(Schedule=None),
                                     "refuse   refuse   refuse   refuse   refuse   refuse   refuse    refuse"),
  ("sampling percentage", update(ShadowModeConfig=sampling(20)),
                                     "wait     wait     wait     Update   Update   refuse   refuse    refuse"),
  ("shadow variant", update(ShadowModeConfig=sampling(10, "other")),
                                     "wait     wait     wait     Update   refuse   refuse   refuse    refuse"),
  ("source variant", update(ShadowModeConfig={**sampling(10), "SourceModelVariantName": "shadow"}),
                                     "wait     wait     wait     Update   refuse   refuse   refuse    refuse"),
  ("model_variants", update(ModelVariants=BIGGER),
                                     "wait     wait     wait     Update   refuse   refuse   refuse    refuse"),
  ("data_storage_config", update(DataStorageConfig=STORAGE),
                                     "wait     wait     wait     Update   refuse   refuse   refuse    refuse"),
  ("role_arn", update(RoleArn="arn:aws:iam::123456789012:role/Other"),
                                     "refuse   refuse   refuse   refuse   refuse   refuse   refuse    refuse"),
  ("desired Running", update(desired="Running"),
                                     "wait     wait     ok       Start    ok       refuse   refuse    refuse"),
  ("desired Completed", update(desired="Completed"),
                                     "wait     wait     wait     refuse   Stop     wait     ok        refuse"),
  ("desired Cancelled", update(desired="Cancelled"),
                                     "wait     wait     wait     refuse   Stop     wait     refuse    ok"),
  ("desired Created", update(desired="Created"),
                                     "refuse   refuse   refuse   ok       refuse   refuse   refuse    refuse"),
  ("desired Completed with a reason", update(desired="Completed", reason="done"),
                                     "wait     wait     wait     refuse   Stop     refuse   refuse    refuse"),
  ("description, tags and Running", update(Description="new", tags={}, desired="Running"),
                                     "wait     wait     wait     Update   Update   refuse   refuse    refuse"),
  ("description, tags and Completed", update(Description="new", tags={}, desired="Completed"),
                                     "wait     wait     wait     refuse   Update   refuse   refuse    refuse"),
  ("tags and Running", update(tags={}, desired="Running"),
                                 "wait wait DeleteTags  DeleteTags DeleteTags refuse refuse refuse"),
  ("tags and Completed", update(tags={}, desired="Completed"),
                                 "wait wait wait  refuse DeleteTags wait DeleteTags refuse"),
  ("model_variants and Running", update(ModelVariants=BIGGER, desired="Running"),
                                     "wait     wait     wait     Update   refuse   refuse   refuse    refuse"),
  ("model_variants and Completed", update(ModelVariants=BIGGER, desired="Completed"),
                                     "wait     wait     wait     refuse   refuse   refuse   refuse    refuse"),
  ("start of the schedule and Completed", update(Schedule={"StartTime": LATER}, desired="Completed"),
                                     "wait     wait     wait     refuse   refuse   refuse   refuse    refuse"),
  ("status_reason", update(reason="why"),
                                     "refuse   refuse   refuse   refuse   refuse   refuse   refuse    refuse"),
  ("status_reason and Running", update(reason="why", desired="Running"),
                                     "refuse   refuse   refuse   refuse   refuse   refuse   refuse    refuse"),
  ("status_reason and description", update(reason="why", Description="new"),
                                     "refuse   refuse   refuse   refuse   refuse   refuse   refuse    refuse"),
  ("DELETE", delete(),               "wait     wait     wait     Delete   Stop     wait     Delete    Delete"),
  ("EXEC start", execute("start", Name="trial"),
                                     "Start    Start    Start    Start    Start    Start    Start     Start"),
  ("EXEC stop", execute("stop", Name="trial", ModelVariantActions=RETAIN),
                                     "Stop     Stop     Stop     Stop     Stop     Stop     Stop      Stop"),
]
# fmt: on


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("write", "row"), [c[1:] for c in CELLS], ids=[c[0] for c in CELLS])
def test_each_change_does_what_the_table_says_in_each_state(write: RowWrite, row: str, state: str) -> None:
    expected = dict(zip(STATES, row.split(), strict=True))
    assert brief(next_step(write, snapshot(state), ())) == expected[state]


def test_the_states_of_the_table_are_those_of_the_model() -> None:
    assert set(STATES) == set(TABLE.by_name["status"].constraint.enum)


def test_waiting_ends_when_the_state_stays_or_leads_nowhere() -> None:
    assert next_step(update(Description="new"), snapshot("Creating"), ()) == Wait(
        ("Creating", "Updating", "Starting")
    )
    assert next_step(delete(), snapshot("Creating"), ()) == Wait(
        ("Creating", "Updating", "Starting", "Stopping")
    )
    assert next_step(update(desired="Completed"), snapshot("Stopping"), ()) == Wait(("Stopping",))


@pytest.mark.parametrize(
    ("write", "expected"),
    [(update(Description="new"), "refuse"), (delete(), "ok"), (execute("start", Name="trial"), "Start")],
)
def test_a_row_that_is_gone(write: RowWrite, expected: str) -> None:
    assert brief(next_step(write, None, ())) == expected
