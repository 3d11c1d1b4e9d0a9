"""Apache Superset reads through `sqlprov serve`; `make test-superset` installs it, a gigabyte, beside the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from command_line import COMMAND, environment
from emulator_calls import wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOT = os.environ.get("SCREENSHOT")
"""File for a picture of the chart, for the page in docs."""
PASSWORD = "only-for-this-test"
CONFIG = """
SECRET_KEY = "only-for-this-test-0123456789abcdef"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
WTF_CSRF_ENABLED = TALISMAN_ENABLED = PREVENT_UNSAFE_DB_CONNECTIONS = False
"""

PROGRAM = os.environ.get("SUPERSET", "")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="no Superset is named; make test-superset installs one")


class Superset:
    """Its REST interface."""

    def __init__(self, url: str) -> None:
        self.url, self.token = url, ""

    def call(self, method: str, path: str, data: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=300) as reply:
            return json.load(reply)

    def is_up(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/health", timeout=10).close()
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server with the local AWS."""
    env = environment(tmp_path_factory.mktemp("state"))
    words = [*COMMAND, "serve", "--local", "--region", "us-east-1", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        match = re.search(r"127\.0\.0\.1:(\d+)", process.stderr.readline())
        assert match is not None
        yield int(match[1])
        process.terminate()


@pytest.fixture(scope="module")
def superset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Superset]:
    folder = tmp_path_factory.mktemp("superset")
    config = folder / "superset_config.py"
    config.write_text(CONFIG.format(folder=folder))
    env = {**os.environ, "SUPERSET_CONFIG_PATH": str(config), "SUPERSET_HOME": str(folder)}
    env |= {"FLASK_APP": "superset"}

    def run(*words: str) -> None:
        subprocess.run([PROGRAM, *words], env=env, check=True, capture_output=True, timeout=900)

    run("db", "upgrade")
    names = ("--username", "admin", "--firstname", "Ada", "--lastname", "L", "--email", "ada@example.com")
    run("fab", "create-admin", *names, "--password", PASSWORD)
    run("init")
    log = folder / "log.txt"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [PROGRAM, "run", "-p", "0", "--with-threads"], env=env, stdout=out, stderr=subprocess.STDOUT
        ) as web,
    ):
        wait_until(lambda: "Running on" in log.read_text(), seconds=300)
        match = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        assert match is not None
        api = Superset(match[0])
        wait_until(api.is_up, seconds=300)
        user = {"username": "admin", "password": PASSWORD, "provider": "db", "refresh": False}
        api.token = api.call("POST", "security/login", user)["access_token"]
        yield api
        web.terminate()


def test_superset_browses_queries_and_draws_a_chart(superset: Superset, server: int) -> None:
    uri = f"postgresql+psycopg2://ada@127.0.0.1:{server}/aws"
    new = {"database_name": "AWS", "sqlalchemy_uri": uri, "expose_in_sqllab": True}
    database = superset.call("POST", "database/", new)["id"]

    assert {"s3", "sagemaker"} <= set(superset.call("GET", f"database/{database}/schemas/")["result"])
    listed = superset.call("GET", f"database/{database}/tables/?q=(schema_name:sagemaker)")["result"]
    assert "inference_experiments" in [each["value"] for each in listed]
    about = superset.call("GET", f"database/{database}/table_metadata/?name=models&schema=sagemaker")
    (column,) = [each for each in about["columns"] if each["name"] == "creation_time"]
    assert column["type"] == "TIMESTAMP"

    query = {"database_id": database, "schema": "sagemaker", "runAsync": False}
    query["sql"] = "SELECT region, count(*) AS n FROM models GROUP BY region"
    answer = superset.call("POST", "sqllab/execute/", query)
    assert (answer["status"], answer["data"]) == ("success", [{"region": "us-east-1", "n": 10}])

    table = {"database": database, "schema": "sagemaker", "table_name": "inference_experiments"}
    source = superset.call("POST", "dataset/", table)["id"]
    count = {"expressionType": "SQL", "sqlExpression": "COUNT(*)", "label": "experiments"}
    asked = {"columns": ["status"], "metrics": [count], "row_limit": 100, "time_range": "No filter"}
    drawn = {"datasource": {"id": source, "type": "table"}, "queries": [asked], "result_format": "json"}
    (result,) = superset.call("POST", "chart/data", drawn)["result"]
    rows = {row["status"]: row["experiments"] for row in result["data"]}
    assert rows == {"Cancelled": 1, "Completed": 1, "Created": 1, "Creating": 1, "Running": 2}

    if CHROMIUM is None:
        pytest.skip("the rest needs Chromium, which is not installed")
    params = {"viz_type": "echarts_timeseries_bar", "datasource": f"{source}__table", "x_axis": "status"}
    params |= {"metrics": [count], "time_range": "No filter", "row_limit": 100, "show_value": True}
    chart = {"slice_name": "Experiments by status", "viz_type": params["viz_type"], "datasource_id": source}
    chart |= {"datasource_type": "table", "params": json.dumps(params)}
    slice_id = superset.call("POST", "chart/", chart)["id"]
    look(superset.url, f"explore/?slice_id={slice_id}")


def look(url: str, page: str) -> None:
    """Log in with a browser, and see a chart drawn."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1400, "height": 800})
        window.goto(f"{url}/login/")
        window.get_by_label("Username").fill("admin")
        window.get_by_label("Password").fill(PASSWORD)
        window.get_by_role("button", name="Sign in").click()
        window.wait_for_url(re.compile("welcome"), timeout=120_000)
        window.goto(f"{url}/{page}")
        expect(window.locator("canvas").first).to_be_visible(timeout=120_000)
        expect(window.get_by_text("5 rows").first).to_be_visible(timeout=120_000)
        if SCREENSHOT:
            window.wait_for_timeout(2000)  # for the animation of the bars
            window.screenshot(path=SCREENSHOT)
        browser.close()
