"""The shell at a terminal: the tests type keys and read the screen."""

from __future__ import annotations

import re
import signal
import stat
from pathlib import Path

import pytest
from emulator_calls import add_experiment
from terminal import CTRL_C, CTRL_D, CTRL_R, ENTER, PATIENCE, TAB, UP, Terminal, environment

from sqlprov.emulator import Emulator, Fault, Options
from sqlprov.frontends.repl.colors import MENU, SCHEMES

T = "aws.sagemaker.inference_experiments"
REGION = "us-east-1"


def test_rows_come_with_a_summary(term: Terminal) -> None:
    shown = term.run(f"SELECT name, status FROM {T} ORDER BY name LIMIT 2;")
    assert re.search(r"^name +status\n-+ +-+\n", shown, re.MULTILINE)
    assert re.search(r"^2 rows, 3 calls, \d+\.\d\d s$", shown, re.MULTILINE)


def test_the_summary_reports_throttles_and_missing_rows(term: Terminal, em: Emulator) -> None:
    em.inject(Fault("throttle", times=2))
    assert ", 2 throttles\n" in term.run(f"SELECT count(*) AS n FROM {T};")
    em.options = Options(denied_regions={"eu-west-1"})
    term.run("SET sqlprov_on_error = 'warn';")
    shown = term.run(f"SELECT count(*) AS n FROM {T} WHERE region IN ('{REGION}', 'eu-west-1');")
    term.run("RESET sqlprov_on_error;")
    assert ", incomplete: 1 read failed" in shown
    assert f"Warning: rows are missing: {T}, eu-west-1: " in shown


def test_an_error_is_shown_and_the_next_statement_runs(term: Terminal) -> None:
    shown = term.run("SELECT nonsense;")
    assert 'Error: Binder Error: Referenced column "nonsense"' in shown
    assert "Traceback" not in shown
    assert re.search(r"^ +7$", term.run("SELECT 7 AS seven;"), re.MULTILINE)


def test_escape_sequences_in_values_are_shown_and_not_obeyed(term: Terminal) -> None:
    shown = term.run("SELECT error('\\x1b[2Jevil' || chr(27) || '[2J') AS a, chr(27) || '[2J' AS b;")
    assert "evil\\x1b[2J" in shown
    assert "\\x1b[2J" in term.run("SELECT chr(27) || '[2J' AS b;")


def test_a_statement_runs_at_its_semicolon_and_not_before(term: Terminal) -> None:
    term.type("SELECT 40 + 2" + ENTER)
    shown = term.until(r"\n      ->$")
    assert "42" not in shown
    term.type("AS answer" + ENTER + ";" + ENTER)
    term.until(r"\n +42\n1 row, 0 calls, ")
    term.ready()


def test_a_semicolon_in_a_literal_does_not_run_the_statement(term: Terminal) -> None:
    term.type("SELECT 'a;" + ENTER)
    term.until(r"\n      ->$")
    term.type("b' AS t;" + ENTER)
    term.until("1 row, 0 calls")
    term.ready()


# Completion


def test_the_menu_shows_columns_with_type_and_call(term: Terminal) -> None:
    term.type(f"SELECT e.na FROM {T} AS e" + "\x1b[D" * len(f" FROM {T} AS e"))
    term.type(TAB)
    shown = term.until("VARCHAR, ListInferenceExperiments")
    assert re.search(r"endpoint_name +VARCHAR, DescribeInferenceExperiment a row", shown)
    term.type(CTRL_C)
    term.ready()


