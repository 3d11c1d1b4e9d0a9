from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Table, exc, select, text
from sqlalchemy.orm import Session, registry

import sqlprov
from sqlprov.emulator import Emulator, Fault

Live = Callable[[str], Table]
MODE = {"MODE": "it's $1 or ?"}
ROW = {
    "model_name": "written",
    "region": "us-east-1",
    "execution_role_arn": "arn:aws:iam::123456789012:role/r",
    "primary_container": {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1", "Environment": MODE},
    "tags": [{"Key": "team", "Value": "risk"}],
}


@pytest.fixture
def models(con: Connection, live: Live) -> Iterator[Table]:
    yield live("models")
    con.execute(
        text("DELETE FROM aws.sagemaker.models WHERE region LIKE 'us-%' AND model_name LIKE 'written%'")
    )


def list_written(con: Connection, models: Table) -> list[str]:
    query = select(models.c.model_name).where(
        models.c.region.in_(["us-east-1", "us-west-2"]), models.c.model_name.startswith("written")
    )
    return list(con.execute(query.order_by(models.c.model_name)).scalars())


def test_insert_with_bound_values_creates_the_resource(con: Connection, models: Table) -> None:
    assert con.execute(models.insert().values(ROW)).rowcount == 1
    con.execute(text("SET sqlprov_show_sensitive = on"))
    columns = (models.c.primary_container, models.c.tags)
    row = con.execute(
        select(*columns).where(models.c.model_name == "written", models.c.region == "us-east-1")
    ).one()
    con.execute(text("RESET sqlprov_show_sensitive"))
    assert row.primary_container["Image"] == ROW["primary_container"]["Image"]
    assert dict(row.primary_container["Environment"]) == MODE
    assert row.tags == ROW["tags"]


def test_insert_of_several_rows_in_one_statement_and_in_several(con: Connection, models: Table) -> None:
    rows = [{**ROW, "model_name": f"written-{at}"} for at in range(4)]
    assert con.execute(models.insert().values(rows[:2])).rowcount == 2
    assert con.execute(models.insert(), rows[2:]).rowcount == 2
    assert list_written(con, models) == [row["model_name"] for row in rows]


def test_insert_returns_values_from_the_service(con: Connection, models: Table) -> None:
    insert = models.insert().values(ROW).returning(models.c.model_arn, models.c.region)
    ((arn, region),) = con.execute(insert).all()
    assert arn.endswith(":model/written")
    assert region == "us-east-1"


def test_insert_from_select_copies_to_another_region(con: Connection, models: Table) -> None:
    con.execute(models.insert().values(ROW))
    names = ["model_name", "execution_role_arn", "primary_container", "region"]
    copied = select(
        sa.literal("written-2"),
        models.c.execution_role_arn,
        models.c.primary_container,
        sa.literal("us-west-2"),
    ).where(models.c.region == "us-east-1", models.c.model_name == "written")
    assert con.execute(models.insert().from_select(names, copied)).rowcount == 1
    assert list_written(con, models) == ["written", "written-2"]


def test_delete_removes_the_rows_of_its_condition(con: Connection, models: Table) -> None:
    con.execute(models.insert(), [{**ROW, "model_name": f"written-{at}"} for at in range(3)])
    of_region = models.c.region == "us-east-1"
    delete = models.delete().where(of_region, models.c.model_name.in_(["written-0", "written-2", "no"]))
    assert con.execute(delete).rowcount == 2
    assert list_written(con, models) == ["written-1"]


def test_update_with_bound_values_changes_the_resource(con: Connection, live: Live) -> None:
    experiments = live("inference_experiments")
    chosen = (experiments.c.region == "us-east-1", experiments.c.name == "pricing-elasticity")
    update = experiments.update().where(*chosen).values(description="as of today")
    assert con.execute(update).rowcount == 1
    assert con.execute(select(experiments.c.description).where(*chosen)).scalar_one() == "as of today"


def test_a_write_within_a_transaction_is_refused(con: Connection, models: Table) -> None:
    con.rollback()
    con.execution_options(isolation_level="SNAPSHOT")
    with pytest.raises(exc.NotSupportedError, match="within BEGIN"):
        con.execute(models.insert().values(ROW))
    con.rollback()
    con.execution_options(isolation_level="AUTOCOMMIT")
    assert list_written(con, models) == []


def test_a_failed_write_reports_the_outcome_of_each_row(em: Emulator, con: Connection, models: Table) -> None:
    em.inject(Fault("access_denied", operation="CreateModel", times=1))
    with pytest.raises(exc.DatabaseError, match="CreateModel") as caught:
        con.execute(models.insert().values([{**ROW, "model_name": f"written-{at}"} for at in range(2)]))
    error: Any = caught.value.orig
    assert isinstance(error, sqlprov.WriteError)
    assert sorted(outcome.status.value for outcome in error.outcomes) in (
        ["failed", "ok"],
        ["failed", "failed"],
    )


def test_a_failed_executemany_reports_how_many_runs_succeeded(con: Connection, models: Table) -> None:
    rows = [{**ROW, "model_name": name} for name in ("written-0", "written-1", "written-0", "written-2")]
    with pytest.raises(exc.DatabaseError) as caught:
        con.execute(models.insert(), rows)
    assert caught.value.orig.__notes__ == ["This was run 3 of executemany; the 2 before it took effect."]
    assert list_written(con, models) == ["written-0", "written-1"]


def test_our_own_statements_pass_through(con: Connection) -> None:
    assert (
        con.execute(text("SHOW RESOURCES IN aws.sagemaker LIKE 'endpoint%'")).all()[0].name
        == "endpoint_configs"
    )
    exec_ = text(
        "/*+ AWAIT */ EXEC aws.sagemaker.inference_experiments.stop @Name = :name, @region = :region"
    )
    assert exec_.compile().string


# ORM


@pytest.fixture
def model(models: Table) -> Any:
    class Model:
        pass

    registry().map_imperatively(Model, models)
    return Model


def test_a_session_creates_changes_and_deletes_resources(engine: Engine, live: Live, model: Any) -> None:
    with Session(engine) as session:
        made = [model(**{**ROW, "model_name": f"written-{at}"}) for at in range(3)]
        del made[0].region  # the region of the session
        session.add_all(made)
        session.commit()
        assert [(each.region, each.model_arn.rpartition("/")[2]) for each in made] == [
            ("us-east-1", f"written-{at}") for at in range(3)
        ]
        session.delete(made[0])
        session.commit()
        assert session.get(model, ("us-east-1", "written-0")) is None
        assert session.get(model, ("us-east-1", "written-1")) is made[1]

        class Experiment:
            pass

        registry().map_imperatively(Experiment, live("inference_experiments"))
        experiment: Any = session.get(Experiment, ("us-east-1", "pricing-elasticity"))
        experiment.description = "changed"
        session.commit()
        assert experiment.description == "changed"


def test_returning_gives_the_rows_of_all_parameters(con: Connection, models: Table, model: Any) -> None:
    rows = [{**ROW, "model_name": f"written-{at}"} for at in range(3)]
    insert = models.insert().returning(models.c.model_name, models.c.region, sort_by_parameter_order=True)
    assert con.execute(insert, rows).all() == [(row["model_name"], "us-east-1") for row in rows]
    with Session(con) as session:
        more = [{**ROW, "model_name": f"written-{at}"} for at in range(3, 5)]
        objects = session.scalars(sa.insert(model).returning(model), more).all()
        assert [each.model_name for each in objects] == ["written-3", "written-4"]


def test_a_nested_transaction_is_refused_with_advice(con: Connection) -> None:
    with pytest.raises(exc.NotSupportedError, match="no savepoints"), con.begin_nested():
        pass
    assert con.execute(text("SELECT 1")).scalar() == 1
