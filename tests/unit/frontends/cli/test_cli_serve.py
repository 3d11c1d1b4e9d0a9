from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
from command_line import COMMAND, CommandLine, environment
from tls_proxy import create_certificate


def test_serve_listens_until_it_is_interrupted(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--local", "--listen", "127.0.0.1:0", "--read-only"]
    with subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        line = server.stderr.readline()
        match = re.fullmatch(r"Listening on 127\.0\.0\.1:(\d+)\. Ctrl-C stops the server\.\n", line)
        assert match, line + server.stderr.read()
        with psycopg.connect(host="127.0.0.1", port=int(match[1]), user="ada", autocommit=True) as pg:
            assert pg.execute("SELECT count(*) FROM sagemaker.models").fetchall() == [(10,)]
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                pg.execute(
                    "DELETE FROM sagemaker.models WHERE model_name = 'churn-v1' AND region = 'us-east-1'"
                )
            server.send_signal(signal.SIGINT)
            assert server.stderr.read() == "Cancelled.\n"
        assert server.wait() == 130


def test_serve_asks_the_users_of_its_file_for_their_password(tmp_path: Path) -> None:
    users, pem = tmp_path / "users.txt", create_certificate(tmp_path)
    added = CommandLine(environment(tmp_path)).run(
        "serve", "adduser", "--users", str(users), "ada", stdin="secret\n"
    )
    assert (added.code, "secret" in users.read_text()) == (0, False), added.err
    files = ["--users", str(users), "--tls-cert", str(pem), "--tls-key", str(pem)]
    command = [*COMMAND, "serve", "--local", "--listen", "127.0.0.1:0", *files]
    with subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        port = int(server.stderr.readline().rsplit(":", 1)[1].partition(".")[0])
        where = {"host": "127.0.0.1", "port": port, "user": "ada", "dbname": "aws", "sslmode": "require"}
        with psycopg.connect(**where, password="secret") as pg:  # type: ignore[arg-type]
            assert pg.execute("SELECT 1").fetchall() == [(1,)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(**where, password="wrong")  # type: ignore[arg-type]
        server.terminate()
        assert server.wait() == 143


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["--listen", "0.0.0.0:5433"],
            1,
            "0.0.0.0 can be reached from other machines: that needs --tls-cert",
        ),
        (["--listen", "localhost"], 2, "expected ADDRESS:PORT"),
        (["--listen", "127.0.0.1:70000"], 2, "expected ADDRESS:PORT"),
        (["--tls-cert", "cert.pem"], 2, "--tls-cert and --tls-key belong together"),
        (["--users", "/nonexistent"], 1, "/nonexistent: No such file or directory."),
        (["adduser", "--users", "users.txt", "a:b"], 1, "'a:b' is not a name of a user"),
        (["adduser", "--users", "users.txt", "ada", "bob"], 2, "unexpected extra argument"),
    ],
)
def test_wrong_usage_is_explained(tmp_path: Path, words: list[str], code: int, message: str) -> None:
    result = CommandLine(environment(tmp_path)).run("serve", *words, stdin="x\n")
    assert result.code == code
    assert message in result.err


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("no certificate")
    result = CommandLine(environment(tmp_path)).run("serve", "--tls-cert", str(file), "--tls-key", str(file))
    assert (result.code, result.err.startswith(f"Error: --tls-cert {file}, --tls-key {file}: ")) == (1, True)


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    result = CommandLine(environment(tmp_path)).run("serve", "adduser", "--users", str(users), "ada")
    assert (result.code, result.err, users.exists()) == (1, "Error: The password is empty.\n", False)
