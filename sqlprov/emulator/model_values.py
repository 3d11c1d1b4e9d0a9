"""Makes values from botocore's shapes: the same number makes the same value on one day, another number another one."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson

from sqlprov.catalog.column import Column
from sqlprov.catalog.columns import find_spelling
from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.patterns import compile_pattern
from sqlprov.emulator.options import ACCOUNT

FIRST = 100000
"""Numbers of six digits make strings of one length."""
_DEEPEST = 4  # levels of structures within structures
_PREFIX = re.compile(r"\^?\(?([a-zA-Z][\w]*[-_]?)[\[(\\]")  # `^fs-[0-9a-f]{8,}` begins with `fs-`
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^a-zA-Z0-9]+")
_ENDINGS = re.compile(r"(^|-)(name|id|identifier|arn|key)$")
_ACCOUNT_NAMES = {"accountid", "awsaccountid", "ownerid", "account", "owneraccountid"}
_TEAMS = ("payments", "search", "growth", "platform")
_HEALTHY = (
    *("active", "available", "running", "inservice", "enabled", "ready", "healthy", "succeeded", "success"),
    *(
        "completed",
        "complete",
        "createcomplete",
        "created",
        "deployed",
        "issued",
        "online",
        "connected",
        "on",
    ),
)
_ARNS = {
    "role": "arn:aws:iam::{account}:role/{stem}-{n}",
    "key": "arn:aws:kms:{region}:{account}:key/{x}-5a3c-4d1e-9b27-0f3a{x}",
    "topic": "arn:aws:sns:{region}:{account}:{stem}-{n}",
    "bucket": "arn:aws:s3:::{stem}-{n}",
}
_TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
# The end of a flattened name -> the text; one that does not fit the shape is not taken.
_TEXTS = {
    "email": "{noun}-{n}@example.com",
    "emailaddress": "{noun}-{n}@example.com",
    "url": "https://example.com/{noun}/{n}",
    "uri": "https://example.com/{noun}/{n}",
    "endpoint": "https://{noun}-{n}.example.com",
    "domain": "{noun}-{n}.example.com",
    "domainname": "{noun}-{n}.example.com",
    "description": "Made up: {noun} {n}",
    "cidr": "10.20.{b}.0/24",
    "cidrblock": "10.20.{b}.0/24",
    "ipaddress": "10.20.0.{b}",
    "version": "1.{n}",
    "instancetype": "m5.large",
    "availabilityzone": "{region}a",
    "region": "{region}",
}


class ValueMaker:
    """Makes the values of one service, region and account.

    Args:
        service: the third part of ARNs.
        first: the first number; strings of this number, and of a longer one, keep to the shape.
    """

    def __init__(self, service: str, region: str, first: int = FIRST, account: str = ACCOUNT) -> None:
        self._service, self._region, self._first = service, region, first
        self._account = account
        place = f"{service} {region}" if account == ACCOUNT else f"{service} {region} {account}"
        self._salt = zlib.crc32(place.encode())
        self._templates: dict[tuple[Any, ...], str] = {}

    def make(self, shape: Any, name: str, number: int, noun: str = "", within: tuple[str, ...] = ()) -> Any:
        """A value of a shape; `None` where it would contain itself, or too much.

        Args:
            name: the member that holds it; strings begin with it.
            noun: what the structure around it is, for names such as `Id`.
            within: the shapes around it.
        """
        kind = shape.type_name
        flat = flatten(name)
        if flat.startswith("tag") and (spelling := find_spelling(shape)):
            team = _TEAMS[number % len(_TEAMS)]
            return [{spelling.key: "team", spelling.value: team}] if spelling.key else {"team": team}
        if kind == "structure":
            return self._make_structure(shape, name or noun, number, within)
        if kind == "list":
            singular = singularize(name)
            several = 1 if shape.member.type_name == "structure" else 2
            items = [
                self.make(shape.member, singular, number + place, noun, within) for place in range(several)
            ]
            return [item for item in items if item is not None] or None
        if kind == "map":
            value = self.make(shape.value, singularize(name), number, noun, within)
            return None if value is None else {self.make_text(shape.key, "key", number): value}
        if kind in ("string", "character"):
            return self.make_text(shape, name, number, noun)
        if kind == "boolean":
            return number % 2 == 0
        if kind == "timestamp":
            return _make_time(flat, number)
        if kind == "blob":
            return f"{name}-{number}".encode()
        low, high = _find_limits(shape)
        whole = low + number % (high - low + 1)
        return whole if kind in ("integer", "long") else float(whole)

    def make_text(self, shape: Any, name: str, number: int, noun: str = "") -> str:
        """A string that keeps to the enum, the length and, where it is easy, to the pattern."""
        if values := shape.metadata.get("enum"):
            return _choose_value(values, flatten(name), number)
        limits = shape.metadata
        key = name, noun, limits.get("min"), limits.get("max"), limits.get("pattern")
        if key not in self._templates:
            self._templates[key] = self._choose_template(*key)
        return self._fill(self._templates[key], number)

    def _make_structure(self, shape: Any, noun: str, number: int, within: tuple[str, ...]) -> Any:
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
            if (value := self.make(shape.members[name], name, number, noun, inner)) is not None:
                made[name] = value
                if union:
                    break
        return made or None

    def _choose_template(
        self, name: str, noun: str, low: int | None, high: int | None, pattern: str | None
    ) -> str:
        compiled = compile_pattern(pattern) if pattern else None
        fitting = []
        for template in self._list_templates(name, noun, pattern or ""):
            lacking = (low or 0) - len(self._fill(template, self._first))
            if lacking > 0 and template.endswith("{x}"):
                continue  # there is a longer one
            template += "0" * lacking
            texts = [self._fill(template, number) for number in (self._first, self._first + 10)]
            if high is not None and len(texts[1]) > high:
                continue
            if compiled is None or all(map(compiled.fullmatch, texts)):
                return template
            fitting.append(template)
        return fitting[0] if fitting else "{n}"

    def _fill(self, template: str, number: int) -> str:
        """The text of a number: {n} is the number, {b} less than 256, and {x} looks random."""
        mixed = (number * 2654435761 ^ self._salt) % 2**32  # another number is another text
        return (
            template.replace("{n}", str(number))
            .replace("{x}", f"{mixed:08x}")
            .replace("{b}", str(number % 250))
        )

    def _list_templates(self, name: str, noun: str, pattern: str) -> Iterator[str]:
        """Texts with places for the number, the best first."""
        flat = flatten(name)
        words = _WORDS.sub("-", name).strip("-").lower()
        own = _WORDS.sub("-", noun).strip("-").lower()
        stem = re.sub(r"^resource$", own, _ENDINGS.sub("", words)) or own or words or "x"
        plain = flatten(stem)
        arn = f"arn:aws:{self._service}:{self._region}:{self._account}:{stem}"
        if flat.endswith("arn"):
            for end, text in _ARNS.items():
                if plain.endswith(end):
                    text = text.replace("{region}", self._region).replace("{account}", self._account)
                    yield text.replace("{stem}", stem)
            yield from (f"{arn}/{stem}-{{n}}", f"{arn}:{stem}-{{n}}", f"{arn}/{{x}}")
        if flat in _ACCOUNT_NAMES:
            yield self._account
        if prefix := _PREFIX.match(pattern):
            for zeros in (0, 9, 2, 4, 8, 24):
                yield prefix[1] + _make_hex_template(8 + zeros)
            yield from (prefix[1] + "{x}-5a3c-4d1e-9b27-0f3a{x}", prefix[1] + "{n}")
        for end, text in _TEXTS.items():
            if flat.endswith(end):
                yield text.replace("{noun}", flatten(noun) or plain).replace("{region}", self._region)
        if flat.endswith(("id", "identifier")):
            yield f"{stem}-{{x}}"
        yield from (f"{stem}-{{n}}", f"{stem[:10]}-{{n}}", f"{plain}{{n}}", f"{plain[:1]}{{n}}", "{n}", "{x}")
        yield from ("0" * zeros + "{n}" for zeros in (4, 6, 9, 11, 14))
        yield from map(_make_hex_template, (32, 40, 64, 17, 20, 10, 12, 24))
        yield from ("{x}-5a3c-4d1e-9b27-0f3a{x}", f"A{plain.upper()[:5]}{{n}}", f"{plain.title()}{{n}}")
        yield from (f"{arn}/{{n}}", f"{arn}:{{n}}", f"{arn}/{{x}}")
        yield from (f"s3://{stem}-{{n}}/x", f"https://example.com/{stem}/{{n}}", f"/{stem}/{{n}}")
        yield from (f"{stem}-{{n}}@example.com", f"{stem}-{{n}}.example.com", "+1555{n}0", "+1555550100{n}")
        yield from ("1.{n}", "1.{n}.0", "2024-01-01", "us-east-1", "rate(5 minutes)")


@cache
def get_maker(service: str, region: str, first: int, account: str = ACCOUNT) -> ValueMaker:
    """One maker for each, because choosing texts takes most of the time."""
    return ValueMaker(service, region, first, account)


def make_text(shape: Any, name: str, number: int) -> str:
    """A string that no service constrains."""
    return get_maker("service", "us-east-1", FIRST).make_text(shape, name, number)


def singularize(name: str) -> str:
    """The name of one: `apps` -> `app`, `policies` -> `policy`."""
    return re.sub(r"(?<=[^s])s$", "", re.sub("ies$", "y", name))


def make_typed(column: Column, number: int) -> str | int:
    """A time or JSON, as a string or a number of a reply."""
    if column.is_json:
        return orjson.dumps({"Version": "2012-10-17", "Number": number}).decode()
    moment = _make_time(flatten(column.path[-1]), number)
    return int(moment.timestamp()) * column.per_second if column.is_time_as_number else moment.isoformat()


def _make_time(flat: str, number: int) -> datetime:
    """A time of the last weeks, or a coming one; things are created before they change."""
    age = timedelta(days=number % 25, minutes=number % 1439)
    if any(part in flat for part in ("expir", "next", "notafter", "renew")):
        return _TODAY + age + timedelta(days=30)
    created = any(part in flat for part in ("creat", "start", "launch", "regist", "submit", "notbefore"))
    return _TODAY - age - timedelta(days=30 if created else 1)


def _choose_value(values: list[str], flat: str, number: int) -> str:
    """A value of an enum: most states are healthy."""
    if number % 3 and flat.endswith(("status", "state")):
        for healthy in _HEALTHY:
            for value in values:
                if flatten(value) == healthy:
                    return value
    return str(values[number % len(values)])


def _make_hex_template(length: int) -> str:
    """A template of hexadecimal digits."""
    return "0" * (length % 8) + "{x}" * (length // 8)


def _find_limits(shape: Any) -> tuple[int, int]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    least = int(low) if low is not None else 0
    most = min(int(high), least + 999_999) if high is not None else least + 999_999
    return least, max(least, most)
