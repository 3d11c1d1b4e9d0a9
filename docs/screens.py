"""Draws the screens of docs/repl.md from a shell on the local AWS; a test compares them with docs/screens."""

from __future__ import annotations

import re
import sys
from io import StringIO
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests" / "support"))

from terminal import ENTER, TAB, Terminal, environment  # noqa: E402

SCREENS = DOCS / "screens"
COLUMNS, LINES = 100, 26
T = "aws.sagemaker.inference_experiments"
FORMAT = Console.export_svg.__kwdefaults__["code_format"]
WITHOUT_FONTS = re.sub(r"@font-face \{\{.*?\}\}\n", "", FORMAT, flags=re.DOTALL)  # a page that loads nothing
VARYING = re.compile(r"\b\d+\.\d\d s\b")
COLOURS = {"brown": "yellow", "brightbrown": "bright_yellow", "brightblack": "bright_black"}


def draw_screens() -> dict[str, str]:
    """Name -> SVG."""
    svgs = {}
    with TemporaryDirectory() as home:
        env = environment(Path(home)) | {"PAGER": "cat", "COLORFGBG": "15;0"}
        with Terminal("--local", env=env, columns=COLUMNS, lines=LINES) as term:
            term.ready()
            term.type(f"SELECT name, status, creation_time{ENTER}FROM {T}{ENTER}")
            term.type(f"WHERE status IN ('Running', 'Completed') ORDER BY name;{ENTER}")
            term.until(r"\d call")
            term.ready()
            svgs["query"] = draw(term, "query")

            back = f" FROM {T} AS e"
            term.clear()
            term.type(f"SELECT e.{back}" + "\x1b[D" * len(back) + TAB)
            term.until("DescribeInferenceExperiment a row")
            svgs["menu"] = draw(term, "menu")
            term.type("\x03")

            term.run("\\x")
            term.clear()
            term.type(
                f"SELECT name, schedule, shadow_mode_config FROM {T} WHERE name = 'fraud-xgboost-17';{ENTER}"
            )
            term.until(r"\d call")
            term.ready()
            svgs["expanded"] = draw(term, "expanded")
            term.run("\\x")

            term.clear()
            term.type(f"DELETE FROM {T}{ENTER}WHERE name LIKE 'fraud%' AND region = 'us-east-1';{ENTER}")
            term.until(r"\[y/N\]")
            svgs["confirm"] = draw(term, "confirm")
            term.type(f"n{ENTER}")
            term.ready()
    return svgs


def draw(term: Terminal, name: str) -> str:
    """The screen as SVG, with constant times."""
    while term.pump(0.3) and not term.still:
        pass
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for row in range(len(term.text.split("\n"))):
        console.print(draw_line(term, row), overflow="crop", no_wrap=True)
    return console.export_svg(title="sqlprov --local", unique_id=name, code_format=WITHOUT_FONTS)


def draw_line(term: Terminal, row: int) -> Text:
    """One line of the screen, with its colours."""
    cells = [term.screen.buffer[row][column] for column in range(COLUMNS)]
    text = Text()
    for look, run in groupby(cells, lambda cell: format_style(cell.fg, cell.bg, cell.bold, cell.reverse)):
        text.append("".join(cell.data for cell in run), look)
    plain = text.plain
    if VARYING.search(plain):
        text = Text(
            VARYING.sub("0.25 s", plain).rstrip(),
            format_style(cells[0].fg, cells[0].bg, cells[0].bold, False),
        )
    text.rstrip()
    return text


def format_style(fg: str, bg: str, bold: bool, reverse: bool) -> str:
    """The style of a cell, as rich writes it."""
    parts = ["bold"] if bold else []
    parts += ["reverse"] if reverse else []
    parts += [format_colour(fg)] if fg != "default" else []
    parts += [f"on {format_colour(bg)}"] if bg != "default" else []
    return " ".join(parts)


def format_colour(name: str) -> str:
    if re.fullmatch(r"[0-9a-f]{6}", name):
        return f"#{name}"
    return COLOURS.get(name, name.replace("bright", "bright_"))


def main() -> None:
    SCREENS.mkdir(exist_ok=True)
    for name, svg in draw_screens().items():
        (SCREENS / f"{name}.svg").write_text(svg)


if __name__ == "__main__":
    main()
