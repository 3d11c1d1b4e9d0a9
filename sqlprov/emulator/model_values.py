"""Makes values from botocore's shapes: the same number makes the same value, another number another one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlprov.catalog.patterns import compile_pattern
from sqlprov.emulator.options import ACCOUNT

FIRST = 100000
"""Numbers have six digits: strings made of them are equally long."""
_DEEPEST = 4  # levels of structures within structures
_START = datetime(2024, 1, 1, tzinfo=UTC)
_PREFIX = re.compile(r"\^?\(?([a-zA-Z][\w]*[-_])[\[(\\]")  # `^fs-[0-9a-f]{8,}` begins with `fs-`
_ACCOUNT_NAMES = {"accountid", "awsaccountid", "ownerid", "account", "owneraccountid"}


def make_value(shape: Any, name: str, number: int, within: tuple[str, ...] = ()) -> Any:
    """A value of a shape; `None` where it would contain itself, or too much.

    Args:
        name: the member that holds it; strings begin with it.
        number: from FIRST on, six digits.
        within: the shapes around it.
    """
    kind = shape.type_name
    if kind == "structure":
        return _make_structure(shape, number, within)
    if kind == "list":
        singular = name.removesuffix("s")
        several = 1 if shape.member.type_name == "structure" else 2
        items = [make_value(shape.member, singular, number + place, within) for place in range(several)]
        return [item for item in items if item is not None] or None
    if kind == "map":
        value = make_value(shape.value, name.removesuffix("s"), number, within)
        return None if value is None else {make_text(shape.key, "key", number): value}
    if kind in ("string", "character"):
        return make_text(shape, name, number)
    if kind == "boolean":
        return number % 2 == 0
    if kind == "timestamp":
        return _START + timedelta(minutes=number)
    if kind == "blob":
        return f"{name}-{number}".encode()
    low, high = _find_limits(shape)
    whole = low + number % (high - low + 1)
    return whole if kind in ("integer", "long") else float(whole)


def make_text(shape: Any, name: str, number: int) -> str:
    """A string that keeps to the enum, the length and, where it is easy, to the pattern."""
    if values := shape.metadata.get("enum"):
        return str(values[number % len(values)])
    template = _find_template(shape, name)
    return template.replace("{n}", str(number)).replace("{x}", f"{number:08x}")


def _make_structure(shape: Any, number: int, within: tuple[str, ...]) -> Any:
    if getattr(shape, "is_document_type", False):
        return {"number": number}
    if shape.name in within or len(within) >= _DEEPEST:
        return None
    inner, made = (*within, shape.name), {}
    names, union = list(shape.members), getattr(shape, "is_tagged_union", False)
    for place in range(len(names)):
        name = names[(place + number) % len(names)] if union else names[place]
        if shape.members[name].serialization.get("location") == "statusCode":
            continue  # the reply's own
        if (value := make_value(shape.members[name], name, number, inner)) is not None:
            made[name] = value
            if union:
                break
    return made or None


def _find_limits(shape: Any) -> tuple[int, int]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    least = int(low) if low is not None else 0
    most = min(int(high), least + 999_999) if high is not None else least + 999_999
    return least, max(least, most)


_templates: dict[tuple[Any, ...], str] = {}


def _find_template(shape: Any, name: str) -> str:
    """A text with `{n}` for the number, or `{x}` for it in hexadecimal."""
    limits = shape.metadata
    least, most, pattern = limits.get("min") or 0, limits.get("max"), limits.get("pattern")
    place = (name, least, most, pattern)
    if place not in _templates:
        _templates[place] = _choose_template(name, int(least), most, pattern)
    return _templates[place]


def _choose_template(name: str, least: int, most: int | None, pattern: str | None) -> str:
    compiled = compile_pattern(pattern) if pattern else None
    fitting = []
    for template in _list_candidates(name, pattern or ""):
        text = template.replace("{n}", str(FIRST)).replace("{x}", f"{FIRST:08x}")
        template += "0" * (least - len(text))
        text = text.ljust(least, "0")
        if most is not None and len(text) > most:
            continue
        if compiled is None or compiled.fullmatch(text):
            return template
        fitting.append(template)
    return fitting[0] if fitting else "{n}"


def _list_candidates(name: str, pattern: str) -> list[str]:
    plain = re.sub(r"[^a-z0-9]", "", name.lower()) or "x"
    candidates = []
    if plain.endswith("arn"):
        candidates.append(
            f"arn:aws:service:us-east-1:{ACCOUNT}:{plain.removesuffix('arn') or 'resource'}/{{n}}"
        )
    if plain in _ACCOUNT_NAMES:
        candidates.append(ACCOUNT)
    if prefix := _PREFIX.match(pattern):
        candidates += [prefix[1] + "0" * zeros + "{x}" for zeros in (0, 9, 2, 4, 8, 24)]
        candidates += [prefix[1] + "00000000-0000-4000-8000-0000{x}", prefix[1] + "{n}"]
    candidates += [
        f"{plain}-{{n}}",
        f"{plain[:10]}-{{n}}",
        f"{plain}{{n}}",
        f"{plain[:1]}{{n}}",
        "{n}",
        "{x}",
    ]
    candidates += ["0" * zeros + "{n}" for zeros in (4, 6, 14)]
    candidates += ["0" * zeros + "{x}" for zeros in (24, 32, 56, 9, 12, 2, 4, 16)]
    candidates += ["00000000-0000-4000-8000-0000{x}", f"A{plain.upper()[:5]}{{n}}", f"{plain.title()}{{n}}"]
    candidates += [
        f"arn:aws:service:us-east-1:{ACCOUNT}:{plain}/{{n}}",
        f"arn:aws:service:us-east-1:{ACCOUNT}:{plain}:{{n}}",
    ]
    candidates += [
        f"s3://{plain}-{{n}}/x",
        f"https://example.com/{plain}/{{n}}",
        f"/{plain}/{{n}}",
        f"{plain}-{{n}}@example.com",
    ]
    candidates += [
        f"{plain}-{{n}}.example.com",
        "+1555{n}0",
        "1.{n}",
        "1.{n}.0",
        "2024-01-01",
        "us-east-1",
        "rate(5 minutes)",
    ]
    return candidates
