"""SQLAlchemy's ORM, asyncpg and JDBC against a server."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from postgres_server import serve
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import sqlprov
from sqlprov.frontends.serve.server import Server

PROGRAMS = Path(__file__).parent / "clients"
JARS = sorted(Path.home().glob(".m2/repository/org/postgresql/postgresql/*/postgresql-*.jar"))
CREATED = datetime(2024, 9, 19, 7, 5, 55, 900_000, UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with sqlprov.connect(local=True) as base, serve(base) as running:
        yield running


class Base(DeclarativeBase):
    pass


class LogGroup(Base):
    __tablename__ = "log_groups"
    __table_args__ = ({"schema": "logs"},)
    region: Mapped[str] = mapped_column(primary_key=True)
    log_group_name: Mapped[str] = mapped_column(primary_key=True)


class Experiment(Base):
    __tablename__ = "inference_experiments"
    __table_args__ = ({"schema": "sagemaker"},)
    region: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str | None]


def test_the_orm_of_sqlalchemy_loads_inserts_updates_and_deletes(server: Server) -> None:
    url = f"postgresql+psycopg://ada@127.0.0.1:{server.address[1]}/aws"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with Session(engine) as session:
            session.add(LogGroup(region="us-east-1", log_group_name="by-orm"))
            session.commit()
            (group,) = session.scalars(sa.select(LogGroup).where(LogGroup.log_group_name == "by-orm"))
            experiment = session.get_one(Experiment, ("us-east-1", "pricing-elasticity"))
            experiment.description = "By the ORM."
            session.commit()
            session.expire_all()
            assert (
                session.get_one(Experiment, ("us-east-1", "pricing-elasticity")).description == "By the ORM."
            )
            session.delete(group)
            session.commit()
            assert session.get(LogGroup, ("us-east-1", "by-orm")) is None
    finally:
        engine.dispose()


def test_asyncpg_prepares_and_reads_rows_in_parts(server: Server) -> None:
    async def ask() -> list[Any]:
        client = await asyncpg.connect(host="127.0.0.1", port=server.address[1], user="ada", database="aws")
        try:
            statement = await client.prepare(
                "SELECT range * $1::int AS n FROM range(10) WHERE range > $2 LIMIT $3"
            )
            rows = await statement.fetch(2, 5, 3)
            created = await client.fetchval(
                "SELECT creation_time FROM sagemaker.models WHERE model_name = $1", "churn-v1"
            )
            async with client.transaction():
                parts = [row async for row in client.cursor("SELECT * FROM range(1000)", prefetch=100)]
            with pytest.raises(asyncpg.exceptions.UndefinedColumnError):
                await client.execute("SELECT nope")
            return [[row["n"] for row in rows], created, len(parts)]
        finally:
            await client.close()

    assert asyncio.run(ask()) == [[12, 14, 16], CREATED, 1000]


@pytest.mark.skipif(
    shutil.which("java") is None or not JARS,
    reason="needs Java, and the driver: mvn dependency:get -Dartifact=org.postgresql:postgresql:42.7.5",
)
def test_jdbc_runs_in_every_mode_and_answers_every_metadata_call(server: Server) -> None:
    command = ["java", "-cp", str(JARS[-1]), str(PROGRAMS / "Jdbc.java"), str(server.address[1])]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=600).stdout.splitlines()
    failed = [line for line in lines if line.startswith("FAILED") and "is not yet implemented" not in line]
    assert failed == []
    assert sum(line.startswith("ok ") for line in lines) > 190
