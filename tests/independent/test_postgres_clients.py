"""`sqlprov serve` with the clients that people use; `make test-clients` installs those of PyPI.

Node.js, psql and the ODBC driver come from the system; what needs one that is missing is skipped.
"""

from __future__ import annotations

import gc
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from command_line import COMMAND, environment

QUERY = "SELECT model_name, creation_time FROM sagemaker.models WHERE region = 'us-east-1' ORDER BY 1"
FIRST = ("churn-monthly-refresh-v2", datetime(2025, 5, 31, 22, 15, 37, 640000, UTC))
KEYED = "SELECT model_name FROM sagemaker.models WHERE region = 'us-east-1' AND model_name = "
COLUMNS = ["model_arn", "containers", "creation_time"]
"""Some columns of aws.sagemaker.models."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of the local AWS."""
    env = environment(tmp_path_factory.mktemp("state"))
    words = [*COMMAND, "serve", "--local", "--region", "us-east-1", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        match = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
        assert match is not None
        yield int(match[1])
        server.terminate()


@pytest.fixture
def url(port: int) -> str:
    return f"postgresql://ada@127.0.0.1:{port}/aws"


def load(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed; make test-clients installs it")


@pytest.mark.parametrize("protocol", ["binary", "cursor", "csv"])
def test_connectorx_reads_rows(url: str, protocol: str) -> None:
    rows = load("connectorx").read_sql(url, QUERY, protocol=protocol)
    assert (len(rows), rows["model_name"][0]) == (10, FIRST[0])


@pytest.mark.parametrize("engine", ["connectorx", "adbc"])
def test_polars_reads_rows(url: str, engine: str) -> None:
    load("connectorx" if engine == "connectorx" else "adbc_driver_postgresql")
    rows = load("polars").read_database_uri(QUERY, url, engine=engine)
    assert (rows.shape, rows["model_name"][0]) == ((10, 2), FIRST[0])


def test_adbc_reads_rows_with_parameters_and_lists_tables(url: str) -> None:
    dbapi = load("adbc_driver_postgresql.dbapi")
    with dbapi.connect(url, autocommit=True) as con, con.cursor() as cursor:
        cursor.execute(QUERY)
        assert cursor.fetchone() == FIRST
        cursor.execute(KEYED + "$1", ("churn-v1",))
        assert cursor.fetchall() == [("churn-v1",)]
        schema = con.adbc_get_table_schema("models", db_schema_filter="sagemaker")
        assert set(COLUMNS) <= set(schema.names)
        schemas = con.adbc_get_objects(depth="tables", db_schema_filter="sagemaker").read_all().to_pylist()
        (listed,) = [each for catalog in schemas for each in catalog["catalog_db_schemas"]]
        assert "models" in [table["table_name"] for table in listed["db_schema_tables"]]


def test_odbc_reads_rows_with_parameters_and_lists_tables(port: int) -> None:
    try:
        pyodbc = load("pyodbc")
    except ImportError as error:
        pytest.skip(f"unixODBC is not installed: {error}")
    if "PostgreSQL Unicode" not in pyodbc.drivers():
        pytest.skip("PostgreSQL's ODBC driver is not installed")
    driver = f"DRIVER={{PostgreSQL Unicode}};SERVER=127.0.0.1;PORT={port};DATABASE=aws;UID=ada"
    con = pyodbc.connect(driver, autocommit=True)
    cursor = con.cursor()
    assert len(cursor.execute(QUERY).fetchall()) == 10
    assert [tuple(row) for row in cursor.execute(KEYED + "?", "churn-v1").fetchall()] == [("churn-v1",)]
    assert "models" in [row.table_name for row in cursor.tables(schema="sagemaker").fetchall()]
    columns = [row.column_name for row in cursor.columns(table="models", schema="sagemaker").fetchall()]
    assert set(COLUMNS) <= set(columns)
    con.close()


@pytest.mark.parametrize("driver", ["psycopg2", "pg8000", "psycopg"])
def test_sqlalchemy_reads_rows_and_inspects(port: int, driver: str) -> None:
    sqlalchemy = load("sqlalchemy")
    load(driver)
    if driver == "psycopg" and sqlalchemy.__version__ < "2":
        pytest.skip("SQLAlchemy 1.4 does not know psycopg 3")
    engine = sqlalchemy.create_engine(f"postgresql+{driver}://ada@127.0.0.1:{port}/aws")
    with engine.connect() as con:
        assert tuple(con.execute(sqlalchemy.text(QUERY)).fetchone()) == FIRST
        rows = con.execute(sqlalchemy.text(KEYED + ":name"), {"name": "churn-v1"}).fetchall()
        assert [tuple(row) for row in rows] == [("churn-v1",)]
    inspector = sqlalchemy.inspect(engine)
    assert "sagemaker" in inspector.get_schema_names()
    assert "models" in [*inspector.get_table_names("sagemaker"), *inspector.get_view_names("sagemaker")]
    assert set(COLUMNS) <= {column["name"] for column in inspector.get_columns("models", "sagemaker")}
    models = sqlalchemy.Table("models", sqlalchemy.MetaData(), schema="sagemaker", autoload_with=engine)
    query = models.select().where(models.c.model_name == "churn-v1", models.c.region == "us-east-1")
    with engine.connect() as con:
        assert [row.model_name for row in con.execute(query)] == ["churn-v1"]
    engine.dispose()


def test_pandas_reads_rows(url: str) -> None:
    adbc, pandas = load("adbc_driver_postgresql.dbapi"), load("pandas")
    with adbc.connect(url, autocommit=True) as con:
        rows = pandas.read_sql(QUERY, con)
    assert (rows.shape, rows["creation_time"][0].to_pydatetime()) == ((10, 2), FIRST[1])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_pystackql_queries_it_as_stackqls_server(port: int) -> None:
    address = {"server_mode": True, "server_address": "127.0.0.1", "server_port": port}
    rows = load("pystackql").StackQL(**address, output="dict").execute(QUERY)
    assert (len(rows), tuple(rows[0].values())) == (10, FIRST)
    # Its DataFrames take only what JSON has.
    table = load("pystackql").StackQL(**address, output="pandas").execute(KEYED + "'churn-v1'")
    assert table.to_dict("records") == [{"model_name": "churn-v1"}]
    gc.collect()  # it leaves its connections open


def test_pgcli_runs_a_command(url: str) -> None:
    load("pgcli")
    done = subprocess.run(
        ["pgcli", url, "-c", "SELECT count(*) AS models FROM sagemaker.models"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.returncode, re.findall(r"\| (\w+) +\|", done.stdout)) == (0, ["models", "10"]), done.stderr


NODE = """
const {Client} = require("pg"), Cursor = require("pg-cursor");
(async () => {
    const client = new Client({host: "127.0.0.1", port: +process.argv[2], user: "ada", database: "aws"});
    await client.connect();
    const all = await client.query(process.argv[3]);
    const one = await client.query({name: "keyed", text: process.argv[4] + "$1", values: ["churn-v1"]});
    const cursor = client.query(new Cursor(process.argv[3]));
    const few = await cursor.read(3);
    await cursor.close();
    console.log(JSON.stringify([all.rows.length, all.rows[0], one.rows, few.length]));
    await client.end();
})();
"""


EVIDENCE = """
const run = require("@evidence-dev/postgres");
(async () => {
    const given = {host: "127.0.0.1", port: +process.argv[2], user: "ada", database: "aws"};
    const result = await run(process.argv[3], given, 4);
    const rows = [];
    for await (const batch of result.rows()) rows.push(...batch);
    const types = result.columnTypes.map(column => column.evidenceType);
    console.log(JSON.stringify([rows.length, rows[0], result.expectedRowCount, types]));
    process.exit(0);
})();
"""
PACKAGES = ("pg@8.23.1", "pg-cursor@2.22.1", "@evidence-dev/postgres@1.0.10")
IN_JSON = f'{{"model_name":"{FIRST[0]}","creation_time":"2025-05-31T22:15:37.640Z"}}'


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("node")
    words = [npm, "install", "--no-audit", "--no-fund", *PACKAGES]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode:
        pytest.skip(f"npm cannot install the packages: {done.stderr[-300:]}")
    return folder


def run_node(folder: Path, script: str, *words: object) -> str:
    (folder / "script.js").write_text(script)
    command = ["node", "script.js", *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_node_postgres_reads_rows_with_parameters_and_a_cursor(port: int, node: Path) -> None:
    shown = run_node(node, NODE, port, QUERY, KEYED)
    assert shown == f'[10,{IN_JSON},[{{"model_name":"churn-v1"}}],3]'


def test_the_connector_of_evidence_reads_rows_in_batches(port: int, node: Path) -> None:
    assert run_node(node, EVIDENCE, port, QUERY) == f'[10,{IN_JSON},10,["string","date"]]'
