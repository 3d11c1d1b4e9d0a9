import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from local_sagemaker import plain_client

import sqlprov


def test_a_local_connection_needs_no_configuration_and_has_a_region(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\nregion = mars-1\nuse_fips_endpoint = true\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with sqlprov.connect(local=True) as con:
        assert con.regions == ("us-east-1",)
        assert con.sql("SELECT count(*) FROM aws.sagemaker.models").fetchall() == [(10,)]
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        assert con.regions == ("eu-west-1",)
        assert con.sql("SELECT DISTINCT region FROM aws.sagemaker.endpoints").fetchall() == [("eu-west-1",)]


def test_a_row_that_only_the_model_server_can_deny_comes_with_a_warning() -> None:
    with sqlprov.connect(local=True) as con:
        result = con.sql("SELECT name FROM aws.amplify.apps WHERE app_id = 'd1'").keep()
        assert result.fetchall() == []
        assert result.warnings == ["The local AWS has nothing for amplify:GetApp: moto does not have it."]


def test_serve_local_prints_the_endpoint_and_ends_with_sigterm():
    script = "from sqlprov.local import serve_local; serve_local(0); print('ended')"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            words = re.fullmatch(
                r"export AWS_ENDPOINT_URL=(http://127\.0\.0\.1:\d+) AWS_REGION=us-east-1 "
                r"AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n",
                line,
            )
            assert words is not None
            sm = plain_client(words[1])
            assert len(sm.list_models()["Models"]) == 10
            sm.close()
        finally:
            process.send_signal(signal.SIGTERM)  # or leaving the block would wait for it
        assert process.stdout.read() == "ended\n"
        assert process.wait(timeout=600) == 0


def test_a_row_that_moto_cannot_describe_has_what_its_list_shows() -> None:
    with sqlprov.connect(local=True) as con:
        result = con.sql(
            "SELECT identity_store_id, encryption_configuration_details FROM aws.sso_admin.instances"
        ).keep()
        ((store, encryption),) = result.fetchall()
        assert store.startswith("d-")
        assert encryption is None
        assert result.warnings == [
            "The local AWS has nothing for sso:DescribeInstance: moto does not have it."
        ]


@pytest.mark.parametrize(("table", "rows"), [("codecatalyst.spaces", 3), ("sdb.domains", 0)])
def test_a_service_whose_signatures_name_no_region_is_read_too(table: str, rows: int) -> None:
    with sqlprov.connect(local=True) as con:
        assert len(con.sql(f"FROM aws.{table}").fetchall()) == rows


def test_a_bucket_has_its_rows_in_whatever_region_the_session_is() -> None:
    with sqlprov.connect(local=True, region="eu-west-1") as con:
        read = "SELECT count(*) FROM aws.s3.objects WHERE bucket = 'payments-ledger'"
        assert con.sql(read).fetchall() == [(2,)]
        assert con.sql(f"{read} AND region = 'us-east-1'").fetchall() == [(2,)]
        assert con.sql(f"{read} AND region = 'eu-west-1'").fetchall() == [(0,)]
