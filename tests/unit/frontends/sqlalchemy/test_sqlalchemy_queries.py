"""Ordinary Core and ORM queries: the same classes over live tables and over local copies give the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import (
    Bundle,
    DeclarativeBase,
    Session,
    aliased,
    column_property,
    contains_eager,
    defer,
    joinedload,
    load_only,
    mapped_column,
    query_expression,
    raiseload,
    relationship,
    selectinload,
    subqueryload,
    with_expression,
    with_loader_criteria,
)

from sqlprov.frontends.sqlalchemy import Struct

MODEL = {"region": "us-east-1", "name": "churn-v1"}
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
TIME = sa.TIMESTAMP(timezone=True)


@cache
def map_classes(schema: str | None) -> SimpleNamespace:
    """Four classes over the tables of a schema, their tables in small letters, and an alias of each."""
    prefix = f"{schema}." if schema else ""

    class Base(DeclarativeBase):
        region = mapped_column(sa.String, primary_key=True)
        made = mapped_column("creation_time", TIME)

    class C(Base):
        __tablename__ = "endpoint_configs"
        __table_args__ = ({"schema": schema},)
        name = mapped_column("endpoint_config_name", sa.String, primary_key=True)
        endpoints = relationship("N", back_populates="config", order_by="N.name")

    class N(Base):
        __tablename__ = "endpoints"
        __table_args__ = (
            sa.ForeignKeyConstraint(
                ["region", "endpoint_config_name"],
                [f"{prefix}endpoint_configs.{name}" for name in ("region", "endpoint_config_name")],
            ),
            {"schema": schema},
        )
        name = mapped_column("endpoint_name", sa.String, primary_key=True)
        status = mapped_column("endpoint_status", sa.String)
        config_name = mapped_column("endpoint_config_name", sa.String)
        config = relationship(C, back_populates="endpoints")
        experiments = relationship("E", back_populates="endpoint", order_by="E.name")

    class E(Base):
        __tablename__ = "inference_experiments"
        __table_args__ = (
            sa.ForeignKeyConstraint(
                ["region", "endpoint_name"],
                [f"{prefix}endpoints.{name}" for name in ("region", "endpoint_name")],
            ),
            {"schema": schema},
        )
        name = mapped_column(sa.String, primary_key=True)
        status = mapped_column(sa.String)
        description = mapped_column(sa.String)
        endpoint_name = mapped_column(sa.String)
        schedule = mapped_column(Struct({"StartTime": TIME, "EndTime": TIME}))
        title = column_property(func.upper(name))
        extra = query_expression()
        endpoint = relationship(N, back_populates="experiments")

    class M(Base):
        __tablename__ = "models"
        __table_args__ = ({"schema": schema},)
        name = mapped_column("model_name", sa.String, primary_key=True)
        role = mapped_column("execution_role_arn", sa.String)
        container = mapped_column("primary_container", Struct({"Image": sa.String()}))
        tags = mapped_column(sa.ARRAY(Struct({"Key": sa.String(), "Value": sa.String()})))

    c, n, e, m = (kind.__table__ for kind in (C, N, E, M))
    return SimpleNamespace(
        C=C, N=N, E=E, M=M, N2=aliased(N), E2=aliased(E), M2=aliased(M),
        c=c.c, n=n.c, e=e.c, m=m.c, tc=c, tn=n, te=e, tm=m, m2=m.alias(), e2=e.alias(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlprov://?local=1&region=all&cache=600s")
    with engine.begin() as con:
        for name in ("endpoint_configs", "endpoints", "inference_experiments", "models"):
            con.execute(sa.text(f"CREATE TABLE {name} AS FROM aws.sagemaker.{name}"))
    yield engine
    engine.dispose()


def exists_experiment(t: Any) -> Any:
    return sa.exists().where(t.e.endpoint_name == t.n.endpoint_name, t.e.region == t.n.region)


def count_statuses(t: Any) -> Any:
    return select(t.e.status, func.count().label("n")).group_by(t.e.status)


def join_newest(t: Any) -> Any:
    newest = select(t.M.region, func.max(t.M.made).label("made")).group_by(t.M.region).subquery()
    return select(t.M).join(newest, (t.M.region == newest.c.region) & (t.M.made == newest.c.made))


def select_experiment_of_each(t: Any) -> Any:
    of_endpoint = select(t.e.name).where(t.e.endpoint_name == t.n.endpoint_name).lateral()
    return select(t.n.endpoint_name, of_endpoint.c.name).join_from(t.tn, of_endpoint, sa.true())


def count_up(t: Any) -> Any:
    numbers = select(sa.literal(1).label("n")).cte("numbers", recursive=True)
    limit = select(func.count()).select_from(t.tm).scalar_subquery()
    return select(numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < limit)))


def join_values(t: Any) -> Any:
    values = sa.values(sa.column("r", sa.String), name="v").data([("us-east-1",), ("eu-west-1",)])
    return select(t.m.model_name, values.c.r).join_from(t.tm, values, values.c.r == t.m.region)


def rank_models(t: Any) -> Any:
    rank = func.rank().over(partition_by=t.m.region, order_by=t.m.creation_time.desc())
    ranked = select(t.tm, rank.label("rank")).subquery()
    return select(ranked.c.model_name).where(ranked.c.rank == 1)


def join_elements(t: Any) -> Any:
    tags = func.unnest(t.m.tags).table_valued("tag").render_derived()
    return select(t.m.model_name, tags.c.tag).join_from(t.tm, tags, sa.true())


QUERIES: dict[str, Callable[[Any], Any]] = {
    "all columns": lambda t: select(t.tm),
    "a column": lambda t: select(t.m.model_name),
    "a sub-query counted": lambda t: select(func.count()).select_from(select(t.m.model_name).subquery()),
    "a table counted": lambda t: select(func.count()).select_from(t.tm),
    "values counted": lambda t: select(func.count(t.m.model_name.distinct())),
    "an alias": lambda t: select(t.m2.c.model_name).where(t.m2.c.region == "us-east-1"),
    "an alias named as its table": lambda t: select(t.tm.alias("models").c.model_name),
    "an alias named as a schema": lambda t: select(t.tm.alias("sagemaker").c.model_name),
    "a self join": lambda t: select(t.m.model_name, t.m2.c.model_name).join_from(
        t.tm, t.m2, (t.m.region == t.m2.c.region) & (t.m.model_name < t.m2.c.model_name)
    ),
    "two aliases": lambda t: select(t.m2.c.model_name, t.e2.c.name).join_from(
        t.m2, t.e2, t.m2.c.region == t.e2.c.region
    ),
    "a join": lambda t: select(t.n.endpoint_name, t.c.creation_time).join_from(t.tn, t.tc),
    "an outer join": lambda t: select(t.n.endpoint_name, t.e.name).join_from(t.tn, t.te, isouter=True),
    "a full join": lambda t: select(t.n.endpoint_name, t.e.name).join_from(t.tn, t.te, full=True),
    "a join of three": lambda t: select(t.e.name, t.c.region).select_from(t.te.join(t.tn).join(t.tc)),
    "a cross join": lambda t: select(func.count()).select_from(t.tm.join(t.tc, sa.true())),
    "a CTE": lambda t: select(select(t.m.model_name, t.m.region).cte("names")),
    "a CTE named as its table": lambda t: select(select(t.m.model_name).cte("models")),
    "a CTE used twice": lambda t: select((k := count_statuses(t).cte("k")).c.status).where(
        k.c.n == select(func.max(k.c.n)).scalar_subquery()
    ),
    "nested CTEs": lambda t: select(select(select(t.tm).cte("k").c.region).cte("l")).distinct(),
    "a recursive CTE": count_up,
    "a lateral": select_experiment_of_each,
    "in a sub-select": lambda t: select(t.e.name).where(t.e.endpoint_name.in_(select(t.n.endpoint_name))),
    "not in a sub-select": lambda t: select(t.m.model_name).where(
        t.m.model_name.not_in(select(t.m2.c.model_name).where(t.m2.c.region == "us-east-1"))
    ),
    "its own table in a sub-select": lambda t: select(t.m.model_name).where(
        t.m.model_name.in_(select(t.m.model_name).where(t.m.region == "us-east-1").correlate(None))
    ),
    "a scalar sub-query": lambda t: select(
        t.m.model_name, select(func.max(t.e.creation_time)).scalar_subquery()
    ),
    "a correlated sub-query": lambda t: select(
        t.n.endpoint_name,
        select(func.count()).where(t.e.endpoint_name == t.n.endpoint_name).scalar_subquery().label("n"),
    ),
    "exists": lambda t: select(t.n.endpoint_name).where(exists_experiment(t)),
    "not exists": lambda t: select(t.n.endpoint_name).where(~exists_experiment(t)),
    "exists as a value": lambda t: select(sa.exists(select(t.tm).where(t.m.region == "nowhere"))),
    "a union": lambda t: sa.union(select(t.m.region), select(t.e.region), select(t.n.region)),
    "a union counted": lambda t: select(func.count()).select_from(
        sa.union_all(select(t.m.region), select(t.e.region)).subquery()
    ),
    "except and intersect": lambda t: sa.except_(
        select(t.n.endpoint_name), sa.intersect(select(t.n.endpoint_name), select(t.e.endpoint_name))
    ),
    "a union in order": lambda t: (
        sa.union_all(select(t.m.model_name), select(t.e.name)).order_by(sa.desc("model_name")).limit(3)
    ),
    "a window": lambda t: select(
        t.m.model_name, func.row_number().over(partition_by=t.m.region, order_by=t.m.model_name)
    ),
    "a window in a sub-query": rank_models,
    "groups": lambda t: count_statuses(t).having(func.count() > 1),
    "groups by a label": lambda t: select(func.left(t.m.model_name, 1).label("x"), func.count()).group_by(
        "x"
    ),
    "an order by a label": lambda t: select(t.m.model_name.label("x")).order_by(sa.desc("x")).limit(3),
    "distinct rows": lambda t: select(t.m.region).distinct(),
    "a page": lambda t: select(t.m.model_name).order_by(t.m.region, t.m.model_name).limit(3).offset(2),
    "a fetch": lambda t: select(t.m.model_name).order_by(t.m.model_name).fetch(3),
    "a slice": lambda t: select(t.m.model_name).order_by(t.m.model_name, t.m.region).slice(1, 4),
    "a case": lambda t: select(t.e.name, sa.case((t.e.status == "Running", 1), else_=0)),
    "a filtered aggregate": lambda t: select(
        func.count().filter(t.e.status == "Running"), func.max(t.e.name)
    ),
    "a percentile": lambda t: select(func.percentile_disc(0.5).within_group(t.m.model_name)),
    "casts": lambda t: select(sa.cast(t.m.creation_time, sa.Date), sa.cast(t.m.region, sa.String(3))),
    "parts of a time": lambda t: select(
        sa.extract("year", t.m.creation_time), func.date_trunc("month", t.m.creation_time)
    ),
    "a condition on a time": lambda t: select(t.m.model_name).where(t.m.creation_time > NOON),
    "concatenation": lambda t: select(func.coalesce(t.e.description, "-") + "!" + t.e.name),
    "a literal": lambda t: select(t.m.model_name).where(
        t.m.region == sa.literal("us-east-1", literal_execute=True)
    ),
    "a field of a structure": lambda t: select(t.e.schedule["EndTime"]).where(t.e.schedule["EndTime"] > NOON),
    "a field of an alias": lambda t: select(t.m2.c.primary_container["Image"]),
    "an element of a list": lambda t: select(t.m.model_name, t.m.tags[1]["Value"]),
    "the elements of a list": lambda t: select(t.m.model_name, func.unnest(t.m.tags)),
    "the elements of a list as rows": join_elements,
    "JSON": lambda t: select(sa.cast(t.e.schedule, sa.JSON)["StartTime"].as_string()),
    "tuples": lambda t: select(t.m.model_name).where(
        sa.tuple_(t.m.region, t.m.model_name).in_([("us-east-1", "churn-v1"), ("eu-west-1", "x")])
    ),
    "several conditions": lambda t: select(t.m.model_name).where(
        t.m.model_name.startswith("fraud") | t.m.model_name.icontains("CHURN"), t.m.region != "x"
    ),
    "text in a query": lambda t: select(t.m.model_name).where(sa.text("region = 'us-east-1'")),
    "text as a sub-query": lambda t: select(
        sa.text(f"SELECT model_name FROM {t.tm.fullname}").columns(sa.column("model_name")).subquery()
    ),
    "text with columns": lambda t: (
        sa.text(f"SELECT model_name FROM {t.tm.fullname} WHERE region = :r")
        .columns(t.m.model_name)
        .bindparams(r="us-east-1")
    ),
    "a table without columns": lambda t: select(
        sa.table("models", sa.column("model_name"), schema=t.tm.schema).c.model_name
    ),
    "values joined": join_values,
    "labels of tables": lambda t: (
        select(t.tn, t.tc).join_from(t.tn, t.tc).set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
    ),
    "doubled names": lambda t: select(t.n.region, t.c.region, t.c.region).join_from(t.tn, t.tc),
    "an annotated copy": lambda t: select(t.m.model_name._annotate({"x": 1})).select_from(t.tm),
    # ORM
    "entities": lambda t: select(t.M),
    "entities filtered by name": lambda t: select(t.E).filter_by(status="Running"),
    "entities counted": lambda t: select(func.count()).select_from(t.M).where(t.M.name == "churn-v1"),
    "a sub-query of entities counted": lambda t: select(func.count()).select_from(
        select(t.M).where(t.M.name.like("c%")).subquery()
    ),
    "attributes": lambda t: select(t.M.name, t.M.region),
    "an entity and an attribute": lambda t: select(t.E, t.N.status).join(t.E.endpoint),
    "a bundle": lambda t: select(Bundle("b", t.M.name, t.M.region)),
    "an aliased entity": lambda t: select(t.M2).where(t.M2.region == "us-east-1"),
    "an entity joined to itself": lambda t: select(t.E, t.E2).join(
        t.E2, (t.E2.name == t.E.name) & (t.E2.region > t.E.region)
    ),
    "an entity of a sub-query": lambda t: select(
        aliased(t.M, select(t.M).where(t.M.region == "us-east-1").subquery())
    ),
    "an entity of a CTE": lambda t: select(aliased(t.M, select(t.M).where(t.M.name < "g").cte("k"))),
    "entities of text": lambda t: select(t.M).from_statement(sa.text(f"SELECT * FROM {t.tm.fullname}")),
    "entities of a union": lambda t: select(t.M).from_statement(
        sa.union(select(t.M).where(t.M.region == "us-east-1"), select(t.M).where(t.M.name.like("f%")))
    ),
    "relationships joined": lambda t: select(t.E.name, t.C.name).join(t.E.endpoint).join(t.N.config),
    "a relationship joined and counted": lambda t: (
        select(t.N.name, func.count(t.E.name)).outerjoin(t.N.experiments).group_by(t.N.name, t.N.region)
    ),
    "an aliased relationship": lambda t: (
        select(t.E, t.N2).join(t.E.endpoint.of_type(t.N2)).where(t.N2.status == "InService")
    ),
    "a relationship with a condition": lambda t: select(t.N.name, t.E.name).outerjoin(
        t.N.experiments.and_(t.E.status == "Running")
    ),
    "any": lambda t: select(t.N).where(t.N.experiments.any(t.E.status == "Running")),
    "none": lambda t: select(t.N).where(~t.N.experiments.any()),
    "has": lambda t: select(t.E).where(t.E.endpoint.has(t.N.status == "InService")),
    "a correlated entity": lambda t: select(
        t.N.name, select(func.count(t.E.name)).where(t.E.endpoint_name == t.N.name).scalar_subquery()
    ),
    "the newest of each region": join_newest,
    "a column property": lambda t: select(t.E.title).where(t.E.title.like("F%")),
    "a field of an entity": lambda t: select(t.E.name).where(t.E.schedule["EndTime"] > NOON),
    "a loader criterion": lambda t: select(t.M).options(with_loader_criteria(t.M, t.M.region == "us-east-1")),
    "attributes that may not load": lambda t: select(t.N).options(raiseload("*")),
}

LOADS: dict[str, Callable[[Any], tuple[Any, str]]] = {
    "lazily": lambda t: (select(t.E), "endpoint"),
    "lazily, several": lambda t: (select(t.N), "experiments"),
    "joined": lambda t: (select(t.E).options(joinedload(t.E.endpoint)), "endpoint"),
    "joined, several": lambda t: (select(t.N).options(joinedload(t.N.experiments)), "experiments"),
    "joined, a page": lambda t: (select(t.N).options(joinedload(t.N.experiments)).limit(2), "experiments"),
    "joined twice": lambda t: (
        select(t.E).options(joinedload(t.E.endpoint).joinedload(t.N.config)),
        "endpoint.config",
    ),
    "selectin": lambda t: (select(t.E).options(selectinload(t.E.endpoint)), "endpoint"),
    "selectin, several": lambda t: (select(t.N).options(selectinload(t.N.experiments)), "experiments"),
    "selectin, then joined": lambda t: (
        select(t.C).options(selectinload(t.C.endpoints).joinedload(t.N.experiments)),
        "endpoints.experiments",
    ),
    "subquery": lambda t: (select(t.N).options(subqueryload(t.N.experiments)), "experiments"),
    "subquery, a page": lambda t: (
        select(t.C).options(subqueryload(t.C.endpoints)).limit(3),
        "endpoints",
    ),
    "contained": lambda t: (
        select(t.N)
        .join(t.N.experiments)
        .options(contains_eager(t.N.experiments))
        .where(t.E.status == "Running"),
        "experiments",
    ),
    "contained in an alias": lambda t: (
        select(t.E).join(t.E.endpoint.of_type(t.N2)).options(contains_eager(t.E.endpoint.of_type(t.N2))),
        "endpoint",
    ),
    "only some": lambda t: (select(t.M).options(load_only(t.M.made)), "role"),
    "deferred": lambda t: (select(t.M).options(defer(t.M.role)), "role"),
    "an expression": lambda t: (
        select(t.E).options(with_expression(t.E.extra, func.lower(t.E.status))),
        "extra",
    ),
}

ORM: dict[str, Callable[[Session, Any], Any]] = {
    "get": lambda s, t: [s.get(t.M, MODEL), s.get(t.M, {**MODEL, "name": "none"})],
    "query": lambda s, t: s.query(t.M).filter_by(region="us-east-1").order_by(t.M.name).all(),
    "query counts": lambda s, t: s.query(t.M).filter(t.M.name.like("%v1")).count(),
    "query exists": lambda s, t: s.query(s.query(t.M).filter(t.M.name == "a").exists()).scalar(),
    "query slices": lambda s, t: s.query(t.M).order_by(t.M.name, t.M.region)[2:4],
    "query unites": lambda s, t: s.query(t.M)
    .filter_by(region="us-east-1")
    .union(s.query(t.M).filter(t.M.name.like("f%")))
    .order_by(t.M.region, t.M.name)
    .all(),
    "yield_per": lambda s, t: list(
        s.scalars(select(t.M).order_by(t.M.name, t.M.region).execution_options(yield_per=3))
    ),
    "partitions": lambda s, t: list(
        s.execute(select(t.M.name).order_by(t.M.name, t.M.region)).partitions(4)
    ),
    "mappings": lambda s, t: s.execute(select(t.M.name, t.M.region).order_by(t.M.name, t.M.region)).mappings().all(),
    "one or none": lambda s, t: s.execute(select(t.M).where(t.M.name == "none")).one_or_none(),
    "refresh": lambda s, t: [m := s.get(t.M, MODEL), s.refresh(m), m.role],
    "expire": lambda s, t: [m := s.get(t.M, MODEL), s.expire_all(), m.role],
    "the object of a relationship": lambda s, t: s.scalars(
        select(t.E).where(t.E.endpoint == s.get(t.N, {**MODEL, "name": "search"})).order_by(t.E.name)
    ).all(),
    "literal binds": lambda s, t: s.execute(
        sa.text(
            str(
                select(t.M.name)
                .where(t.M.region.in_(["us-east-1", "it's"]), t.M.made > NOON)
                .order_by(t.M.name)
                .compile(s.get_bind(), compile_kwargs={"literal_binds": True})
            )
        )
    ).all(),
}  # fmt: skip


def simplify(value: Any) -> Any:
    """Mapped objects as the names of their class and row, and rows as lists."""
    if hasattr(value, "__mapper__"):
        return type(value).__name__, value.region, value.name
    if isinstance(value, list | tuple | sa.Row):
        return [simplify(item) for item in value]
    return value


def follow(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = (
            [getattr(item, name) for item in value] if isinstance(value, list) else getattr(value, name, None)
        )
    return value


def compare(engine: Engine, work: Callable[[Session, Any], Any]) -> Any:
    """Do `work` over live and over local tables; both give the same."""
    answers = []
    for schema in ("aws.sagemaker", None):
        with Session(engine) as session:
            answers.append(simplify(work(session, map_classes(schema))))
    assert answers[0] == answers[1]
    return answers[0]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_has_the_rows_that_it_has_over_local_tables(engine: Engine, query: str) -> None:
    compare(engine, lambda session, t: sorted(map(repr, map(simplify, session.execute(QUERIES[query](t))))))


@pytest.mark.parametrize("load", LOADS)
def test_a_relationship_loads_what_it_loads_over_local_tables(engine: Engine, load: str) -> None:
    def read(session: Session, t: Any) -> Any:
        query, path = LOADS[load](t)
        kind = query.column_descriptions[0]["entity"]
        return [
            (it, follow(it, path)) for it in session.scalars(query.order_by(kind.region, kind.name)).unique()
        ]

    assert compare(engine, read)


@pytest.mark.parametrize("work", ORM)
def test_a_session_reads_what_it_reads_over_local_tables(engine: Engine, work: str) -> None:
    compare(engine, ORM[work])
