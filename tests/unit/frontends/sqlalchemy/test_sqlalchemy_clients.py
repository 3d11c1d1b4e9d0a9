from __future__ import annotations

import subprocess
import sys

import pandas as pd
import polars as pl
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session

from sqlprov.emulator import Emulator

QUERY = "SELECT model_name, creation_time FROM aws.sagemaker.models WHERE region = 'us-east-1' ORDER BY model_name"


def test_pandas_and_polars_read_a_query(engine: Engine) -> None:
    frame = pd.read_sql(QUERY, engine)
    assert frame["model_name"].is_monotonic_increasing
    assert str(frame["creation_time"].dt.tz) == "UTC"
    with engine.connect() as con:
        same = pl.read_database(QUERY, con)
    assert same.columns == list(frame) == ["model_name", "creation_time"]
    assert same["model_name"].to_list() == frame["model_name"].tolist()
    assert same.height >= 9


def test_pandas_and_polars_read_nested_columns(engine: Engine) -> None:
    query = (
        "SELECT tag_map, vpc_config, primary_container FROM aws.sagemaker.models WHERE region = 'us-east-1'"
    )
    chunks = pd.read_sql_query(query, engine, chunksize=3)
    first = pd.concat(list(chunks))["primary_container"].iloc[0]
    with engine.connect() as con:
        same = pl.read_database(query, con)
    assert same["primary_container"][0]["Image"] == first["Image"]
    assert isinstance(same.schema["tag_map"], pl.Struct)


def test_pandas_passes_parameters(engine: Engine) -> None:
    named = text("SELECT :n AS n, region FROM aws.regions WHERE region = :region")
    frame = pd.read_sql(named, engine, params={"n": 7, "region": "eu-west-1"})
    assert frame.to_dict("records") == [{"n": 7, "region": "eu-west-1"}]
    placed = pd.read_sql("SELECT ? + 1 AS n", engine, params=(7,))
    assert placed["n"].tolist() == [8]


def test_pandas_reads_a_live_table_by_name(engine: Engine) -> None:
    columns = ["endpoint_name", "tags"]
    frame = pd.read_sql_table("endpoints", engine, schema="aws.sagemaker", columns=columns)
    assert list(frame) == columns
    assert len(frame) > 0
    assert {type(tags) for tags in frame["tags"]} == {list}


def test_pandas_writes_and_reads_a_local_table(own_engine: Engine) -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "share": [0.1, 0.25, 0.5],
            "name": ["a", "ä?", None],
            "made": pd.to_datetime(["2025-06-01T10:00:00Z"] * 3),
            "fine": [True, False, True],
        }
    )
    for method in (None, "multi"):
        assert frame.to_sql("kept", own_engine, index=False, if_exists="replace", method=method) == 3
        read = pd.read_sql("SELECT * FROM kept ORDER BY n", own_engine)
        assert read["share"].tolist() == [0.1, 0.25, 0.5]
        assert read["name"].isna().tolist() == [False, False, True]
        assert read["made"].tolist() == frame["made"].tolist()
        assert read["fine"].tolist() == [True, False, True]
    assert frame.to_sql("kept", own_engine, index=False, if_exists="append") == 3
    query = "SELECT count(*) FROM kept JOIN aws.regions ON name = 'a' AND region = 'us-east-1'"
    assert pd.read_sql(query, own_engine).iloc[0, 0] == 2


# JupySQL


def test_jupysql_reads_and_writes_through_a_url(em: Emulator) -> None:
    # In a process of its own, because IPython has one shell per process.
    script = f"""if True:
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.utils.capture import capture_output

        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "sql")
        shell.run_line_magic("config", "SqlMagic.feedback = 0")
        shell.run_line_magic("config", "SqlMagic.displaycon = False")

        def cell(source):
            with capture_output():
                done = shell.run_cell(source)
            done.raise_error()
            return done.result

        print("begin")
        cell("%sql sqlprov://?region=us-east-1&endpoint_url={em.url}")
        cell("%sql running << SELECT name FROM aws.sagemaker.inference_experiments WHERE status = 'Running' ORDER BY 1")
        print([tuple(row) for row in shell.user_ns["running"]])
        cell("%sql SET sqlprov_regions = 'us-west-2'")
        print(cell("%sql SELECT DISTINCT region FROM aws.sagemaker.models").DataFrame()["region"].tolist())
        cell("%sql DELETE FROM aws.sagemaker.models WHERE model_name = 'no-such-model'")
        print(cell("%sqlcmd tables --schema aws.sagemaker"))
        """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    rows, regions, *tables = done.stdout.partition("begin\n")[2].splitlines()
    assert rows == "[('fraud-xgboost-17',), ('search-relevance',)]"
    assert regions == "['us-west-2']"
    assert "inference_experiments" in "".join(tables)


# ORM


def test_automap_maps_live_tables_by_their_keys(engine: Engine) -> None:
    base = automap_base()
    statements: list[tuple[str, str]] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append((args[2], str(args[3]))))
    base.prepare(autoload_with=engine, schema="aws.sagemaker")
    assert len(statements) == len(set(statements)) < 5 * len(base.classes), "nothing is read twice"
    experiment = base.classes.inference_experiments
    with Session(engine) as session:
        counts = session.execute(
            select(experiment.status, func.count())
            .where(experiment.region == "us-east-1")
            .group_by(experiment.status)
        )
        assert sum(count for _, count in counts) == 6
        # The same name in two regions makes two objects.
        twins = session.scalars(
            select(experiment).where(
                experiment.region.in_(["us-east-1", "eu-west-1"]), experiment.name == "search-relevance"
            )
        ).all()
        assert {twin.region for twin in twins} == {"us-east-1", "eu-west-1"}