def test_the_menu_shows_the_values_of_an_enum_and_tab_takes_one(term: Terminal) -> None:
    term.type(f"SELECT count(*) AS n FROM {T} WHERE status = 'Comp")
    term.until(r"Completed +value")
    term.type(TAB)
    term.until("status = 'Completed'")
    term.type(ENTER + ";" + ENTER)  # the first Enter takes the word
    term.until(r"1 row, \d+ calls?, ")
    term.ready()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("SELECT * FROM exper", T),
        ("SET sqlprov_conc", "sqlprov_concurrency"),
        ("\\ti", r"\\timing \[on\|off\]"),
        ("\\d aws.sagemaker.end", "endpoint_configs"),
        ("\\region eu-w", "eu-west-3"),
        ("\\x a", "auto"),
        (f"EXEC {T}.stop @Model", "ModelVariantActions"),
    ],
)
def test_the_menu_opens_while_typing(term: Terminal, typed: str, offered: str) -> None:
    term.type(typed)
    term.until(rf"\n\s+{offered}\b" if offered[-1].isalnum() else rf"\n\s+{offered}")
    term.type(CTRL_C)
    term.ready()


def test_sql_is_highlighted(term: Terminal) -> None:
    term.type("SELECT 'text', 12 FROM visits")
    term.until("FROM visits")
    row = next(at for at, line in enumerate(term.screen.display) if "FROM visits" in line)
    starts = [term.screen.display[row].index(word) for word in ("SELECT", "'text'", "12", "visits")]
    while len({term.screen.buffer[row][start].fg for start in starts}) < 4:
        assert term.pump(PATIENCE) and not term.still, term.text
    term.type(CTRL_C)
    term.ready()


# History


