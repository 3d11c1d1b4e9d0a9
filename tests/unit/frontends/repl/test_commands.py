"""The shell's commands at a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import CTRL_C, ENTER, ESCAPE, Terminal, environment

from sqlprov.emulator import Emulator
from sqlprov.errors import AccessDenied, CredentialsError, Error, RegionError, Unreachable
from sqlprov.frontends.repl.commands import COMMANDS
from sqlprov.frontends.repl.shell import advise_on_region

T = "aws.sagemaker.inference_experiments"
REGION = "us-east-1"


def test_the_help_lists_every_command(term: Terminal) -> None:
    shown = term.run("\\?")
    for name, command in COMMANDS.items():
        assert f"\\{name} {command.usage}".rstrip() in shown


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("\\timign", "\\timing"),
        ("\\regoin", "\\region"),
        ("\\wacth 2", "\\watch"),
        ("\\dtt", "\\dt"),
        (".tabels", ".tables"),
    ],
)
def test_a_bad_command_gets_the_nearest_right_one(term: Terminal, typed: str, meant: str) -> None:
    shown = term.run(typed)
    assert f"Error: Unknown command {typed.split()[0]}. Did you mean '{meant}'?" in shown


def test_a_command_without_a_near_name_points_to_the_list(term: Terminal) -> None:
    assert "Error: Unknown command \\foo. \\? lists them." in term.run("\\foo")


def test_psqls_set_points_to_the_statement_and_the_keys_of_vi(term: Terminal) -> None:
    assert "write SET and the setting's name; \\vi on chooses" in term.run("\\set vi on")


@pytest.fixture(scope="module")
def printing(service: Emulator, home: Path) -> Iterator[Terminal]:
    """A shell that prints long listings, instead of passing them to a pager."""
    words = ("--endpoint-url", service.url, "--region", REGION)
    with Terminal(*words, env={**environment(home), "PAGER": "cat"}) as terminal:
        terminal.ready()
        yield terminal


def test_d_shows_services_and_a_table_with_its_methods(printing: Terminal) -> None:
    term = printing
    assert re.search(r"^aws\.xray +\d+ +AWS X-Ray$", term.run("\\d"), re.MULTILINE)
    assert re.search(r"^aws\.xray +\d+ +AWS X-Ray$", term.run("\\d aws"), re.MULTILINE)
    for name in ("sqs", "aws.sqs", "AWS.SQS;"):
        shown = term.run(f"\\d {name}")
        assert re.search(r"^message_move_tasks +The latest tasks, ten at most", shown, re.MULTILINE)
        assert "\\d aws.sqs.dead_letter_source_queues shows the columns of a table." in shown
    shown = term.run("\\d aws.sagemaker.models")
    assert re.search(r"^model_name +VARCHAR +ListModels$", shown, re.MULTILINE)
    assert re.search(r"^primary_container +STRUCT\(…\) +DescribeModel a row$", shown, re.MULTILINE)
    assert re.search(r"^create_resource +INSERT +CreateModel +ModelName, ", shown, re.MULTILINE)
    term.run("CREATE OR REPLACE TEMP TABLE own AS SELECT 1 AS visitor;")
    assert re.search(r"^visitor +INTEGER", term.run("\\d own"), re.MULTILINE)
    assert "DuckDB's own" in term.run("\\d")
    assert "Did you mean 'aws.sagemaker.models'?" in term.run("\\d aws.sagemaker.modls")
    assert re.search(r"^partition +VARCHAR", term.run("\\d aws.regions"), re.MULTILINE)


def test_dt_lists_the_tables_that_match_a_pattern(printing: Terminal) -> None:
    term = printing
    assert "aws.xray." in term.run("\\dt")
    assert term.run("\\dt inference_exp").splitlines()[3:4] == [T]
    shown = term.run("\\dt *.end*s")
    assert "aws.sagemaker.endpoints" in shown
    assert T not in shown
    assert "No table name matches 'nonsense'." in term.run("\\dt nonsense")


def test_o_writes_rows_to_a_file_and_back_to_the_screen(term: Terminal, home: Path) -> None:
    file, plain = home / "rows.jsonl", home / "rows.txt"
    assert "as jsonl" in term.run("\\o ~/rows.jsonl")
    term.run("\\rows 1")
    shown = term.run("SELECT 'hidden' AS a FROM range(3);")
    assert "3 rows, 0 calls" in shown
    assert "\nhidden" not in shown
    term.run("\\o ~/rows.txt")
    term.run("SELECT 1 AS one;")
    term.run("SELECT 2 AS two;")
    assert "\nhidden" in term.run("\\o") + term.run("SELECT 'hidden' AS a;")
    assert [json.loads(line) for line in file.read_text().splitlines()] == [{"a": "hidden"}] * 3
    assert plain.read_text() == "one\n---\n  1\n\ntwo\n---\n  2\n"


def test_a_file_that_cannot_be_written_or_read_is_an_error(term: Terminal, tmp_path: Path) -> None:
    for command in (f"\\o {tmp_path}/none/x", f"\\i {tmp_path}/none"):
        shown = term.run(command).replace("\n", "")
        assert f"Error: {command[3:]}: No such file or directory." in shown
    assert "\\i needs a file name." in term.run("\\i")


def test_i_runs_the_statements_and_commands_of_a_file(term: Terminal, tmp_path: Path) -> None:
    script = tmp_path / "script.sql"
    script.write_text(
        "\\rows 2\nSELECT 1\n  AS one;\nSELECT nonsense;\n\\foo\nSELECT i FROM range(5) AS r(i); -- end\n"
    )
    shown = term.run(f"\\i {script}")
    for part in (
        "Rows shown per result: 2.",
        "\none\n",
        "nonsense",
        "Unknown command \\foo",
        "first 2 rows shown",
    ):
        assert part in shown
    assert shown.index("\none\n") < shown.index("nonsense") < shown.index("first 2 rows")


def test_i_runs_nothing_of_a_file_that_cannot_be_parsed(term: Terminal, em: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "torn.sql"
    file.write_text(
        "\\timing off\nSELECT 41;\nDELETE FROM aws.sagemaker.models WHERE true;\n AND region = 'x';\n"
    )
    shown = term.run(f"\\i {file}")
    assert "No statement begins with 'AND'. Does a ; before it end a statement too early?" in shown
    assert "41" not in shown.partition("\\i")[2]
    assert em.calls == []


def test_timing_switches_the_summary_after_each_statement(term: Terminal) -> None:
    term.run("\\timing off")
    assert "0 calls" not in term.run("SELECT 1 AS a;")
    term.run("\\timing")
    assert "1 row, 0 calls" in term.run("SELECT 1 AS a;")
    assert "'of': expected on or off. Did you mean 'off'?" in term.run("\\timing of")


def test_region_chooses_where_statements_read(term: Terminal, em: Emulator) -> None:
    assert "Regions for statements that name none: us-east-1." in term.run("\\region")
    assert "name none: eu-west-1." in term.run("\\region eu-west-1")
    assert re.search(r"\n *3\n", term.run(f"SELECT count(*) AS n FROM {T};"))
    term.run("\\region eu-west-1, us-east-1")
    assert re.search(r"\n *253\n", term.run(f"SELECT count(*) AS n FROM {T};"))
    assert "Unknown region 'eu-wst-1'. Did you mean 'eu-west-1'?" in term.run("\\region eu-wst-1")
    assert "\\region ,: expected regions, all or default." in term.run("\\region ,")
    assert "name none: us-east-1." in term.run("\\region default")


def test_an_error_about_a_region_names_the_command_that_chooses_it(term: Terminal) -> None:
    advice = "\\region us-east-1 chooses the regions"
    insert = "INSERT INTO aws.sagemaker.models (model_name, region) VALUES ('m', 'us-esat-1');"
    shown = term.run(insert)
    assert "Unknown region 'us-esat-1' in row 1. Did you mean 'us-east-1'?" in shown
    assert advice in shown
    assert term.run("\\region us-esat-1").count("\\region") == 2  # what was typed, and no advice
    assert advice not in term.run("SELECT nonsense;")


@pytest.mark.parametrize(
    ("error", "is_advised"),
    [
        (RegionError("No region for aws.sagemaker.models."), True),
        (
            CredentialsError("not valid, or af-south-1 is not enabled for the account", region="af-south-1"),
            True,
        ),
        (Unreachable("endpoint not reachable", region="us-somewhere-7"), True),
        (Unreachable("endpoint not reachable", region="us-east-1"), False),
        (AccessDenied("access denied", region="us-east-1"), False),
    ],
)
def test_an_error_is_about_a_region_if_another_one_would_do(error: Error, is_advised: bool) -> None:
    assert ("\\region" in advise_on_region(error)) == is_advised


def test_calls_shows_the_calls_of_the_last_statement(term: Terminal, em: Emulator) -> None:
    term.run(f"SELECT count(*) AS n FROM {T};")
    shown = term.run("\\calls")
    assert len(re.findall(r"^operation +ListInferenceExperiments$", shown, re.MULTILINE)) == 3
    assert sorted(re.findall(r"^rows +(\d+)$", shown, re.MULTILINE)) == ["100", "100", "50"]
    assert re.findall(r"^attempts +(\d+)$", shown, re.MULTILINE) == ["1"] * 3
    em.options.denied_actions = {"ListInferenceExperiments"}
    term.run(f"SELECT count(*) AS n FROM {T};")
    assert "AccessDenied" in term.run("\\calls")
    term.run("SELECT 1 AS a;")
    assert "The last statement made no call." in term.run("\\calls")


def test_calls_still_shows_them_after_other_commands(term: Terminal, em: Emulator) -> None:
    term.run(f"SELECT count(*) AS n FROM {T};")
    for command in ("\\region us-west-2", "\\conninfo", "\\region default"):
        term.run(command)
    assert "ListInferenceExperiments" in term.run("\\calls")


def test_watch_repeats_the_last_statement(term: Terminal) -> None:
    term.run("SELECT 'seen' AS a;")
    term.clear()
    term.type("\\watch 0.2" + ENTER)
    term.until(r"(?s)every 0\.2 s; Ctrl-C ends it\..*(\nseen\n.*){3}")
    term.type(CTRL_C)
    term.until("Cancelled")
    term.ready()
    term.type("SELECT 'again' AS a \\watch 0.2" + ENTER)
    term.until(r"(?s)(\nagain\n.*){2}")
    term.type(CTRL_C)
    term.ready()


@pytest.mark.parametrize(
    "sql", [f"DELETE FROM {T} WHERE name = 'x'", "CREATE TABLE t (a INT)", f"EXEC {T}.start @Name = 'x'"]
)
def test_watch_refuses_a_write(term: Terminal, em: Emulator, sql: str) -> None:
    assert "\\watch repeats only statements that read." in term.run(f"{sql} \\watch 1")
    assert "expected a number of seconds" in term.run("\\watch soon")
    assert em.calls == []


def test_watch_ends_after_some_times(term: Terminal) -> None:
    term.run("CREATE OR REPLACE SEQUENCE beat;")
    for words in ("0.01 3", "i=0.01 c=3"):
        assert term.run(f"SELECT nextval('beat') AS n \\watch {words}").count("every 0.01 s") == 3
    assert re.search(r"\n *7\n", term.run("SELECT nextval('beat') AS n;"))


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (".tables inference_exp", T),
        (".schema aws.sqs", "message_move_tasks"),
        (".help", "\\watch [seconds [times]]"),
        (".maxrows 5", "Rows shown per result: 5."),
        (".timer on", "Summary after each statement: on."),
        ("\\dn aws.sqs", "message_move_tasks"),
        (".mode csv", "Format of rows on the screen: csv."),
        ("\\conninfo", "calls go to"),
        ("\\c prod", "\\conninfo takes no argument, and 'prod' follows it."),
        ("\\o x.xlsx", "Excel opens .csv"),
        ("\\dt+ sqs.q", "aws.sqs.queues"),
        ("\\format cvs", "Did you mean 'csv'?"),
        ("\\status", "calls go to"),
        ("\\copy t to 'x.csv'", "There is no \\copy: write COPY (SELECT"),
        (".import x.csv t", "There is no .import: write COPY"),
        ("\\pset format csv", "\\format chooses the format"),
        ("\\df+", "There is no \\df+: write FROM duckdb_functions()"),
        ("\\echo hello", "write SELECT 'text'"),
        ("\\gset", "SET VARIABLE x"),
        (".once x.csv", "write COPY (SELECT"),
        ("\\du", "IAM decides who may do what"),
        ("\\! echo $((6*7)); false", "42\nExit code 1."),
    ],
)
def test_words_of_other_shells_are_answered(printing: Terminal, typed: str, shown: str) -> None:
    assert shown in printing.run(typed)
    printing.run("\\format table")


def test_g_runs_a_statement_and_gx_shows_it_one_column_per_line(term: Terminal) -> None:
    assert "\n-- row 1 --" in term.run("SELECT 'once' AS a \\gx")
    assert "\na\n----\nonce\n" in term.run("\\g")
    assert "\na  once\n" in term.run("SELECT 'once' AS a\\G")


def test_format_decides_how_rows_are_shown(term: Terminal) -> None:
    for name, shown in {"json": '[\n{"a":1}\n]', "csv": "a\n1", "markdown": "| a   |"}.items():
        term.run(f"\\format {name}")
        assert f"\n{shown}" in term.run("SELECT 1 AS a;")
    term.run("\\format table")


def test_a_statement_is_saved_and_runs_by_its_name(term: Terminal, home: Path) -> None:
    assert "No statement is saved. \\ns name saves the last one." in term.run("\\n")
    term.run("SELECT 'mine' AS own;")
    assert "\\n first runs it." in term.run("\\ns first")
    term.run("\\ns second SELECT 2 AS two;")
    assert re.search(r"^second +SELECT 2 AS two$", term.run("\\n"), re.MULTILINE)
    assert "\nmine\n" in term.run("\\n first")
    assert "No query is named 'frist'. Did you mean 'first'?" in term.run("\\n frist")
    (folder,) = home.rglob("queries")
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())} == {0o700, 0o600}
    term.run("\\nd first")
    assert "No query is named 'first'." in term.run("\\nd first")
    assert "cannot name a query" in term.run("\\ns ../x")


def test_e_opens_an_editor_and_returns_its_text_to_the_prompt(service: Emulator, tmp_path: Path) -> None:
    (tmp_path / "ed").write_text('#!/bin/sh\nsed -i s/before/after/ "$1"\n')
    (tmp_path / "ed").chmod(0o755)
    env = environment(tmp_path, EDITOR=str(tmp_path / "ed"))
    with Terminal("--endpoint-url", service.url, env=env) as term:
        term.run("SELECT 'before' AS a;")
        term.type("\\e" + ENTER)
        term.until(r"> SELECT 'after' AS a;")
        term.type(ENTER)
        term.until("\nafter\n")


def test_the_keys_of_vi(term: Terminal) -> None:
    term.run("\\vi on")
    term.type(
        "SELECT 12 AS n;" + ESCAPE + "0fnr"
    )  # ESCAPE leaves insert mode; fn goes to the n, r replaces it
    term.type("m" + ENTER)
    term.until(r"\n +m\n")
    term.ready()
    term.run("\\vi off")


def test_watch_uses_no_pager_for_long_results(term: Terminal) -> None:
    term.run("CREATE OR REPLACE SEQUENCE beat;")
    term.type("SELECT i, nextval('beat') AS n FROM range(100) AS r(i) \\watch 0.1" + ENTER)
    term.until(r"\n99 +([3-9]\d\d|\d{4,})\n")
    term.type(CTRL_C)
    term.ready()


def test_a_file_that_runs_itself_is_an_error(term: Terminal, home: Path) -> None:
    (home / "one.sql").write_text("\\i ~/two.sql\nSELECT 'still here' AS a;\n")
    (home / "two.sql").write_text("\\i ~/one.sql\n")
    text = term.run("\\i ~/one.sql")
    assert "one.sqlisalreadyrunning:runningitagainwouldneverend." in "".join(text.split())
    assert text.count("still here") == 1
    assert term.run("\\i ~/one.sql").count("still here") == 1


def test_ctrl_c_ends_a_running_file(term: Terminal, em: Emulator, tmp_path: Path) -> None:
    script = tmp_path / "slow.sql"
    script.write_text(f"SELECT count(*) AS n FROM {T};\nSELECT 'further' AS a;\n")
    em.options.latency = 2
    term.clear()
    term.type(f"\\i {script}" + ENTER)
    term.until("Ctrl-C stops it")
    term.type(CTRL_C)
    term.until("Cancelled")
    term.ready()
    assert "further" not in term.text


@pytest.mark.parametrize("word", ["\\q", "exit", "quit;"])
def test_words_that_leave_the_shell(service: Emulator, tmp_path: Path, word: str) -> None:
    with Terminal("--endpoint-url", service.url, env=environment(tmp_path)) as term:
        term.ready()
        term.type(word + ENTER)
        assert term.end() == 0


def test_the_rc_file_runs_first(service: Emulator, tmp_path: Path) -> None:
    (tmp_path / ".sqlprovrc").write_text(
        "\\rows 2\nSET sqlprov_concurrency = 3;\nSELEC;\nCREATE TEMP TABLE mine AS SELECT 5 AS five;\n"
    )
    with Terminal("--endpoint-url", service.url, env=environment(tmp_path)) as term:
        shown = term.until("for help")
        assert "Error: " in shown
        assert "concurrency" not in shown
        term.ready()
        assert "first 2 rows shown" in term.run("SELECT i FROM range(9) AS r(i);")
        assert re.search(r"sqlprov_concurrency +3 ", term.run("SHOW sqlprov_concurrency;"))
        assert re.search(r"\n *5\n", term.run("FROM mine;"))
        term.type("\\q" + ENTER)
        assert term.end() == 0


def test_an_rc_file_that_leaves_or_cannot_be_read(service: Emulator, tmp_path: Path) -> None:
    rc = tmp_path / ".sqlprovrc"
    rc.write_bytes(b"SELECT '\xff';")
    with Terminal("--endpoint-url", service.url, env=environment(tmp_path)) as term:
        assert "Error: 'utf-8' codec" in term.until("for help")
    rc.write_text("SELECT 'bye' AS a;\n\\q\n")
    with Terminal("--endpoint-url", service.url, env=environment(tmp_path)) as term:
        assert term.end() == 0
        assert "bye" in term.text


def test_a_history_that_cannot_be_saved_is_reported(service: Emulator, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env = environment(tmp_path, SQLPROV_STATE_DIR=str(tmp_path / "file" / "state"))
    with Terminal("--endpoint-url", service.url, env=env) as term:
        term.ready()
        assert "The history is not saved: " in term.text
        assert "1 row, 0 calls" in term.run("SELECT 1 AS a;")
