"""The colors of the shell, for dark and light terminals."""

from __future__ import annotations

import os

from sqlprov.output.table import is_color_enabled

SCHEMES = {
    "both": {
        "keyword": "#5f5fff",
        "string": "#00875f",
        "number": "#af5f5f",
        "name": "#d700af",
        "faint": "#767676",
        "warning": "#d700af",
        "error": "#af5f5f",
    },
    "dark": {
        "keyword": "#5fafff",
        "string": "#87d787",
        "number": "#d7af5f",
        "name": "#5fd7d7",
        "faint": "#949494",
        "warning": "#d7af5f",
        "error": "#ff8787",
    },
    "light": {
        "keyword": "#005faf",
        "string": "#005f00",
        "number": "#875f00",
        "name": "#005f5f",
        "faint": "#626262",
        "warning": "#875f00",
        "error": "#af0000",
    },
}
"""Scheme -> what is colored -> color. `both` is for a terminal whose background is not known: each contrasts at least
4.5:1 with black and with white. All are colors of the terminal's palette of 256, so none is replaced by another."""
MENU = {"": ("#262626", "#dadada"), ".current": ("#005f87", "#ffffff")}
"""Background and text of the menu, and of its chosen line."""


def find_scheme() -> str:
    """The scheme for this terminal; `off` without colors."""
    if not is_color_enabled():
        return "off"
    # Konsole, rxvt and others set COLORFGBG, such as "15;0": text, background.
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return {"0": "dark", "8": "dark", "7": "light", "15": "light"}.get(background, "both")