def test_the_history_is_recalled_and_searched(term: Terminal, home: Path) -> None:
    term.run("SELECT 'needle' AS a;")
    term.run("SELECT 2 AS b;")
    term.type(UP)
    term.until(r" s\nsqlprov> SELECT 2 AS b;")  # the first is the one that has run
    term.type(CTRL_C)
    term.ready()
    term.type(CTRL_R + "needl")
    term.until("I-search backward: needl")
    term.type(ENTER)
    term.until("sqlprov> SELECT 'needle' AS a;")
    term.type(CTRL_C)
    term.ready()
    files = list(home.rglob("history"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]
    assert "SELECT 'needle' AS a;" in files[0].read_text()


# How rows are shown


def test_x_shows_one_column_a_line_and_expands_nested_values(term: Terminal) -> None:
    assert "One column per line: on." in term.run("\\x")
    shown = term.run("SELECT {'a': 1, 'b': ['x', 'y']} AS inner, 'plain' AS t;")
    assert re.search(r'-- row 1 -+\ninner  \{\n +"a": 1,\n +"b": \[\n +"x",\n', shown)
    assert re.search(r"^t +plain$", shown, re.MULTILINE)
    assert "One column per line: auto." in term.run("\\x")
    assert '{"a":1}' in term.run("SELECT {'a': 1} AS inner;")


def test_wide_rows_go_to_a_pager_that_scrolls_sideways(term: Terminal) -> None:
    term.run("\\x off")
    columns = ", ".join(f"repeat('{letter}', 30) AS {letter}" for letter in "abcdefghijkl")
    term.type(f"SELECT {columns};" + ENTER)
    term.until(r"a{30}.*\n(.*\n)*.*\(END\)$")
    assert "l" * 30 not in term.text
    term.type("\x1bOC" * 6)  # to the right
    term.until("l{30}")
    term.type("q")
    term.ready()
    assert "1 row, 0 calls" in term.text


def test_wide_rows_turn_into_blocks_and_others_stay(term: Terminal) -> None:
    columns = ", ".join(f"repeat('{letter}', 30) AS {letter}" for letter in "abcdefghijkl")
    assert re.search(r"-- row 1 -+\na +a{30}\nb +b{30}\n", term.run(f"SELECT {columns};"))
    assert "\na\n-\n1\n" in term.run("SELECT 1 AS a;")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_color_is_readable_on_its_background(scheme: str) -> None:
    def measure_light(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = [
            each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
        ]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(one: str, other: str) -> float:
        dark, light = sorted([measure_light(one), measure_light(other)])
        return (light + 0.05) / (dark + 0.05)

    dark, light = ["#000000", "#1e1e1e", "#002b36"], ["#ffffff", "#fdf6e3"]
    backgrounds = {"dark": dark, "light": light, "both": ["#000000", "#ffffff"]}[scheme]
    for name, color in SCHEMES[scheme].items():
        for background in backgrounds:
            assert contrast(color, background) >= 4.5, (name, background)
    assert all(contrast(background, text) >= 4.5 for background, text in MENU.values())


@pytest.mark.parametrize(
    ("more", "scheme"),
    [
        ({}, "both"),
        ({"COLORFGBG": "0;15"}, "light"),
        ({"COLORFGBG": "15;0"}, "dark"),
        ({"NO_COLOR": "1"}, "off"),
    ],
)
def test_colors_fit_the_terminal(tmp_path: Path, more: dict[str, str], scheme: str) -> None:
    env = {name: value for name, value in environment(tmp_path).items() if name != "COLORFGBG"}
    with Terminal(env=env | more) as term:
        term.ready()
        assert f"Colors: {scheme}." in term.run("\\color")
        for chosen, fg in (("", SCHEMES.get(scheme, {}).get("string")), ("dark", "#87d787"), ("off", None)):
            term.run(f"\\color {chosen}")
            if scheme == "off":
                continue  # prompt_toolkit itself has no colors then
            term.clear()
            term.type("SELECT 'text'")
            while not (term.screen.buffer[0][16].data == "'" and term.still):
                term.pump(0.2)
            assert term.screen.buffer[0][17].fg == (fg[1:] if fg else "default")
            term.type(CTRL_C)


def test_many_wide_rows_show_fewer_columns_and_one_line_each(term: Terminal) -> None:
    columns = ", ".join(f"repeat('{letter}', 30) AS {letter}" for letter in "abcdefghijkl")
    shown = term.run(f"SELECT {columns} FROM range(9);")
    assert shown.count(f"{'a' * 26}…  {'b' * 26}…  …  {'l' * 26}…\n") == 9
    assert "\n12 columns, 3 shown; \\x on shows all.\n" in shown
    sql = "SELECT {'Bucket': 'b', 'KmsKey': repeat('k', 60)} AS a, repeat('word ', 90) AS b FROM range(30);"
    shown = term.run(sql)
    assert shown.count('{"Bucket":"b","KmsKey":"kkk') == 30
    assert "\nValues are cut; \\x on shows all.\n" in shown


def test_many_rows_go_to_a_pager(term: Terminal) -> None:
    term.type(f"SELECT name FROM {T} ORDER BY name;" + ENTER)
    term.until(r"\n:$")
    term.type("q")
    term.ready()
    assert "250 rows, 3 calls" in term.text


def test_rows_are_capped_and_the_shell_says_so(term: Terminal) -> None:
    assert "Rows shown per result: 3." in term.run("\\rows 3")
    shown = term.run(f"SELECT name, creation_time FROM {T};")
    assert "first 3 rows shown, \\rows 0 shows all; " in shown
    assert "not read to the end" in shown
    assert len([line for line in shown.splitlines() if "T" in line and line.endswith("Z")]) == 3
    term.run("\\rows 0")
    shown = term.run("SELECT i FROM range(20) AS r(i);")
    assert "20 rows, 0 calls" in shown


# While a statement runs


def test_the_screen_shows_the_progress_of_a_statement(term: Terminal, em: Emulator) -> None:
    em.inject(Fault("timeout_before", at=2))  # this call gets no reply
    term.type(f"SELECT count(*) AS n FROM {T} WHERE region IN ('{REGION}', 'eu-west-1');" + ENTER)
    term.until(r"\d+ rows?, \d pages?, \d calls?, [01] of 2 regions, \d+\.\d s\. Ctrl-C stops it\.")
    term.type(CTRL_C)
    term.until("Cancelled")
    term.ready()
    assert "Ctrl-C stops it" not in term.text


def test_ctrl_c_stops_the_statement_and_its_calls_and_not_the_shell(term: Terminal, em: Emulator) -> None:
    em.options = Options(latency=0.4)
    term.type(f"SELECT name, arn FROM {T};" + ENTER)
    term.until(r"[1-9]\d* calls?.*Ctrl-C stops it")
    term.type(CTRL_C)
    term.until(r"Cancelled\. \d+ calls? (was|were) made\.")
    term.ready()
    made = len(em.calls)
    em.options = Options()
    assert "1 row, 3 calls" in term.run(f"SELECT count(*) AS n FROM {T};")
    assert {call.operation for call in em.calls[made:]} == {"ListInferenceExperiments"}


def test_ctrl_c_at_the_prompt_discards_the_line(term: Terminal) -> None:
    term.type("SELECT nonsense")
    term.until("nonsense")
    term.type(CTRL_C)
    term.ready()
    assert "Error" not in term.text


# Writes


def is_there(em: Emulator, name: str) -> bool:
    return em.get("InferenceExperiment", REGION, name) is not None


def test_a_delete_of_several_rows_shows_them_and_asks(term: Terminal, em: Emulator) -> None:
    add_experiment(em, "old-1")
    add_experiment(em, "old-2")
    sql = f"DELETE FROM {T} WHERE name IN ('old-1', 'old-2') AND region = '{REGION}';"
    term.type(sql + ENTER)
    shown = term.until(rf"DELETE 2 rows of {T}\. Continue\? \[y/N\]$")
    assert re.search(r"^old-1 +us-east-1 +DeleteInferenceExperiment", shown, re.MULTILINE)
    assert re.search(r"^old-2 +us-east-1 +DeleteInferenceExperiment", shown, re.MULTILINE)
    term.type("n" + ENTER)
    term.until("Not confirmed; nothing was written.")
    term.ready()
    assert is_there(em, "old-1")
    term.type(sql + ENTER)
    term.until(r"\[y/N\]$")
    term.type(CTRL_C)
    term.until(r"\nNot confirmed; nothing was written\.\n+Cancelled\.")
    term.ready()
    term.clear()
    term.type(sql + ENTER)
    term.until(r"\[y/N\]$")
    term.type(CTRL_D)
    term.until("\nNot confirmed")
    term.ready()
    assert is_there(em, "old-1")
    term.clear()
    term.type(sql + ENTER)
    term.until(r"\[y/N\]$")
    term.type("y" + ENTER)
    term.until("2 rows changed, ")
    term.ready()
    assert f"ok      old-1 in {REGION} (DeleteInferenceExperiment)" in term.text
    assert not is_there(em, "old-1")
    assert not is_there(em, "old-2")


def test_a_file_that_cannot_take_the_rows_loses_no_outcome(term: Terminal, em: Emulator) -> None:
    add_experiment(em, "kept")
    term.run("\\o /dev/full")
    where = f"WHERE name = 'kept' AND region = '{REGION}'"
    shown = term.run(f"UPDATE {T} SET description = 'new' {where} RETURNING name;")
    assert f"ok      kept in {REGION} (UpdateInferenceExperiment)" in shown
    assert "No space left on device" in shown
    term.run("\\o")


def test_a_change_of_one_idle_row_named_by_its_key_does_not_ask(term: Terminal, em: Emulator) -> None:
    add_experiment(em, "quiet")
    shown = term.run(f"UPDATE {T} SET description = 'new' WHERE name = 'quiet' AND region = '{REGION}';")
    assert "1 row changed" in shown
    assert "[y/N]" not in shown


@pytest.mark.parametrize(
    "sql",
    [
        f"DELETE FROM {T} WHERE name = 'quiet' AND region = '{REGION}';",
        f"DELETE FROM {T} WHERE name LIKE 'qui%' AND region = '{REGION}';",
        f"UPDATE {T} SET description = 'new' WHERE name LIKE 'qui%' AND region = '{REGION}';",
        f"UPDATE {T} SET description = 'quiet' WHERE name < 'quiex' AND name > 'quia' AND region = '{REGION}';",
        f"UPDATE {T} SET description = 'new' WHERE name = lower('QUIET') AND region = '{REGION}';",
    ],
)
def test_a_delete_and_a_change_without_the_key_ask(term: Terminal, em: Emulator, sql: str) -> None:
    add_experiment(em, "quiet")
    term.type(sql + ENTER)
    term.until(rf"\w+ 1 row of {T}\. Continue\? \[y/N\]$")
    term.type(ENTER)
    term.until("nothing was written")
    term.ready()
    assert [call.operation for call in em.calls if not call.operation.startswith(("Desc", "List"))] == []


@pytest.mark.parametrize(
    "sql",
    [
        f"DELETE FROM {T} WHERE name = 'live' AND region = '{REGION}';",
        f"UPDATE {T} SET desired_state = 'Completed' WHERE name = 'live' AND region = '{REGION}';",
        f"EXEC {T}.stop @Name = 'live', @region = '{REGION}', "
        """@ModelVariantActions = '{"production": "Retain", "shadow": "Retain"}';""",
    ],
)
def test_a_statement_that_stops_a_running_experiment_asks(term: Terminal, em: Emulator, sql: str) -> None:
    add_experiment(em, "live", Status="Running")
    term.type(sql + ENTER)
    shown = term.until(rf"\w+ 1 row of {T}\. This stops it\. Continue\? \[y/N\]$")
    assert "StopInferenceExperiment" in shown
    term.type(ENTER)
    term.until("nothing was written")
    term.ready()
    assert [call.operation for call in em.calls if not call.operation.startswith(("Desc", "List"))] == []


def test_yes_writes_without_asking(em: Emulator, tmp_path: Path) -> None:
    add_experiment(em, "old-1", Status="Running")
    add_experiment(em, "old-2", Status="Running")
    words = ("--endpoint-url", em.url, "--region", REGION, "--yes")
    with Terminal(*words, env=environment(tmp_path)) as term:
        shown = term.run(f"DELETE FROM {T} WHERE name IN ('old-1', 'old-2') AND region = '{REGION}';")
        assert "2 rows changed" in shown
        assert "[y/N]" not in shown
        term.type(CTRL_D)
        assert term.end() == 0
    assert not is_there(em, "old-1")


def test_sigterm_ends_the_shell(em: Emulator, tmp_path: Path) -> None:
    with Terminal("--endpoint-url", em.url, env=environment(tmp_path)) as term:
        term.ready()
        term.child.kill(signal.SIGTERM)
        assert term.end() == 143


def test_the_shell_asks_before_a_statement_makes_many_calls(em: Emulator, tmp_path: Path) -> None:
    words = ("--endpoint-url", em.url, "--region", REGION, "--set", "max_calls=9")
    ask = r"The statement needs more than 9 calls \(sqlprov_max_calls\)\. Make them\? \[y/N\]$"
    with Terminal(*words, env=environment(tmp_path)) as term:
        script = f"SELECT 42 AS once; SELECT count(endpoint_name) AS many FROM {T};"
        for answer in ("", "y"):
            term.ready()
            term.clear()
            term.type(script + ENTER)
            assert term.until(ask).count("once") == 2  # what is typed, and its column
            term.type(answer + ENTER)
            shown = term.until(r"Narrow it|many\n.*\n +\d+\n")
            assert ("Narrow it" in shown) is (answer == "")
        term.ready()
        assert "9" in term.run("SHOW SETTINGS WHERE name = 'sqlprov_max_calls';")


def test_the_shell_has_a_budget(em: Emulator, tmp_path: Path) -> None:
    with Terminal("--endpoint-url", em.url, env=environment(tmp_path)) as term:
        term.ready()
        assert "2000" in term.run("SHOW SETTINGS WHERE name = 'sqlprov_max_calls';")
