"""A command that refuses what click takes without a word."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

ORDER = "sqlprov.order"
"""Key in `Context.meta` of the names of the options and arguments, in the order in which they were written."""


class StrictCommand(click.Command):
    """Refuses an option that is given twice, of which click takes the last, and text that is not UTF-8."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        values, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta[ORDER] = [parameter.name for parameter in order]
        if not ctx.resilient_parsing:
            for parameter, count in Counter(order).items():
                if problem := _find_problem(parameter, count, values[parameter.name or ""]):
                    raise click.UsageError(problem, ctx)
        return super().parse_args(ctx, args)


def _find_problem(parameter: click.Parameter, count: int, value: Any) -> str | None:
    is_option = isinstance(parameter, click.Option)
    name = parameter.opts[0] if is_option else "The argument"
    if is_option and count > 1 and not getattr(parameter, "multiple", False):
        return f"{name} is given {count} times; give it once."
    if isinstance(parameter.type, click.Path | click.File):
        return None  # a file may be named by any bytes
    for text in value if isinstance(value, list | tuple) else [value]:
        if isinstance(text, str) and any(
            "\ud800" <= char <= "\udfff" for char in text
        ):  # Python's form of bytes
            return f"{name} is not UTF-8: {text!r}."
    return None
