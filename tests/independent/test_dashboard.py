"""The dashboard of the examples, in a browser; `make test-dashboard` installs what it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import COMMAND, environment

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
APP = Path(__file__).parents[2] / "examples" / "dashboard" / "app.py"
SHOWN = 120_000.0
"""Milliseconds until a text must be shown."""

for library in ("streamlit", "playwright"):
    pytest.importorskip(library, reason=f"{library} is not installed; make test-dashboard installs it")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard of a server with the local AWS."""
    env = environment(tmp_path_factory.mktemp("state"))
    server = [*COMMAND, "serve", "--local", "--region", "us-east-1", "--region", "eu-west-1", "--listen"]
    run = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.headless=true", "--server.port=0"]
    run += ["--server.address=127.0.0.1", "--browser.gatherUsageStats=false"]
    with subprocess.Popen([*server, "127.0.0.1:0"], env=env, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stderr is not None
        match = re.search(r"127\.0\.0\.1:(\d+)", serving.stderr.readline())
        assert match is not None
        env["SQLPROV_SERVER"] = f"host=127.0.0.1 port={match[1]} dbname=aws user=dashboard"
        with subprocess.Popen(run, env=env, stdout=subprocess.PIPE, text=True) as app:
            assert app.stdout is not None
            lines = (re.search(r"http://\S+", line) for line in app.stdout)
            yield next(found[0] for found in lines if found)
            app.kill()  # it waits for what its page still does
        serving.terminate()


def test_a_browser_shows_the_numbers_and_follows_the_chosen_regions(url: str) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url)
        numbers = page.get_by_test_id("stMetricValue")
        expect(numbers).to_have_text(["2", "3", "7"], timeout=SHOWN)
        expect(page.get_by_text("Newest experiments")).to_be_visible(timeout=SHOWN)
        page.get_by_label("Remove eu-west-1").or_(page.locator("[data-baseweb=tag] svg").first).first.click()
        expect(numbers).to_have_text(["2", "1", "4"], timeout=SHOWN)
        browser.close()
